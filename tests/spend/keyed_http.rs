//! Debits under keys through HTTP: one for a key, at once and days later, beside debits under ids.
use saldo_stripe_stand_in::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::sending_org::{SendingOrg, sender};
use crate::support::{books, system};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_message_and_its_debit_like_any_other() {
    let acme = SendingOrg::open().await;
    let sms = json!({"channel": "sms", "units": 2, "reference": "order 17"});
    let first = acme.post("order-17", &sms).await;
    assert_eq!(first.status, 201, "{}", first.json());
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let said = json!({"id": id, "credits": 6, "units": 2, "available_credits": 994});
    assert_eq!(first.json(), said);
    for later in [0, 60, 2 * DAY] {
        acme.clock.advance(later);
        let again = acme.post("order-17", &sms).await;
        assert_eq!((again.status.as_u16(), again.json()), (200, said.clone()), "after {later} s");
    }
    let other = acme.post("order-17", &json!({"channel": "sms"})).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
    assert!(other.json()["detail"].as_str().unwrap().contains("Idempotency-Key"), "{}", other.json());
    let by_id = acme.debit(&id, sms.clone()).await;
    assert_eq!((by_id.status.as_u16(), by_id.json()), (200, said));
    let entries = acme.entries().await;
    assert!(entries.iter().any(|entry| entry["id"] == json!(id) && entry["reference"] == "order 17"));
    let path = format!("/v1/debits/{id}/reverse");
    assert_eq!(acme.sender.send("POST", &path, &[], "").await.status, 200);
    let over = acme.post("order-17", &sms).await;
    assert_eq!((over.status.as_u16(), over.code().as_str()), (409, "debit_reversed"));
    assert_eq!(acme.credits().await, 1000);

    system::with_credits(&acme.saldo, "globex").await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "order-17")];
    let theirs = sender(&acme.saldo, "globex").send("POST", "/v1/debits", &headers, sms.to_string()).await;
    assert_eq!(theirs.status, 201, "another organisation's key is another one: {}", theirs.json());
    books::prove_always(&acme.saldo, "after debits under keys").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_refused_is_debited_later_whenever_that_is() {
    let acme = SendingOrg::open().await;
    acme.leave(2).await;
    let sms = json!({"channel": "sms"});
    for key in ["soon", "late"] {
        let refused = acme.post(key, &sms).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (402, "insufficient_credits"));
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("This costs 3 credits and 2 are left"), "{detail}");
    }
    let (_, top_up) = system::create(&acme.saldo, &acme.saldo.world(), "acme", "second").await;
    let invoice = system::invoice_of(&acme.saldo, &system::id_of(&top_up)).unwrap();
    acme.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let message = [system::message("invoice.paid", &invoice)];
    assert!(system::work(&acme.saldo, &acme.saldo.world(), &message).await.is_empty());
    let soon = acme.post("soon", &sms).await;
    assert_eq!(soon.status, 201, "{}", soon.json());
    acme.clock.advance(3 * DAY);
    let late = acme.post("late", &sms).await;
    assert_eq!(late.status, 201, "{}", late.json());
    for (key, first) in [("soon", soon), ("late", late)] {
        acme.clock.advance(2 * DAY);
        let again = acme.post(key, &sms).await;
        assert_eq!((again.status.as_u16(), again.json()), (200, first.json()), "{key}");
    }
    assert_eq!(acme.credits().await, 1002 - 6);
    books::prove_always(&acme.saldo, "after keys that were refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_ids_at_the_same_time_are_one_debit_each() {
    let acme = SendingOrg::open().await;
    let (ids, keys) = (acme.run(20), (0..20).map(|number| format!("order-{number}")));
    let keys: Vec<_> = keys.collect();
    let mut running = JoinSet::new();
    for round in 0..4 {
        for (at, (id, key)) in ids.iter().zip(&keys).enumerate() {
            running.spawn(acme.debit(id, json!({"channel": "email"})));
            // The last round is of other messages.
            let channel = if round == 3 && at < 5 { "sms" } else { "email" };
            running.spawn(acme.post(key, &json!({ "channel": channel })));
        }
    }
    let (mut new, mut others) = (0, 0);
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        match answer.status.as_u16() {
            201 => new += 1,
            200 | 503 => {}
            422 => others += 1,
            other => panic!("{other} {}", answer.json()),
        }
    }
    assert!(new <= 40 && others <= 20, "{new} new, {others} of others");
    let mut spent = 0;
    for (id, key) in ids.iter().zip(&keys) {
        for (name, answer) in [
            (id, acme.debit(id, json!({"channel": "email"})).await),
            (key, acme.post(key, &json!({"channel": "email"})).await),
        ] {
            // The message of the last round was the first one.
            let credits = if answer.status == 422 { 3 } else { answer.json()["credits"].as_i64().unwrap() };
            assert!([200, 201, 422].contains(&answer.status.as_u16()), "{name}: {}", answer.json());
            spent += credits;
        }
    }
    acme.clock.advance(120);
    assert_eq!(acme.credits().await, 1000 - spent);
    assert_eq!(acme.entries().await.len(), 41);
    books::prove_always(&acme.saldo, "after keys and ids at once").await;
}
