//! Stripe's own SDK for Python drives the stand-in.

use saldo_stripe_stand_in::Webhook;

use super::{Start, Stripe};
use crate::support::stripe_sdk;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_sdk_is_satisfied() {
    // The script itself is the endpoint of the events.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/stripe/webhook");
    let webhook = Some(Webhook { url, secrets: vec!["whsec_sdk".to_owned()] });
    let stripe = Stripe::start_with(Start { webhook, ..Start::default() }).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    stripe.clock.store(i64::try_from(now).unwrap(), std::sync::atomic::Ordering::SeqCst);
    let stand_in = stripe.stand_in.clone();
    tokio::spawn(async move { stand_in.deliver(std::future::pending()).await });

    let arguments = [stripe.url.as_str(), &port.to_string(), "whsec_sdk"];
    let Some(output) = stripe_sdk::run("drive.py", &arguments).await else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all well"), "{said}");
}
