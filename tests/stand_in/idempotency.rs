//! Idempotency keys, and what survives a restart.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use saldo_stripe_stand_in::{Fault, Method};

use super::{Start, Stripe, TODAY, id, refused};

#[tokio::test]
async fn the_same_key_and_parameters_replay_the_first_answer() {
    let stripe = Stripe::start().await;
    let first = stripe.post_with_key("/v1/customers", "name=A&email=a@a.example", Some("k1")).await;
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = stripe.post_with_key("/v1/customers", "email=a@a.example&name=A", Some("k1")).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["original-request"], first.headers["request-id"]);
    assert_eq!(again.body, first.body);
    assert_eq!(stripe.get("/v1/customers").await.json()["data"].as_array().unwrap().len(), 1);

    for (path, form) in [("/v1/customers", "name=B"), ("/v1/products", "name=A&email=a@a.example")] {
        let answer = stripe.post_with_key(path, form, Some("k1")).await;
        assert!(refused(&answer, 400).contains("same parameters they were first used with"));
        assert_eq!(answer.json()["error"]["type"], "idempotency_error");
    }
    refused(&stripe.post_with_key("/v1/customers", "name=A", Some(&"k".repeat(256))).await, 400);
}

#[tokio::test]
async fn a_refusal_of_an_executed_request_is_replayed_but_not_one_of_its_parameters() {
    let stripe = Stripe::start().await;
    let draft = stripe.draft_of(&stripe.customer().await, "usd", 2_000).await;
    let void = format!("/v1/invoices/{draft}/void");
    refused(&stripe.post_with_key(&void, "", Some("void")).await, 400);
    stripe.finalize(&draft).await;
    let replayed = stripe.post_with_key(&void, "", Some("void")).await;
    refused(&replayed, 400);
    assert_eq!(replayed.headers["idempotent-replayed"], "true");

    let pay = format!("/v1/invoices/{draft}/pay");
    let declined = stripe.post_with_key(&pay, "payment_method=pm_card_chargeDeclined", Some("pay")).await;
    refused(&declined, 402);
    let replayed = stripe.post_with_key(&pay, "payment_method=pm_card_chargeDeclined", Some("pay")).await;
    assert_eq!((replayed.status.as_u16(), &replayed.body), (402, &declined.body));
    assert_eq!(stripe.invoice(&draft).await["attempt_count"], 1, "declined once, not twice");

    refused(&stripe.post_with_key("/v1/customers", "nick=A", Some("c")).await, 400);
    assert_eq!(stripe.post_with_key("/v1/customers", "name=A", Some("c")).await.status, 200);
}

#[tokio::test]
async fn two_requests_with_one_key_do_not_run_at_once() {
    let stripe = Stripe::start().await;
    stripe.stand_in.set_latency(Duration::from_millis(200));
    let ask = || stripe.post_with_key("/v1/customers", "name=A", Some("k"));
    let (one, other) = tokio::join!(ask(), ask());
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let loser = if one.status == 409 { one } else { other };
    assert_eq!(loser.json()["error"]["code"], "idempotency_key_in_use");
    assert_eq!(ask().await.status, 200, "afterwards the answer is replayed");
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let stripe = Stripe::start().await;
    let ask = || stripe.post_with_key("/v1/customers", "name=A", Some("k"));
    let first = id(&ask().await.json());
    stripe.clock.store(TODAY + 86_399, Ordering::SeqCst);
    assert_eq!(id(&ask().await.json()), first);
    stripe.clock.store(TODAY + 86_400, Ordering::SeqCst);
    assert_ne!(id(&ask().await.json()), first);
}

#[tokio::test]
async fn a_lost_answer_is_found_again_by_its_key() {
    let stripe = Stripe::start().await;
    let ask = || stripe.post_with_key("/v1/customers", "name=A", Some("k"));
    stripe.stand_in.fail_next("POST /v1/customers", Fault::Lost);
    refused(&ask().await, 502);
    let found = ask().await;
    assert_eq!((found.status.as_u16(), found.headers.contains_key("idempotent-replayed")), (200, true));
    assert_eq!(stripe.get("/v1/customers").await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(stripe.stand_in.request_counts()["POST /v1/customers"], 2);
}

#[tokio::test]
async fn a_500_is_replayed_under_its_key_whether_anything_was_done_or_not() {
    let stripe = Stripe::start().await;
    let stripe = &stripe;
    for (fault, key, done) in [(Fault::Before, "before", 0), (Fault::After, "after", 1)] {
        let ask = |key| stripe.post_with_key("/v1/customers", "name=A", Some(key));
        stripe.stand_in.fail_next("POST /v1/customers", fault);
        refused(&ask(key).await, 500);
        let again = ask(key).await;
        assert_eq!(
            (refused(&again, 500), &again.headers["idempotent-replayed"]),
            ("An unknown error occurred.".to_owned(), &"true".parse().unwrap())
        );
        let customers = stripe.get("/v1/customers").await.json();
        assert_eq!(customers["data"].as_array().unwrap().len(), done, "{fault:?}");
    }
    assert_eq!(stripe.post_with_key("/v1/customers", "name=A", Some("another")).await.status, 200);
}

#[tokio::test]
async fn a_restart_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let start = || Start { database: Some(folder.0.join("stripe.db")), ..Start::default() };
    let before = Stripe::start_with(start()).await;
    let customer = before.post_with_key("/v1/customers", "name=A", Some("k")).await.json();
    let invoice = before.open("idr", 27_750_000).await;
    before.stand_in.pay(&id(&invoice), Method::VirtualAccount).unwrap();
    let paid = before.invoice(&id(&invoice)).await;

    // The first one is not closed: what the second finds is what a killed process leaves on disk.
    let after = Stripe::start_with(start()).await;
    let mut found = after.invoice(&id(&invoice)).await;
    for page in ["hosted_invoice_url", "invoice_pdf"] {
        let address = found[page].as_str().unwrap();
        assert!(address.starts_with(&after.url), "{address} is where the stand-in listens now");
        found[page] = address.replace(&after.url, &before.url).into();
    }
    assert_eq!(found, paid);
    assert_eq!(after.post_with_key("/v1/customers", "name=A", Some("k")).await.json(), customer);
    assert_eq!(after.event_types(), before.event_types());
    let next = after.open("idr", 27_750_000).await;
    assert_eq!(next["number"], "SALDO-0002", "numbers go on");
}

/// A folder of its own that is removed at the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        let name = format!("saldo-stand-in-{}-", std::process::id());
        let unique = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let path = std::env::temp_dir().join(name + &unique);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
