//! A Saldo whose worker and schedules run only when asked, so that each cost has one cause.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use axum::body::Bytes;
use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::dynamo::Store;
use saldo_adapters::world::{Endpoints, World};
use saldo_credits::Spender;
use saldo_domain::{DebitId, Timestamp, TopUpId};
use saldo_local::queue::Message;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::meter::capacity::Counts;
use crate::meter::{Item, Meter};

const QUEUE: &str = "saldo-local-Payments";
const PATIENCE: Duration = Duration::from_secs(10);

/// A running Saldo with a meter on every function.
pub(crate) struct Metered {
    saldo: Saldo,
    meter: Meter,
    worker: saldo_credit_worker::Function,
    clock: Clock,
    payer: Payer,
    staff: Payer,
}

/// One organisation's client.
pub(crate) struct Payer {
    url: String,
    token: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Metered {
    pub(crate) async fn start() -> Result<Metered, Failure> {
        Metered::start_with("{}").await
    }

    /// With the organisations of the JSON `shards` split.
    pub(crate) async fn start_with(shards: &str) -> Result<Metered, Failure> {
        let (meter, clock) = (Meter::new(), Clock::system());
        let between = meter.clone();
        let options = Options {
            clock: clock.clone(),
            parameters: [("Shards".to_owned(), shards.to_owned())].into(),
            poll: false,
            schedules: false,
            between: Some(Arc::new(move |function, endpoints| between.between(function, endpoints))),
            ..Options::default()
        };
        let saldo = Saldo::start(options.with_wide_budgets()).await?;
        let world = World::at(meter.between("credit-worker", endpoints(&saldo)), clock.clone());
        let worker = saldo_credit_worker::connect(&saldo.env_of("credit-worker"), &world)?;
        let payer = Payer::new(&saldo, "acme")?;
        let staff = Payer::with(&saldo, "staff", &["billing:operate"])?;
        Ok(Metered { saldo, meter, worker, clock, payer, staff })
    }

    pub(crate) async fn stop(self) -> Item {
        self.saldo.stop().await;
        self.meter.largest()
    }

    /// Asks the API; `function` is what answers. Gives the answer and what it cost.
    pub(crate) async fn ask(
        &self,
        function: &str,
        path: &str,
        status: u16,
    ) -> Result<(Value, Counts), Failure> {
        let answer = self.payer.send("GET", path, None, Value::Null, status).await?;
        Ok((answer, self.take(function)))
    }

    /// Creates a top-up of 1000 credits under the idempotency key `key`.
    pub(crate) async fn create(&self, key: &str, status: u16) -> Result<(Value, Counts), Failure> {
        let answer = self.payer.create(key, status).await?;
        Ok((answer, self.take("create-top-up")))
    }

    pub(crate) async fn cancel(&self, top_up: &Value) -> Result<Counts, Failure> {
        let path = format!("/v1/top-ups/{}/cancel", top_up["id"].as_str().unwrap_or_default());
        self.payer.send("POST", &path, None, Value::Null, 200).await?;
        Ok(self.take("cancel-top-up"))
    }

    /// Bills to another name from now on; it had none of its own before.
    pub(crate) async fn change_contact(&self, name: &str) -> Result<(), Failure> {
        let settings = json!({ "billing": { "name": name } });
        self.payer.send("PUT", "/v1/settings", Some(("if-match", "\"0\"")), settings, 200).await?;
        self.take("settings");
        Ok(())
    }

    /// Makes a budget of what SMS may spend in a month.
    pub(crate) async fn set_budget(&self, id: &str, limit: i64, status: u16) -> Result<(), Failure> {
        let by = json!({ "meter": "sms" });
        let terms = json!({"name": id, "by": by, "period": "month", "limit": limit, "limiting": "hard"});
        self.payer.send("PUT", &format!("/v1/budgets/{id}"), None, terms, status).await?;
        self.take("settings");
        Ok(())
    }

    /// Brings 1000 credits, under an idempotency key of its own.
    pub(crate) async fn top_up(&self, key: &str) -> Result<(), Failure> {
        self.create(key, 201).await?;
        self.pay()?;
        let (message, _) = self.message("invoice.paid").await?;
        self.work(&message).await.map(drop)
    }

    pub(crate) fn advance(&self, secs: i64) {
        self.clock.advance(secs);
    }

    /// A URL of the table that is counted under `name`.
    pub(crate) fn counted_table(&self, name: &str) -> String {
        self.meter.between(name, endpoints(&self.saldo)).dynamodb.unwrap_or_default()
    }

    /// What was counted under `name` since this was last asked.
    pub(crate) fn take(&self, name: &str) -> Counts {
        self.meter.take(name)
    }

    /// The library of spending, counted under `name`: one process, which has everything at once under way that it is given.
    pub(crate) fn spender(&self, name: &str) -> Result<Spender<Store>, Failure> {
        let world = World::at(self.meter.between(name, endpoints(&self.saldo)), self.clock.clone());
        Ok(Spender::new(world.store(&self.spending_env())?))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The environment of the function `spend`.
    pub(crate) fn spending_env(&self) -> Env {
        self.saldo.env_of("spend")
    }

    /// `count` ids of one run, in their order.
    pub(crate) fn ids_of_one_run(&self, count: u8) -> Result<Vec<String>, Failure> {
        let run = DebitId::parse(&self.debit_id()).map_err(|_| "not an id")?.run();
        let id = |place| run.id(place).map(|id| id.to_string()).map_err(|_| "not an id".into());
        (0..count).map(id).collect()
    }

    /// `count` ids, each made by itself.
    pub(crate) fn ids_at_random(&self, count: u8) -> Vec<String> {
        (0..count).map(|_| self.debit_id()).collect()
    }

    /// Spends on usual messages, all in one call.
    pub(crate) async fn batch(&self, ids: &[String]) -> Result<Counts, Failure> {
        let message = |id: &String| json!({"id": id, "channel": "email", "country": "ID", "reference": "7c9e6679-7425-40de-944b-e07fc1f90ae7"});
        let batch = json!({"debits": ids.iter().map(message).collect::<Vec<_>>()});
        self.payer.send("POST", "/v1/debit-batches", None, batch, 201).await?;
        Ok(self.take("spend"))
    }

    /// A new id of a debit.
    pub(crate) fn debit_id(&self) -> String {
        let id = TopUpId::new(self.clock.now());
        let hex: String = id.as_str().chars().filter(|letter| letter.is_ascii_hexdigit()).collect();
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
        parts.join("-")
    }

    /// Spends on a message of `channel`.
    pub(crate) async fn debit(&self, id: &str, channel: &str, status: u16) -> Result<Counts, Failure> {
        let message = json!({"channel": channel});
        self.payer.send("PUT", &format!("/v1/debits/{id}"), None, message, status).await?;
        Ok(self.take("spend"))
    }

    /// Spends on a text message under a key.
    pub(crate) async fn debit_by_key(&self, key: &str, status: u16) -> Result<Counts, Failure> {
        self.payer
            .send("POST", "/v1/debits", Some(("idempotency-key", key)), json!({"channel": "sms"}), status)
            .await?;
        Ok(self.take("spend"))
    }

    /// Holds five text messages.
    pub(crate) async fn hold(&self, id: &str, body: Value, status: u16) -> Result<Counts, Failure> {
        self.payer.send("PUT", &format!("/v1/holds/{id}"), None, body, status).await?;
        Ok(self.take("spend"))
    }

    /// Captures a hold, releases it or reverses it.
    pub(crate) async fn end_hold(&self, id: &str, how: &str, body: Value) -> Result<Counts, Failure> {
        self.payer.send("POST", &format!("/v1/holds/{id}/{how}"), None, body, 200).await?;
        Ok(self.take("spend"))
    }

    pub(crate) async fn reverse(&self, id: &str) -> Result<Counts, Failure> {
        self.payer.send("POST", &format!("/v1/debits/{id}/reverse"), None, Value::Null, 200).await?;
        Ok(self.take("spend"))
    }

    /// Writes `items` small items in one transaction, as a debit could be written too.
    pub(crate) async fn plain_transaction(&self, items: usize) -> Result<Counts, Failure> {
        let env = self.spending_env();
        let table = env.require("SALDO_TABLE")?;
        let text = |text: &str| json!({"S": text});
        let puts: Vec<_> = (0..items)
            .map(|at| {
                let item = json!({"pk": text("PLAIN"), "sk": text(&at.to_string())});
                json!({"Put": {"TableName": table, "Item": item}})
            })
            .collect();
        let request = Request::post(self.counted_table("plain"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.TransactWriteItems")
            .header("x-amz-date", "20261123T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20261123/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(Full::from(json!({"TransactItems": puts}).to_string()))?;
        let answer = self.payer.http.request(request).await?;
        if !answer.status().is_success() {
            return Err(format!("a plain transaction: {}", answer.status()).into());
        }
        Ok(self.take("plain"))
    }

    /// Pays the one invoice that is open.
    pub(crate) fn pay(&self) -> Result<(), Failure> {
        pay(&self.saldo)
    }

    /// Waits for the message that the webhook enqueues for an event of this kind, and gives what all that came until then
    /// cost it. Those of other kinds tell of the same, and are dropped.
    pub(crate) async fn message(&self, kind: &str) -> Result<(Message, Counts), Failure> {
        let queues = self.saldo.queues();
        let kind = json!(kind);
        loop {
            let batch = queues.receive(QUEUE, 1, PATIENCE, None).await?;
            let Some(message) = batch.into_iter().next() else {
                return Err(format!("no message of {kind} came").into());
            };
            queues.delete(QUEUE, &message.receipt)?;
            let told: Value = serde_json::from_str(&message.body)?;
            if told["kind"] == kind {
                return Ok((message, self.take("stripe-webhook")));
            }
        }
    }

    /// Gives a part of the first invoice back that was paid.
    pub(crate) fn refund(&self, minor_units: i64) -> Result<(), Failure> {
        let invoices = self.saldo.stand_in().invoices();
        let paid = invoices.iter().find(|invoice| invoice["status"] == "paid").ok_or("no invoice is paid")?;
        let id = paid["id"].as_str().unwrap_or_default();
        self.saldo.stand_in().refund(id, Some(minor_units))?;
        Ok(())
    }

    /// The staff do something, under the idempotency key `key`.
    pub(crate) async fn operate(
        &self,
        path: &str,
        key: &str,
        mut body: Value,
        status: u16,
    ) -> Result<Counts, Failure> {
        body["org"] = json!("acme");
        body["reason"] = json!("it is measured");
        let key = Some(("idempotency-key", key));
        self.staff.send("POST", &format!("/v1/operate/{path}"), key, body, status).await?;
        Ok(self.take("operate"))
    }

    /// Reconciles whatever is due `secs` later, which leaves nothing to a person.
    pub(crate) async fn reconcile_after(&self, secs: i64) -> Result<Counts, Failure> {
        self.advance(secs);
        let report = self.saldo.run_schedule("reconcile").await.map_err(|error| format!("{error:?}"))?;
        if report["verdict"] == "clean" {
            Ok(self.take("reconcile"))
        } else {
            Err(format!("the books are not right: {report}").into())
        }
    }

    /// Hands `message` to the worker.
    pub(crate) async fn work(&self, message: &Message) -> Result<Counts, Failure> {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.clone());
        record.body = Some(message.body.clone());
        let mut event = SqsEvent::default();
        event.records = vec![record];
        let answer = self.worker.handle(event, PATIENCE).await;
        if answer.batch_item_failures.is_empty() {
            Ok(self.take("credit-worker"))
        } else {
            Err("the worker failed".into())
        }
    }

    /// Runs the cleanup `secs` later.
    pub(crate) async fn clean_up_after(
        &self,
        secs: i64,
        checked: u64,
        finished: u64,
    ) -> Result<Counts, Failure> {
        self.advance(secs);
        let summary = self.saldo.run_schedule("cleanup").await.map_err(|error| format!("{error:?}"))?;
        if summary == json!({"checked": checked, "finished": finished, "failed": 0}) {
            Ok(self.take("cleanup"))
        } else {
            Err(format!("the cleanup did something else: {summary}").into())
        }
    }
}

fn endpoints(saldo: &Saldo) -> Endpoints {
    Endpoints {
        dynamodb: Some(saldo.dynamodb_url().to_owned()),
        sqs: Some(saldo.sqs_url().to_owned()),
        secrets_manager: Some(saldo.secrets_manager_url().to_owned()),
        stripe: saldo.stripe_url().to_owned(),
    }
}

/// Pays the one invoice that is open.
pub(crate) fn pay(saldo: &Saldo) -> Result<(), Failure> {
    let invoices = saldo.stand_in().invoices();
    let open = invoices.iter().find(|invoice| invoice["status"] == "open").ok_or("no invoice is open")?;
    saldo.stand_in().pay(open["id"].as_str().unwrap_or_default(), Method::VirtualAccount)?;
    Ok(())
}

impl Payer {
    pub(crate) fn new(saldo: &Saldo, organisation: &str) -> Result<Payer, Failure> {
        Payer::with(saldo, organisation, &["billing:view", "billing:subscribe", "credits:spend"])
    }

    fn with(saldo: &Saldo, organisation: &str, permissions: &[&str]) -> Result<Payer, Failure> {
        let token = saldo.token(organisation, permissions, None)?;
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Payer { url: saldo.api_url().to_owned(), token, http })
    }

    pub(crate) async fn create(&self, key: &str, status: u16) -> Result<Value, Failure> {
        let quote = self.send("GET", "/v1/quote", None, Value::Null, 200).await?;
        let total = json!({
            "currency": quote["total"]["currency"], "minor_units": quote["total"]["minor_units"],
        });
        let order = json!({ "credits": quote["credits"], "expected_total": total });
        self.send("POST", "/v1/top-ups", Some(("idempotency-key", key)), order, status).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        header: Option<(&str, &str)>,
        body: Value,
        status: u16,
    ) -> Result<Value, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.http.request(request.body(Full::from(body))?).await?;
        let got = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if got != status {
            return Err(format!("{method} {path}: {got} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
