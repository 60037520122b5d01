//! Debits through HTTP: many at once, twice at once, beside a top-up.
use std::collections::BTreeSet;

use saldo_adapters::config::Env;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::{SendingOrg, debit, sender};
use crate::support::books;
use crate::support::client::Client;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_debits_at_once_on_a_balance_for_a_hundred() {
    let acme = SendingOrg::open().await;
    acme.leave(100).await;
    assert_eq!(acme.emails_at_once(200).await, (100, 100, 0));
    assert_eq!(acme.credits().await, 0);
    books::prove_always(&acme.saldo, "after two hundred").await;
    assert_eq!(acme.entries().await.len(), 102, "the top-up, what went before, and a hundred");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_debit_fifty_times_at_once_is_one() {
    let acme = SendingOrg::open().await;
    let id = acme.id();
    let mut running = JoinSet::new();
    for _ in 0..50 {
        running.spawn(acme.debit(&id, json!({"channel": "whatsapp", "country": "ID"})));
    }
    let mut statuses = Vec::new();
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        statuses.push(answer.status.as_u16());
        assert_eq!(answer.json()["id"], id.as_str());
        assert_eq!(answer.json()["credits"], 2);
        assert_eq!(answer.json()["available_credits"], 998);
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[48]), (200, 200), "at most one is new: {statuses:?}");
    assert!([200, 201].contains(&statuses[49]), "{statuses:?}");
    acme.clock.advance(120);
    assert_eq!(acme.credits().await, 998);
    let pending: Vec<_> = books::pending(&acme.saldo).await;
    assert_eq!(pending, [("acme".to_owned(), 0)], "nothing is left over");
    books::prove_always(&acme.saldo, "after fifty").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_in_the_middle_lets_the_same_debits_through() {
    let acme = SendingOrg::open().await;
    acme.leave(30).await;
    let ids: Vec<_> = (0..60).map(|_| acme.id()).collect();
    let (_, top_up) = system::create(&acme.saldo, &acme.saldo.world(), "acme", "second").await;
    let invoice = system::invoice_of(&acme.saldo, &system::id_of(&top_up)).unwrap();
    acme.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let mut running = JoinSet::new();
    for id in &ids {
        running.spawn(acme.debit(id, json!({"channel": "email"})));
    }
    let message = [system::message("invoice.paid", &invoice)];
    let failed = system::work(&acme.saldo, &acme.saldo.world(), &message).await;
    assert!(failed.is_empty(), "the top-up is credited among them");
    while let Some(answer) = running.join_next().await {
        let status = answer.unwrap().status.as_u16();
        assert!([200, 201, 402].contains(&status), "{status}");
    }
    for id in &ids {
        let status = acme.debit(id, json!({"channel": "email"})).await.status.as_u16();
        assert!([200, 201].contains(&status), "a refusal is not remembered: {status}");
    }
    assert_eq!(acme.credits().await, 30 + 1000 - 60);
    books::prove_always(&acme.saldo, "after the top-up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_is_one_message_of_one_organisation() {
    let acme = SendingOrg::open().await;
    let id = acme.id();
    let first = json!({"channel": "sms", "country": "ID", "reference": "order 17"});
    assert!(acme.debit(&id, first.clone()).await.status.is_success());
    for other in [
        json!({"channel": "email", "country": "ID", "reference": "order 17"}),
        json!({"channel": "sms", "country": "US", "reference": "order 17"}),
        json!({"channel": "sms", "country": "ID", "reference": "order 18"}),
        json!({"channel": "sms"}),
    ] {
        let answer = acme.debit(&id, other).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "debit_id_reused"));
    }
    let globex = sender(&acme.saldo, "globex");
    let answer = debit(&globex, &id, &first).await;
    assert_eq!(answer.code(), "insufficient_credits", "to another organisation the id says nothing");
    let answer = globex.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await;
    assert_eq!(answer.code(), "debit_not_found");

    let top_up = acme.entries().await.remove(0);
    assert_eq!(top_up["kind"], "top_up");
    let answer = acme.debit(top_up["id"].as_str().unwrap(), first).await;
    assert_eq!(answer.code(), "debit_id_reused", "an entry that is no debit");
    assert_eq!(acme.credits().await, 997);
    books::prove_always(&acme.saldo, "after other contents").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_comes_back_once_and_all_is_in_the_history() {
    let acme = SendingOrg::open().await;
    // The ids sort after the entry of the top-up, whatever the millisecond.
    acme.clock.advance(10);
    let (kept, refused) = (acme.id(), system::debit_id(&acme.clock, 1));
    let message = json!({"channel": "sms", "country": "ID", "reference": "=order \"17\""});
    assert!(acme.debit(&kept, json!({"channel": "email"})).await.status.is_success());
    assert!(acme.debit(&refused, message).await.status.is_success());
    acme.clock.advance(60);
    let path = format!("/v1/debits/{refused}/reverse");
    let first = acme.sender.send("POST", &path, &[], "").await;
    assert_eq!((first.status.as_u16(), &first.json()["credits"]), (200, &json!(3)));
    acme.clock.advance(60);
    let again = acme.sender.send("POST", &path, &[], "").await;
    assert_eq!((again.status.as_u16(), again.json()), (200, first.json()));
    assert_eq!(acme.credits().await, 999);

    let entries = acme.entries().await;
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["credits"].as_i64().unwrap()))
        .collect();
    assert_eq!(shown, [("top_up", 1000), ("debit", -1), ("debit", -3), ("reversal", 3)]);
    let times: Vec<_> = entries.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "in the order of time: {times:?}");
    assert_eq!((&entries[2]["id"], &entries[2]["cause"]), (&json!(refused), &json!(refused)));
    assert_eq!((&entries[2]["channel"], &entries[2]["country"]), (&json!("sms"), &json!("ID")));
    assert_eq!(entries[2]["reference"], "=order \"17\"");
    assert_eq!((&entries[3]["cause"], &entries[3]["channel"]), (&json!(refused), &json!("sms")));

    let token = acme.saldo.token("acme", &["billing:view"], None).unwrap();
    let client = Client::new(acme.saldo.api_url()).with_token(token);
    let csv = client.send("GET", "/v1/entries", &[("accept", "text/csv")], "").await;
    let csv = String::from_utf8(csv.body).unwrap();
    let line = csv.lines().nth(3).unwrap();
    assert!(line.contains(&format!(",-3,debit,{refused},sms,ID,\"'=order \"\"17\"\"\",")), "{line}");
    books::prove_always(&acme.saldo, "after a reversal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_has_its_own_rate_and_a_repeat_the_rate_of_then() {
    let acme = SendingOrg::open().await;
    let env = |rates: &str| -> Env {
        let mut variables = acme.saldo.plan().environment("spend").unwrap().clone();
        variables.insert("SALDO_METERS".to_owned(), rates.to_owned());
        variables.into_iter().collect()
    };
    let rates = r#"{"email":{"default":1},"whatsapp":{"default":2,"US":5},"sms":{"default":3}}"#;
    let function = saldo_spend::connect(&env(rates), &acme.saldo.world()).unwrap();
    let later = saldo_spend::connect(&env(&rates.replace('5', "9")), &acme.saldo.world()).unwrap();
    let id = acme.id();
    let message = json!({"channel": "whatsapp", "country": "US"});
    for (function, status) in [(&function, 201), (&later, 200)] {
        let (got, body) = system::debit_by(function, "acme", &id, &message).await;
        assert_eq!((got, &body["credits"]), (status, &json!(5)), "{body}");
    }
    let kinds: BTreeSet<_> = acme.entries().await.iter().map(|entry| entry["credits"].to_string()).collect();
    assert_eq!(kinds, BTreeSet::from(["1000".to_owned(), "-5".to_owned()]), "the rate used is in the entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversed_debit_is_over() {
    let acme = SendingOrg::open().await;
    let ids = acme.run(4);
    let message = json!({"channel": "sms", "reference": "order 17"});
    let reverse = |id: &str| format!("/v1/debits/{id}/reverse");
    for id in &ids[..3] {
        assert_eq!(acme.debit(id, message.clone()).await.status, 201);
        assert_eq!(acme.sender.send("POST", &reverse(id), &[], "").await.status, 200);
    }
    for _ in 0..2 {
        let again = acme.debit(&ids[0], message.clone()).await;
        assert_eq!(
            (again.status.as_u16(), again.code().as_str()),
            (409, "debit_reversed"),
            "{}",
            again.json()
        );
    }
    let other = acme.debit(&ids[0], json!({"channel": "email"})).await;
    assert_eq!(other.code(), "debit_id_reused", "it was another message all the same");
    let batch: Value =
        ids.iter().map(|id| json!({"id": id, "channel": "sms", "reference": "order 17"})).collect();
    for status in [201, 200] {
        let answer = acme.batch(&batch).await;
        assert_eq!(answer.status, status, "{}", answer.json());
        let debits = answer.json()["debits"].as_array().unwrap().clone();
        for debit in &debits[..3] {
            assert_eq!(debit["code"], "debit_reversed", "{debit}");
            assert!(
                debit["detail"].as_str().is_some_and(|detail| !detail.is_empty())
                    && debit["credits"].is_null()
            );
        }
        assert_eq!(debits[3]["credits"], 3);
    }
    assert_eq!(acme.credits().await, 1000 - 3, "nothing was sent for free");
    acme.clock.advance(120);
    assert_eq!(
        acme.sender.send("POST", &reverse(&ids[1]), &[], "").await.status,
        200,
        "a repeat of the reversal"
    );
    assert_eq!(acme.credits().await, 1000 - 3);
    books::prove_always(&acme.saldo, "after reversals").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_can_be_reversed_for_three_days() {
    let acme = SendingOrg::open().await;
    let (in_time, late) = (acme.id(), acme.id());
    for id in [&in_time, &late] {
        assert_eq!(acme.debit(id, json!({"channel": "sms"})).await.status, 201);
    }
    let reverse = |id: &str| {
        let (sender, path) = (std::sync::Arc::clone(&acme.sender), format!("/v1/debits/{id}/reverse"));
        async move { sender.send("POST", &path, &[], "").await }
    };
    acme.clock.advance(72 * 3600 - 60);
    let first = reverse(&in_time).await;
    assert_eq!(first.status, 200);
    acme.clock.advance(120);
    let refused = reverse(&late).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "reversal_window_over"));
    let again = reverse(&in_time).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, first.json()), "what was done stays done");
    assert_eq!(acme.credits().await, 1000 - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_for_reversals_is_configured() {
    let clock = saldo_adapters::clock::Clock::system();
    let saldo = system::start_with(&clock, &[("ReversalHours", "1")]).await;
    system::with_credits(&saldo, "acme").await;
    let id = system::debit_id(&clock, 0);
    let (status, _) = system::debit(&saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})).await;
    assert_eq!(status, 201);
    clock.advance(3600 + 60);
    let (status, body) = system::reverse(&saldo, &saldo.world(), "acme", &id).await;
    assert_eq!((status, &body["code"]), (409, &json!("reversal_window_over")));
}
