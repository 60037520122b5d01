//! What Stripe refuses until a person acts has its own code, says so as often as it is tried, and leaves nothing behind.
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::{Next, from_fn};
use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::{READ_KEY, WRITE_KEY};
use saldo_adapters::world::{Endpoints, World};
use saldo_local::Saldo;
use serde_json::Value;

use crate::support::books;
use crate::support::each_call::each_call_goes_wrong;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;
use crate::support::told::told;

const ORG: &str = "acme";
/// One rupiah of credit, in minor units.
const ONE_RUPIAH: i64 = -100;

/// A refusal as whoever orders sees it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    code: String,
    alarms: usize,
}

async fn tries(saldo: &Saldo, world: &World, org: &str, key: &str) -> Seen {
    let (answer, lines) = told(system::order(saldo, world, org, key)).await;
    assert!(answer.headers.get("retry-after").is_none(), "trying again does not help: {answer:?}");
    let (status, problem) = (answer.status.as_u16(), answer.json());
    assert!(problem["detail"].as_str().unwrap_or_default().contains("Nothing was charged"), "{problem}");
    let alarms = lines.iter().filter(|line| line["alarm"] == "invoice_refused").count();
    Seen { status, code: problem["code"].as_str().unwrap_or_default().to_owned(), alarms }
}

/// Tries three times with keys of their own and once with a key that was used: the same answer each time, one alarm in
/// all, and nothing is left.
async fn is_refused(saldo: &Saldo, world: &World, org: &str, status: u16, code: &str) {
    let before = (rows(saldo, org).await, drafts(saldo));
    for (at, key) in ["one", "two", "three", "one"].into_iter().enumerate() {
        let expected = Seen { status, code: code.to_owned(), alarms: usize::from(at == 0) };
        assert_eq!(tries(saldo, world, org, key).await, expected, "{code}, {key}");
        let left = (rows(saldo, org).await, drafts(saldo));
        assert_eq!(left, before, "{code}: no top-up, no slot, no request, no draft is left");
    }
    books::prove_always(saldo, code).await;
}

/// The keys of everything that the table has of an organisation, but for its settings.
async fn rows(saldo: &Saldo, org: &str) -> Vec<String> {
    let partition = format!("ORG#{org}");
    let items = books::items(saldo).await;
    let known = items.iter().filter(|item| {
        let (pk, sk) = (books::text(item, "pk"), books::text(item, "sk"));
        (pk == partition && sk != "SETTINGS") || pk.starts_with("INVOICE#")
    });
    known.map(|item| format!("{} {}", books::text(item, "pk"), books::text(item, "sk"))).collect()
}

fn drafts(saldo: &Saldo) -> usize {
    saldo.stand_in().invoices().iter().filter(|invoice| invoice["status"] == "draft").count()
}

/// The name by which Stripe knows an organisation that bought nothing yet but is known.
async fn customer(saldo: &Saldo, org: &str) -> String {
    let (id, invoice) = system::open_top_up(saldo, org).await;
    assert_eq!(system::cancel(saldo, &saldo.world(), org, &id).await.0, 200);
    let invoices = saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|each| each["id"] == invoice.as_str()).unwrap();
    invoice["customer"].as_str().unwrap().to_owned()
}

async fn sells(saldo: &Saldo, org: &str, key: &str) -> String {
    let (status, top_up) = system::create(saldo, &saldo.world(), org, key).await;
    assert_eq!((status, top_up["status"].as_str()), (201, Some("open")), "{top_up}");
    system::id_of(&top_up)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_of_one_rupiah_at_stripe_stops_every_try_and_is_told_once() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let customer = customer(&saldo, ORG).await;
    for balance in [ONE_RUPIAH, -ONE_RUPIAH] {
        saldo.stand_in().set_customer_balance(&customer, balance).unwrap();
        is_refused(&saldo, &saldo.world(), ORG, 409, "customer_balance_at_provider").await;
        saldo.stand_in().set_customer_balance(&customer, 0).unwrap();
        // The alarm of the next balance is a new one, since in between there was none.
        let id = sells(&saldo, ORG, &format!("without-{balance}")).await;
        assert_eq!(system::cancel(&saldo, &saldo.world(), ORG, &id).await.0, 200);
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "balances that came and went").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_any_one_permission_is_told_as_that_and_named_in_the_log() {
    for missing in WRITE_KEY {
        let saldo = system::start(&Clock::system()).await;
        let with = |names: &[&str]| saldo.stand_in().restrict_key("rk_test_local_write", names);
        // Customers that are known already need nothing to be made.
        let _ = (customer(&saldo, ORG).await, customer(&saldo, "globex").await);
        let known = missing != "rak_customer_write";
        let rest: Vec<&str> = WRITE_KEY.into_iter().filter(|name| *name != missing).collect();
        with(&rest);
        let (_, lines) =
            told(system::create(&saldo, &saldo.world(), if known { "globex" } else { "new" }, "one")).await;
        let named = |line: &Value| line["what"].as_str().is_some_and(|what| what.contains(missing));
        assert!(lines.iter().any(named), "{missing} is named: {lines:?}");
        let said = lines.iter().map(Value::to_string).collect::<String>();
        assert!(!said.contains("rk_test") && !said.contains("acct_"), "no key is told: {said}");
        let org = if known { ORG } else { "newer" };
        is_refused(&saldo, &saldo.world(), org, 500, "provider_key_not_permitted").await;
        with(&WRITE_KEY);
        sells(&saldo, org, "mended").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_currency_that_the_account_does_not_take_is_told_as_that() {
    let saldo = system::start(&Clock::system()).await;
    saldo.stand_in().set_up_seller(|seller| seller.currencies = Some(vec!["usd".to_owned()]));
    is_refused(&saldo, &saldo.world(), ORG, 422, "currency_not_enabled").await;
    saldo.stand_in().set_up_seller(|seller| seller.currencies = None);
    sells(&saldo, ORG, "enabled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_stripe_will_not_charge_is_told_as_that() {
    let saldo = system::start(&Clock::system()).await;
    let small = r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"Amount must convert to at least 50 cents."}}"#;
    let world = refusing(&saldo, "/finalize", small).await;
    is_refused(&saldo, &world, ORG, 422, "amount_below_provider_minimum").await;
    sells(&saldo, ORG, "large-enough").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_stripe_does_not_know_though_it_was_just_made_is_told_as_that() {
    let saldo = system::start(&Clock::system()).await;
    let unknown = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"No such customer"}}"#;
    let world = refusing(&saldo, "/v1/invoices", unknown).await;
    is_refused(&saldo, &world, ORG, 409, "customer_unknown_at_provider").await;
    sells(&saldo, ORG, "known").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_any_more_stops_cancelling_too_and_what_it_left_is_ended_later() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let proxy = Proxy::start(&saldo, Some(Fault { at: 9, kind: Kind::CrashBefore })).await;
    assert!(matches!(proxy.run(system::create(&saldo, &proxy.world, ORG, "one")).await, Run::Crashed));
    assert_eq!(drafts(&saldo), 1, "the row names a draft");
    saldo.stand_in().restrict_key("rk_test_another", &[]);
    let refused = Seen { status: 500, code: "provider_key_not_permitted".to_owned(), alarms: 1 };
    assert_eq!(tries(&saldo, &saldo.world(), ORG, "one").await, refused);
    let again = Seen { alarms: 0, ..refused };
    assert_eq!(
        tries(&saldo, &saldo.world(), ORG, "two").await,
        again,
        "whoever looks after the holder of the slot"
    );
    let items = books::items(&saldo).await;
    let slot =
        items.iter().find(|item| books::text(item, "sk") == "BALANCE#SLOT").expect("Stripe has the draft");
    let id = books::text(slot, "top_up_id").to_owned();
    let (status, problem) = system::cancel(&saldo, &saldo.world(), ORG, &id).await;
    assert_eq!((status, problem["code"].as_str()), (500, Some("provider_key_not_permitted")));
    saldo.stand_in().restrict_key("rk_test_local_write", &WRITE_KEY);
    saldo.stand_in().restrict_key("rk_test_local_read", &READ_KEY);
    clock.advance(3600);
    assert_eq!(system::cleanup(&saldo, &saldo.world()).await["failed"], 0);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after the key was mended").await;
    assert_eq!(drafts(&saldo), 0);
}

/// What another request left half made is ended with a trace, as its maker may still ask for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_of_another_request_that_cannot_be_sold_any_more_fails_with_the_reason() {
    let saldo = system::start(&Clock::system()).await;
    let customer = customer(&saldo, ORG).await;
    let proxy = Proxy::start(&saldo, Some(Fault { at: 7, kind: Kind::CrashBefore })).await;
    assert!(matches!(proxy.run(system::create(&saldo, &proxy.world, ORG, "one")).await, Run::Crashed));
    saldo.stand_in().set_customer_balance(&customer, ONE_RUPIAH).unwrap();
    let code = "customer_balance_at_provider";
    assert_eq!(tries(&saldo, &saldo.world(), ORG, "two").await.code, code);
    let (status, first) = system::create(&saldo, &saldo.world(), ORG, "one").await;
    assert_eq!((status, first["status"].as_str()), (200, Some("failed")), "{first}");
    assert_eq!(first["failure"]["code"], code);
    assert_eq!(drafts(&saldo), 0);
    books::prove_always(&saldo, "another request's").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_order_leaves_nothing_whatever_goes_wrong() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let customer = customer(&org.saldo, &org.name).await;
            org.saldo.stand_in().set_customer_balance(&customer, ONE_RUPIAH).unwrap();
            (org, customer)
        },
        |world, (org, _)| system::create(&org.saldo, world, &org.name, "key"),
        async |(org, customer)| {
            let (status, refused) = org.create("key").await;
            let told = refused["code"].as_str().or(refused["failure"]["code"].as_str());
            let why = [Some("customer_balance_at_provider"), Some("not_completed")];
            assert!([200, 409].contains(&status) && why.contains(&told), "{}: {refused}", org.name);
            org.saldo.stand_in().set_customer_balance(&customer, 0).unwrap();
            let (status, top_up) = org.create("without").await;
            assert_eq!((status, top_up["status"].as_str()), (201, Some("open")), "{}: {top_up}", org.name);
        },
    )
    .await;
    books::prove_always(&saldo, "refused").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "refused, then sold").await;
    assert_eq!(drafts(&saldo), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_at_once_that_are_refused_leave_nothing() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let customer = customer(&saldo, ORG).await;
    saldo.stand_in().set_customer_balance(&customer, ONE_RUPIAH).unwrap();
    for seed in 0..10 {
        let proxy = Proxy::start_with_jitter(&saldo, std::time::Duration::from_millis(5), seed).await;
        let keys = ["same", "same", "other"];
        let at_once = keys.map(|key| system::create(&saldo, &proxy.world, ORG, &format!("{key}-{seed}")));
        for (status, answer) in futures_util::future::join_all(at_once).await {
            assert!([200, 409, 503].contains(&status), "{seed}: {status} {answer}");
        }
        books::prove_always(&saldo, &format!("seed {seed}")).await;
    }
    saldo.stand_in().set_customer_balance(&customer, 0).unwrap();
    sells(&saldo, ORG, "after-all").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "at once").await;
}

/// A world in which Stripe refuses what is sent to this path.
async fn refusing(saldo: &Saldo, path: &'static str, refusal: &'static str) -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let refuse = move |request: Request, next: Next| async move {
        if request.method() == "POST" && request.uri().path().ends_with(path) {
            return Response::builder().status(400).body(Body::from(refusal)).unwrap();
        }
        next.run(request).await
    };
    let router = saldo.stand_in().router().layer(from_fn(refuse));
    tokio::spawn(async move { axum::serve(listener, router).await });
    saldo.world().with_endpoints(Endpoints {
        dynamodb: Some(saldo.dynamodb_url().to_owned()),
        sqs: Some(saldo.sqs_url().to_owned()),
        secrets_manager: Some(saldo.secrets_manager_url().to_owned()),
        stripe: url,
    })
}
