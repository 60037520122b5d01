//! The Stripe stand-in refuses what Stripe refuses, keeps what it acknowledged and tells whom it must.

mod cli;
mod idempotency;
mod lists;
mod money;
mod pages;
mod refusals;
mod returns;
mod sdk;
mod strictness;
mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use saldo_stripe_stand_in::{Options, StandIn, Webhook};
use serde_json::Value;

use crate::support::client::{Answer, Client};

/// 2026-11-23, in Unix seconds.
const TODAY: i64 = 1_795_392_000;

/// A stand-in behind a real socket, with a clock that only the test moves.
struct Stripe {
    stand_in: StandIn,
    client: Client,
    url: String,
    clock: Arc<AtomicI64>,
}

/// What differs from the usual start.
#[derive(Default)]
struct Start {
    database: Option<PathBuf>,
    webhook: Option<Webhook>,
    chaos: Option<u64>,
}

impl Stripe {
    async fn start() -> Stripe {
        Stripe::start_with(Start::default()).await
    }

    async fn start_with(start: Start) -> Stripe {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(AtomicI64::new(TODAY));
        let hands = Arc::clone(&clock);
        let stand_in = StandIn::open(Options {
            database: start.database,
            public_url: url.clone(),
            webhook: start.webhook,
            now: Arc::new(move || hands.load(Ordering::SeqCst)),
            chaos: start.chaos,
        });
        let stand_in = stand_in.unwrap();
        let router = stand_in.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::new(&url).with_token("sk_test_saldo");
        Stripe { stand_in, client, url, clock }
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with_key(path, form, None).await
    }

    async fn post_with_key(&self, path: &str, form: &str, key: Option<&str>) -> Answer {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.client.send("POST", path, &headers, form.to_owned()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.client.send("DELETE", path, &[], "").await
    }

    /// A POST that must succeed.
    async fn made(&self, path: &str, form: &str) -> Value {
        let answer = self.post(path, form).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    async fn customer(&self) -> String {
        id(&self.made("/v1/customers", "name=Acme&email=billing@acme.example&metadata[org]=acme").await)
    }

    /// A draft without lines.
    async fn draft(&self, customer: &str, currency: &str) -> String {
        let form = format!(
            "customer={customer}&currency={currency}&collection_method=send_invoice&days_until_due=3&discounts=\
             &auto_advance=false&pending_invoice_items_behavior=exclude&metadata[top_up]=top_1"
        );
        id(&self.made("/v1/invoices", &form).await)
    }

    /// A draft with a line of `amount` minor units.
    async fn draft_of(&self, customer: &str, currency: &str, amount: i64) -> String {
        let invoice = self.draft(customer, currency).await;
        self.made(&format!("/v1/invoices/{invoice}/add_lines"), &format!("lines[0][amount]={amount}")).await;
        invoice
    }

    /// An open invoice over `amount` minor units of a new customer.
    async fn open(&self, currency: &str, amount: i64) -> Value {
        let customer = self.customer().await;
        let invoice = self.draft_of(&customer, currency, amount).await;
        self.finalize(&invoice).await
    }

    async fn finalize(&self, invoice: &str) -> Value {
        self.made(&format!("/v1/invoices/{invoice}/finalize"), "").await
    }

    async fn invoice(&self, invoice: &str) -> Value {
        self.get(&format!("/v1/invoices/{invoice}?expand[]=payments.data.payment.payment_intent"))
            .await
            .json()
    }

    fn event_types(&self) -> Vec<String> {
        let events = self.stand_in.events();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

/// Checks a refusal's status and returns its words.
fn refused(answer: &Answer, status: u16) -> String {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert!(body["error"]["type"].is_string(), "{body}");
    body["error"]["message"].as_str().unwrap().to_owned()
}
