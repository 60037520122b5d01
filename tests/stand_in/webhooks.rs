//! Events reach the endpoint signed, and again until it says 2xx.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use ring::hmac;
use saldo_stripe_stand_in::{Method, Webhook};
use serde_json::Value;

use super::idempotency::Folder;
use super::{Start, Stripe, TODAY, id};

/// Signature and body of each delivery.
type Seen = Vec<(String, Vec<u8>)>;

/// An endpoint that notes what it gets and fails as often as it is told to.
#[derive(Clone, Default)]
struct Endpoint {
    seen: Arc<Mutex<Seen>>,
    failures: Arc<Mutex<u32>>,
}

impl Endpoint {
    async fn start(&self, secrets: &[&str]) -> Webhook {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/stripe/webhook", listener.local_addr().unwrap());
        let router = Router::new().route("/stripe/webhook", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Webhook { url, secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect() }
    }

    fn bodies(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    fn types(&self) -> Vec<String> {
        self.bodies().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn receive(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    endpoint.seen.lock().unwrap().push((signature, body.to_vec()));
    let mut failures = endpoint.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}

/// Waits until everything is delivered.
async fn settled(stripe: &Stripe, seconds: u64) {
    let quiet = async {
        while stripe.stand_in.undelivered() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(seconds), quiet).await;
    assert!(waited.is_ok(), "{} events were not delivered", stripe.stand_in.undelivered());
}

fn deliver(stripe: &Stripe) -> tokio::task::JoinHandle<()> {
    let stand_in = stripe.stand_in.clone();
    tokio::spawn(async move { stand_in.deliver(std::future::pending()).await })
}

#[tokio::test]
async fn only_subscribed_types_are_delivered_and_each_secret_signs() {
    let endpoint = Endpoint::default();
    let webhook = Some(endpoint.start(&["whsec_old", "whsec_new"]).await);
    let stripe = Stripe::start_with(Start { webhook, ..Start::default() }).await;
    deliver(&stripe);
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&invoice, Method::DeclinedCard { code: "insufficient_funds".to_owned() }).unwrap();
    stripe.stand_in.pay(&invoice, Method::Card).unwrap();
    settled(&stripe, 5).await;
    let mut types = endpoint.types();
    types.sort();
    assert_eq!(types, ["invoice.paid", "invoice.payment_failed", "invoice_payment.paid"]);

    let (header, body) = endpoint.seen.lock().unwrap()[0].clone();
    let parts: Vec<&str> = header.split(',').collect();
    assert_eq!(parts[0], format!("t={TODAY}"));
    for (secret, part) in ["whsec_old", "whsec_new"].iter().zip(&parts[1..]) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = [format!("{TODAY}.").as_bytes(), &body].concat();
        let expected: String =
            hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(*part, format!("v1={expected}"));
    }
    let event = &endpoint.bodies()[0];
    assert_eq!(event["pending_webhooks"], 1);
    assert_eq!(event["data"]["object"]["id"], invoice.as_str());
}

#[tokio::test]
async fn a_refused_event_comes_again() {
    let endpoint = Endpoint::default();
    *endpoint.failures.lock().unwrap() = 1;
    let webhook = Some(endpoint.start(&["whsec_1"]).await);
    let stripe = Stripe::start_with(Start { webhook, ..Start::default() }).await;
    deliver(&stripe);
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.made(&format!("/v1/invoices/{invoice}/void"), "").await;
    settled(&stripe, 10).await;
    let bodies = endpoint.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1], "the same event, byte for byte");

    stripe.stand_in.resend(&id(&bodies[0])).unwrap();
    settled(&stripe, 5).await;
    assert_eq!(endpoint.bodies().len(), 3);
}

#[tokio::test]
async fn events_wait_while_deliveries_are_held_back_and_survive_a_restart() {
    let folder = Folder::new();
    let endpoint = Endpoint::default();
    let webhook = endpoint.start(&["whsec_1"]).await;
    let start = || Start {
        database: Some(folder.0.join("stripe.db")),
        webhook: Some(webhook.clone()),
        ..Start::default()
    };
    let stripe = Stripe::start_with(start()).await;
    stripe.stand_in.pause_webhooks(true);
    let delivery = deliver(&stripe);
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.made(&format!("/v1/invoices/{invoice}/void"), "").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((stripe.stand_in.undelivered(), endpoint.bodies().len()), (1, 0));
    delivery.abort();

    let again = Stripe::start_with(start()).await;
    assert_eq!(again.stand_in.undelivered(), 1);
    deliver(&again);
    settled(&again, 5).await;
    assert_eq!(endpoint.types(), ["invoice.voided"]);
}

#[tokio::test]
async fn without_an_endpoint_nothing_waits() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&invoice, Method::Card).unwrap();
    assert_eq!(stripe.stand_in.undelivered(), 0);
    assert!(stripe.event_types().contains(&"invoice.paid".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn chaos_repeats_and_reorders_but_loses_nothing() {
    let endpoint = Endpoint::default();
    let webhook = Some(endpoint.start(&["whsec_1"]).await);
    let stripe = Stripe::start_with(Start { webhook, chaos: Some(7), ..Start::default() }).await;
    deliver(&stripe);
    let mut invoices = Vec::new();
    for _ in 0..12 {
        let invoice = id(&stripe.open("usd", 2_000).await);
        stripe.stand_in.pay(&invoice, Method::Card).unwrap();
        invoices.push(invoice);
    }
    settled(&stripe, 60).await;
    let seen: Vec<String> = endpoint.bodies().iter().map(|event| id(&event["data"]["object"])).collect();
    let mut counts: HashMap<&String, u32> = HashMap::new();
    for invoice in &seen {
        *counts.entry(invoice).or_default() += 1;
    }
    assert!(invoices.iter().all(|invoice| counts.contains_key(invoice)), "every event arrived");
    assert!(counts.values().any(|count| *count > 1), "some came more than once: {counts:?}");
    let mut firsts: Vec<&String> = Vec::new();
    for invoice in seen.iter().filter(|invoice| invoices.contains(invoice)) {
        if !firsts.contains(&invoice) {
            firsts.push(invoice);
        }
    }
    assert_ne!(firsts, invoices.iter().collect::<Vec<_>>(), "some overtook others");
}
