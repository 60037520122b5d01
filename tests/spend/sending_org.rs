//! A Saldo whose only business is spending.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use saldo_credits::Spender;
use saldo_domain::{Channel, Credits, Debit, DebitId, OrgId};
use saldo_local::Saldo;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::history::machine;
use crate::support::client::{Answer, Client};
use crate::support::system;

/// A Saldo with an organisation, `acme`, that has bought 1000 credits, and a sender of it.
pub(super) struct SendingOrg {
    pub(super) saldo: Arc<Saldo>,
    pub(super) clock: Clock,
    pub(super) sender: Arc<Client>,
}

impl SendingOrg {
    pub(super) async fn open() -> SendingOrg {
        SendingOrg::with_shards("{}").await
    }

    /// With this list of organisations whose debits are spread over shards.
    pub(super) async fn with_shards(shards: &str) -> SendingOrg {
        SendingOrg::with(&[("Shards", shards)]).await
    }

    /// With these parameters of the template.
    pub(super) async fn with(parameters: &[(&str, &str)]) -> SendingOrg {
        let clock = Clock::system();
        let saldo = Arc::new(system::start_with(&clock, parameters).await);
        system::with_credits(&saldo, "acme").await;
        let sender = Arc::new(sender(&saldo, "acme"));
        SendingOrg { saldo, clock, sender }
    }

    /// Spends through the library until this much is left.
    pub(super) async fn leave(&self, credits: i64) {
        let store = self.saldo.world().store(&self.saldo.env_of("spend")).unwrap();
        let id = DebitId::parse(&self.id()).unwrap();
        let debit = Debit::costing(id, Channel::EMAIL, Credits(1000 - credits));
        let org = OrgId::parse("acme").unwrap();
        let done = Spender::new(store).debit(&org, &machine(), &debit, self.clock.now()).await.unwrap();
        assert_eq!(done.available, Credits(credits));
    }

    /// A new id.
    pub(super) fn id(&self) -> String {
        system::debit_id(&self.clock, 0)
    }

    pub(super) fn debit(&self, id: &str, message: Value) -> impl Future<Output = Answer> + use<> {
        let (sender, id) = (Arc::clone(&self.sender), id.to_owned());
        async move { debit(&sender, &id, &message).await }
    }

    pub(super) async fn entries(&self) -> Vec<Value> {
        self.entries_by(100).await
    }

    /// The history of this month, by pages of `limit`.
    pub(super) async fn entries_by(&self, limit: usize) -> Vec<Value> {
        let client = self.viewer();
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("/v1/entries?limit={limit}{cursor}")).await.json();
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() == limit || page["next_cursor"].is_null(), "a short page: {page}");
            all.extend(entries.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Someone who may look.
    pub(super) fn viewer(&self) -> Client {
        let token = self.saldo.token("acme", &["billing:view"], None).unwrap();
        Client::new(self.saldo.api_url()).with_token(token)
    }

    /// New ids of one run, the first `count`.
    pub(super) fn run(&self, count: u8) -> Vec<String> {
        let run = DebitId::parse(&self.id()).unwrap().run();
        (0..count).map(|place| run.id(place).unwrap().to_string()).collect()
    }

    /// So many e-mails at once; how many were done, refused for lack of credits, and to be sent again.
    pub(super) async fn emails_at_once(&self, count: usize) -> (usize, usize, usize) {
        let mut running = JoinSet::new();
        for _ in 0..count {
            running.spawn(self.debit(&self.id(), json!({"channel": "email"})));
        }
        let (mut done, mut refused, mut busy) = (0, 0, 0);
        while let Some(answer) = running.join_next().await {
            let answer = answer.unwrap();
            match answer.status.as_u16() {
                // 200 where a write had to be sent again.
                200 | 201 => done += 1,
                402 => {
                    assert_eq!(answer.code(), "insufficient_credits");
                    refused += 1;
                }
                503 => {
                    assert_eq!(answer.code(), "too_many_debits");
                    busy += 1;
                }
                other => panic!("{other} {}", String::from_utf8_lossy(&answer.body)),
            }
        }
        (done, refused, busy)
    }

    /// Under a key of the sender's.
    pub(super) fn post(&self, key: &str, message: &Value) -> impl Future<Output = Answer> + use<> {
        let (sender, key, body) = (Arc::clone(&self.sender), key.to_owned(), message.to_string());
        async move {
            let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
            sender.send("POST", "/v1/debits", &headers, body).await
        }
    }

    pub(super) fn batch(&self, debits: &Value) -> impl Future<Output = Answer> + use<> {
        let (sender, body) = (Arc::clone(&self.sender), json!({ "debits": debits }).to_string());
        async move {
            let headers = [("content-type", "application/json")];
            sender.send("POST", "/v1/debit-batches", &headers, body).await
        }
    }

    pub(super) async fn credits(&self) -> i64 {
        system::balance(&self.saldo, "acme").await.1["available_credits"].as_i64().unwrap()
    }
}

pub(super) fn sender(saldo: &Saldo, org: &str) -> Client {
    Client::new(saldo.api_url()).with_token(saldo.token(org, &["credits:spend"], None).unwrap())
}

pub(super) async fn debit(sender: &Client, id: &str, message: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    sender.send("PUT", &format!("/v1/debits/{id}"), &headers, message.to_string()).await
}
