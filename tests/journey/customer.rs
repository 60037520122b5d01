//! An organisation that buys credits: its calls of the API, and its browser on the hosted page.
use std::time::{Duration, Instant};

use saldo_local::Saldo;
use serde_json::{Value, json};

use super::shapes;
use crate::support::client::{Answer, Client};

const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

pub(super) struct Customer<'s> {
    saldo: &'s Saldo,
    api: Client,
    browser: Client,
}

/// What a payer does on the hosted page.
pub(super) enum Payment<'a> {
    /// A transfer to the Virtual Account of a bank.
    Transfer(&'a str),
    /// A transfer that the bank has accepted and not yet delivered.
    SlowTransfer(&'a str),
    /// The slow transfer arrives.
    Arrival,
    Card(&'a str),
}

impl<'s> Customer<'s> {
    pub(super) fn new(saldo: &'s Saldo, organisation: &str, currency: Option<&str>) -> Self {
        let token = saldo.token(organisation, &["billing:view", "billing:subscribe"], currency).unwrap();
        let api = Client::new(saldo.api_url()).with_token(token);
        Self { saldo, api, browser: Client::new(saldo.stripe_url()) }
    }

    pub(super) async fn ask(&self, method: &str, path: &str) -> Answer {
        self.api.send(method, path, &[], "").await
    }

    /// The JSON of a call that succeeds.
    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        answer.json()
    }

    pub(super) async fn csv(&self, path: &str) -> Answer {
        self.api.send("GET", path, &[("accept", "text/csv")], "").await
    }

    pub(super) async fn quote(&self, credits: u64) -> Value {
        let quote = self.get(&format!("/v1/quote?credits={credits}")).await;
        shapes::quote(&quote);
        quote
    }

    pub(super) async fn order(&self, key: &str, credits: u64, expected_total: &Value) -> Answer {
        let total = json!({
            "currency": expected_total["currency"], "minor_units": expected_total["minor_units"],
        });
        let body = json!({ "credits": credits, "expected_total": total }).to_string();
        let headers = [("idempotency-key", key), ("content-type", "application/json")];
        self.api.send("POST", "/v1/top-ups", &headers, body).await
    }

    /// A top-up at today's price.
    pub(super) async fn open(&self, key: &str, credits: u64) -> Value {
        let quote = self.quote(credits).await;
        let answer = self.order(key, credits, &quote["total"]).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let top_up = answer.json();
        shapes::top_up(&top_up);
        assert_eq!(top_up["status"], "open");
        top_up
    }

    pub(super) async fn cancel(&self, top_up: &Value) -> Answer {
        self.ask("POST", &format!("/v1/top-ups/{}/cancel", top_up["id"].as_str().unwrap())).await
    }

    pub(super) async fn now(&self, top_up: &Value) -> Value {
        let top_up = self.get(&format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap())).await;
        shapes::top_up(&top_up);
        top_up
    }

    /// The top-up once it says how it was paid, a moment after its credits.
    pub(super) async fn until_receipt(&self, top_up: &Value) -> Value {
        eventually("the payment is known", async || {
            Some(self.now(top_up).await).filter(|top_up| !top_up["payment"].is_null())
        })
        .await
    }

    pub(super) async fn balance(&self) -> Value {
        let balance = self.get("/v1/balance").await;
        shapes::balance(&balance);
        balance
    }

    pub(super) async fn entries(&self) -> Vec<Value> {
        let page = self.get("/v1/entries").await;
        shapes::keys(&page, &["entries", "final", "final_from", "month", "next_cursor"]);
        let entries = page["entries"].as_array().unwrap().clone();
        entries.iter().for_each(shapes::entry);
        entries
    }

    pub(super) async fn until_credits(&self, credits: u64) -> Value {
        eventually("the balance grows", async || {
            Some(self.balance().await).filter(|balance| balance["available_credits"] == credits)
        })
        .await
    }

    /// Pays as a person would: opens the page, fills in its form, sends it. Gives the page that follows.
    pub(super) async fn pay(&self, top_up: &Value, payment: Payment<'_>) -> String {
        let page = top_up["pay_url"].as_str().unwrap().strip_prefix(self.saldo.stripe_url()).unwrap();
        let first = self.page(page).await;
        let (html, form) = match payment {
            Payment::Transfer(bank) => {
                (self.bank(&first, page, bank).await, format!("bank={bank}&action=transfer"))
            }
            Payment::SlowTransfer(bank) => {
                (self.bank(&first, page, bank).await, format!("bank={bank}&action=clearing"))
            }
            Payment::Arrival => (first, "action=arrive".to_owned()),
            Payment::Card(number) => {
                (first, format!("number={number}&expiry=12+%2F+34&code=123&action=card"))
            }
        };
        for field in form.split('&').map(|field| field.split('=').next().unwrap()) {
            assert!(html.contains(&format!("name=\"{field}\"")), "the form has no {field}");
        }
        let (_, action) = html.split_once("<form method=\"post\" action=\"").expect("the page has a form");
        let (action, _) = action.split_once('"').unwrap();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.browser.send("POST", action, &headers, form).await;
        assert_eq!(answer.status, 303);
        self.page(answer.headers["location"].to_str().unwrap()).await
    }

    async fn bank(&self, html: &str, page: &str, bank: &str) -> String {
        let link = format!("href=\"{page}?method=va&amp;bank={bank}\"");
        assert!(html.contains(&link), "{bank} is not among the banks");
        self.page(&format!("{page}?method=va&bank={bank}")).await
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap().replace('\u{a0}', " ")
    }
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
