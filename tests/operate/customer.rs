//! What Stripe keeps for an organisation is seen and brought to zero: as much as was seen, once, and kept.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::staff::{Deed, Staff, at_stripe, does, from_stripe};
use crate::support::each_call::{Organisation, each_call_goes_wrong};
use crate::support::system;

async fn customer(saldo: &Saldo, org: &str) -> String {
    let seen = Staff::of(saldo, "ana").await.see(&format!("organisations/{org}")).await;
    seen["customer"].as_str().unwrap().to_owned()
}

/// Somebody gives credit, below zero, or debt in Stripe's dashboard.
async fn given(saldo: &Saldo, customer: &str, minor_units: i64) {
    let path = format!("/v1/customers/{customer}/balance_transactions");
    at_stripe(saldo, &path, &format!("amount={minor_units}&currency=idr")).await;
}

async fn at_stripe_now(saldo: &Saldo, customer: &str) -> Value {
    from_stripe(saldo, &format!("/v1/customers/{customer}")).await["balance"].clone()
}

fn zero(minor_units: i64) -> Value {
    let balance = json!({"currency": "IDR", "minor_units": minor_units});
    json!({"reason": "a credit of before", "expected_balance": balance})
}

async fn act(saldo: &Saldo, org: &str, key: &str, body: Value) -> (u16, Value) {
    let path = format!("customers/{org}/zero-balance");
    does(saldo, &saldo.world(), &Deed { by: "ana", path: &path, key, body }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_at_stripe_is_brought_to_zero_and_the_organisation_buys_again() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    let id = system::with_credits(&saldo, "acme").await;
    let payer = customer(&saldo, "acme").await;
    assert_eq!(staff.see("customers/acme").await["balance"]["minor_units"], 0);
    given(&saldo, &payer, -500_000).await;
    let (_, refused) = system::create(&saldo, &saldo.world(), "acme", "second").await;
    assert_eq!(refused["code"], "customer_balance_at_provider", "{refused}");
    let seen = staff.see("customers/acme").await;
    let balance = json!({"currency": "IDR", "minor_units": -500_000, "decimal": "-5000.00"});
    assert_eq!(seen, json!({"organisation": "acme", "customer": payer, "balance": balance}));

    given(&saldo, &payer, -1).await;
    let (status, problem) = act(&saldo, "acme", "one", zero(-500_000)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("customer_balance_changed")));
    assert_eq!(problem["balance"]["minor_units"], -500_001, "it is told what it is now");
    assert_eq!(at_stripe_now(&saldo, &payer).await, -500_001, "nothing is taken that nobody saw");
    let (status, done) = act(&saldo, "acme", "two", zero(-500_001)).await;
    assert_eq!((status, &done["action"]), (201, &json!("zero_balance")), "{done}");
    assert_eq!((&done["before"]["balance"], &done["after"]["balance"]), (&json!("-500001"), &json!("0")));
    assert_eq!((&done["by"], &done["reason"]), (&json!("operator:ana"), &json!("a credit of before")));
    assert_eq!(done["about"], format!("{payer} -500001 IDR"));
    assert_eq!(at_stripe_now(&saldo, &payer).await, 0);
    assert_eq!(act(&saldo, "acme", "two", zero(-500_001)).await, (200, done.clone()), "the same again");
    let (status, problem) = act(&saldo, "acme", "two", zero(-500_000)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(staff.see("organisations/acme").await["operations"], json!([done]));
    let (status, again) = system::create(&saldo, &saldo.world(), "acme", "second").await;
    assert_eq!(status, 201, "{again}");
    assert_ne!(again["id"], id);
    let (status, nothing) = act(&saldo, "acme", "three", zero(0)).await;
    assert_eq!((status, &nothing["before"]), (201, &nothing["after"]), "there was nothing to do: {nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_bought_has_no_balance_and_what_is_not_said_is_not_guessed() {
    let saldo = system::start(&Clock::system()).await;
    system::with_credits(&saldo, "acme").await;
    let staff = Staff::of(&saldo, "ana").await;
    let answer = staff.ask("customers/nobody").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("organisation_not_found")));
    assert_eq!(act(&saldo, "nobody", "key", zero(0)).await.0, 404);
    for body in [
        json!({"reason": "why"}),
        json!({"reason": "why", "expected_balance": 5}),
        json!({"reason": "why", "expected_balance": {"currency": "IDR"}}),
        json!({"reason": "why", "expected_balance": {"minor_units": 5}}),
        json!({"reason": "why", "expected_balance": {"currency": "IDR", "minor_units": 0.5}}),
        json!({"expected_balance": {"currency": "IDR", "minor_units": 0}}),
    ] {
        let (status, problem) = act(&saldo, "acme", "key", body.clone()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{body}");
    }
    // Another currency is another balance.
    let body = json!({"reason": "why", "expected_balance": {"currency": "USD", "minor_units": 0}});
    assert_eq!(act(&saldo, "acme", "key", body).await.1["code"], "customer_balance_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_is_brought_to_zero_once_whatever_fails() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    each_call_goes_wrong(
        &saldo,
        async |org: Organisation| {
            org.with_credits().await;
            let payer = customer(&org.saldo, &org.name).await;
            given(&org.saldo, &payer, 700_000).await;
            (org, payer)
        },
        |world, (org, _)| {
            let path = format!("customers/{}/zero-balance", org.name);
            does(&org.saldo, world, &Deed { by: "ana", path: &path, key: &org.name, body: zero(700_000) })
        },
        async |(org, payer)| {
            let (status, done) = act(&org.saldo, &org.name, &org.name, zero(700_000)).await;
            assert!([200, 201].contains(&status), "{}: {status} {done}", org.name);
            assert_eq!(done["before"]["balance"], "700000", "{}: what was done is what is kept", org.name);
            assert_eq!(at_stripe_now(&org.saldo, &payer).await, 0, "{}", org.name);
            let path = format!("/v1/customers/{payer}/balance_transactions");
            let changes = from_stripe(&org.saldo, &path).await["data"].as_array().unwrap().len();
            assert_eq!(changes, 2, "{}: one given, one taken", org.name);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_see_the_same_balance_take_it_away_once() {
    let saldo = system::start(&Clock::system()).await;
    for round in 0..8 {
        let org = format!("org-{round}");
        system::with_credits(&saldo, &org).await;
        let payer = customer(&saldo, &org).await;
        given(&saldo, &payer, -400_000).await;
        let mut running = JoinSet::new();
        for by in ["ana", "ben", "cid", "dee"] {
            let path = format!("customers/{org}/zero-balance");
            let deed = Deed { by, path: &path, key: &org, body: zero(-400_000) };
            running.spawn(does(&saldo, &saldo.world(), &deed));
        }
        let mut done = 0;
        while let Some(answer) = running.join_next().await {
            let (status, answer) = answer.unwrap();
            assert!([201, 409, 503].contains(&status), "{status} {answer}");
            done += u16::from(status == 201);
        }
        assert_eq!((done, at_stripe_now(&saldo, &payer).await), (1, json!(0)), "{org}");
    }
}
