//! Callers of the deployed API and a payer on Stripe's page.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Answer, Client};

/// Cold starts, polling and a loaded machine are in it.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Customer {
    api: Client,
}

impl Customer {
    pub(super) fn new(api: &str, token: String) -> Customer {
        Customer { api: Client::new(api).with_token(token) }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let key = format!("{:016x}", fastrand::u64(..));
        let headers = [("content-type", "application/json"), ("idempotency-key", &key)];
        self.api.send(method, path, &headers, body).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// An open top-up at today's price.
    pub(super) async fn open(&self, credits: u64) -> Value {
        let quote = self.get(&format!("/v1/quote?credits={credits}")).await;
        let total =
            json!({ "currency": quote["total"]["currency"], "minor_units": quote["total"]["minor_units"] });
        let answer =
            self.ask("POST", "/v1/top-ups", &json!({ "credits": credits, "expected_total": total })).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        let top_up = answer.json();
        assert_eq!(top_up["status"], "open", "{top_up}");
        top_up
    }

    pub(super) async fn until_credits(&self, credits: i64) {
        eventually("the balance is as expected", async || {
            let balance = self.get("/v1/balance").await;
            (balance["available_credits"] == credits).then_some(())
        })
        .await;
    }

    pub(super) async fn debit(&self, id: &str, channel: &str) -> Answer {
        self.ask("PUT", &format!("/v1/debits/{id}"), &json!({ "channel": channel, "country": "ID" })).await
    }
}

/// Pays on the hosted page as a person does: opens it, fills in its form, sends it.
pub(super) async fn pay(stripe: &str, top_up: &Value, form: &str) {
    let browser = Client::new(stripe);
    let page = top_up["pay_url"].as_str().unwrap().strip_prefix(stripe).unwrap().to_owned();
    let page = form
        .strip_prefix("bank=")
        .map_or(page.clone(), |rest| format!("{page}?method=va&bank={}", rest.split('&').next().unwrap()));
    let html = String::from_utf8(browser.get(&page).await.body).unwrap();
    let (_, action) = html.split_once("<form method=\"post\" action=\"").expect("the page has a form");
    let (action, _) = action.split_once('"').unwrap();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = browser.send("POST", action, &headers, form.to_owned()).await;
    assert_eq!(answer.status, 303);
}

/// Looks until there is something, or time is up.
pub(super) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
