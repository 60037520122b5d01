//! What X-Ray hears: each request of an invocation to AWS and Stripe, as its documentation describes a subsegment.
use std::collections::BTreeSet;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::support::client::Client;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_traced_from_the_order_to_the_credits() {
    let daemon = Daemon::start().await;
    let options = Options { tracing: Some(daemon.address.clone()), ..Options::default() };
    let saldo = Saldo::start(options).await.unwrap();
    let began = Clock::system().now().secs();
    assert_eq!(buy(&saldo).await, 201);
    let invoice = saldo.stand_in().invoices()[0]["id"].as_str().unwrap().to_owned();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    for _ in 0..400 {
        if system::balance(&saldo, "acme").await.1["available_credits"] == 1000 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let told = daemon.heard().await;
    let ended = Clock::system().now().secs() + 1;
    let mut calls = BTreeSet::new();
    for one in &told {
        is_a_subsegment(one, began, ended);
        assert!(one["fault"] == false && one["http"]["response"]["status"].is_u64(), "{one}");
        let (name, operation) = (one["name"].as_str().unwrap(), one["aws"]["operation"].as_str());
        let asked = &one["http"]["request"];
        let remote = asked["url"].as_str().and_then(|url| url.split_once("/v1"));
        let call = match operation {
            Some(operation) => format!("{name} {operation}"),
            None => format!("{} {}", asked["method"].as_str().unwrap(), remote.unwrap().1),
        };
        calls.insert(call);
        let text = one.to_string();
        for secret in ["rk_test", "whsec_", "Bearer", "acme", "example.test", invoice.as_str()] {
            assert!(!text.contains(secret), "{secret} is told: {text}");
        }
    }
    for call in [
        "SecretsManager GetSecretValue",
        "DynamoDB TransactWriteItems",
        "POST /customers",
        "POST /invoices/{id}/finalize",
        "SQS SendMessage",
        "GET /invoices/{id}",
    ] {
        assert!(calls.contains(call), "{call} is not told: {calls:?}");
    }
    let ids: BTreeSet<_> = told.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "each has an id of its own");
    let roots: BTreeSet<_> = told.iter().map(|one| one["trace_id"].as_str().unwrap()).collect();
    let parents: BTreeSet<_> = told.iter().map(|one| one["parent_id"].as_str().unwrap()).collect();
    assert_eq!(roots.len(), parents.len(), "all of one invocation have its segment as their parent");
    assert!(roots.len() >= 3, "order, webhook and worker at least");
    saldo.stop().await;
}

/// The trace is of use above all for what goes wrong: a request without an answer is a fault.
#[tokio::test(flavor = "multi_thread")]
async fn what_gets_no_answer_is_told_as_a_fault_and_what_is_refused_as_an_error() {
    let daemon = Daemon::start().await;
    let between = |function: &str, outside: Endpoints| match function {
        "create-top-up" => Endpoints { stripe: "http://127.0.0.1:9".to_owned(), ..outside },
        _ => outside,
    };
    let saldo = Saldo::start(Options {
        tracing: Some(daemon.address.clone()),
        between: Some(std::sync::Arc::new(between)),
        ..Options::default()
    })
    .await
    .unwrap();
    saldo.secrets().set_mood(saldo_local::secrets::Mood::Denying);
    assert_eq!(buy(&saldo).await, 503);
    saldo.secrets().set_mood(saldo_local::secrets::Mood::Well);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(buy(&saldo).await, 503);
    let told = daemon.heard().await;
    let denied = told.iter().find(|one| one["http"]["response"]["status"] == 400).expect("it is told");
    assert_eq!((&denied["error"], &denied["fault"]), (&json!(true), &json!(false)), "{denied}");
    let silent = told.iter().find(|one| one["namespace"] == "remote").expect("it is told");
    assert_eq!((&silent["error"], &silent["fault"]), (&json!(false), &json!(true)), "{silent}");
    assert!(silent["http"].get("response").is_none(), "{silent}");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_not_there_changes_nothing() {
    for address in ["127.0.0.1:9", "not an address"] {
        let options = Options { tracing: Some(address.to_owned()), ..Options::default() };
        let saldo = Saldo::start(options).await.unwrap();
        assert_eq!(buy(&saldo).await, 201, "{address}");
        saldo.stop().await;
    }
}

/// Members, forms and limits of
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html#api-segmentdocuments-subsegments>.
fn is_a_subsegment(one: &Value, began: i64, ended: i64) {
    let text = |name: &str| one[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {one}"));
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits
            && text.chars().all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit))
    };
    assert_eq!(text("type"), "subsegment", "{one}");
    assert!(is_hex(text("id"), 16) && is_hex(text("parent_id"), 16), "{one}");
    let trace: Vec<_> = text("trace_id").split('-').collect();
    assert!(matches!(trace[..], ["1", time, rest] if is_hex(time, 8) && is_hex(rest, 24)), "{one}");
    let name = text("name");
    let may = |letter: char| letter.is_alphanumeric() || " _.:/%&#=+\\-@".contains(letter);
    assert!((1..=200).contains(&name.len()) && name.chars().all(may), "{one}");
    assert!(["aws", "remote"].contains(&text("namespace")), "{one}");
    let time = |name: &str| one[name].as_f64().unwrap_or_else(|| panic!("{name} is no number: {one}"));
    let (start, end) = (time("start_time"), time("end_time"));
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let (began, ended) = (began as f64, ended as f64);
    assert!(began <= start && start <= end && end <= ended, "{one}");
    for name in ["error", "throttle", "fault"] {
        assert!(one[name].is_boolean(), "{name}: {one}");
    }
    let known =
        ["name", "id", "trace_id", "parent_id", "type", "start_time", "end_time", "namespace", "aws", "http"];
    let known: BTreeSet<_> = known.into_iter().chain(["error", "throttle", "fault"]).collect();
    let told: BTreeSet<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(told.is_subset(&known), "{:?}", told.difference(&known));
}

async fn buy(saldo: &Saldo) -> u16 {
    let token = saldo.token("acme", &["billing:view", "billing:subscribe"], None).unwrap();
    let order = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": system::TOTAL}});
    let client = Client::new(saldo.api_url()).with_token(token);
    let headers = [("idempotency-key", "one")];
    client.send("POST", "/v1/top-ups", &headers, order.to_string()).await.status.as_u16()
}

/// Hears what is told, as X-Ray's daemon does.
struct Daemon {
    socket: UdpSocket,
    address: String,
}

impl Daemon {
    async fn start() -> Daemon {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        Daemon { socket, address }
    }

    /// Every document that came, once nothing comes any more.
    async fn heard(&self) -> Vec<Value> {
        let mut heard = Vec::new();
        let mut packet = vec![0; 65_536];
        let wait = Duration::from_millis(500);
        while let Ok(received) = tokio::time::timeout(wait, self.socket.recv(&mut packet)).await {
            let text = std::str::from_utf8(&packet[..received.unwrap()]).unwrap();
            let (header, document) = text.split_once('\n').expect("a header, then the document");
            let header: Value = serde_json::from_str(header).unwrap();
            assert_eq!(header, json!({"format": "json", "version": 1}));
            heard.push(serde_json::from_str(document).unwrap());
        }
        heard
    }
}
