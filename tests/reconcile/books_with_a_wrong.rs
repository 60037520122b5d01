//! Books in which a wrong is planted, looked at, and taken out again.
use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use serde_json::{Value, json};

use crate::support::books::{self, Item};
use crate::support::system;

/// An organisation, acme, that has bought, spent and taken back; its books are right, and an hour old.
pub(super) struct Books {
    pub(super) saldo: Arc<Saldo>,
    pub(super) clock: Clock,
    client: Client,
    table: String,
    right: Vec<Item>,
}

impl Books {
    pub(super) async fn start(shards: &str) -> Books {
        let clock = Clock::system();
        let saldo = Arc::new(system::start_with(&clock, &[("Shards", shards)]).await);
        system::with_credits(&saldo, "acme").await;
        for at in 0..4 {
            let id = system::debit_id(&clock, 0);
            let (status, body) =
                system::debit(&saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})).await;
            assert_eq!(status, 201, "{body}");
            if at == 0 {
                assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &id).await.0, 200);
            }
        }
        clock.advance(3600);
        let (client, table) = (books::dynamodb(&saldo), books::table(&saldo));
        let mut books = Books { saldo, clock, client, table, right: Vec::new() };
        assert_eq!(books.run().await["verdict"], "clean");
        books.right = books.items().await;
        books
    }

    /// What is there beside the reports.
    pub(super) async fn items(&self) -> Vec<Item> {
        let all = books::items(&self.saldo).await.into_iter();
        all.filter(|item| books::text(item, "pk") != "RECONCILE").collect()
    }

    /// The item whose sort key begins so, or whose kind is so.
    pub(super) fn item(&self, what: &str) -> Item {
        let found =
            |item: &&Item| books::text(item, "sk").starts_with(what) || books::text(item, "kind") == what;
        self.right.iter().find(found).unwrap_or_else(|| panic!("no {what}")).clone()
    }

    /// The one whose sort key begins so now.
    pub(super) async fn item_now(&self, what: &str) -> Item {
        let found = |item: &Item| books::text(item, "sk").starts_with(what);
        self.items().await.into_iter().find(found).unwrap_or_else(|| panic!("no {what}"))
    }

    /// A balance shard beside the main one; which one serves is the process's choice.
    pub(super) fn serving_shard(&self) -> Item {
        let serves = |item: &&Item| {
            books::text(item, "pk").starts_with("ORG#acme#") && books::text(item, "sk") == "BALANCE"
        };
        self.right.iter().find(serves).unwrap_or_else(|| panic!("none serves")).clone()
    }

    pub(super) async fn put(&self, item: &Item) {
        self.client.put_item().table_name(&self.table).set_item(Some(item.clone())).send().await.unwrap();
    }

    pub(super) async fn delete(&self, item: &Item) {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        delete.send().await.unwrap();
    }

    /// Everything as it was when it was right.
    pub(super) async fn restore(&self) {
        for item in self.items().await {
            self.delete(&item).await;
        }
        for item in &self.right {
            self.put(item).await;
        }
    }

    /// Compares everything.
    pub(super) async fn run(&self) -> Value {
        system::reconcile(&self.saldo, &self.saldo.world(), true).await
    }

    /// A run finds differences of exactly these kinds, each with this outcome.
    pub(super) async fn finds(&self, planted: &str, expected: &[(&str, &str)]) -> Value {
        let report = self.run().await;
        let found: BTreeSet<_> =
            report["differences"].as_array().unwrap().iter().map(kind_and_outcome).collect();
        let expected: BTreeSet<_> =
            expected.iter().map(|(kind, outcome)| ((*kind).to_owned(), (*outcome).to_owned())).collect();
        assert_eq!(found, expected, "{planted}: {report:#}");
        report
    }
}

fn kind_and_outcome(difference: &Value) -> (String, String) {
    let text = |name: &str| difference[name].as_str().unwrap().to_owned();
    assert!(!text("ours").is_empty() && !text("theirs").is_empty(), "both sides are told: {difference}");
    (text("kind"), text("outcome"))
}

pub(super) fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}

pub(super) fn without(mut item: Item, name: &str) -> Item {
    item.remove(name).unwrap();
    item
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The same item under an id of its own in the same month.
pub(super) fn doubled(item: &Item) -> Item {
    let id = books::text(item, "sk");
    with(item.clone(), "sk", text(&format!("{}7abc{}", &id[..14], &id[18..])))
}
