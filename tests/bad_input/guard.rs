//! A running Saldo that is fed bad input: each answer is checked, and that nothing was written by any of it.
use lambda_http::http::StatusCode;
use saldo_local::{Options, Saldo};
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::data_folder::DataFolder;

/// One call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// How a call is refused.
#[derive(Clone, Copy)]
pub(super) enum Refusal {
    /// By the function, with a problem of this status and code.
    Function(u16, &'static str),
    /// By the function with 400 `invalid_request` that names this field.
    Field(&'static str),
    /// By the gateway, before any function is asked. On AWS the words are API Gateway's own.
    Gateway(u16, &'static str),
    /// By the gateway's authorizer, here as on AWS.
    Authorizer,
}

pub(super) struct Guard {
    pub(super) saldo: Saldo,
    pub(super) folder: DataFolder,
    /// A top-up of the organisation `owner`; everybody else has none.
    pub(super) owned: String,
    before: Value,
    complaints: Vec<String>,
}

/// Words that only the inside knows.
const INTERNAL: [&str; 9] =
    ["panic", "dynamo", "sqs", "serde", "line 1", "column", ".rs", "rk_test", "whsec_"];

impl Call {
    pub(super) fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl Guard {
    /// `name` is unlike that of any other test. Messages stay in the queue, to be counted.
    pub(super) async fn start(name: &str) -> Self {
        let folder = DataFolder::new(name);
        let options = Options { data: Some(folder.path().to_owned()), poll: false, ..Options::default() };
        let saldo = Saldo::start(options.with_wide_budgets()).await.unwrap();
        let mut guard =
            Self { saldo, folder, owned: String::new(), before: Value::Null, complaints: Vec::new() };
        let answer = guard.send(&guard.order("owner")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        guard.owned = answer.json()["id"].as_str().unwrap().to_owned();
        guard.before = guard.traces().await;
        guard
    }

    /// A member of `organisation` who may see and buy.
    pub(super) fn member(&self, organisation: &str) -> String {
        self.saldo.token(organisation, &["billing:view", "billing:subscribe"], None).unwrap()
    }

    /// An order that nothing is wrong with.
    pub(super) fn order(&self, organisation: &str) -> Call {
        Call::new("POST", "/v1/top-ups")
            .token(&self.member(organisation))
            .header("content-type", "application/json")
            .header("idempotency-key", "a-key")
            .body(good_order().to_string())
    }

    pub(super) async fn send(&self, call: &Call) -> Answer {
        let headers: Vec<_> =
            call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let client = Client::new(self.saldo.api_url());
        client.send(&call.method, &call.path, &headers, call.body.clone()).await
    }

    /// The call is refused just so. Complaints are collected, to be read all at once.
    pub(super) async fn refuses(&mut self, what: &str, call: Call, refusal: Refusal) {
        let answer = self.send(&call).await;
        if let Err(complaint) = judge(&answer, refusal) {
            let said = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
            self.complaints.push(format!("{what}: {complaint}; {} {said}", answer.status));
        }
    }

    /// The call is answered with `status`, which is not an error.
    pub(super) async fn takes(&mut self, what: &str, call: Call, status: u16) -> Answer {
        let answer = self.send(&call).await;
        if answer.status.as_u16() != status {
            let said = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
            self.complaints.push(format!("{what}: not {status}; {} {said}", answer.status));
        }
        answer
    }

    /// No complaints, and nothing was written anywhere.
    pub(super) async fn nothing_happened(&self) {
        assert!(self.complaints.is_empty(), "\n{}\n", self.complaints.join("\n"));
        assert_eq!(self.traces().await, self.before, "something was written");
    }

    /// All that a call could leave behind: items, messages, and whatever was asked of Stripe.
    async fn traces(&self) -> Value {
        let stripe = self.saldo.stand_in();
        let depths = self.saldo.plan().queues.iter().map(|queue| {
            let depth = self.saldo.queues().depth(&queue.name).unwrap();
            depth.visible + depth.in_flight + depth.delayed
        });
        json!({
            "items": self.items().await,
            "messages": depths.sum::<u64>(),
            "stripe_calls": stripe.request_counts(),
            "invoices": stripe.invoices(),
            "events": stripe.events().len(),
        })
    }

    async fn items(&self) -> Value {
        let table = self.saldo.plan().tables[0].create["TableName"].clone();
        let headers = [
            ("x-amz-target", "DynamoDB_20120810.Scan"),
            ("content-type", "application/x-amz-json-1.0"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20261123/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0",
            ),
            ("x-amz-date", "20261123T000000Z"),
        ];
        let body = json!({ "TableName": table }).to_string();
        let answer = Client::new(self.saldo.dynamodb_url()).send("POST", "/", &headers, body).await;
        let scanned = answer.json();
        assert!(scanned["Items"].is_array() && scanned["LastEvaluatedKey"].is_null(), "{scanned}");
        let mut items: Vec<_> =
            scanned["Items"].as_array().unwrap().iter().filter_map(but_for_the_fence).collect();
        items.sort();
        json!(items)
    }
}

/// An item as text without what a refusal for good leaves on a balance shard: the mark behind which a late attempt of what
/// was refused finds nothing. A shard that has nothing else was made for it.
fn but_for_the_fence(item: &Value) -> Option<String> {
    let mut item = item.clone();
    let members = item.as_object_mut()?;
    if members.get("sk") == Some(&json!({"S": "BALANCE"})) {
        let fenced = members.remove("f").is_some() | members.remove("e").is_some();
        let rest = members.keys().filter(|name| *name != "pk" && *name != "sk").count();
        if fenced && rest == 0 {
            return None;
        }
    }
    Some(item.to_string())
}

/// 1000 credits at the price of the default price list.
pub(super) fn good_order() -> Value {
    json!({ "credits": 1000, "expected_total": { "currency": "IDR", "minor_units": 27_750_000 } })
}

fn judge_unauthorized(answer: &Answer) -> Result<(), String> {
    let kind = answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
    let message = serde_json::from_slice::<Value>(&answer.body).ok();
    let as_on_aws = kind && message == Some(json!({"message": "Unauthorized"}));
    if answer.status == StatusCode::UNAUTHORIZED && as_on_aws {
        Ok(())
    } else {
        Err("this is not how API Gateway refuses a token".to_owned())
    }
}

fn judge(answer: &Answer, refusal: Refusal) -> Result<(), String> {
    let (status, code, kind) = match refusal {
        Refusal::Authorizer => return judge_unauthorized(answer),
        Refusal::Function(status, code) => (status, code, format!("urn:saldo:problem:{code}")),
        Refusal::Field(_) => (400, "invalid_request", "urn:saldo:problem:invalid_request".to_owned()),
        Refusal::Gateway(status, code) => (status, code, "about:blank".to_owned()),
    };
    let wrong = |what: &str, wanted: &dyn std::fmt::Display| Err(format!("the {what} is not {wanted}"));
    if answer.status.as_u16() != status {
        return wrong("status", &status);
    }
    if answer.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json") {
        return wrong("content type", &"application/problem+json");
    }
    let problem: Value = serde_json::from_slice(&answer.body).map_err(|_| "the body is no JSON")?;
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    for (member, wanted) in
        [("code", json!(code)), ("status", json!(status)), ("type", json!(kind)), ("title", json!(title))]
    {
        if problem[member] != wanted {
            return wrong(member, &wanted);
        }
    }
    if let Refusal::Field(field) = refusal
        && problem["field"] != field
    {
        return wrong("field", &field);
    }
    let detail = problem["detail"].as_str().unwrap_or_default();
    if detail.len() < 10 || detail.len() > 200 {
        return Err("the detail is not a sentence".to_owned());
    }
    let text = problem.to_string().to_lowercase();
    match INTERNAL.iter().find(|word| text.contains(**word)) {
        Some(word) => Err(format!("{word} is not for the outside")),
        None => Ok(()),
    }
}
