//! What other teams got wrong, each mistake with the tests that show it is not made here:
//!
//! - The same event came twice at the same moment, and both were credited.
//! - The handler answered 200 although it had failed, so that Stripe never sent the event again.
//! - An event was noted as seen before it had succeeded, so that its retry was swallowed.
//! - `invoice.paid` came before the row was ready, or for a row that nobody had, and was dropped.
//! - Stripe refused to void while a transfer was clearing, and our record was deleted already; or a copy of an invoice
//!   freed the slot of the one that could still be paid.
//! - `paid` was taken for money: by a credit balance, with a discount, marked by hand.
//! - Rupiah were shown or charged a hundred times too high or too low.
//! - A change of the API's version made events unreadable.
//! - A webhook was answered 200 and lost all the same, and nothing compared.
//! - An error that Stripe replays under an idempotency key blocked a purchase for a day.

use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use crate::support::books;
use crate::support::client::Client;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

/// An address at which nothing answers.
const NOWHERE: &str = "http://127.0.0.1:9";

async fn start() -> (Saldo, Clock) {
    let clock = Clock::system();
    (system::start(&clock).await, clock)
}

async fn credits(saldo: &Saldo, org: &str) -> i64 {
    system::balance(saldo, org).await.1["available_credits"].as_i64().unwrap()
}

async fn status(saldo: &Saldo, org: &str, id: &str) -> String {
    system::top_up(saldo, org, id).await.1["status"].as_str().unwrap().to_owned()
}

/// The signed event of this type about this invoice.
fn event(saldo: &Saldo, kind: &str, invoice: &str) -> Value {
    let events = saldo.stand_in().events();
    let wanted = |event: &&Value| event["type"] == kind && event["data"]["object"]["id"] == invoice;
    events.iter().find(wanted).cloned().unwrap_or_else(|| panic!("no {kind} about {invoice}"))
}

/// A call of Stripe's API as staff would make it.
pub(super) async fn staff(saldo: &Saldo, path: &str, form: &str) -> Value {
    let client = Client::new(saldo.stripe_url()).with_token("sk_test_staff");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = client.send("POST", path, &headers, form.to_owned()).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.status.is_success(), "{path}: {body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_duplicate_webhooks_credited_twice() {
    let (saldo, clock) = start().await;
    let world = saldo.world();
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = event(&saldo, "invoice.paid", &invoice);
    let mut twin = paid.clone();
    twin["id"] = json!("evt_twin_of_the_same_change");
    let deliveries = [&paid, &paid, &twin].map(|event| tokio::spawn(system::webhook(&saldo, &world, event)));
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap().0, 200);
    }
    let messages = system::drain(&saldo).await;
    assert_eq!(messages.len(), 3);
    let workers: Vec<_> = messages
        .iter()
        .map(|message| tokio::spawn(system::work(&saldo, &world, std::slice::from_ref(message))))
        .collect();
    for worker in workers {
        assert!(worker.await.unwrap().is_empty());
    }
    assert_eq!(credits(&saldo, "acme").await, 1000);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "duplicates").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_answered_200_on_its_own_failure() {
    let (saldo, _) = start().await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = event(&saldo, "invoice.paid", &invoice);
    let no_queue = Endpoints {
        dynamodb: Some(saldo.dynamodb_url().to_owned()),
        sqs: Some(NOWHERE.to_owned()),
        secrets_manager: Some(saldo.secrets_manager_url().to_owned()),
        stripe: saldo.stripe_url().to_owned(),
    };
    let (status, problem) = system::webhook(&saldo, &saldo.world().with_endpoints(no_queue), &paid).await;
    assert_eq!(status, 503, "{problem}");
    assert!(system::drain(&saldo).await.is_empty());
    assert_eq!(system::webhook(&saldo, &saldo.world(), &paid).await.0, 200, "Stripe sends it again");
    assert!(system::work(&saldo, &saldo.world(), &system::drain(&saldo).await).await.is_empty());
    assert_eq!(credits(&saldo, "acme").await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn deduplication_before_success_swallowed_the_retry() {
    let (saldo, clock) = start().await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let message = [system::message("invoice.paid", &invoice)];
    for at in 1..=3 {
        let fault = Fault { at, kind: Kind::Outage };
        let proxy = Proxy::start(&saldo, Some(fault)).await;
        match proxy.run(system::work(&saldo, &proxy.world, &message)).await {
            Run::Done(failures) => assert_eq!(failures, ["0"], "what failed is wanted again"),
            Run::Crashed => panic!("an outage kills nobody"),
        }
        assert_eq!(credits(&saldo, "acme").await, 0);
    }
    assert!(system::work(&saldo, &saldo.world(), &message).await.is_empty());
    assert_eq!(credits(&saldo, "acme").await, 1000);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "retried").await;
}

/// The maker of the invoice died before it could write down that the invoice is open, and the customer paid at once.
#[tokio::test(flavor = "multi_thread")]
async fn invoice_paid_arrived_before_the_row_was_ready() {
    let (saldo, clock) = start().await;
    let count = Proxy::start(&saldo, None).await;
    let _ = count.run(system::create(&saldo, &count.world, "counted", "key")).await;
    let last = Fault { at: count.calls(), kind: Kind::CrashBefore };
    let proxy = Proxy::start(&saldo, Some(last)).await;
    assert!(matches!(proxy.run(system::create(&saldo, &proxy.world, "acme", "key")).await, Run::Crashed));
    let invoices = saldo.stand_in().invoices();
    let open = |invoice: &&Value| invoice["status"] == "open" && invoice["metadata"]["org_id"] == "acme";
    let invoice = invoices.iter().find(open).expect("the invoice was finalised");
    let (id, top_up) = (invoice["id"].as_str().unwrap(), invoice["metadata"]["top_up_id"].as_str().unwrap());
    assert_eq!(status(&saldo, "acme", top_up).await, "requested");
    saldo.stand_in().pay(id, Method::VirtualAccount).unwrap();
    assert!(system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", id)]).await.is_empty());
    assert_eq!(status(&saldo, "acme", top_up).await, "paid");
    assert_eq!(credits(&saldo, "acme").await, 1000);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "paid before open").await;
}

/// Money for a row that does not exist is kept for a person, not thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_for_no_row_is_wanted_again_and_never_swallowed() {
    let (saldo, _) = start().await;
    let customer = staff(&saldo, "/v1/customers", "name=nobody&email=nobody@shop.test").await;
    let form = format!(
        "customer={}&currency=idr&collection_method=send_invoice&days_until_due=3&metadata[org_id]=nobody\
         &metadata[saldo_deployment]=saldo-local&metadata[top_up_id]=top_01a208d846c676229a08bf3f3cf70805",
        customer["id"].as_str().unwrap()
    );
    let invoice = staff(&saldo, "/v1/invoices", &form).await;
    let id = invoice["id"].as_str().unwrap();
    staff(
        &saldo,
        &format!("/v1/invoices/{id}/add_lines"),
        "lines[0][amount]=27750000&lines[0][description]=x",
    )
    .await;
    staff(&saldo, &format!("/v1/invoices/{id}/finalize"), "").await;
    saldo.stand_in().pay(id, Method::VirtualAccount).unwrap();
    let messages = [system::message("invoice.paid", id), system::message("invoice.paid", "in_unknown")];
    assert_eq!(
        system::work(&saldo, &saldo.world(), &messages).await,
        ["0"],
        "what is no invoice is no money"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn void_refused_while_a_payment_clears_and_the_record_already_deleted() {
    let (saldo, clock) = start().await;
    let world = saldo.world();
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().start_bank_transfer(&invoice).unwrap();
    let (code, problem) = system::cancel(&saldo, &world, "acme", &id).await;
    assert_eq!((code, problem["code"].as_str()), (409, Some("payment_in_progress")));
    assert_eq!(status(&saldo, "acme", &id).await, "open");
    clock.advance(80 * 3600);
    assert_eq!(system::cleanup(&saldo, &world).await["failed"], 0);
    assert_eq!(status(&saldo, "acme", &id).await, "open", "undecided: kept, tried later");
    let (code, problem) = system::create(&saldo, &world, "acme", "another").await;
    assert_eq!((code, problem["code"].as_str()), (409, Some("open_top_up_exists")), "the slot is kept");
    saldo.stand_in().finish_bank_transfer(&invoice, true).unwrap();
    clock.advance(7 * 3600);
    assert_eq!(system::cleanup(&saldo, &world).await["failed"], 0);
    assert_eq!(credits(&saldo, "acme").await, 1000);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "paid after all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_fails_after_all_frees_the_slot() {
    let (saldo, clock) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().start_bank_transfer(&invoice).unwrap();
    clock.advance(80 * 3600);
    system::cleanup(&saldo, &saldo.world()).await;
    assert_eq!(status(&saldo, "acme", &id).await, "open");
    saldo.stand_in().finish_bank_transfer(&invoice, false).unwrap();
    clock.advance(7 * 3600);
    system::cleanup(&saldo, &saldo.world()).await;
    assert_eq!(status(&saldo, "acme", &id).await, "expired");
    assert_eq!(system::create(&saldo, &saldo.world(), "acme", "another").await.0, 201);
    books::prove_always(&saldo, "expired after a failed transfer").await;
}

/// The customer's balance would make the invoice `paid` without a payment: nothing is opened, nothing credited.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_credit_balance_paid_the_invoice_with_no_payment() {
    let (saldo, clock) = start().await;
    let world = saldo.world();
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    assert_eq!(system::cancel(&saldo, &world, "acme", &id).await.0, 200);
    let invoices = saldo.stand_in().invoices();
    let customer =
        invoices.iter().find(|i| i["id"] == invoice.as_str()).unwrap()["customer"].as_str().unwrap();
    saldo.stand_in().set_customer_balance(customer, -system::TOTAL).unwrap();
    let (code, problem) = system::create(&saldo, &world, "acme", "with-balance").await;
    assert_eq!((code, problem["code"].as_str()), (409, Some("customer_balance_at_provider")), "{problem}");
    let (_, balance) = system::balance(&saldo, "acme").await;
    assert_eq!((&balance["available_credits"], &balance["open_top_up"]), (&json!(0), &Value::Null));
    let statuses: Vec<_> = saldo.stand_in().invoices().iter().map(|i| i["status"].clone()).collect();
    assert_eq!(statuses, ["void"], "the draft is deleted");
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "nothing opened").await;
    saldo.stand_in().set_customer_balance(customer, 0).unwrap();
    assert_eq!(
        system::create(&saldo, &world, "acme", "without-balance").await.0,
        201,
        "and the slot is free"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inherited_discount_lowered_the_invoice() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    assert_eq!(system::cancel(&saldo, &saldo.world(), "acme", &id).await.0, 200);
    let invoices = saldo.stand_in().invoices();
    let customer =
        invoices.iter().find(|i| i["id"] == invoice.as_str()).unwrap()["customer"].as_str().unwrap();
    saldo.stand_in().set_customer_discount(customer, 50).unwrap();
    let (code, top_up) = system::create(&saldo, &saldo.world(), "acme", "with-discount").await;
    assert_eq!((code, &top_up["total"]["minor_units"]), (201, &json!(system::TOTAL)));
    let invoice = system::invoice_of(&saldo, &system::id_of(&top_up)).unwrap();
    let invoices = saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|i| i["id"] == invoice.as_str()).unwrap();
    assert_eq!(invoice["amount_due"], system::TOTAL, "what you saw is what you pay");
}

#[tokio::test(flavor = "multi_thread")]
async fn marked_as_paid_by_hand_goes_to_review_and_is_not_credited() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    staff(&saldo, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
    for _ in 0..2 {
        let failures =
            system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", &invoice)]).await;
        assert!(failures.is_empty());
        assert_eq!(status(&saldo, "acme", &id).await, "in_review");
        assert_eq!(credits(&saldo, "acme").await, 0);
    }
    let items = books::items(&saldo).await;
    let row = items.iter().find(|item| books::text(item, "status") == "in_review").unwrap();
    assert_eq!(books::text(row, "review"), "no_payment", "the reason is kept");
    assert_eq!(system::create(&saldo, &saldo.world(), "acme", "another").await.0, 201, "the slot is free");
    books::prove_always(&saldo, "in review").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rupiah_shown_or_charged_a_hundred_times_too_high_or_too_low() {
    let (saldo, _) = start().await;
    let (status, top_up) = system::create(&saldo, &saldo.world(), "acme", "key").await;
    assert_eq!(status, 201);
    assert_eq!(
        top_up["total"],
        json!({"currency": "IDR", "minor_units": 27_750_000, "decimal": "277500.00"})
    );
    let invoices = saldo.stand_in().invoices();
    assert_eq!((&invoices[0]["currency"], &invoices[0]["total"]), (&json!("idr"), &json!(27_750_000)));
    let page = Client::new("").get(top_up["pay_url"].as_str().unwrap()).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("277.500") || page.contains("277,500"), "the payer sees Rp 277.500");
    for wrong in ["27.750.000", "27,750,000", "Rp 2.775", "Rp 2,775"] {
        assert!(!page.contains(wrong), "the payer does not see {wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_api_version_made_paid_events_malformed() {
    let (saldo, _) = start().await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let strange = json!({
        "id": "evt_of_2031", "object": "event", "type": "invoice.paid", "livemode": false, "created": 1_795_441_928,
        "api_version": "2031-01-01.unheard", "context": {"new": [1]},
        "data": {"object": {"id": invoice, "object": "invoice", "status": {"now": "an object"}, "total": "a text", "lines": 7}},
    });
    assert_eq!(system::webhook(&saldo, &saldo.world(), &strange).await.0, 200);
    let messages = system::drain(&saldo).await;
    assert_eq!(messages.len(), 1);
    assert!(system::work(&saldo, &saldo.world(), &messages).await.is_empty());
    assert_eq!(credits(&saldo, "acme").await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_answered_200_yet_lost() {
    let (saldo, clock) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = event(&saldo, "invoice.paid", &invoice);
    assert_eq!(system::webhook(&saldo, &saldo.world(), &paid).await.0, 200);
    assert_eq!(system::drain(&saldo).await.len(), 1, "and the message is lost");
    clock.advance(3600);
    system::cleanup(&saldo, &saldo.world()).await;
    assert_eq!(status(&saldo, "acme", &id).await, "paid");
    assert_eq!(credits(&saldo, "acme").await, 1000);
    books::prove_at_rest(&saldo, "found by comparing").await;
}

/// Nobody is locked out by a top-up that was paid without our hearing of it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_the_slot_finds_the_payment_too() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let (code, next) = system::create(&saldo, &saldo.world(), "acme", "next").await;
    assert_eq!(code, 201, "{next}");
    assert_eq!(status(&saldo, "acme", &id).await, "paid");
    assert_eq!(credits(&saldo, "acme").await, 1000);
    books::prove_at_rest(&saldo, "found by creating").await;
}

/// Staff copied an invoice, metadata and all, and the copy was paid: our own can still be paid, so it keeps its slot.
#[tokio::test(flavor = "multi_thread")]
async fn a_paid_copy_of_an_invoice_does_not_free_the_slot_of_the_one_that_is_open() {
    let (saldo, clock) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    let invoices = saldo.stand_in().invoices();
    let customer = invoices[0]["customer"].as_str().unwrap();
    let form = format!(
        "customer={customer}&currency=idr&collection_method=send_invoice&days_until_due=3&metadata[org_id]=acme\
         &metadata[top_up_id]={id}"
    );
    let copy = staff(&saldo, "/v1/invoices", &form).await["id"].as_str().unwrap().to_owned();
    staff(
        &saldo,
        &format!("/v1/invoices/{copy}/add_lines"),
        "lines[0][amount]=27750000&lines[0][description]=x",
    )
    .await;
    staff(&saldo, &format!("/v1/invoices/{copy}/finalize"), "").await;
    saldo.stand_in().pay(&copy, Method::VirtualAccount).unwrap();
    let reason = async || {
        let items = books::items(&saldo).await;
        let row = items.iter().find(|item| books::text(item, "sk") == format!("TOPUP#{id}")).unwrap();
        books::text(row, "review").to_owned()
    };
    for _ in 0..2 {
        assert!(
            system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", &copy)]).await.is_empty()
        );
        assert_eq!(status(&saldo, "acme", &id).await, "open");
        assert_eq!(reason().await, "wrong_invoice", "a person looks");
        assert_eq!(credits(&saldo, "acme").await, 0);
    }
    let (code, problem) = system::create(&saldo, &saldo.world(), "acme", "another").await;
    assert_eq!((code, problem["code"].as_str()), (409, Some("open_top_up_exists")));
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    assert!(
        system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", &invoice)]).await.is_empty()
    );
    assert_eq!(
        (credits(&saldo, "acme").await, reason().await.as_str()),
        (1000, "wrong_invoice"),
        "and still looks"
    );
    clock.advance(1);
    books::prove_always(&saldo, "a paid copy").await;
}

/// An answer that Stripe keeps under an idempotency key, 500s included, does not block a top-up for a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_500_that_stripe_replays_is_got_round_by_looking_first() {
    let (saldo, clock) = start().await;
    let count = Proxy::start(&saldo, None).await;
    let _ = count.run(system::create(&saldo, &count.world, "counted", "key")).await;
    for at in 1..=count.calls() {
        for kind in [Kind::KeptBefore, Kind::KeptAfter] {
            let org = format!("org-{at}-{kind:?}");
            let proxy = Proxy::start(&saldo, Some(Fault { at, kind })).await;
            let Run::Done((status, top_up)) =
                proxy.run(system::create(&saldo, &proxy.world, &org, "key")).await
            else {
                panic!("a 500 kills nobody")
            };
            assert_eq!((status, &top_up["status"]), (201, &json!("open")), "{org}: {top_up}");
            let invoice = system::invoice_of(&saldo, &system::id_of(&top_up)).unwrap();
            saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        }
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "500s replayed").await;
    let drafts = saldo.stand_in().invoices().iter().filter(|invoice| invoice["status"] == "draft").count();
    assert_eq!(drafts, 0, "and no spare draft is left");
}
