//! The doors of the API: what each answer promises, who may pass, and how much fits through.
use std::sync::Arc;
use std::time::Duration;

use lambda_http::http::StatusCode;
use saldo_adapters::clock::Clock;
use saldo_local::functions::HttpFunction;
use saldo_local::template::Trigger;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::system;

/// What Lambda takes of a function as its answer, in bytes.
const LAMBDA_ANSWER: usize = 6 * 1024 * 1024 + 100;

async fn start(parameters: &[(&str, &str)]) -> Saldo {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options { poll: false, parameters: parameters.collect(), ..Options::default() };
    Saldo::start(options).await.unwrap()
}

fn holder(saldo: &Saldo, permissions: &[&str]) -> Client {
    Client::new(saldo.api_url()).with_token(saldo.token("acme", permissions, None).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anyone_may_get_anyone_may_ask_for_with_head() {
    let saldo = start(&[]).await;
    let client = Client::new(saldo.api_url());
    let shell = String::from_utf8(client.get("/billing").await.body).unwrap();
    let asset = shell.split('"').find(|part| part.starts_with("/assets/")).unwrap().to_owned();
    let mut seen = 0;
    for function in &saldo.plan().functions {
        for trigger in &function.triggers {
            let Trigger::Route { method, path, authorizer: None } = trigger else { continue };
            if method != "GET" {
                continue;
            }
            let path = path.replace("/assets/{file}", &asset).replace("/billing/{page}", "/billing/history");
            let path = path.replace("/operate/{page}", "/operate/reviews");
            let (got, head) = (client.get(&path).await, client.send("HEAD", &path, &[], "").await);
            assert_eq!((got.status, head.status), (StatusCode::OK, StatusCode::OK), "{path}");
            assert!(!got.body.is_empty() && head.body.is_empty(), "{path}");
            for name in ["content-type", "cache-control", "etag"] {
                assert_eq!(got.headers.get(name), head.headers.get(name), "{name} of {path}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} public pages");
    let member = holder(&saldo, &["billing:view"]);
    assert_eq!(member.send("HEAD", "/v1/balance", &[], "").await.status, StatusCode::NOT_FOUND);
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_browser_guesses_the_type_of_an_answer() {
    let saldo = start(&[]).await;
    let member = holder(&saldo, &["billing:view", "billing:subscribe", "credits:spend"]);
    let csv: &[(&str, &str)] = &[("accept", "text/csv")];
    for (method, path, headers) in [
        ("GET", "/v1/quote", &[][..]),
        ("GET", "/v1/balance", &[]),
        ("GET", "/v1/settings", &[]),
        ("GET", "/v1/top-ups", &[]),
        ("GET", "/v1/usage", &[]),
        ("GET", "/v1/entries", csv),
        ("GET", "/v1/entries?month=13", csv),
        ("POST", "/v1/top-ups", &[]),
        ("POST", "/v1/top-ups/x/cancel", &[]),
        ("PUT", "/v1/debits/x", &[]),
        ("POST", "/stripe/webhook", &[]),
        ("GET", "/healthz", &[]),
        ("GET", "/v1/openapi.json", &[]),
        ("GET", "/billing", &[]),
    ] {
        let answer = member.send(method, path, headers, "").await;
        let sniff = answer.headers.get("x-content-type-options").map(|value| value.to_str().unwrap());
        assert_eq!(sniff, Some("nosniff"), "{method} {path} {}", answer.status);
    }
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_nobody_reads_may_be_anything() {
    let saldo = start(&[]).await;
    let function = Arc::new(saldo_quote::connect(&saldo.env_of("quote"), &saldo.world()).unwrap());
    let quote = HttpFunction::new("quote", Duration::from_secs(5), move |request| {
        let function = Arc::clone(&function);
        async move { function.handle(request).await }
    });
    let event: Value = serde_json::from_str(include_str!("../events/quote.json")).unwrap();
    for (claim, value, status) in [
        ("exp", json!(1_795_431_600), 200),
        ("email_verified", json!(true), 200),
        ("groups", json!(["a", {"b": [1, null]}]), 200),
        ("address", json!({"city": "Jakarta"}), 200),
        ("nothing", Value::Null, 200),
        ("permissions", json!(["billing:view", "admin"]), 200),
        ("permissions", json!({"billing:view": true}), 403),
        ("permissions", json!([{"granted": "billing:view"}]), 403),
        ("permissions", json!(["x billing:view"]), 403),
        ("permissions", json!(7), 403),
        ("org_id", json!(["acme"]), 403),
        ("org_id", json!(17), 200),
    ] {
        let mut event = event.clone();
        event["requestContext"]["authorizer"]["jwt"]["claims"][claim] = value.clone();
        let answer = quote.invoke(event).await.unwrap_or_else(|error| panic!("{claim} {value}: {error:?}"));
        assert_eq!(answer["statusCode"], status, "{claim} {value}: {answer}");
    }
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_is_a_permission_of_its_own_where_the_deployment_says_so() {
    for (implied, spender_may) in [("true", StatusCode::OK), ("false", StatusCode::FORBIDDEN)] {
        let saldo = start(&[("SpendersReverse", implied)]).await;
        system::with_credits(&saldo, "acme").await;
        let sender = holder(&saldo, &["credits:spend"]);
        let id = system::debit_id(&Clock::system(), 0);
        let path = format!("/v1/debits/{id}");
        let spent = sender.send("PUT", &path, &[], r#"{"channel":"sms"}"#).await;
        assert_eq!(spent.status, StatusCode::CREATED);
        let office = holder(&saldo, &["credits:reverse"]);
        let refused = office.send("PUT", &path, &[], r#"{"channel":"sms"}"#).await;
        assert_eq!(refused.json()["permission"], "credits:spend", "taking back implies no spending");
        let back = format!("{path}/reverse");
        for nobody in ["billing:subscribe", "billing:operate"] {
            let refused = holder(&saldo, &[nobody]).send("POST", &back, &[], "").await;
            assert_eq!(refused.json()["permission"], "credits:reverse", "{nobody}");
        }
        assert_eq!(sender.send("POST", &back, &[], "").await.status, spender_may, "implied: {implied}");
        assert_eq!(office.send("POST", &back, &[], "").await.status, StatusCode::OK);
        saldo.stop().await;
    }
}

/// What costs most to send: a text of quotation marks, each doubled for CSV and escaped for JSON.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_fits_whatever_the_references_are() {
    const ENTRIES: usize = 20_000;
    let saldo = Arc::new(start(&[]).await);
    buy(&saldo, ENTRIES).await;
    let reference = "\"".repeat(128);
    let clock = Clock::system();
    let mut running = JoinSet::new();
    for _ in 0..ENTRIES / 25 {
        let run = saldo_domain::DebitId::parse(&system::debit_id(&clock, 0)).unwrap().run();
        let debits: Vec<_> = (0..25)
            .map(|at| json!({"id": run.id(at).unwrap().to_string(), "channel": "email", "reference": reference}))
            .collect();
        if running.len() >= 8 {
            running.join_next().await.unwrap().unwrap();
        }
        let saldo = Arc::clone(&saldo);
        running.spawn(async move {
            for _ in 0..50 {
                let batch = json!(debits);
                let (status, answer) = system::debit_batch(&saldo, &saldo.world(), "acme", &batch).await;
                match status {
                    200 | 201 => return,
                    503 => tokio::time::sleep(Duration::from_millis(50)).await,
                    _ => panic!("{status} {answer}"),
                }
            }
            panic!("a batch is never taken");
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let (mut rows, mut pages, mut path) = (0, 0, Some("/v1/entries".to_owned()));
    while let Some(next) = path {
        let answer =
            holder(&saldo, &["billing:view"]).send("GET", &next, &[("accept", "text/csv")], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{next}");
        let text = String::from_utf8(answer.body).unwrap();
        let sent = serde_json::to_string(&text).unwrap().len();
        assert!(sent < LAMBDA_ANSWER - 16 * 1024, "page {pages} is sent as {sent} bytes");
        rows += text.lines().count() - 1;
        pages += 1;
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        path = link.map(|link| format!("/v1/{}", link.split(['<', '>']).nth(1).unwrap()));
        assert!(path.is_none() || sent > LAMBDA_ANSWER / 2, "a page is worth its call: {sent} bytes");
    }
    assert_eq!(rows, ENTRIES + 1, "every debit, and the top-up");
    assert!(pages > 1, "it did not fit into one");
}

async fn buy(saldo: &Saldo, credits: usize) {
    let client = holder(saldo, &["billing:subscribe"]);
    let quote = client.get(&format!("/v1/quote?credits={credits}")).await.json();
    let body = json!({"credits": credits, "expected_total": quote["total"]}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "many")];
    let top_up = client.send("POST", "/v1/top-ups", &headers, body).await;
    let invoice = system::invoice_of(saldo, top_up.json()["id"].as_str().unwrap()).unwrap();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let failed = system::work(saldo, &saldo.world(), &[system::message("invoice.paid", &invoice)]).await;
    assert!(failed.is_empty());
}
