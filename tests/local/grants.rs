//! What the functions really call is what their roles allow.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use saldo_adapters::world::Endpoints;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::template::{SECRETS, granted};

#[tokio::test(flavor = "multi_thread")]
async fn no_function_calls_more_than_its_role_allows() {
    let watch = Watch::default();
    let watching = watch.clone();
    let clock = saldo_adapters::clock::Clock::system();
    let saldo = Saldo::start(Options {
        clock: clock.clone(),
        between: Some(Arc::new(move |function, endpoints| watching.between(function, endpoints))),
        parameters: BTreeMap::from([("Shards".to_owned(), r#"{"acme":2}"#.to_owned())]),
        ..Options::default()
    })
    .await
    .unwrap();
    journey(&saldo, &clock).await;
    saldo.stop().await;
    let used = watch.used.lock().unwrap().clone();
    let granted = granted();
    for (function, calls) in &used {
        let beyond: Vec<_> = calls.difference(&granted[function]).collect();
        assert!(beyond.is_empty(), "{function} is not allowed {beyond:?}");
    }
    for function in [
        "create-top-up",
        "cancel-top-up",
        "balance",
        "history",
        "settings",
        "spend",
        "stripe-webhook",
        "credit-worker",
        "cleanup",
        "operate",
        "reconcile",
    ] {
        assert!(used.get(function).is_some_and(|calls| !calls.is_empty()), "{function} was not exercised");
    }
    for function in ["quote", "dashboard"] {
        assert_eq!(used.get(function), None, "{function} does no I/O");
    }
}

/// Buys, cancels, looks, lets one expire.
async fn journey(saldo: &Saldo, clock: &saldo_adapters::clock::Clock) {
    let token = saldo.token("acme", &["billing:view", "billing:subscribe"], None).unwrap();
    let client = Client::new(saldo.api_url()).with_token(token);
    assert_eq!(client.get("/v1/quote").await.status, 200);
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/v1/settings").await.status, 200);
    for version in ["0", "0", "1"] {
        let body = json!({"billing": {"name": "PT Acme"}}).to_string();
        let answer = client.send("PUT", "/v1/settings", &[("if-match", version)], body).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    let budget = r#"{"name":"SMS","by":{"meter":"sms"},"period":"day","limit":500,"limiting":"soft"}"#;
    assert_eq!(client.send("PUT", "/v1/budgets/sms", &[], budget).await.status, 201);
    assert_eq!(client.get("/v1/budgets").await.status, 200);
    let first = create(&client, "first", StatusCode::CREATED).await;
    create(&client, "first", StatusCode::OK).await;
    create(&client, "other", StatusCode::CONFLICT).await;
    let id = first["id"].as_str().unwrap();
    for _ in 0..2 {
        let answer = client.send("POST", &format!("/v1/top-ups/{id}/cancel"), &[], "").await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    let second = create(&client, "second", StatusCode::CREATED).await;
    let invoice =
        saldo.stand_in().invoices().into_iter().find(|invoice| invoice["status"] == "open").unwrap();
    saldo.stand_in().pay(invoice["id"].as_str().unwrap(), Method::VirtualAccount).unwrap();
    let paid = format!("/v1/top-ups/{}", second["id"].as_str().unwrap());
    assert_eq!(client.get(&format!("{paid}/trail")).await.status, 200);
    for _ in 0..500 {
        if client.get(&paid).await.json()["status"] == "paid" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(client.get(&paid).await.json()["status"], "paid");
    spend(saldo, clock).await;
    create(&client, "third", StatusCode::CREATED).await;
    for path in ["/v1/balance", "/v1/top-ups", "/v1/entries"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    look(saldo).await;
    clock.advance(80 * 3_600);
    saldo.run_schedule("reconcile").await.unwrap();
    saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(client.get("/v1/top-ups").await.json()["top_ups"][0]["status"], "expired");
}

/// Looks at everything as the staff do.
async fn look(saldo: &Saldo) {
    let token = saldo.token("staff", &["billing:operate"], None).unwrap();
    let staff = Client::new(saldo.api_url()).with_token(token);
    let organisation = staff.get("/v1/operate/organisations/acme").await;
    let id = organisation.json()["open_top_up"].as_str().unwrap().to_owned();
    let seen = [format!("top-ups/{id}?org=acme"), format!("search?q={id}")];
    let lists = ["reviews", "adjustments", "reconciliations", "dead-letters", "customers/acme"];
    let found = ["search?q=reference:order-7&org=acme"];
    for path in seen.into_iter().chain(lists.into_iter().chain(found).map(str::to_owned)) {
        let answer = staff.get(&format!("/v1/operate/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    let headers = [("idempotency-key", "redrive")];
    let body = r#"{"reason":"seen to"}"#;
    let answer = staff.send("POST", "/v1/operate/dead-letters/redrive", &headers, body).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

/// Spends, repeats, takes back, and leaves something that balance and history finish.
async fn spend(saldo: &Saldo, clock: &saldo_adapters::clock::Clock) {
    let token = saldo.token("acme", &["credits:spend"], None).unwrap();
    let client = Client::new(saldo.api_url()).with_token(token);
    let id = crate::support::system::debit_id(clock, -90);
    for status in [201, 200] {
        let path = format!("/v1/debits/{id}");
        let answer = client.send("PUT", &path, &[], r#"{"channel":"sms"}"#).await;
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    }
    let answer = client.send("POST", &format!("/v1/debits/{id}/reverse"), &[], "").await;
    assert_eq!(answer.status, 200);
    let [captured, released, left] = [0; 3].map(|_| crate::support::system::debit_id(clock, 0));
    for id in [&captured, &released, &left] {
        let body = r#"{"channel":"sms","units":2,"expires_in_seconds":3600}"#;
        let answer = client.send("PUT", &format!("/v1/holds/{id}"), &[], body).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    for (id, what, body) in [
        (&captured, "extend", r#"{"expires_in_seconds":7200}"#),
        (&captured, "capture", r#"{"units":1}"#),
        (&released, "release", ""),
    ] {
        let answer = client.send("POST", &format!("/v1/holds/{id}/{what}"), &[], body).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    let messages: Vec<_> = (0..3)
        .map(|_| json!({"id": crate::support::system::debit_id(clock, -90), "channel": "sms"}))
        .collect();
    for status in [201, 200] {
        let body = json!({ "debits": messages }).to_string();
        let answer = client.send("POST", "/v1/debit-batches", &[], body).await;
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    }
}

async fn create(client: &Client, key: &str, expected: StatusCode) -> Value {
    let body = json!({ "credits": 1000, "expected_total": { "currency": "IDR", "minor_units": 27_750_000 } });
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let answer = client.send("POST", "/v1/top-ups", &headers, body.to_string()).await;
    assert_eq!(answer.status, expected, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// (resource, action) as the template writes them.
type Calls = BTreeSet<(String, String)>;

/// Stands between each function and AWS and notes what it calls.
#[derive(Clone, Default)]
struct Watch {
    used: Arc<Mutex<BTreeMap<String, Calls>>>,
}

#[derive(Clone)]
struct Watched {
    watch: Watch,
    function: String,
    real: String,
}

impl Watch {
    fn between(&self, function: &str, endpoints: Endpoints) -> Endpoints {
        let watched = |real: String| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let state = Watched { watch: self.clone(), function: function.to_owned(), real };
            let app = Router::new().fallback(forward).with_state(state);
            tokio::spawn(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
            url
        };
        let Endpoints { dynamodb, sqs, secrets_manager, stripe } = endpoints;
        Endpoints {
            dynamodb: dynamodb.map(&watched),
            sqs: sqs.map(&watched),
            secrets_manager: secrets_manager.map(&watched),
            stripe,
        }
    }
}

async fn forward(State(watched): State<Watched>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let calls = calls(&target, &request);
    watched.watch.used.lock().unwrap().entry(watched.function.clone()).or_default().extend(calls);
    let kind = headers["content-type"].to_str().unwrap();
    let headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", kind),
        ("authorization", headers["authorization"].to_str().unwrap()),
        ("x-amz-date", "20261123T000000Z"),
    ];
    let answer = Client::new(&watched.real).send("POST", "/", &headers, body).await;
    (answer.status, answer.headers, answer.body).into_response()
}

/// What IAM would ask for this request.
fn calls(target: &str, request: &Value) -> Calls {
    let (service, action) = target.split_once('.').unwrap();
    if service == "secretsmanager" {
        let name = request["SecretId"].as_str().unwrap().strip_prefix("saldo-local/stripe/").unwrap();
        let (_, resource) = SECRETS.iter().find(|(known, _)| *known == name).unwrap();
        return Calls::from([((*resource).to_owned(), format!("secretsmanager:{action}"))]);
    }
    if service == "AmazonSQS" {
        let named = request["QueueUrl"].as_str().or(request["SourceArn"].as_str()).unwrap();
        let queue = if named.ends_with("DeadLetters") { "PaymentsDeadLetters" } else { "Payments" };
        // A batch is allowed by the action of which it has many.
        let action = action.strip_suffix("Batch").unwrap_or(action);
        return Calls::from([(format!("!GetAtt {queue}.Arn"), format!("sqs:{action}"))]);
    }
    let table = || "!GetAtt Table.Arn".to_owned();
    let resource = match request["IndexName"].as_str() {
        Some(index) => format!("!Sub ${{Table.Arn}}/index/{index}"),
        None => table(),
    };
    let items = |list: &str| request[list].as_array().into_iter().flatten();
    match action {
        "TransactWriteItems" => items("TransactItems")
            .flat_map(|item| item.as_object().unwrap().keys())
            .map(|kind| match kind.as_str() {
                "ConditionCheck" => (table(), "dynamodb:ConditionCheckItem".to_owned()),
                kind => (table(), format!("dynamodb:{kind}Item")),
            })
            .collect(),
        "TransactGetItems" => Calls::from([(table(), "dynamodb:GetItem".to_owned())]),
        action => Calls::from([(resource, format!("dynamodb:{action}"))]),
    }
}
