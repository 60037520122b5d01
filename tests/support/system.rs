//! The functions by hand: each one called as Lambda calls it, over any world.
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request, Response};
use saldo_adapters::clock::Clock;
use saldo_adapters::world::World;
use saldo_domain::TopUpId;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::{Method, sign};
use serde_json::{Value, json};

use crate::support::client;

/// The total of 1000 credits in IDR.
pub(crate) const TOTAL: i64 = 27_750_000;
/// Time for more messages than a batch has.
const ENOUGH: Duration = Duration::from_secs(600);
const QUEUE: &str = "saldo-local-Payments";
/// In the local Secrets Manager.
pub(crate) const WEBHOOK_SECRET: &str = "saldo-local/stripe/webhook_secrets";

/// A Saldo in which nothing happens by itself: no webhook is delivered, no message handled, no schedule run.
pub(crate) async fn start(clock: &Clock) -> Saldo {
    start_with(clock, &[]).await
}

/// The same with some parameters of the template.
pub(crate) async fn start_with(clock: &Clock, parameters: &[(&str, &str)]) -> Saldo {
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let clock = clock.clone();
    let options = Options { clock, poll: false, schedules: false, parameters, ..Options::default() };
    let saldo = Saldo::start(options).await.unwrap();
    saldo.stand_in().pause_webhooks(true);
    saldo
}

/// What a function answered: status and JSON.
pub(crate) type Answer = (u16, Value);

/// Buys 1000 credits.
pub(crate) fn create(
    saldo: &Saldo,
    world: &World,
    org: &str,
    key: &str,
) -> impl Future<Output = Answer> + use<> {
    let order = order(saldo, world, org, key);
    async move {
        let answer = order.await;
        (answer.status.as_u16(), answer.json())
    }
}

/// The same with everything that was answered.
pub(crate) fn order(
    saldo: &Saldo,
    world: &World,
    org: &str,
    key: &str,
) -> impl Future<Output = client::Answer> + use<> {
    let (buyer, org, key) = (Buyer::connect(saldo, world), org.to_owned(), key.to_owned());
    async move { buyer.order(&org, &key).await }
}

/// The function that sells, as one process that goes on.
pub(crate) struct Buyer(saldo_create_top_up::Function);

impl Buyer {
    pub(crate) fn connect(saldo: &Saldo, world: &World) -> Buyer {
        Buyer(saldo_create_top_up::connect(&saldo.env_of("create-top-up"), world).unwrap())
    }

    /// Buys 1000 credits.
    pub(crate) async fn order(&self, org: &str, key: &str) -> client::Answer {
        whole(order_of(org, key), |request| self.0.handle(request)).await
    }
}

fn order_of(org: &str, key: &str) -> Request {
    let body = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": TOTAL}});
    request("POST", "/v1/top-ups", &[], org, &[("idempotency-key", key)], &body.to_string())
}

pub(crate) fn cancel(
    saldo: &Saldo,
    world: &World,
    org: &str,
    id: &str,
) -> impl Future<Output = Answer> + use<> {
    let function = saldo_cancel_top_up::connect(&saldo.env_of("cancel-top-up"), world).unwrap();
    let request = request("POST", &format!("/v1/top-ups/{id}/cancel"), &[("id", id)], org, &[], "");
    async move { answer(request, |request| function.handle(request)).await }
}

pub(crate) fn balance(saldo: &Saldo, org: &str) -> impl Future<Output = Answer> + use<> {
    let function = saldo_balance::connect(&saldo.env_of("balance"), &saldo.world()).unwrap();
    let request = request("GET", "/v1/balance", &[], org, &[], "");
    async move { answer(request, |request| function.handle(request)).await }
}

/// Spends credits on a message.
pub(crate) fn debit(
    saldo: &Saldo,
    world: &World,
    org: &str,
    id: &str,
    message: &Value,
) -> impl Future<Output = Answer> + use<> {
    let function = saldo_spend::connect(&saldo.env_of("spend"), world).unwrap();
    let (org, id, message) = (org.to_owned(), id.to_owned(), message.clone());
    async move { debit_by(&function, &org, &id, &message).await }
}

/// Spends through a function that is connected already.
pub(crate) async fn debit_by(
    function: &saldo_spend::Function,
    org: &str,
    id: &str,
    message: &Value,
) -> Answer {
    spend_by(function, org, ("PUT", &format!("/v1/debits/{id}")), &[], message).await
}

/// Any call of spending through a function that is connected already.
pub(crate) async fn spend_by(
    function: &saldo_spend::Function,
    org: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let id: Vec<_> = path.split('/').nth(3).map(|id| ("id", id)).into_iter().collect();
    let request = request(method, path, &id, org, headers, &body.to_string());
    answer(request, |request| function.handle(request)).await
}

/// What the history answers to a path, of this month.
pub(crate) async fn history_by(function: &saldo_history::Function, org: &str, path: &str) -> Value {
    let month =
        path.rsplit('/').next().filter(|last| path.starts_with("/v1/statements/") && !last.is_empty());
    let named: Vec<_> = month.map(|month| ("month", month)).into_iter().collect();
    let path = path.split('?').next().unwrap_or_default();
    let request = request("GET", path, &named, org, &[], "");
    let (status, body) = answer(request, |request| function.handle(request)).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Spends credits on several messages.
pub(crate) fn debit_batch(
    saldo: &Saldo,
    world: &World,
    org: &str,
    debits: &Value,
) -> impl Future<Output = Answer> + use<> {
    let function = saldo_spend::connect(&saldo.env_of("spend"), world).unwrap();
    let body = json!({ "debits": debits }).to_string();
    let request = request("POST", "/v1/debit-batches", &[], org, &[], &body);
    async move { answer(request, |request| function.handle(request)).await }
}

pub(crate) fn reverse(
    saldo: &Saldo,
    world: &World,
    org: &str,
    id: &str,
) -> impl Future<Output = Answer> + use<> {
    let function = saldo_spend::connect(&saldo.env_of("spend"), world).unwrap();
    let request = request("POST", &format!("/v1/debits/{id}/reverse"), &[("id", id)], org, &[], "");
    async move { answer(request, |request| function.handle(request)).await }
}

/// A new id of a debit, made `secs` later than now.
pub(crate) fn debit_id(clock: &Clock, secs: i64) -> String {
    let id = TopUpId::new(clock.now().plus_secs(secs));
    let hex = id.as_str().trim_start_matches("top_");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// An organisation with 1000 credits, bought and paid; gives the invoice.
pub(crate) async fn with_credits(saldo: &Saldo, org: &str) -> String {
    let (_, invoice) = open_top_up(saldo, org).await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let failed = work(saldo, &saldo.world(), &[message("invoice.paid", &invoice)]).await;
    assert!(failed.is_empty(), "{org} has its credits");
    invoice
}

/// The messages that the webhook makes of Stripe's latest event of this kind.
pub(crate) async fn heard(saldo: &Saldo, kind: &str) -> Vec<Value> {
    let events = saldo.stand_in().events();
    let event = events.iter().rev().find(|event| event["type"] == kind).expect("there is such an event");
    let (status, answer) = webhook(saldo, &saldo.world(), event).await;
    assert_eq!((status, &answer["enqueued"]), (200, &json!(true)), "{event}");
    drain(saldo).await
}

/// Whatever Stripe has to tell is delivered and handled, once.
pub(crate) async fn hear_all(saldo: &Saldo) {
    for event in saldo.stand_in().events() {
        assert_eq!(webhook(saldo, &saldo.world(), &event).await.0, 200, "{event}");
    }
    let messages = drain(saldo).await;
    assert_eq!(
        work(saldo, &saldo.world(), &messages).await,
        Vec::<String>::new(),
        "every message is handled"
    );
}

pub(crate) fn top_up(saldo: &Saldo, org: &str, id: &str) -> impl Future<Output = Answer> + use<> {
    let function = saldo_history::connect(&saldo.env_of("history"), &saldo.world()).unwrap();
    let request = request("GET", &format!("/v1/top-ups/{id}"), &[("id", id)], org, &[], "");
    async move { answer(request, |request| function.handle(request)).await }
}

/// What a customer reads of what happened to a top-up.
pub(crate) fn trail(saldo: &Saldo, org: &str, id: &str) -> impl Future<Output = Answer> + use<> {
    let function = saldo_history::connect(&saldo.env_of("history"), &saldo.world()).unwrap();
    let request = request("GET", &format!("/v1/top-ups/{id}/trail"), &[("id", id)], org, &[], "");
    async move { answer(request, |request| function.handle(request)).await }
}

/// Sets the name to bill, over the settings of this version.
pub(crate) fn change_settings(
    saldo: &Saldo,
    world: &World,
    org: &str,
    version: i64,
    name: &str,
) -> impl Future<Output = Answer> + use<> {
    let function = saldo_settings::connect(&saldo.env_of("settings"), world).unwrap();
    let body = json!({"billing": {"name": name}}).to_string();
    let seen = version.to_string();
    let request = request("PUT", "/v1/settings", &[], org, &[("if-match", &seen)], &body);
    async move { answer(request, |request| function.handle(request)).await }
}

/// Sets a budget through a function that is connected already.
pub(crate) async fn set_budget_by(
    function: &saldo_settings::Function,
    org: &str,
    id: &str,
    terms: &Value,
) -> Answer {
    let path = format!("/v1/budgets/{id}");
    let request = request("PUT", &path, &[("id", id)], org, &[], &terms.to_string());
    answer(request, |request| function.handle(request)).await
}

/// Delivers an event as Stripe does; the answer is what Stripe would see.
pub(crate) fn webhook(saldo: &Saldo, world: &World, event: &Value) -> impl Future<Output = Answer> + use<> {
    let env = saldo.env_of("stripe-webhook");
    let function = saldo_stripe_webhook::connect(&env, world).unwrap();
    let secret = webhook_secret(saldo);
    let body = event.to_string();
    let signature = sign(&[secret], world.clock().now().secs(), body.as_bytes());
    let request = request("POST", "/stripe/webhook", &[], "", &[("stripe-signature", &signature)], &body);
    async move { answer(request, |request| function.handle(request)).await }
}

/// The secret that the webhook's signatures are made with.
pub(crate) fn webhook_secret(saldo: &Saldo) -> String {
    saldo.secrets().value(WEBHOOK_SECRET).expect("the local system has it")
}

/// Hands messages to the worker; gives the ids of those it wants again, in their order.
pub(crate) fn work(
    saldo: &Saldo,
    world: &World,
    messages: &[Value],
) -> impl Future<Output = Vec<String>> + use<> {
    work_within(saldo, world, messages, ENOUGH)
}

/// The same with this time left.
pub(crate) fn work_within(
    saldo: &Saldo,
    world: &World,
    messages: &[Value],
    left: Duration,
) -> impl Future<Output = Vec<String>> + use<> {
    let function = saldo_credit_worker::connect(&saldo.env_of("credit-worker"), world).unwrap();
    let records: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| json!({"messageId": at.to_string(), "body": message.to_string()}))
        .collect();
    let batch: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
    async move {
        let failures = function.handle(batch, left).await.batch_item_failures;
        let mut ids: Vec<String> = failures.into_iter().map(|failure| failure.item_identifier).collect();
        ids.sort_by_key(|id| id.parse::<usize>().ok());
        ids
    }
}

pub(crate) fn cleanup(saldo: &Saldo, world: &World) -> impl Future<Output = Value> + use<> {
    let function = saldo_cleanup::connect(&saldo.env_of("cleanup"), world).unwrap();
    async move { function.handle(json!({"source": "aws.events"})).await }
}

/// A run of reconciling, of everything or of what is due.
pub(crate) fn reconcile(
    saldo: &Saldo,
    world: &World,
    everything: bool,
) -> impl Future<Output = Value> + use<> {
    let function = saldo_reconcile::connect(&saldo.env_of("reconcile"), world).unwrap();
    async move { function.handle(json!({ "everything": everything }), ENOUGH).await }
}

/// The message that the webhook makes of an event about an invoice.
pub(crate) fn message(kind: &str, invoice: &str) -> Value {
    json!({"version": 1, "event": "evt_test", "kind": kind, "invoice": invoice, "created": 1_795_441_928})
}

/// Everything that waits in the queue, taken out.
pub(crate) async fn drain(saldo: &Saldo) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let wait = Duration::from_millis(1);
        let some = saldo.queues().receive(QUEUE, 10, wait, Some(Duration::from_secs(30))).await.unwrap();
        if some.is_empty() {
            return messages;
        }
        for message in some {
            messages.push(serde_json::from_str(&message.body).unwrap());
            saldo.queues().delete(QUEUE, &message.receipt).unwrap();
        }
    }
}

/// Brings everything to rest, as time would: Stripe delivers all its events, the worker handles them, cleanup runs.
pub(crate) async fn bring_to_rest(saldo: &Saldo, clock: &Clock) {
    let world = saldo.world();
    for _ in 0..2 {
        for event in saldo.stand_in().events() {
            let (status, _) = webhook(saldo, &world, &event).await;
            assert_eq!(status, 200, "{event}");
        }
        let messages = drain(saldo).await;
        assert_eq!(work(saldo, &world, &messages).await, Vec::<String>::new(), "every message is handled");
        clock.advance(7 * 3600);
        let summary = cleanup(saldo, &world).await;
        assert_eq!(summary["failed"], 0, "{summary}");
    }
}

/// The invoice at Stripe that names this top-up.
pub(crate) fn invoice_of(saldo: &Saldo, top_up: &str) -> Option<String> {
    let invoices = saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|invoice| invoice["metadata"]["top_up_id"] == top_up)?;
    invoice["id"].as_str().map(str::to_owned)
}

pub(crate) fn id_of(top_up: &Value) -> String {
    top_up["id"].as_str().unwrap_or_else(|| panic!("no top-up: {top_up}")).to_owned()
}

/// An open top-up and its invoice.
pub(crate) async fn open_top_up(saldo: &Saldo, org: &str) -> (String, String) {
    let (status, top_up) = create(saldo, &saldo.world(), org, "first").await;
    assert_eq!((status, top_up["status"].as_str()), (201, Some("open")), "{top_up}");
    let id = id_of(&top_up);
    let invoice = invoice_of(saldo, &id).unwrap();
    (id, invoice)
}

fn request(
    method: &str,
    path: &str,
    parameters: &[(&str, &str)],
    org: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request {
    let object = |pairs: &[(&str, &str)]| -> Value {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), json!(v))).collect::<serde_json::Map<_, _>>().into()
    };
    let claims = json!({
        "org_id": org,
        "email": "billing@example.test",
        "permissions": "[billing:view billing:subscribe credits:spend]",
    });
    let event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": object(headers),
        "pathParameters": object(parameters),
        "body": body,
        "isBase64Encoded": false,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "test",
            "stage": "$default",
            "requestId": "test",
            "routeKey": format!("{method} {path}"),
            "authorizer": {"jwt": {"claims": claims, "scopes": null}},
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
            "time": "23/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1_795_428_000_000_i64,
        },
    });
    serde_json::from_value::<LambdaRequest>(event).unwrap().into()
}

/// Sends a request through a function; the answer is recorded as one over HTTP is.
async fn answer<F>(request: Request, handle: impl FnOnce(Request) -> F) -> Answer
where
    F: Future<Output = Response<Body>>,
{
    let answer = whole(request, handle).await;
    (answer.status.as_u16(), answer.json())
}

/// The same with its headers.
async fn whole<F>(request: Request, handle: impl FnOnce(Request) -> F) -> client::Answer
where
    F: Future<Output = Response<Body>>,
{
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (parts, body) = handle(request).await.into_parts();
    let answer = client::Answer { status: parts.status, headers: parts.headers, body: body.to_vec() };
    client::record(method.as_str(), &path, &answer);
    answer
}
