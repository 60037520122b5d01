//! Every call of an action goes wrong in every way, in turn, and at the same time as itself: it is done once.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::acts::in_review;
use super::staff::{Deed, Staff, does};
use crate::support::each_call::{Organisation, each_call_goes_wrong};
use crate::support::{books, system};

async fn kept(saldo: &Saldo, org: &str, action: &str) -> usize {
    let seen = Staff::of(saldo, "ana").await.see(&format!("organisations/{org}")).await;
    let all = seen["operations"].as_array().unwrap().iter();
    all.filter(|one| one["action"] == action).count()
}

fn release(org: &str) -> Value {
    json!({"org": org, "as": "paid", "reason": "the payer sent a transfer"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_repeated_with_its_key_is_one_release() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    each_call_goes_wrong(
        &saldo,
        async |org: Organisation| {
            let (id, _) = in_review(&org.saldo, &org.name).await;
            (org, format!("top-ups/{id}/release"))
        },
        |world, (org, path)| {
            does(&org.saldo, world, &Deed { by: "ana", path, key: &org.name, body: release(&org.name) })
        },
        async |(org, path)| {
            let deed = Deed { by: "ana", path: &path, key: &org.name, body: release(&org.name) };
            let (status, done) = does(&org.saldo, &org.saldo.world(), &deed).await;
            assert!([200, 201].contains(&status), "{}: {status} {done}", org.name);
            assert_eq!(org.credits().await, 1000, "{}", org.name);
            assert_eq!(kept(&org.saldo, &org.name, "release_as_paid").await, 1, "{}", org.name);
        },
    )
    .await;
    books::prove_always(&saldo, "after releasing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_and_its_approval_are_posted_once_whatever_fails() {
    let saldo = Arc::new(system::start_with(&Clock::system(), &[("AdjustmentLimit", "10")]).await);
    let adjust = |org: &str| json!({"org": org, "credits": 500, "reason": "a campaign failed"});
    each_call_goes_wrong(
        &saldo,
        async |org: Organisation| {
            org.with_credits().await;
            let deed = Deed { by: "ana", path: "adjustments", key: &org.name, body: adjust(&org.name) };
            let (status, proposed) = does(&org.saldo, &org.saldo.world(), &deed).await;
            assert_eq!(status, 201, "{proposed}");
            let path = format!("adjustments/{}/approve", proposed["id"].as_str().unwrap());
            (org, path)
        },
        |world, (org, path)| {
            let body = json!({"org": org.name, "reason": "seen"});
            does(&org.saldo, world, &Deed { by: "ben", path, key: &org.name, body })
        },
        async |(org, path)| {
            let body = json!({"org": org.name, "reason": "seen"});
            let deed = Deed { by: "ben", path: &path, key: &org.name, body };
            let (status, done) = does(&org.saldo, &org.saldo.world(), &deed).await;
            assert!([200, 201].contains(&status), "{}: {status} {done}", org.name);
            assert_eq!(org.credits().await, 1500, "{}", org.name);
            assert_eq!(kept(&org.saldo, &org.name, "approve_adjustment").await, 1, "{}", org.name);
        },
    )
    .await;
    books::prove_always(&saldo, "after approving").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_at_the_same_time_is_done_once() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    for round in 0..6 {
        let org = format!("org-{round}");
        let (id, _) = in_review(&saldo, &org).await;
        let mut running = JoinSet::new();
        for racer in 0..6 {
            // Half of them have a key of their own: one release succeeds, whoever asks.
            let key = if racer % 2 == 0 { format!("key-{round}") } else { format!("key-{round}-{racer}") };
            let path = format!("top-ups/{id}/release");
            let deed = Deed { by: "ana", path: &path, key: &key, body: release(&org) };
            running.spawn(does(&saldo, &saldo.world(), &deed));
            let body = json!({"org": org, "credits": 7, "reason": "a test was charged"});
            let deed = Deed { by: "ben", path: "adjustments", key: &org, body };
            running.spawn(does(&saldo, &saldo.world(), &deed));
        }
        while let Some(answer) = running.join_next().await {
            let (status, answer) = answer.unwrap();
            assert!([200, 201, 409, 503].contains(&status), "{status} {answer}");
        }
        assert_eq!(system::balance(&saldo, &org).await.1["available_credits"], 1007, "{org}");
        assert_eq!(kept(&saldo, &org, "release_as_paid").await, 1, "{org}");
        assert_eq!(kept(&saldo, &org, "adjust").await, 1, "{org}");
    }
    books::prove_always(&saldo, "after the race").await;
}
