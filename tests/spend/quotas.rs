//! Quotas over HTTP, as docs/api.md has them: two senders that spend on their own and report, and one that is gone.
use std::sync::Arc;

use saldo_domain::Month;
use serde_json::{Value, json};

use super::sending_org::SendingOrg;
use crate::support::books;
use crate::support::client::Answer;

/// A thousand e-mails at a time, for a quarter of an hour.
fn quota(units: i64) -> Value {
    json!({"channel": "email", "units": units, "valid_for_seconds": 900})
}

fn settling(units: i64, before: &str, used: i64) -> Value {
    let mut order = quota(units);
    order["settles"] = json!({"id": before, "units": used});
    order
}

impl SendingOrg {
    async fn quota(&self, id: &str, body: &Value) -> Answer {
        self.call("PUT", id, "", body).await
    }

    async fn call(&self, method: &str, id: &str, what: &str, body: &Value) -> Answer {
        let (sender, path) = (Arc::clone(&self.sender), format!("/v1/holds/{id}{what}"));
        sender.send(method, &path, &[("content-type", "application/json")], body.to_string()).await
    }
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

/// The worked example of the reference, word for word.
#[tokio::test(flavor = "multi_thread")]
async fn two_senders_spend_on_their_own_and_what_the_one_that_crashed_used_is_counted_once() {
    let acme = SendingOrg::open().await;
    let [first, second, third] = [acme.id(), acme.id(), acme.id()];
    // Both take 400 of 1,000.
    let made = acme.quota(&first, &quota(400)).await;
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    let (body, now) = (made.json(), acme.clock.now().whole_secs());
    assert_eq!((&body["held"], &body["available_credits"]), (&json!(400), &json!(600)));
    let valid = saldo_domain::Timestamp::parse(body["valid_until"].as_str().unwrap()).unwrap();
    let ends = saldo_domain::Timestamp::parse(body["expires_at"].as_str().unwrap()).unwrap();
    assert!((895..=900).contains(&valid.secs_since(now)) && ends.secs_since(valid) == 900, "{body}");
    assert_eq!(acme.quota(&second, &quota(400)).await.json()["available_credits"], 200);
    // The first one has used 350, says so, and gets its next 400: 50 come back with the report.
    let next = settling(400, &first, 350);
    let answered = acme.quota(&third, &next).await;
    assert_eq!(answered.status, 402, "200 and the 50 that came back are too few");
    assert_eq!(answered.json()["available_credits"], 250, "the report is counted");
    let smaller = settling(250, &first, 350);
    let answered = acme.quota(&third, &smaller).await;
    assert_eq!(answered.status, 201, "{}", String::from_utf8_lossy(&answered.body));
    let body = answered.json();
    let settled = json!({"state": body["settled"]["state"], "captured": body["settled"]["captured"], "released": body["settled"]["released"]});
    assert_eq!(settled, json!({"state": "captured", "captured": 350, "released": 50}));
    assert_eq!(body["available_credits"], 0);
    // The answer was lost.
    let again = acme.quota(&third, &smaller).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json(), body, "the same");
    // The second one crashed. Its quota is not valid any more after 15 minutes, and ends after 30.
    acme.clock.advance(1_000);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.credits().await, 0);
    acme.clock.advance(1_000);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.credits().await, 650, "both are over: 400 and 250 came back");
    // It starts again, and finds in its own log that it had sent 120.
    let report = json!({"units": 120});
    for _ in 0..2 {
        let late = acme.call("POST", &second, "/capture", &report).await;
        assert_eq!(late.status, 200, "{}", String::from_utf8_lossy(&late.body));
        let body = late.json();
        assert_eq!(
            (&body["state"], &body["captured"], &body["released"]),
            (&json!("expired"), &json!(0), &json!(400))
        );
        assert_eq!((&body["reported"]["credits"], &body["available_credits"]), (&json!(120), &json!(530)));
    }
    assert_eq!(
        told(&acme.call("POST", &second, "/capture", &json!({"units": 121})).await),
        (409, "hold_already_captured".to_owned())
    );
    let lines = acme.entries().await;
    let of_second: Vec<_> = lines.iter().filter(|line| line["cause"] == second.as_str()).collect();
    assert_eq!(of_second.len(), 2, "the quota, of which all came back, and what was used of it");
    let credits: i64 = of_second.iter().map(|line| line["credits"].as_i64().unwrap()).sum();
    assert_eq!(credits, -120);
    let late = of_second.iter().find(|line| line["hold"].is_null()).unwrap();
    assert_eq!((&late["kind"], &late["units"], &late["rate"]), (&json!("debit"), &json!(120), &json!(1)));
    books::prove_always(&acme.saldo, "after both").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_not_lost_between_its_two_halves() {
    let acme = SendingOrg::open().await;
    let [first, second] = [acme.id(), acme.id()];
    assert_eq!(acme.quota(&first, &quota(300)).await.status, 201);
    // As it is after a crash in between: the report is counted, and the next quota is not there.
    assert_eq!(acme.call("POST", &first, "/capture", &json!({"units": 200})).await.status, 200);
    let next = settling(300, &first, 200);
    let answered = acme.quota(&second, &next).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["available_credits"]), (201, &json!(500)));
    assert_eq!(acme.quota(&second, &next).await.json(), answered.json());
    // Another number for the same quota is another report.
    assert_eq!(
        told(&acme.quota(&acme.id(), &settling(300, &first, 201)).await),
        (409, "hold_already_captured".to_owned())
    );
    assert_eq!(acme.credits().await, 500);
    // Nothing was used, and it is said together with the last report.
    let last = acme.id();
    let answered = acme.quota(&last, &settling(1, &second, 0)).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["settled"]["state"]), (201, &json!("released")));
    assert_eq!(acme.quota(&last, &settling(1, &second, 0)).await.status, 200);
    assert_eq!(acme.credits().await, 799);
    books::prove_always(&acme.saldo, "after the reports").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_is_refused_where_there_are_too_few_credits_and_does_when_there_are() {
    let acme = SendingOrg::open().await;
    let first = acme.id();
    assert_eq!(acme.quota(&first, &quota(900)).await.status, 201);
    acme.clock.advance(1_801);
    // Everything is spent otherwise meanwhile; whoever asks ends it.
    assert_eq!(acme.call("GET", &first, "", &json!(null)).await.json()["state"], "expired");
    let other = acme.id();
    assert_eq!(acme.debit(&other, json!({"channel": "email", "units": 900})).await.status, 201);
    let (second, late) = (acme.id(), settling(1, &first, 800));
    let refused = acme.quota(&second, &late).await;
    assert_eq!(told(&refused), (402, "insufficient_credits".to_owned()));
    assert_eq!(
        (&refused.json()["credits"], &refused.json()["available_credits"]),
        (&json!(800), &json!(100))
    );
    assert_eq!(acme.credits().await, 100, "neither half was done");
    let path = format!("/v1/debits/{other}/reverse");
    assert_eq!(acme.sender.send("POST", &path, &[], "").await.status, 200);
    let done = acme.quota(&second, &late).await;
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    assert_eq!(done.json()["settled"]["reported"]["credits"], 800);
    assert_eq!(acme.credits().await, 199);
    books::prove_always(&acme.saldo, "after the late report").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_late_reports_over_shards_one_counts_and_is_gathered_from_all() {
    let acme = SendingOrg::with_shards(r#"{"acme":4}"#).await;
    let id = acme.id();
    assert_eq!(acme.quota(&id, &quota(900)).await.status, 201);
    acme.clock.advance(1_900);
    for _ in 0..8 {
        assert!(acme.debit(&acme.id(), json!({"channel": "email"})).await.status.is_success());
    }
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (sender, path) = (Arc::clone(&acme.sender), format!("/v1/holds/{id}/capture"));
        running.spawn(async move {
            sender.send("POST", &path, &[("content-type", "application/json")], r#"{"units":870}"#).await
        });
    }
    let mut done = 0;
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        assert!([200, 503].contains(&answer.status.as_u16()), "{}", String::from_utf8_lossy(&answer.body));
        done += usize::from(answer.status == 200);
    }
    assert!(done > 0);
    assert_eq!(acme.credits().await, 1_000 - 8 - 870);
    books::prove_always(&acme.saldo, "after six reports").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_says_nothing_usable_is_refused_and_reports_nothing() {
    let acme = SendingOrg::open().await;
    let before = acme.id();
    assert_eq!(acme.quota(&before, &quota(10)).await.status, 201);
    let id = acme.id();
    let with = |member: &str, value: Value| {
        let mut body = quota(10);
        body[member] = value;
        body
    };
    for (body, code, field) in [
        (with("valid_for_seconds", json!(59)), (400, "invalid_request"), "valid_for_seconds"),
        (with("valid_for_seconds", json!(302_401)), (400, "invalid_request"), "valid_for_seconds"),
        (with("expires_in_seconds", json!(900)), (400, "invalid_request"), "expires_in_seconds"),
        (with("settles", json!([])), (400, "invalid_request"), "settles"),
        (with("settles", json!({"units": 1})), (400, "invalid_request"), "settles.id"),
        (with("settles", json!({"id": id, "units": 1})), (400, "invalid_request"), "settles.id"),
        (with("settles", json!({"id": "1", "units": 1})), (400, "invalid_request"), "settles.id"),
        (with("settles", json!({"id": before})), (400, "invalid_request"), "settles.units"),
        (with("settles", json!({"id": before, "units": -1})), (400, "invalid_request"), "settles.units"),
        (with("settles", json!({"id": before, "units": 11})), (422, "more_than_held"), "settles.units"),
        (
            with("settles", json!({"id": before, "units": 1, "channel": "fax"})),
            (422, "unknown_channel"),
            "settles.channel",
        ),
    ] {
        let refused = acme.quota(&id, &body).await;
        assert_eq!(told(&refused), (code.0, code.1.to_owned()), "{body}");
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    assert_eq!(
        told(&acme.quota(&id, &settling(10, &acme.id(), 5)).await),
        (404, "hold_not_found".to_owned())
    );
    // What is no quota is over at its end.
    let plain = acme.id();
    assert_eq!(acme.quota(&plain, &json!({"channel": "email", "expires_in_seconds": 60})).await.status, 201);
    acme.clock.advance(61);
    assert_eq!(
        told(&acme.call("POST", &plain, "/capture", &json!({"units": 1})).await),
        (409, "hold_released".to_owned())
    );
    assert_eq!(acme.credits().await, 990, "the quota is open as it was");
    books::prove_always(&acme.saldo, "after the refusals").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_whatever_becomes_of_the_next_quota() {
    let acme = SendingOrg::open().await;
    let mut credits = 1_000;
    for (member, value, refused) in [
        ("channel", json!("fax"), (422, "unknown_channel")),
        ("class", json!("utility"), (422, "unknown_class")),
        ("max_credits", json!(9), (422, "max_credits_exceeded")),
        ("units", json!(1_000), (402, "insufficient_credits")),
    ] {
        let (before, next) = (acme.id(), acme.id());
        assert_eq!(acme.quota(&before, &quota(10)).await.status, 201);
        let mut order = settling(10, &before, 5);
        order[member] = value;
        for _ in 0..2 {
            assert_eq!(told(&acme.quota(&next, &order).await), (refused.0, refused.1.to_owned()), "{order}");
        }
        credits -= 5;
        assert_eq!(acme.credits().await, credits, "five were used, and once: {order}");
        assert_eq!(told(&acme.call("GET", &next, "", &json!({})).await), (404, "hold_not_found".to_owned()));
    }
    books::prove_always(&acme.saldo, "after the reports").await;
}

/// A quota of the last hour of a month, whose sender comes when that is final.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_final_does_not_change_by_what_is_reported_then() {
    let acme = SendingOrg::open().await;
    let month = Month::of(acme.clock.now());
    acme.clock.advance(month.next().start().secs_since(acme.clock.now()) - 3_600);
    let quota = acme.id();
    let body = json!({"channel": "email", "units": 300, "valid_for_seconds": 302_400});
    assert_eq!(acme.quota(&quota, &body).await.status, 201);
    acme.clock.advance(604_801);
    let of_then = || async { acme.viewer().get(&format!("/v1/entries?month={month}")).await.json() };
    let before = of_then().await;
    assert_eq!(before["final"], true, "{before}");
    let late = acme.call("POST", &quota, "/capture", &json!({"units": 120})).await;
    assert_eq!(late.status, 200, "{}", String::from_utf8_lossy(&late.body));
    assert_eq!((&late.json()["reported"]["credits"], acme.credits().await), (&json!(120), 880));
    assert_eq!(of_then().await, before, "as it was");
    let now: Vec<_> = acme.entries().await;
    let of_now: Vec<_> = now.iter().filter(|line| line["cause"] == quota.as_str()).collect();
    let mut moved: Vec<_> = of_now.iter().map(|line| line["credits"].as_i64().unwrap()).collect();
    moved.sort_unstable();
    assert_eq!(moved, [-120, 300], "what was used, and all that had come back: {now:?}");
    books::prove_always(&acme.saldo, "in the month after").await;
}
