//! What comes back of a hold: what was charged of it, once, and what budgets counted of it.
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::SendingOrg;
use crate::support::books;
use crate::support::client::{Answer, Client};

fn ask(acme: &SendingOrg, method: &str, path: &str, body: Value) -> impl Future<Output = Answer> + use<> {
    let (sender, method, path) = (Arc::clone(&acme.sender), method.to_owned(), format!("/v1/holds/{path}"));
    async move { sender.send(&method, &path, &[("content-type", "application/json")], body.to_string()).await }
}

async fn captured(acme: &SendingOrg, units: i64, used: &Value) -> String {
    let id = acme.id();
    let held = ask(acme, "PUT", &id, json!({"channel": "sms", "units": units})).await;
    assert_eq!(held.status, 201, "{}", String::from_utf8_lossy(&held.body));
    let done = ask(acme, "POST", &format!("{id}/capture"), used.clone()).await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    id
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_captured_comes_back_once_however_often_it_is_asked_for() {
    let acme = SendingOrg::open().await;
    let id = captured(&acme, 5, &json!({"units": 2, "channel": "whatsapp"})).await;
    assert_eq!(acme.credits().await, 996);
    let mut running = JoinSet::new();
    for _ in 0..6 {
        running.spawn(ask(&acme, "POST", &format!("{id}/reverse"), json!({})));
    }
    let mut answers = Vec::new();
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        if answer.status != 503 {
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            answers.push(answer.json());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the same answer: {answers:?}");
    assert_eq!((&answers[0]["credits"], &answers[0]["units"]), (&json!(4), &json!(2)));
    assert_eq!(acme.credits().await, 1_000);
    // It stays what it was, and so does every repeat.
    let now = ask(&acme, "GET", &id, json!(null)).await.json();
    assert_eq!((&now["state"], &now["captured"]), (&json!("captured"), &json!(4)));
    assert_eq!(now["reversed_at"], answers[0]["reversed_at"]);
    let again =
        ask(&acme, "POST", &format!("{id}/capture"), json!({"units": 2, "channel": "whatsapp"})).await;
    assert_eq!(again.status, 200);
    let again = ask(&acme, "PUT", &id, json!({"channel": "sms", "units": 5})).await;
    assert_eq!((again.status.as_u16(), &again.json()["state"]), (200, &json!("captured")));
    let usage = acme.viewer().get("/v1/usage").await.json();
    let whatsapp = &usage["days"][0]["channels"]["whatsapp"];
    assert_eq!(
        (&whatsapp["messages"], &whatsapp["units"], &whatsapp["credits"]),
        (&json!(0), &json!(0), &json!(0))
    );
    books::prove_always(&acme.saldo, "after the reversal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_taken_back_where_something_was_charged_and_not_too_late() {
    let acme = SendingOrg::open().await;
    let open = acme.id();
    assert_eq!(ask(&acme, "PUT", &open, json!({"channel": "email"})).await.status, 201);
    let reverse = |id: &str| ask(&acme, "POST", &format!("{id}/reverse"), json!({}));
    assert_eq!(told(&reverse(&open).await), (409, "hold_not_captured".to_owned()));
    assert_eq!(ask(&acme, "POST", &format!("{open}/release"), json!({})).await.status, 200);
    assert_eq!(told(&reverse(&open).await), (409, "hold_not_captured".to_owned()));
    assert_eq!(told(&reverse(&acme.id()).await), (404, "hold_not_found".to_owned()));
    assert_eq!(told(&reverse("x").await), (404, "hold_not_found".to_owned()));
    let id = captured(&acme, 1, &json!({})).await;
    let viewer = acme.viewer().send("POST", &format!("/v1/holds/{id}/reverse"), &[], "").await;
    assert_eq!((viewer.status.as_u16(), &viewer.json()["permission"]), (403, &json!("credits:reverse")));
    // A quota that was reported after its end is taken back as well.
    let quota = acme.id();
    assert_eq!(
        ask(&acme, "PUT", &quota, json!({"channel": "email", "units": 50, "valid_for_seconds": 60}))
            .await
            .status,
        201
    );
    // From when it was captured on, and not from the id's time.
    acme.clock.advance(71 * 3_600);
    assert_eq!(told(&reverse(&quota).await), (409, "hold_not_captured".to_owned()), "it came back");
    assert_eq!(ask(&acme, "POST", &format!("{quota}/capture"), json!({"units": 20})).await.status, 200);
    assert_eq!(acme.credits().await, 977);
    assert_eq!(reverse(&id).await.status, 200);
    acme.clock.advance(2 * 3_600);
    assert_eq!(reverse(&id).await.status, 200, "done before");
    assert_eq!(reverse(&quota).await.json()["credits"], 20);
    assert_eq!(acme.credits().await, 1_000);
    let late = captured(&acme, 1, &json!({})).await;
    acme.clock.advance(72 * 3_600 + 1);
    assert_eq!(told(&reverse(&late).await), (409, "reversal_window_over".to_owned()));
    books::prove_always(&acme.saldo, "after all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_of_a_hold_is_counted_by_no_budget_any_more() {
    let acme = SendingOrg::open().await;
    let token = acme.saldo.token("acme", &["billing:subscribe"], None).unwrap();
    let payer = Client::new(acme.saldo.api_url()).with_token(token);
    let budget =
        json!({"name": "sms", "by": {"meter": "sms"}, "period": "month", "limit": 100, "limiting": "hard"});
    let headers = [("content-type", "application/json")];
    assert_eq!(payer.send("PUT", "/v1/budgets/sms", &headers, budget.to_string()).await.status, 201);
    let spent = async || acme.viewer().get("/v1/budgets").await.json()["budgets"][0]["spent"].clone();
    let part = captured(&acme, 30, &json!({"units": 10})).await;
    assert_eq!(spent().await, 30, "60 came back");
    let otherwise = captured(&acme, 20, &json!({"units": 4, "channel": "email"})).await;
    assert_eq!(spent().await, 34, "as what it was held for");
    let released = acme.id();
    assert_eq!(ask(&acme, "PUT", &released, json!({"channel": "sms", "units": 20})).await.status, 201);
    assert_eq!(spent().await, 94);
    let beyond = ask(&acme, "PUT", &acme.id(), json!({"channel": "sms", "units": 3})).await;
    assert_eq!(told(&beyond), (402, "budget_exceeded".to_owned()));
    assert_eq!(ask(&acme, "POST", &format!("{released}/release"), json!({})).await.status, 200);
    assert_eq!(spent().await, 34);
    let ends = acme.id();
    assert_eq!(
        ask(&acme, "PUT", &ends, json!({"channel": "sms", "units": 2, "expires_in_seconds": 60}))
            .await
            .status,
        201
    );
    acme.clock.advance(61);
    assert_eq!(ask(&acme, "GET", &ends, json!(null)).await.json()["state"], "expired");
    assert_eq!(spent().await, 34, "it ended by itself");
    for id in [&part, &otherwise] {
        assert_eq!(ask(&acme, "POST", &format!("{id}/reverse"), json!({})).await.status, 200);
    }
    assert_eq!(spent().await, 0);
    // Of a quota that nobody has reported all goes on being counted, so that its report is within the budget.
    let quota = acme.id();
    assert_eq!(
        ask(&acme, "PUT", &quota, json!({"channel": "sms", "units": 10, "valid_for_seconds": 60}))
            .await
            .status,
        201
    );
    acme.clock.advance(121);
    assert_eq!(ask(&acme, "GET", &quota, json!(null)).await.json()["state"], "expired");
    assert_eq!((spent().await, acme.credits().await), (json!(30), 1_000));
    assert_eq!(ask(&acme, "POST", &format!("{quota}/capture"), json!({"units": 4})).await.status, 200);
    assert_eq!((spent().await, acme.credits().await), (json!(30), 988));
    books::prove_always(&acme.saldo, "after the budgets").await;
}
