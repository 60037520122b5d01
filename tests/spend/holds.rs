//! Holds over HTTP: made, captured, released, extended, and ended at their time.
use std::sync::Arc;

use saldo_credits::Spender;
use saldo_domain::{AtEnd, Channel, Credits, Debit, DebitId, HoldTerms, OrgId};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::history::machine;
use super::sending_org::SendingOrg;
use crate::support::books;
use crate::support::client::Answer;

impl SendingOrg {
    fn hold(&self, id: &str, body: &Value) -> impl Future<Output = Answer> + use<> {
        self.of_hold("PUT", id, "", body.to_string())
    }

    fn capture(&self, id: &str, units: i64) -> impl Future<Output = Answer> + use<> {
        self.of_hold("POST", id, "/capture", json!({ "units": units }).to_string())
    }

    fn release(&self, id: &str) -> impl Future<Output = Answer> + use<> {
        self.of_hold("POST", id, "/release", String::new())
    }

    fn of_hold(
        &self,
        method: &str,
        id: &str,
        what: &str,
        body: String,
    ) -> impl Future<Output = Answer> + use<> {
        let (sender, path, method) =
            (Arc::clone(&self.sender), format!("/v1/holds/{id}{what}"), method.to_owned());
        async move { sender.send(&method, &path, &[("content-type", "application/json")], body).await }
    }

    async fn on_hold(&self) -> i64 {
        self.viewer().get("/v1/balance").await.json()["on_hold"].as_i64().unwrap()
    }

    async fn line(&self, id: &str) -> Value {
        let mut lines = self.entries().await;
        lines.retain(|line| line["cause"] == id && line["kind"] == "debit");
        assert_eq!(lines.len(), 1, "one line of a hold");
        lines.remove(0)
    }
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_captured_in_part_and_the_rest_comes_back() {
    let acme = SendingOrg::open().await;
    let id = acme.id();
    let five = json!({"channel": "sms", "units": 5, "country": "ID", "reference": "order 17"});
    let made = acme.hold(&id, &five).await;
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    assert_eq!((&made.json()["held"], &made.json()["available_credits"]), (&json!(15), &json!(985)));
    assert_eq!(acme.hold(&id, &five).await.status, 200);
    assert_eq!(acme.on_hold().await, 15);
    assert_eq!(acme.credits().await, 985);
    assert_eq!(told(&acme.hold(&id, &json!({"channel": "sms"})).await), (409, "debit_id_reused".to_owned()));
    let line = acme.line(&id).await;
    assert_eq!((&line["credits"], &line["held"], &line["hold"]), (&json!(-15), &json!(15), &json!("open")));
    assert_eq!(told(&acme.capture(&id, 6).await), (422, "more_than_held".to_owned()));

    for _ in 0..2 {
        let captured = acme.capture(&id, 2).await;
        assert_eq!(captured.status, 200, "{}", String::from_utf8_lossy(&captured.body));
        let body = captured.json();
        assert_eq!((&body["captured"], &body["released"]), (&json!(6), &json!(9)));
        assert_eq!(body["available_credits"], 994);
    }
    assert_eq!(told(&acme.capture(&id, 3).await), (409, "hold_already_captured".to_owned()));
    assert_eq!(told(&acme.release(&id).await), (409, "hold_already_captured".to_owned()));
    let again = acme.hold(&id, &five).await;
    assert_eq!((again.status.as_u16(), &again.json()["held"]), (200, &json!(15)), "for ever");
    let line = acme.line(&id).await;
    assert_eq!(
        (&line["credits"], &line["held"], &line["hold"]),
        (&json!(-6), &json!(15), &json!("captured"))
    );
    assert_eq!(
        (&line["units"], &line["rate"], &line["reference"]),
        (&json!(2), &json!(3), &json!("order 17"))
    );
    let now = acme.of_hold("GET", &id, "", String::new()).await.json();
    assert_eq!((&now["state"], &now["captured_units"]), (&json!("captured"), &json!(2)));
    books::prove_always(&acme.saldo, "after a capture").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_captured_in_full_or_released() {
    let acme = SendingOrg::open().await;
    let (kept, back) = (acme.id(), acme.id());
    for id in [&kept, &back] {
        assert!(acme.hold(id, &json!({"channel": "whatsapp"})).await.status.is_success());
    }
    let all = acme.of_hold("POST", &kept, "/capture", String::new()).await;
    assert_eq!((all.status.as_u16(), &all.json()["captured"]), (200, &json!(2)));
    for _ in 0..2 {
        let released = acme.release(&back).await;
        assert_eq!((released.status.as_u16(), &released.json()["released"]), (200, &json!(2)));
    }
    assert_eq!(told(&acme.capture(&back, 1).await), (409, "hold_released".to_owned()));
    assert_eq!(acme.credits().await, 998);
    let line = acme.line(&back).await;
    assert_eq!((&line["credits"], &line["hold"], &line["rate"]), (&json!(0), &json!("released"), &json!(2)));
    for what in ["/capture", "/release"] {
        let none = acme.of_hold("POST", &acme.id(), what, "{}".to_owned()).await;
        assert_eq!(told(&none), (404, "hold_not_found".to_owned()));
    }
    books::prove_always(&acme.saldo, "after both").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_itself_at_its_time() {
    let acme = SendingOrg::open().await;
    let (released, captured, extended) = (acme.id(), acme.id(), acme.id());
    let hour = json!({"channel": "sms", "expires_in_seconds": 3600});
    assert_eq!(acme.hold(&released, &hour).await.status, 201);
    let capturing = json!({"channel": "sms", "expires_in_seconds": 3600, "at_end": "capture"});
    assert_eq!(acme.hold(&captured, &capturing).await.status, 201);
    assert_eq!(acme.hold(&extended, &hour).await.status, 201);
    let two_hours = json!({"expires_in_seconds": 7200}).to_string();
    assert_eq!(acme.of_hold("POST", &extended, "/extend", two_hours).await.status, 200);
    acme.clock.advance(3_000);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.credits().await, 991, "not before");
    acme.clock.advance(700);
    acme.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.credits().await, 994, "one came back, one was charged, one is held");
    assert_eq!(told(&acme.capture(&released, 1).await), (409, "hold_released".to_owned()));
    assert_eq!(acme.capture(&captured, 1).await.status, 200, "as it was charged");
    assert_eq!(acme.line(&released).await["hold"], "expired");
    assert_eq!(acme.on_hold().await, 3, "also one that is carried");
    acme.clock.advance(3_600);
    // Nobody has ended it yet.
    assert_eq!(told(&acme.capture(&extended, 1).await), (409, "hold_released".to_owned()));
    assert_eq!(acme.credits().await, 997);
    books::prove_always(&acme.saldo, "after the ends").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_nothing_any_more_is_not_looked_at_any_more() {
    let acme = SendingOrg::open().await;
    let store = acme.saldo.world().store(&acme.saldo.env_of("cleanup")).unwrap();
    let looked_at = async || {
        let org = OrgId::parse("acme").unwrap();
        store.organisations_with_holds(acme.clock.now()).await.unwrap().contains(&org)
    };
    for _ in 0..2 {
        let body = json!({"channel": "sms", "expires_in_seconds": 100_000});
        assert_eq!(acme.hold(&acme.id(), &body).await.status, 201);
        for (secs, credits, again) in [(95_000, 997, true), (5_400, 1_000, false)] {
            acme.clock.advance(secs);
            acme.saldo.run_schedule("cleanup").await.unwrap();
            acme.clock.advance(400);
            assert_eq!((acme.credits().await, looked_at().await), (credits, again), "after {secs} s");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_to_another_channel_is_one_hold() {
    let acme = SendingOrg::open().await;
    let id = acme.id();
    // The dearest that it can become.
    let dearest = json!({"channel": "sms", "units": 2, "country": "ID", "reference": "otp 4"});
    assert_eq!(acme.hold(&id, &dearest).await.json()["held"], 6);
    let captured_as = |body: &Value| acme.of_hold("POST", &id, "/capture", body.to_string());
    for (body, status, code, field) in [
        (json!({"channel": "whatsapp", "units": 0}), 400, "invalid_request", "units"),
        (json!({"channel": "fax", "units": 1}), 422, "unknown_channel", "channel"),
        (json!({"channel": "email", "class": "night", "units": 1}), 422, "unknown_class", "class"),
        (json!({"channel": "whatsapp", "units": 4}), 422, "more_than_held", "units"),
    ] {
        let refused = captured_as(&body).await;
        assert_eq!(told(&refused), (status, code.to_owned()), "{body}");
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    assert_eq!(acme.on_hold().await, 6);
    let sent = json!({"channel": "whatsapp", "units": 1});
    for _ in 0..2 {
        let captured = captured_as(&sent).await;
        assert_eq!(captured.status, 200, "{}", String::from_utf8_lossy(&captured.body));
        let body = captured.json();
        assert_eq!((&body["captured"], &body["released"]), (&json!(2), &json!(4)));
        assert_eq!((&body["channel"], &body["units"]), (&json!("sms"), &json!(2)), "what was held");
        let as_sent =
            json!({"channel": "whatsapp", "class": null, "country": "ID", "rate": 2, "rate_version": 1});
        assert_eq!(body["captured_as"], as_sent);
    }
    for other in [
        json!({"units": 1}),
        json!({"channel": "email", "units": 1}),
        json!({"channel": "whatsapp", "units": 2}),
    ] {
        assert_eq!(told(&captured_as(&other).await), (409, "hold_already_captured".to_owned()), "{other}");
    }
    assert_eq!(acme.credits().await, 998);
    let line = acme.line(&id).await;
    assert_eq!(
        [&line["channel"], &line["units"], &line["rate"], &line["credits"], &line["held"]],
        [&json!("whatsapp"), &json!(1), &json!(2), &json!(-2), &json!(6)]
    );
    let held_as =
        json!({"channel": "sms", "class": null, "country": "ID", "units": 2, "rate": 3, "rate_version": 1});
    assert_eq!((&line["held_as"], &line["reference"]), (&held_as, &json!("otp 4")));
    let usage = acme.viewer().get("/v1/usage").await.json();
    let day = &usage["days"][0]["channels"];
    assert_eq!((&day["whatsapp"]["credits"], &day["sms"]["messages"]), (&json!(2), &json!(0)), "{usage}");
    books::prove_always(&acme.saldo, "after a fallback").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_channel_without_units_is_of_all_that_are_held() {
    let acme = SendingOrg::open().await;
    let id = acme.id();
    acme.hold(&id, &json!({"channel": "sms", "units": 2})).await;
    let body = json!({"channel": "whatsapp"}).to_string();
    let captured = acme.of_hold("POST", &id, "/capture", body).await.json();
    assert_eq!((&captured["captured"], &captured["captured_units"]), (&json!(4), &json!(2)), "{captured}");
}

/// In either order, while the first one is pending on the same balance shard.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_and_a_debit_of_one_id_are_apart() {
    for (at, shards) in ["{}", r#"{"acme":1,"nobody":1}"#].into_iter().enumerate() {
        let acme = SendingOrg::with(&[("Shards", shards)]).await;
        let (one, other) = (acme.id(), acme.id());
        let (sms, email) = (json!({"channel": "sms", "units": 5}), json!({"channel": "email"}));
        assert_eq!(acme.hold(&one, &sms).await.status, 201);
        assert_eq!(acme.debit(&one, email.clone()).await.status, 201, "{at}: behind a hold");
        assert_eq!(acme.debit(&other, email.clone()).await.status, 201);
        assert_eq!(acme.hold(&other, &sms).await.status, 201, "{at}: behind a debit");
        for id in [&one, &other] {
            assert_eq!(acme.hold(id, &sms).await.status, 200, "{at}");
            assert_eq!(acme.debit(id, email.clone()).await.status, 200, "{at}");
            assert_eq!(acme.of_hold("POST", id, "/release", String::new()).await.status, 200);
        }
        assert_eq!(acme.credits().await, 998);
        books::prove_always(&acme.saldo, "after ids of both").await;
    }
}

/// More than can be carried by name, with a few read in each run.
#[tokio::test(flavor = "multi_thread")]
async fn of_more_open_holds_than_are_carried_all_come_round_and_end_at_their_time() {
    let acme = SendingOrg::open().await;
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let (spender, org) = (Spender::new(store), OrgId::parse("acme").unwrap());
    for number in 0..660 {
        let secs = if number < 640 { 600_000 } else { 4_000 };
        let (id, now) = (DebitId::parse(&acme.id()).unwrap(), acme.clock.now());
        let hold = Some(HoldTerms::lasting(now, now, secs, AtEnd::Release));
        let debit = Debit { hold, ..Debit::costing(id, Channel::EMAIL, Credits(1)) };
        spender.hold(&org, &machine(), &debit, now).await.unwrap();
        acme.clock.advance(1);
    }
    acme.clock.advance(4_100);
    let mut ended = 0;
    for _ in 0..4 {
        ended += spender.end_holds(&org, acme.clock.now(), 120).await.unwrap().ended;
        books::prove_always(&acme.saldo, "after a run").await;
    }
    assert_eq!((ended, acme.credits().await), (20, 360), "those behind a hundred that stay open");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_holds_at_once_for_the_last_credits() {
    let acme = SendingOrg::open().await;
    acme.leave(30).await;
    let mut running = JoinSet::new();
    for _ in 0..50 {
        running.spawn(acme.hold(&acme.id(), &json!({"channel": "email"})));
    }
    let mut made = 0;
    while let Some(answer) = running.join_next().await {
        match answer.unwrap().status.as_u16() {
            200 | 201 => made += 1,
            402 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!((made, acme.credits().await), (30, 0));
    books::prove_always(&acme.saldo, "after fifty").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_captures_and_releases_at_once_one_counts() {
    let acme = SendingOrg::open().await;
    for round in 0..5 {
        let id = acme.id();
        assert!(acme.hold(&id, &json!({"channel": "sms", "units": 10})).await.status.is_success());
        let before = acme.credits().await;
        let mut running = JoinSet::new();
        for units in 1..=4 {
            running.spawn(acme.capture(&id, units));
            running.spawn(acme.release(&id));
        }
        let mut captured = Vec::new();
        while let Some(answer) = running.join_next().await {
            let answer = answer.unwrap();
            match answer.status.as_u16() {
                200 => captured.push(answer.json()["captured"].as_i64().unwrap()),
                409 => assert!(["hold_already_captured", "hold_released"].contains(&answer.code().as_str())),
                503 => {}
                other => panic!("{other}"),
            }
        }
        captured.dedup();
        assert_eq!(captured.len(), 1, "one answer in round {round}");
        assert_eq!(acme.credits().await, before + 30 - captured[0]);
    }
    books::prove_always(&acme.saldo, "after the races").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_says_nothing_usable_is_refused() {
    let acme = SendingOrg::open().await;
    for body in [
        json!({}),
        json!({"channel": "sms", "expires_in_seconds": 59}),
        json!({"channel": "sms", "expires_in_seconds": 604_801}),
        json!({"channel": "sms", "at_end": "keep"}),
        json!({"channel": "sms", "units": 0}),
    ] {
        assert_eq!(told(&acme.hold(&acme.id(), &body).await), (400, "invalid_request".to_owned()), "{body}");
    }
    let id = acme.id();
    assert_eq!(acme.hold(&id, &json!({"channel": "sms"})).await.status, 201);
    for (what, body) in
        [("/capture", r#"{"units":0}"#), ("/capture", "["), ("/extend", "{}"), ("/extend", "")]
    {
        let answer = acme.of_hold("POST", &id, what, body.to_owned()).await;
        assert_eq!(told(&answer), (400, "invalid_request".to_owned()), "{what} {body}");
    }
    assert_eq!(told(&acme.hold("1", &json!({"channel": "sms"})).await), (400, "invalid_request".to_owned()));
    assert_eq!(acme.of_hold("GET", "1", "", String::new()).await.status, 404);
    acme.clock.advance(-700);
    let late = acme.id();
    acme.clock.advance(700);
    assert_eq!(
        told(&acme.hold(&late, &json!({"channel": "sms"})).await),
        (400, "invalid_request".to_owned())
    );
    assert_eq!(acme.credits().await, 997);
}
