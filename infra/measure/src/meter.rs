//! Small proxies between each function and DynamoDB, SQS and Stripe that count what passes.
pub(crate) mod capacity;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use saldo_adapters::world::Endpoints;
use serde_json::{Value, json};

use crate::failure::Failure;
use capacity::{Counts, item_bytes, of_answer};

const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// Counts by function; clones count together.
#[derive(Clone)]
pub(crate) struct Meter {
    seen: Arc<Mutex<Seen>>,
    http: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Default)]
struct Seen {
    counts: BTreeMap<String, Counts>,
    largest: Item,
}

/// The largest item written: its sort key's prefix, its size in bytes, and how much of it is URLs of Stripe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    pub(crate) kind: String,
    pub(crate) bytes: usize,
    pub(crate) url_bytes: usize,
}

#[derive(Clone, Copy)]
enum Service {
    DynamoDb,
    Sqs,
    Stripe,
}

#[derive(Clone)]
struct Door {
    meter: Meter,
    function: Arc<str>,
    service: Service,
    real: Arc<str>,
}

impl Meter {
    pub(crate) fn new() -> Meter {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Meter { seen: Arc::default(), http }
    }

    /// What `function` cost since this was last asked.
    pub(crate) fn take(&self, function: &str) -> Counts {
        self.seen().counts.remove(function).unwrap_or_default()
    }

    pub(crate) fn largest(&self) -> Item {
        self.seen().largest.clone()
    }

    /// URLs under which `function` reaches the same, counted.
    #[expect(clippy::expect_used, reason = "a machine without a free port on loopback measures nothing")]
    pub(crate) fn between(&self, function: &str, endpoints: Endpoints) -> Endpoints {
        let counted = |service, real: String| {
            let door =
                Door { meter: self.clone(), function: function.into(), service, real: real.as_str().into() };
            door.open().expect("a port on loopback")
        };
        let Endpoints { dynamodb, sqs, secrets_manager, stripe } = endpoints;
        Endpoints {
            dynamodb: dynamodb.map(|url| counted(Service::DynamoDb, url)),
            sqs: sqs.map(|url| counted(Service::Sqs, url)),
            secrets_manager,
            stripe: counted(Service::Stripe, stripe),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, function: &str, counts: Counts) {
        let mut seen = self.seen();
        let entry = seen.counts.entry(function.to_owned()).or_default();
        *entry = *entry + counts;
    }

    fn note(&self, item: &Value) {
        let bytes = item_bytes(item);
        let mut seen = self.seen();
        if bytes > seen.largest.bytes {
            let kind = item["sk"]["S"].as_str().unwrap_or_default();
            let kind = kind.split('#').next().unwrap_or_default().to_owned();
            let url_bytes = ["pay_url", "invoice_pdf"]
                .iter()
                .filter_map(|name| item[name]["S"].as_str())
                .map(str::len)
                .sum();
            seen.largest = Item { kind, bytes, url_bytes };
        }
    }
}

impl Door {
    fn open(self) -> std::io::Result<String> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let app = Router::new().fallback(pass).with_state(self);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(url)
    }

    async fn pass(&self, request: Request) -> Result<Response, Failure> {
        let (head, body) = request.into_parts();
        let mut body = to_bytes(body, LARGEST_BODY).await?;
        let action = action(&head.headers);
        let mut asked = Value::Null;
        if matches!(self.service, Service::DynamoDb) {
            asked = serde_json::from_slice(&body)?;
            asked["ReturnConsumedCapacity"] = json!("INDEXES");
            body = serde_json::to_vec(&asked)?.into();
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut onward = Request::builder().method(head.method).uri(format!("{}{path}", self.real));
        let kept = |name: &header::HeaderName| *name != header::HOST && *name != header::CONTENT_LENGTH;
        for (name, value) in head.headers.iter().filter(|(name, _)| kept(name)) {
            onward = onward.header(name, value);
        }
        // Counted before it has an effect: whoever sees a message in the queue also sees its request counted.
        self.count_request();
        let answer = self.meter.http.request(onward.body(Full::from(body))?).await?;
        let (mut head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        if matches!(self.service, Service::DynamoDb) {
            self.count_capacity(&action, &asked, &serde_json::from_slice(&body)?);
        }
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn count_request(&self) {
        let counts = match self.service {
            Service::DynamoDb => Counts { dynamodb: 1, ..Counts::default() },
            Service::Sqs => Counts { sqs: 1, ..Counts::default() },
            Service::Stripe => Counts { stripe: 1, ..Counts::default() },
        };
        self.meter.add(&self.function, counts);
    }

    fn count_capacity(&self, action: &str, asked: &Value, answer: &Value) {
        for item in written(asked) {
            self.meter.note(item);
        }
        self.meter.add(&self.function, of_answer(action, asked, answer));
    }
}

async fn pass(State(door): State<Door>, request: Request) -> Response {
    match door.pass(request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// `PutItem` of `DynamoDB_20120810.PutItem`.
fn action(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.split_once('.').map_or(target, |(_, action)| action).to_owned()
}

/// The whole items that a request writes.
fn written(request: &Value) -> impl Iterator<Item = &Value> {
    let in_transaction = request["TransactItems"].as_array().into_iter().flatten();
    let items = in_transaction.map(|item| &item["Put"]["Item"]).chain([&request["Item"]]);
    items.filter(|item| item.is_object())
}
