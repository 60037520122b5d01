//! What the proof of the books refuses: every wrong that a bug could leave in the table, planted one by one.
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_domain::EntryId;
use saldo_local::Saldo;
use serde_json::json;

use crate::support::books::{self, Item};
use crate::support::system;

/// An organisation that has bought, spent and taken back, and whose books are right until something is planted.
struct Planted {
    saldo: Arc<Saldo>,
    client: Client,
    table: String,
    items: Vec<Item>,
}

impl Planted {
    async fn start() -> Planted {
        let clock = Clock::system();
        let saldo = Arc::new(system::start(&clock).await);
        system::with_credits(&saldo, "acme").await;
        let world = saldo.world();
        for _ in 0..2 {
            let id = system::debit_id(&clock, 0);
            let (status, body) = system::debit(&saldo, &world, "acme", &id, &json!({"channel": "sms"})).await;
            assert_eq!(status, 201, "{body}");
            assert_eq!(system::reverse(&saldo, &world, "acme", &id).await.0, 200);
        }
        let id = system::debit_id(&clock, 0);
        assert_eq!(system::debit(&saldo, &world, "acme", &id, &json!({"channel": "sms"})).await.0, 201);
        books::prove_at_rest(&saldo, "before anything is planted").await;
        let (client, table, items) =
            (books::dynamodb(&saldo), books::table(&saldo), books::items(&saldo).await);
        Planted { saldo, client, table, items }
    }

    /// The item whose sort key begins so, or whose kind is so.
    fn item(&self, what: &str) -> Item {
        let found =
            |item: &&Item| books::text(item, "sk").starts_with(what) || books::text(item, "kind") == what;
        self.items.iter().find(found).unwrap_or_else(|| panic!("no {what}")).clone()
    }

    async fn put(&self, item: &Item) {
        self.client.put_item().table_name(&self.table).set_item(Some(item.clone())).send().await.unwrap();
    }

    async fn delete(&self, item: &Item) {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        delete.send().await.unwrap();
    }

    /// With `wrong` in the table the proof fails, and says so in words that hold `saying`.
    async fn is_refused(&self, wrong: &Item, saying: &str) {
        let place = |item: &Item| (item["pk"].clone(), item["sk"].clone());
        let before = self.items.iter().find(|item| place(item) == place(wrong));
        self.put(wrong).await;
        self.proof_fails(saying).await;
        match before {
            Some(item) => self.put(item).await,
            None => self.delete(wrong).await,
        }
    }

    /// Without this item the proof fails too.
    async fn is_missed(&self, item: &Item, saying: &str) {
        self.delete(item).await;
        self.proof_fails(saying).await;
        self.put(item).await;
    }

    async fn proof_fails(&self, saying: &str) {
        let saldo = Arc::clone(&self.saldo);
        let proof = tokio::spawn(async move { books::prove_always(&saldo, "planted").await }).await;
        let panic = proof.expect_err(&format!("the proof does not see: {saying}")).into_panic();
        let words = panic.downcast_ref::<String>().expect("the proof says what is wrong");
        assert!(words.contains(saying), "{words:?} does not say {saying:?}");
    }
}

fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The same entry of nothing under an id of its own.
fn another(entry: &Item) -> Item {
    let id = EntryId::parse(books::text(entry, "sk")).unwrap();
    let other = id.to_string().replace(&id.to_string()[14..18], "7abc");
    let other = EntryId::parse(&other).unwrap().first_of_run().to_string();
    with(with(entry.clone(), "sk", text(&other)), "credits", number(0))
}

#[tokio::test]
async fn a_balance_that_is_not_the_sum_of_its_entries() {
    let planted = Planted::start().await;
    let balance = planted.item("BALANCE");
    let more = books::number(&balance, "credits").unwrap() + 1;
    planted.is_refused(&with(balance, "credits", number(more)), "is the sum of its entries").await;
    planted.is_missed(&planted.item("reversal"), "is the sum of its entries").await;
}

#[tokio::test]
async fn an_entry_that_nothing_caused() {
    let planted = Planted::start().await;
    let (grant, reversal) = (planted.item("top_up"), planted.item("reversal"));
    let unknown = "top_01a208d846c676229a08bf3f3cf70805";
    planted.is_refused(&with(another(&grant), "cause", text(unknown)), "without a top-up").await;
    planted.is_refused(&another(&grant), "is credited once").await;
    planted.is_refused(&another(&reversal), "comes back as it was spent").await;
    let refund = with(another(&grant), "kind", text("refund"));
    planted.is_refused(&with(refund, "cause", text(unknown)), "what was refunded without a top-up").await;
    let adjusted = with(another(&grant), "kind", text("adjustment"));
    planted.is_refused(&with(adjusted, "cause", text("")), "was adjusted for no reason").await;
    let nobody = text("01a208d8-46c6-7622-9a08-bf3f3cf70805");
    planted.is_refused(&with(reversal, "cause", nobody), "comes back as it was spent").await;
}

#[tokio::test]
async fn an_entry_of_an_unknown_kind_or_in_a_foreign_month() {
    let planted = Planted::start().await;
    let grant = planted.item("top_up");
    planted.is_refused(&with(another(&grant), "kind", text("gift")), "an entry of kind \"gift\"").await;
    let mut nameless = another(&grant);
    nameless.remove("kind");
    planted.is_refused(&nameless, "an entry of kind \"\"").await;
    let january = with(another(&grant), "pk", text("LEDGER#acme#197001"));
    planted.is_refused(&january, "lies in LEDGER#acme#197001").await;
    planted.is_refused(&with(planted.item("debits"), "32x", text("a stray")), "is no debit").await;
}

#[tokio::test]
async fn a_reversal_without_its_mark_and_a_mark_without_its_reversal() {
    let planted = Planted::start().await;
    let marked = |item: &&Item| item.keys().any(|name| name.starts_with('x'));
    let run = planted.items.iter().find(marked).unwrap().clone();
    let mark = run.keys().find(|name| name.starts_with('x')).unwrap().clone();
    let mut unmarked = run.clone();
    let at = unmarked.remove(&mark).unwrap().as_n().unwrap().parse::<i64>().unwrap();
    planted.is_refused(&unmarked, "is marked as reversed, when it was").await;
    planted.is_refused(&with(run.clone(), &mark, number(at + 1)), "is marked as reversed, when it was").await;
    let place: u8 = mark[1..].parse().unwrap();
    let stray = with(run, &format!("x{:02}", (place + 1) % 32), number(at));
    planted.is_refused(&stray, "marks of reversals that were none").await;
}

#[tokio::test]
async fn a_top_up_that_does_not_say_what_its_entry_says() {
    let planted = Planted::start().await;
    let row = planted.item("TOPUP#");
    planted.is_refused(&with(row.clone(), "granted", number(999)), "says what its entry says").await;
    planted.is_refused(&with(row.clone(), "refunded", number(1)), "of what was refunded").await;
    planted.is_refused(&with(row.clone(), "status", text("expired")), "is paid when credited").await;
    let doubt = with(row.clone(), "review", text("overpaid"));
    planted.is_refused(&doubt, "on the list of what is to be looked at").await;
    let due = with(with(row, "due_pk", text("DUE")), "due_at", text("000000000000001"));
    planted.is_refused(&due, "is on the work list while unfinished").await;
}

#[tokio::test]
async fn what_nobody_knows_and_what_points_nowhere() {
    let planted = Planted::start().await;
    let balance = planted.item("BALANCE");
    planted.is_refused(&with(balance, "sk", text("BALANCE_OF_OLD")), "nothing is known of").await;
    let request = planted.item("REQUEST#");
    let nowhere = text("top_01a208d846c676229a08bf3f3cf70805");
    planted.is_refused(&with(request, "top_up_id", nowhere.clone()), "which is not there").await;
    let slot = Item::from([("pk".to_owned(), text("ORG#acme")), ("sk".to_owned(), text("BALANCE#SLOT"))]);
    planted.is_refused(&with(slot, "top_up_id", nowhere), "the holder of its slot").await;
}
