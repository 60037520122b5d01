//! Stripe's own SDK for Python drives the stand-in.

use saldo_stripe_stand_in::{DisputeKind, Method, Webhook};

use super::{Start, Stripe, id};
use crate::support::stripe_sdk;

/// Runs a script, which must end well; false where there is no SDK.
async fn run(script: &str, arguments: &[&str]) -> bool {
    let Some(output) = stripe_sdk::run(script, arguments).await else { return false };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all well"), "{said}");
    true
}

/// A stand-in whose clock is the SDK's.
async fn start(webhook: Option<Webhook>) -> Stripe {
    let stripe = Stripe::start_with(Start { webhook, ..Start::default() }).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    stripe.clock.store(i64::try_from(now).unwrap(), std::sync::atomic::Ordering::SeqCst);
    stripe
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_sdk_is_satisfied() {
    // The script itself is the endpoint of the events.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/stripe/webhook");
    let stripe = start(Some(Webhook { url, secrets: vec!["whsec_sdk".to_owned()] })).await;
    let stand_in = stripe.stand_in.clone();
    tokio::spawn(async move { stand_in.deliver(std::future::pending()).await });
    run("drive.py", &[&stripe.url, &port.to_string(), "whsec_sdk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_comes_back_as_the_official_sdk_expects() {
    let stripe = start(None).await;
    run("returns.py", &[&stripe.url]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_that_the_sdk_knows_is_ignored_or_taken_for_nonsense() {
    let stripe = start(None).await;
    run("parameters.py", &[&stripe.url]).await;
}

/// After everything that can happen, each object is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_fields_that_the_sdk_knows() {
    let nowhere = Webhook { url: "http://127.0.0.1:9/".to_owned(), secrets: vec!["whsec_1".to_owned()] };
    let stripe = start(Some(nowhere)).await;
    if !run("returns.py", &[&stripe.url]).await {
        return;
    }
    let customer = stripe.customer().await;
    for method in [Method::VirtualAccount, Method::Card, Method::ChallengedCard] {
        let invoice = id(&stripe.open("idr", 27_750_000).await);
        let declined = Method::DeclinedCard { code: "insufficient_funds".to_owned() };
        stripe.stand_in.pay(&invoice, declined).unwrap();
        stripe.stand_in.pay(&invoice, method).unwrap();
    }
    let transfer = id(&stripe.open("idr", 27_750_000).await);
    stripe.stand_in.start_bank_transfer(&transfer).unwrap();
    stripe.stand_in.finish_bank_transfer(&transfer, false).unwrap();
    stripe.stand_in.overpay(&transfer, 500_000).unwrap();
    stripe.stand_in.refund(&transfer, None).unwrap();
    let card = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&card, Method::Card).unwrap();
    stripe.stand_in.dispute(&card, DisputeKind::Inquiry, None).unwrap();
    stripe.stand_in.warn_of_fraud(&card).unwrap();
    for step in ["void", "mark_uncollectible"] {
        let invoice = id(&stripe.open("usd", 2_000).await);
        stripe.made(&format!("/v1/invoices/{invoice}/{step}"), "").await;
    }
    let draft = stripe.draft_of(&customer, "idr", 27_750_000).await;
    stripe.stand_in.fail_finalization(&draft, "customer_tax_location_invalid").unwrap();
    run("shapes.py", &[&stripe.url]).await;
}
