//! What is wrong in the table is told by its kind, and left for a person: no rule says which side is right.
use aws_sdk_dynamodb::types::AttributeValue;

use super::books_with_a_wrong::{Books, doubled, number, text, with, without};
use crate::support::books::{self, Item};
use crate::support::system;

const PERSON: &str = "for_a_person";

/// What is done to the table.
enum Edit {
    Put(Item),
    Delete(Item),
}

use Edit::{Delete, Put};

async fn each_is_found(acme: &Books, planted: Vec<(&str, Vec<Edit>, &[&str])>) {
    for (name, edits, kinds) in planted {
        for edit in &edits {
            match edit {
                Put(item) => acme.put(item).await,
                Delete(item) => acme.delete(item).await,
            }
        }
        let expected: Vec<_> = kinds.iter().map(|kind| (*kind, PERSON)).collect();
        let first = acme.finds(name, &expected).await;
        assert_eq!(first["verdict"], "needs_a_person", "{name}");
        assert!(acme.finds(name, &expected).await["repaired"] == 0, "{name}: nothing is repaired on a guess");
        acme.restore().await;
    }
    assert_eq!(acme.run().await["verdict"], "clean", "once it is taken out again");
}

fn credits(item: &Item) -> i64 {
    books::number(item, "credits").unwrap()
}

/// A place of a run that holds a debit, and what it holds.
fn debit_of(run: &Item) -> (String, Item) {
    let debit = |(name, value): (&String, &AttributeValue)| Some((name.clone(), value.as_m().ok()?.clone()));
    run.iter().find_map(debit).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_is_not_the_sum_of_its_entries() {
    let acme = Books::start("{}").await;
    let (balance, grant, reversal) = (acme.item("BALANCE"), acme.item("top_up"), acme.item("reversal"));
    let run = acme.item("debits");
    let (place, debit) = debit_of(&run);
    let cheaper = with(debit, "n", number(2));
    let one_more = |by: i64| with(balance.clone(), "credits", number(credits(&balance) + by));
    let foreign = with(reversal.clone(), "pk", text("LEDGER#acme#197001"));
    each_is_found(
        &acme,
        vec![
            ("a credit too many", vec![Put(one_more(1))], &["balance"]),
            ("a credit too few", vec![Put(one_more(-1))], &["balance"]),
            ("a balance that is gone", vec![Delete(balance.clone())], &["balance"]),
            ("a reversal that is gone", vec![Delete(reversal.clone())], &["balance"]),
            ("a reversal twice", vec![Put(doubled(&reversal))], &["balance"]),
            ("a reversal of another amount", vec![Put(with(reversal, "credits", number(4)))], &["balance"]),
            (
                "an entry that lies in a foreign month",
                vec![Delete(acme.item("reversal")), Put(foreign)],
                &["balance"],
            ),
            ("a debit that is gone", vec![Put(without(run.clone(), &place))], &["balance"]),
            ("a run that is gone", vec![Delete(run.clone())], &["balance"]),
            (
                "a debit that cost less",
                vec![Put(with(run.clone(), &place, AttributeValue::M(cheaper)))],
                &["balance"],
            ),
            ("a run twice", vec![Put(doubled(&run))], &["balance"]),
            ("a grant that is gone", vec![Delete(grant.clone())], &["balance", "granted"]),
            ("a grant twice", vec![Put(doubled(&grant))], &["balance", "granted"]),
            (
                "a grant of another amount",
                vec![Put(with(grant, "credits", number(999)))],
                &["balance", "granted"],
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_say_what_its_entries_say() {
    let acme = Books::start("{}").await;
    let (row, grant) = (acme.item("TOPUP#"), acme.item("top_up"));
    let id = books::text(&row, "sk").trim_start_matches("TOPUP#").to_owned();
    let due = with(with(row.clone(), "due_pk", text("DUE#TOPUP#1")), "due_at", text("999999999999999"));
    let slot = Item::from([
        ("pk".to_owned(), text("ORG#acme")),
        ("sk".to_owned(), text("BALANCE#SLOT")),
        ("top_up_id".to_owned(), text(&id)),
    ]);
    let elsewhere = "top_01a208d846c676229a08bf3f3cf70805";
    each_is_found(
        &acme,
        vec![
            (
                "a row that says it went back",
                vec![Put(with(row.clone(), "disputed", number(7)))],
                &["disputed"],
            ),
            (
                "an entry of another kind",
                vec![Put(with(grant.clone(), "kind", text("adjustment")))],
                &["granted"],
            ),
            (
                "an entry for another row",
                vec![Put(with(grant, "cause", text(elsewhere)))],
                &["granted", "entry_without_row"],
            ),
            ("a finished row on the work list", vec![Put(due)], &["unlisted"]),
            ("a slot that a finished row holds", vec![Put(slot)], &["open_slot"]),
            ("a row that is gone", vec![Delete(row)], &["entry_without_row", "invoice_without_row"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_row_without_its_slot_or_its_place_on_the_work_list() {
    let clock_and_saldo = Books::start("{}").await;
    let acme = clock_and_saldo;
    system::open_top_up(&acme.saldo, "globex").await;
    acme.clock.advance(3600);
    let items = acme.items().await;
    let of_globex = |sk: &str| {
        let found =
            |item: &&Item| books::text(item, "pk") == "ORG#globex" && books::text(item, "sk").starts_with(sk);
        items.iter().find(found).unwrap().clone()
    };
    let (slot, row) = (of_globex("BALANCE#SLOT"), of_globex("TOPUP#"));
    acme.delete(&slot).await;
    acme.finds("a slot that is gone", &[("open_slot", PERSON)]).await;
    acme.put(&slot).await;
    acme.put(&without(without(row.clone(), "due_pk"), "due_at")).await;
    acme.finds("a row that nobody looks after", &[("unlisted", PERSON)]).await;
    acme.put(&row).await;
    assert_eq!(acme.run().await["verdict"], "clean");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_are_off_by_one_or_below_zero() {
    let acme = Books::start(r#"{"acme":2}"#).await;
    let (main, one) = (acme.item("BALANCE"), acme.serving_shard());
    let off = |item: &Item, by: i64| with(item.clone(), "credits", number(credits(item) + by));
    let below = with(one.clone(), "credits", number(-2));
    let rest = off(&main, credits(&one) + 2);
    each_is_found(
        &acme,
        vec![
            ("one too many on a shard", vec![Put(off(&one, 1))], &["balance"]),
            ("one too few on a shard", vec![Put(off(&one, -1))], &["balance"]),
            ("a shard that is gone", vec![Delete(one)], &["balance"]),
            ("a shard below zero", vec![Put(below), Put(rest)], &["shard_in_debt"]),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_and_a_debt_that_nothing_made() {
    let acme = Books::start("{}").await;
    let (balance, grant, run) = (acme.item("BALANCE"), acme.item("top_up"), acme.item("debits"));
    let gift = with(doubled(&grant), "kind", text("gift"));
    let (place, _) = debit_of(&run);
    let adjusted = with(with(doubled(&grant), "kind", text("adjustment")), "credits", number(-2_000));
    let in_debt = with(balance.clone(), "credits", number(credits(&balance) - 2_000));
    each_is_found(
        &acme,
        vec![
            ("an entry of no known kind", vec![Put(gift)], &["unreadable"]),
            ("a debit that is none", vec![Put(with(run, &place, text("?")))], &["unreadable"]),
            ("a balance that is no number", vec![Put(with(balance, "credits", text("?")))], &["balance"]),
            ("a debt", vec![Put(adjusted), Put(in_debt)], &["debt"]),
        ],
    )
    .await;
}
