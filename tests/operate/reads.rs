//! An organisation, a top-up side by side, and the list of what is to be looked at.
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use super::staff::{Staff, at_stripe};
use crate::support::books::{self, Item};
use crate::support::system;

/// Puts an item into the table as a mistake would.
async fn plant(saldo: &Saldo, item: Item) {
    let put = books::dynamodb(saldo).put_item().table_name(books::table(saldo)).set_item(Some(item));
    put.send().await.unwrap();
}

async fn item(saldo: &Saldo, sk: &str) -> Item {
    books::items(saldo).await.into_iter().find(|item| books::text(item, "sk").starts_with(sk)).unwrap()
}

fn differences(seen: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = seen["differences"].as_array().unwrap().iter();
    all.map(|one| (text(&one["side"]), text(&one["what"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_is_shown_with_its_balance_over_all_shards() {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("Shards", r#"{"acme":2}"#)]).await;
    let staff = Staff::of(&saldo, "ana").await;
    system::with_credits(&saldo, "acme").await;
    for _ in 0..3 {
        let id = system::debit_id(&clock, 0);
        assert_eq!(
            system::debit(&saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})).await.0,
            201
        );
    }
    let (status, open) = system::create(&saldo, &saldo.world(), "acme", "another").await;
    assert_eq!(status, 201, "{open}");
    let seen = staff.see("organisations/acme").await;
    assert_eq!(seen["credits"], 1000 - 9);
    let shards = seen["shards"].as_array().unwrap();
    assert!(shards.len() > 1, "{shards:?}");
    let sum: i64 = shards.iter().map(|shard| shard["credits"].as_i64().unwrap()).sum();
    assert_eq!(sum, 991);
    assert_eq!(seen["open_top_up"], open["id"]);
    assert_eq!(seen["top_ups"].as_array().unwrap().len(), 2);
    assert_eq!(seen["top_ups"][0]["top_up"]["id"], open["id"], "the newest first");
    assert!(seen["customer"].as_str().unwrap().starts_with("cus_"));
    for nobody in ["initech", "a%23b", "ORG%23acme"] {
        let answer = staff.ask(&format!("organisations/{nobody}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("organisation_not_found")));
    }
    books::prove_always(&saldo, "after looking").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_stripe_and_ledger_stand_side_by_side_and_what_differs_is_marked() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    let path = format!("top-ups/{id}?org=acme");
    let seen = staff.see(&path).await;
    assert_eq!(differences(&seen), []);
    assert_eq!((&seen["stripe"]["status"], &seen["settling"]), (&json!("open"), &json!("undecided")));
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let seen = staff.see(&path).await;
    assert_eq!(
        differences(&seen),
        [("stripe".to_owned(), "status".to_owned())],
        "nobody has heard of it yet"
    );
    assert_eq!(seen["settling"], "post");
    assert!(
        system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", &invoice)]).await.is_empty()
    );
    let seen = staff.see(&path).await;
    assert_eq!(differences(&seen), [], "{seen}");
    assert_eq!(seen["ledger"][0]["credits"], 1000);
    assert_eq!(seen["ledger"][0]["actor"], "system");
    assert_eq!((&seen["settling"], &seen["stripe"]["deployment"]), (&json!("nothing"), &json!("ours")));

    let row = item(&saldo, "TOPUP#").await;
    for (name, wrong, found) in [
        ("granted", AttributeValue::N("900".to_owned()), [("ledger", "granted")].as_slice()),
        ("customer", AttributeValue::S("cus_2".to_owned()), &[("stripe", "customer")]),
        ("total", AttributeValue::N("5".to_owned()), &[("stripe", "total"), ("stripe", "amount_paid")]),
        ("invoice", AttributeValue::S("in_gone".to_owned()), &[("stripe", "invoice")]),
    ] {
        let mut wrongly = row.clone();
        wrongly.insert(name.to_owned(), wrong);
        plant(&saldo, wrongly).await;
        let found: Vec<_> =
            found.iter().map(|(side, what)| ((*side).to_owned(), (*what).to_owned())).collect();
        assert_eq!(differences(&staff.see(&path).await), found, "{name}");
    }
    plant(&saldo, row).await;
    for (path, status, code) in [
        (format!("top-ups/{id}?org=globex"), 404, "top_up_not_found"),
        ("top-ups/x?org=acme".to_owned(), 404, "top_up_not_found"),
        (format!("top-ups/{id}"), 400, "invalid_request"),
        (format!("top-ups/{id}?org=a%23b"), 400, "invalid_request"),
    ] {
        let answer = staff.ask(&path).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_review_is_listed_with_its_reason_until_it_is_settled() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    assert_eq!(staff.see("reviews").await, json!({"reviews": [], "next_cursor": null}));
    let mut ids = Vec::new();
    for org in ["acme", "globex", "initech"] {
        let (id, invoice) = system::open_top_up(&saldo, org).await;
        at_stripe(&saldo, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
        let told = [system::message("invoice.paid", &invoice)];
        assert!(system::work(&saldo, &saldo.world(), &told).await.is_empty());
        ids.push(id);
    }
    let (mut seen, mut path) = (Vec::new(), Some("reviews?limit=2".to_owned()));
    while let Some(next) = path {
        let page = staff.see(&next).await;
        for one in page["reviews"].as_array().unwrap() {
            assert_eq!(one["review"]["reason"], "no_payment");
            assert!(one["review"]["means"].as_str().unwrap().contains("no money went through Stripe"));
            assert!(one["review"]["to_do"].as_str().unwrap().contains("release it as paid"));
            assert_eq!(one["top_up"]["status"], "in_review");
            seen.push(one["top_up"]["id"].as_str().unwrap().to_owned());
        }
        let cursor = page["next_cursor"].as_str();
        path = cursor.map(|cursor| format!("reviews?limit=2&cursor={cursor}"));
    }
    assert_eq!(seen, ids, "each once, the oldest first");
    books::prove_always(&saldo, "in review").await;

    // One whose doubt is over is in the list no more.
    let mut row = item(&saldo, &format!("TOPUP#{}", ids[1])).await;
    for name in ["review", "due_pk", "due_at"] {
        row.remove(name);
    }
    plant(&saldo, row).await;
    let left: Vec<_> = staff.see("reviews").await["reviews"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["top_up"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(left, [ids[0].clone(), ids[2].clone()]);
    for (query, code) in [
        ("limit=0", "invalid_request"),
        ("limit=101", "invalid_request"),
        ("cursor=", "invalid_cursor"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=000000000000005.top_1.acme", "invalid_cursor"),
    ] {
        let answer = staff.ask(&format!("reviews?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some(code)), "{query}");
    }
}
