//! Stripe's own SDK for Python drives the stand-in.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use saldo_stripe_stand_in::{DisputeKind, Method, Webhook};
use tokio::process::Command;

use super::{Start, Stripe, id};

/// Where the interpreter with the SDK may be: named by the caller, in an environment beside the script, or the
/// machine's own.
fn interpreters(folder: &Path) -> Vec<String> {
    let named = std::env::var_os("SALDO_TEST_PYTHON").map(|path| path.to_string_lossy().into_owned());
    let beside = folder.join(".venv/bin/python").to_string_lossy().into_owned();
    named.into_iter().chain([beside, "python3".to_owned()]).collect()
}

async fn has_sdk(interpreter: &str) -> bool {
    let mut probe = Command::new(interpreter);
    probe.args(["-c", "import stripe"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}

/// An interpreter with the SDK, or nothing, said loudly.
async fn interpreter() -> Option<String> {
    for interpreter in interpreters(&folder()) {
        if has_sdk(&interpreter).await {
            return Some(interpreter);
        }
    }
    let words = "SKIPPED: no Python with Stripe's SDK; python3 -m venv tests/stripe_sdk/.venv && \
                 tests/stripe_sdk/.venv/bin/pip install -r tests/stripe_sdk/requirements.txt";
    assert!(std::env::var_os("CI").is_none(), "{words}");
    eprintln!("{words}");
    None
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stripe_sdk")
}

/// Runs a script, which must end well.
async fn run(interpreter: &str, script: &str, arguments: &[&str]) {
    let mut command = Command::new(interpreter);
    command.arg(folder().join(script)).args(arguments);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all well"), "{said}");
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
    let Some(interpreter) = interpreter().await else { return };
    // The script itself is the endpoint of the events.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/stripe/webhook");
    let stripe = start(Some(Webhook { url, secrets: vec!["whsec_sdk".to_owned()] })).await;
    let stand_in = stripe.stand_in.clone();
    tokio::spawn(async move { stand_in.deliver(std::future::pending()).await });
    run(&interpreter, "drive.py", &[&stripe.url, &port.to_string(), "whsec_sdk"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_comes_back_as_the_official_sdk_expects() {
    let Some(interpreter) = interpreter().await else { return };
    let stripe = start(None).await;
    run(&interpreter, "returns.py", &[&stripe.url]).await;
}

/// After everything that can happen, each object is looked at.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_fields_that_the_sdk_knows() {
    let Some(interpreter) = interpreter().await else { return };
    let nowhere = Webhook { url: "http://127.0.0.1:9/".to_owned(), secrets: vec!["whsec_1".to_owned()] };
    let stripe = start(Some(nowhere)).await;
    run(&interpreter, "returns.py", &[&stripe.url]).await;
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
    run(&interpreter, "shapes.py", &[&stripe.url]).await;
}
