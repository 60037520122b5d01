//! What the product asks of Stripe and what the stand-in answers are what Stripe's own SDK declares, on every main journey.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn_with_state};
use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;
use saldo_local::{Between, Options, Saldo};
use saldo_stripe_stand_in::{DisputeKind, recorded};
use serde_json::json;

use super::THREE_DAYS_AND_AN_HOUR;
use super::customer::{Customer, Payment};
use crate::support::client::Client;
use crate::support::data_folder::DataFolder;
use crate::support::stripe_sdk;

/// Every call that the product makes of Stripe.
const CALLS: [&str; 12] = [
    "DELETE /v1/invoices/{invoice}",
    "GET /v1/credit_notes",
    "GET /v1/disputes",
    "GET /v1/invoice_payments",
    "GET /v1/refunds",
    "GET /v1/invoices",
    "GET /v1/invoices/{invoice}",
    "POST /v1/customers",
    "POST /v1/invoices",
    "POST /v1/invoices/{invoice}/add_lines",
    "POST /v1/invoices/{invoice}/finalize",
    "POST /v1/invoices/{invoice}/void",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_request_and_every_answer_has_the_shape_that_stripe_declares() {
    let folder = DataFolder::new("contract");
    journeys(&folder).await;
    let recording = folder.path().to_str().unwrap();
    let Some(output) = stripe_sdk::run("contract", &[recording]).await else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for call in CALLS {
        assert!(said.lines().any(|line| line.ends_with(&format!(" {call}"))), "{call} was made: {said}");
    }
    let output = stripe_sdk::run("contract/planted.py", &[recording]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

async fn journeys(folder: &DataFolder) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Clock::system();
    let saldo = Saldo::start(Options { clock: clock.clone(), between: Some(by(&url)), ..Options::default() });
    let saldo = saldo.await.unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let router = recorded(saldo.stand_in().router(), folder.path()).unwrap();
    let router = router.layer(from_fn_with_state(Arc::clone(&fails), kept_500));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let staff = Client::new(&url).with_token("sk_test_staff");

    paid_by_transfer_then_canceled_and_expired(&saldo, &clock).await;
    paid_by_card_after_a_refusal_and_given_back(&saldo, &staff).await;
    with_a_customer_that_staff_deleted(&saldo, &staff).await;
    with_a_500_that_comes_again(&saldo, &fails).await;
    for path in [
        "/v1/customers",
        "/v1/events?limit=100",
        "/v1/invoice_payments",
        "/v1/charges",
        "/v1/payment_intents",
    ] {
        assert_eq!(staff.get(path).await.status, 200, "{path}");
    }
}

async fn paid_by_transfer_then_canceled_and_expired(saldo: &Saldo, clock: &Clock) {
    let acme = Customer::new(saldo, "acme", None);
    let top_up = acme.open("first", 1000).await;
    let again = acme.order("first", 1000, &top_up["total"]).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, top_up.clone()));
    acme.pay(&top_up, Payment::Transfer("bri")).await;
    acme.until_credits(1000).await;
    let second = acme.open("second", 2500).await;
    assert_eq!(acme.cancel(&second).await.status, 200);
    let third = acme.open("third", 1000).await;
    clock.advance(THREE_DAYS_AND_AN_HOUR);
    saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(acme.now(&third).await["status"], "expired");
}

async fn paid_by_card_after_a_refusal_and_given_back(saldo: &Saldo, staff: &Client) {
    let dollars = Customer::new(saldo, "dollars", Some("USD"));
    let top_up = dollars.open("first", 2500).await;
    dollars.pay(&top_up, Payment::Card("4000000000009995")).await;
    dollars.pay(&top_up, Payment::Card("4242424242424242")).await;
    dollars.until_credits(2500).await;
    // Of which some comes back, is noted and disputed.
    let invoice =
        saldo.stand_in().invoices().into_iter().find(|i| i["metadata"]["org_id"] == "dollars").unwrap();
    let (id, total) = (invoice["id"].as_str().unwrap(), invoice["total"].as_i64().unwrap());
    saldo.stand_in().refund(id, Some(total / 5)).unwrap();
    dollars.until_credits(2000).await;
    let form = format!("invoice={id}&amount={}&refund_amount={}", total / 5, total / 5);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let noted = staff.send("POST", "/v1/credit_notes", &headers, form).await;
    assert_eq!(noted.status, 200, "{}", noted.json());
    dollars.until_credits(1500).await;
    saldo.stand_in().dispute(id, DisputeKind::Chargeback, Some(total / 5)).unwrap();
    dollars.until_credits(1000).await;
}

async fn with_a_customer_that_staff_deleted(saldo: &Saldo, staff: &Client) {
    let globex = Customer::new(saldo, "globex", None);
    let top_up = globex.open("first", 1000).await;
    assert_eq!(globex.cancel(&top_up).await.status, 200);
    let invoice =
        saldo.stand_in().invoices().into_iter().find(|i| i["metadata"]["org_id"] == "globex").unwrap();
    let customer = invoice["customer"].as_str().unwrap();
    // Their balance would pay: the draft is deleted.
    saldo.stand_in().set_customer_balance(customer, -1).unwrap();
    let total = json!({ "currency": "IDR", "minor_units": 27_750_000 });
    assert_ne!(globex.order("second", 1000, &total).await.status, 201);
    assert_eq!(staff.send("DELETE", &format!("/v1/customers/{customer}"), &[], "").await.status, 200);
    let third = globex.open("third", 1000).await;
    assert_eq!(third["status"], "open", "a new customer was made");
}

/// Under the key that brings the same 500 for a day nothing can be made: the product looks whether it was.
async fn with_a_500_that_comes_again(saldo: &Saldo, fails: &AtomicBool) {
    let initech = Customer::new(saldo, "initech", None);
    fails.store(true, Ordering::SeqCst);
    let top_up = initech.open("first", 1000).await;
    assert!(!fails.load(Ordering::SeqCst), "it failed once");
    initech.pay(&top_up, Payment::Transfer("bni")).await;
    initech.until_credits(1000).await;
}

/// Answers the next making of an invoice with a 500 that Stripe has kept under its key.
async fn kept_500(State(fails): State<Arc<AtomicBool>>, request: Request, next: Next) -> Response<Body> {
    let makes = request.method() == "POST" && request.uri().path() == "/v1/invoices";
    if !makes || !fails.swap(false, Ordering::SeqCst) {
        return next.run(request).await;
    }
    let answer = Response::builder().status(500).header("idempotent-replayed", "true");
    answer.body(Body::from(r#"{"error":{"type":"api_error","message":"Sorry"}}"#)).unwrap()
}

/// The functions reach Stripe through the recorder.
fn by(url: &str) -> Between {
    let url = url.to_owned();
    Arc::new(move |_, endpoints| Endpoints { stripe: url.clone(), ..endpoints })
}
