//! Holds of an organisation whose debits are spread over shards, and holds around the end of their month.
use std::sync::Arc;

use saldo_domain::{Month, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::{SendingOrg, sender};
use crate::support::client::Client;
use crate::support::{books, system};

const DAY_SECS: i64 = 86_400;

async fn call(sender: &Client, method: &str, id: &str, what: &str, body: Value) -> (u16, Value) {
    let path = format!("/v1/holds/{id}{what}");
    let answer = sender.send(method, &path, &[("content-type", "application/json")], body.to_string()).await;
    (answer.status.as_u16(), answer.json())
}

async fn get(acme: &SendingOrg, path: &str) -> Value {
    let answer = acme.viewer().get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Sixty at once over four shards: a third is captured in part, a third released, and a third ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn holds_on_shards_are_made_captured_released_and_ended_once() {
    let acme = SendingOrg::with_shards(r#"{"acme":4}"#).await;
    let mut running = JoinSet::new();
    for at in 0..60 {
        let (sender, id) = (Arc::clone(&acme.sender), acme.id());
        running.spawn(async move {
            let hour = json!({"channel": "sms", "units": 5, "expires_in_seconds": 3600});
            let (mut status, mut said) = (503, Value::Null);
            for _ in 0..20 {
                (status, said) = call(&sender, "PUT", &id, "", hour.clone()).await;
                if status != 503 {
                    break;
                }
            }
            assert!([200, 201].contains(&status), "{said}");
            let (what, body) = match at % 3 {
                0 => ("/capture", json!({"units": 2})),
                1 => ("/release", json!({})),
                _ => return,
            };
            for _ in 0..2 {
                let mut done = call(&sender, "POST", &id, what, body.clone()).await;
                while done.0 == 503 {
                    done = call(&sender, "POST", &id, what, body.clone()).await;
                }
                assert_eq!(done.0, 200, "{}", done.1);
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    assert_eq!(get(&acme, "/v1/balance").await["on_hold"], 20 * 15);
    assert_eq!(acme.credits().await, 1000 - 20 * 6 - 20 * 15);
    books::prove_always(&acme.saldo, "holds on shards").await;
    let served = books::items(&acme.saldo).await;
    let of_shards = |item: &&books::Item| {
        books::text(item, "pk").starts_with("ORG#acme#") && books::text(item, "sk") == "BALANCE"
    };
    assert!(served.iter().filter(of_shards).count() > 1, "more than one shard served");
    acme.clock.advance(3_700);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(get(&acme, "/v1/balance").await["on_hold"], 0);
    assert_eq!(acme.credits().await, 1000 - 20 * 6);
    let lines = acme.entries().await;
    let of = |state: &str| lines.iter().filter(|line| line["hold"] == state).count();
    assert_eq!((of("captured"), of("released"), of("expired")), (20, 20, 20));
    books::prove_always(&acme.saldo, "after the ends").await;
}

/// At ten minutes before the end of the month of now, UTC.
async fn at_the_end_of_a_month() -> (SendingOrg, Month) {
    let mut acme = SendingOrg::open().await;
    let month = Month::of(acme.clock.now().plus_secs(DAY_SECS));
    let end: Timestamp = month.next().start();
    acme.clock.advance(end.plus_secs(-600).secs_since(acme.clock.now()));
    acme.sender = Arc::new(sender(&acme.saldo, "acme"));
    (acme, month)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_of_a_month_that_is_over_keeps_one_line_and_what_is_final_stays() {
    let (mut acme, month) = at_the_end_of_a_month().await;
    let [soon, late, never] = [acme.id(), acme.id(), acme.id()];
    let week = json!({"channel": "sms", "units": 5, "country": "ID", "expires_in_seconds": 604_800});
    for id in [&soon, &late, &never] {
        assert_eq!(call(&acme.sender, "PUT", id, "", week.clone()).await.0, 201);
    }
    // The month is over, and its lines take changes for a day.
    acme.clock.advance(3_600);
    let (status, said) = call(&acme.sender, "POST", &soon, "/capture", json!({"units": 2})).await;
    assert_eq!((status, &said["captured"]), (200, &json!(6)));
    let line = |all: &Value, id: &str| {
        let lines = all["entries"].as_array().unwrap();
        let of: Vec<_> = lines.iter().filter(|line| line["cause"] == id).cloned().collect();
        assert_eq!(of.len(), 1, "{id} in {all}");
        of[0].clone()
    };
    let last = format!("/v1/entries?month={month}&limit=100");
    assert_eq!(line(&get(&acme, &last).await, &soon)["credits"], -6);

    // And then none: what comes back is a reversal of its own.
    acme.clock.advance(2 * DAY_SECS);
    acme.sender = Arc::new(sender(&acme.saldo, "acme"));
    let before = get(&acme, &last).await;
    assert_eq!(before["final"], true);
    let usage = get(&acme, &format!("/v1/usage?month={month}&by=country")).await;
    for _ in 0..2 {
        let (status, said) = call(&acme.sender, "POST", &late, "/capture", json!({"units": 2})).await;
        assert_eq!((status, &said["captured"], &said["released"]), (200, &json!(6), &json!(9)), "{said}");
    }
    acme.clock.advance(6 * DAY_SECS);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(get(&acme, &last).await, before, "what is final stays");
    assert_eq!(get(&acme, &format!("/v1/usage?month={month}&by=country")).await, usage);
    assert_eq!(line(&before, &late)["credits"], -15);
    let now = get(&acme, &format!("/v1/entries?month={}&limit=100", month.next())).await;
    for (id, back) in [(&late, 9), (&never, 15)] {
        let reversal = line(&now, id);
        let said = ["kind", "credits", "channel", "country"].map(|name| reversal[name].clone());
        assert_eq!(said, [json!("reversal"), json!(back), json!("sms"), json!("ID")], "{reversal}");
    }
    assert_eq!(acme.credits().await, 1000 - 6 - 6);
    assert_eq!(system::reconcile(&acme.saldo, &acme.saldo.world(), true).await["verdict"], "clean");
    books::prove_always(&acme.saldo, "behind the end of a month").await;
}
