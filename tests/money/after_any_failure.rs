//! Every call of every function goes wrong in every way, in turn, and everything is run again: the books hold.
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use crate::support::books;
use crate::support::client::Client;
use crate::support::each_call::{Organisation, each_call_goes_wrong};
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

mod debits;

async fn start() -> (Arc<Saldo>, Clock) {
    start_with(&[]).await
}

/// With some parameters of the template.
async fn start_with(parameters: &[(&str, &str)]) -> (Arc<Saldo>, Clock) {
    let clock = Clock::system();
    (Arc::new(system::start_with(&clock, parameters).await), clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_repeated_with_its_key_is_one_top_up() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| org,
        |world, org| system::create(&org.saldo, world, &org.name, "key"),
        async |org| {
            let (status, top_up) = org.create("key").await;
            assert!([200, 201].contains(&status), "{}: {status} {top_up}", org.name);
            assert_eq!(top_up["status"], "open", "{}", org.name);
            assert!(top_up["pay_url"].is_string(), "{}", org.name);
            let (again, same) = org.create("key").await;
            assert_eq!((again, &same), (200, &top_up), "{}", org.name);
            let invoice = system::invoice_of(&org.saldo, &system::id_of(&top_up)).unwrap();
            org.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        },
    )
    .await;
    books::prove_always(&saldo, "before delivery").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_after_the_contact_changed_is_one_top_up_billed_to_the_new_one() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (id, _) = org.open().await;
            assert_eq!(org.cancel(&id).await.0, 200, "{}", org.name);
            let world = org.saldo.world();
            assert_eq!(system::change_settings(&org.saldo, &world, &org.name, 0, "PT Acme").await.0, 200);
            org
        },
        |world, org| system::create(&org.saldo, world, &org.name, "second"),
        async |org| {
            let (status, top_up) = org.create("second").await;
            assert!([200, 201].contains(&status), "{}: {status} {top_up}", org.name);
            assert_eq!(top_up["status"], "open", "{}", org.name);
            let id = system::invoice_of(&org.saldo, &system::id_of(&top_up)).unwrap();
            let invoices = org.saldo.stand_in().invoices();
            let invoice = invoices.iter().find(|invoice| invoice["id"] == id.as_str()).unwrap();
            assert_eq!(invoice["customer_name"], "PT Acme", "{}", org.name);
            org.saldo.stand_in().pay(&id, Method::VirtualAccount).unwrap();
        },
    )
    .await;
    books::prove_always(&saldo, "before delivery").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

/// Staff deleted the customer, so that another one is made on the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_for_a_customer_that_is_gone_is_one_top_up_of_a_new_one() {
    let (saldo, clock) = start().await;
    let staff = Client::new(saldo.stripe_url()).with_token("sk_test_staff");
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (id, invoice) = org.open().await;
            assert_eq!(org.cancel(&id).await.0, 200, "{}", org.name);
            let customer = customer_of(&org.saldo, &invoice);
            let path = format!("/v1/customers/{customer}");
            assert_eq!(staff.send("DELETE", &path, &[], "").await.status, 200, "{}", org.name);
            (org, customer)
        },
        |world, (org, _)| system::create(&org.saldo, world, &org.name, "second"),
        async |(org, gone)| {
            let (status, top_up) = org.create("second").await;
            assert!([200, 201].contains(&status), "{}: {status} {top_up}", org.name);
            assert_eq!(top_up["status"], "open", "{}", org.name);
            let invoice = system::invoice_of(&org.saldo, &system::id_of(&top_up)).unwrap();
            assert_ne!(customer_of(&org.saldo, &invoice), gone, "{}", org.name);
            org.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        },
    )
    .await;
    books::prove_always(&saldo, "before delivery").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

fn customer_of(saldo: &Saldo, invoice: &str) -> String {
    let invoices = saldo.stand_in().invoices();
    let invoice = invoices.iter().find(|each| each["id"] == invoice).unwrap();
    invoice["customer"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_nobody_repeats_is_adopted_or_failed_by_cleanup() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| org,
        |world, org| system::create(&org.saldo, world, &org.name, "key"),
        async |org| drop(org),
    )
    .await;
    books::prove_always(&saldo, "left alone").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after cleanup").await;
    let rows = books::items(&saldo).await.into_iter();
    for item in rows.filter(|item| books::text(item, "sk").starts_with("TOPUP#")) {
        assert_ne!(books::text(&item, "status"), "requested", "nothing stays half made");
    }
    clock.advance(80 * 3600);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after the lifetime").await;
    for invoice in saldo.stand_in().invoices() {
        assert_eq!(invoice["status"], "void", "nothing can be paid any more, and no draft is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_after_a_crash_finds_the_top_up_and_can_pay_or_cancel_it() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| org,
        |world, org| system::create(&org.saldo, world, &org.name, "one"),
        async |org| {
            let (status, answer) = org.create("two").await;
            let id = match status {
                201 => system::id_of(&answer),
                409 => {
                    assert_eq!(answer["code"], "open_top_up_exists", "{}", org.name);
                    assert!(answer["open_top_up"]["pay_url"].is_string(), "{}: {answer}", org.name);
                    system::id_of(&answer["open_top_up"])
                }
                _ => panic!("{}: {status} {answer}", org.name),
            };
            let (status, canceled) = org.cancel(&id).await;
            assert_eq!((status, canceled["status"].as_str()), (200, Some("canceled")), "{}", org.name);
            let (status, _) = org.create("three").await;
            assert_eq!(status, 201, "{}", org.name);
        },
    )
    .await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after cancel and another").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_is_repeated_is_one_cancel() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (id, _) = org.open().await;
            (org, id)
        },
        |world, (org, id)| system::cancel(&org.saldo, world, &org.name, id),
        async |(org, id)| {
            for _ in 0..2 {
                let (status, top_up) = org.cancel(&id).await;
                assert_eq!((status, top_up["status"].as_str()), (200, Some("canceled")), "{}", org.name);
            }
            assert_eq!(org.create("next").await.0, 201, "{}: the slot is free", org.name);
        },
    )
    .await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after canceling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_a_paid_top_up_credits_it() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (id, _) = org.paid().await;
            (org, id)
        },
        |world, (org, id)| system::cancel(&org.saldo, world, &org.name, id),
        async |(org, id)| {
            let (status, problem) = org.cancel(&id).await;
            assert_eq!((status, problem["code"].as_str()), (409, Some("already_paid")), "{}", org.name);
            assert_eq!(org.credits().await, 1000, "{}", org.name);
        },
    )
    .await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after canceling what is paid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_never_lost_between_stripe_and_the_queue() {
    let (saldo, clock) = start().await;
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (_, invoice) = org.paid().await;
            (org, invoice)
        },
        |world, (org, invoice)| {
            let delivered = system::webhook(&org.saldo, world, &event(&org.saldo, invoice));
            let (invoice, acknowledged) = (invoice.clone(), Arc::clone(&acknowledged));
            async move {
                let (status, _) = delivered.await;
                assert!(status == 200 || status >= 500, "Stripe is told the truth, not {status}");
                if status == 200 {
                    acknowledged.lock().unwrap().push(invoice);
                }
            }
        },
        async |prepared| drop(prepared),
    )
    .await;
    let enqueued = system::drain(&saldo).await;
    for invoice in acknowledged.lock().unwrap().iter() {
        let there = enqueued.iter().any(|message| message["invoice"] == invoice.as_str());
        assert!(there, "200 was answered for {invoice}, so the queue has it");
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_credits_once() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (_, invoice) = org.paid().await;
            (org, system::message("invoice.paid", &invoice))
        },
        |world, (org, message)| system::work(&org.saldo, world, &[message.clone(), message.clone()]),
        async |(org, message)| {
            for _ in 0..2 {
                let failed =
                    system::work(&org.saldo, &org.saldo.world(), std::slice::from_ref(&message)).await;
                assert!(failed.is_empty(), "{}", org.name);
            }
            assert_eq!(org.credits().await, 1000, "{}", org.name);
        },
    )
    .await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after the worker").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_is_noted_however_often_it_is_told() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            let (id, invoice) = org.open().await;
            let declined = Method::DeclinedCard { code: "insufficient_funds".to_owned() };
            org.saldo.stand_in().pay(&invoice, declined).unwrap();
            (org, id, system::message("invoice.payment_failed", &invoice))
        },
        |world, (org, _, message)| system::work(&org.saldo, world, std::slice::from_ref(message)),
        async |(org, id, message)| {
            for _ in 0..2 {
                let failed =
                    system::work(&org.saldo, &org.saldo.world(), std::slice::from_ref(&message)).await;
                assert!(failed.is_empty(), "{}", org.name);
            }
            let (_, top_up) = system::top_up(&org.saldo, &org.name, &id).await;
            assert_eq!(top_up["payment_failure"]["code"], "insufficient_funds", "{}", org.name);
            assert_eq!(top_up["status"], "open", "{}", org.name);
        },
    )
    .await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after the decline").await;
}

/// What cleanup finds.
#[derive(Clone, Copy, Debug)]
enum Left {
    Open,
    PaidUnheard,
    Expired,
    HalfMade(usize),
}

/// Cleanup looks at everything that is due, so its faults are tried one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn cleanup_that_is_cut_off_is_finished_by_the_next_one() {
    for left in [Left::Open, Left::PaidUnheard, Left::Expired, Left::HalfMade(5), Left::HalfMade(9)] {
        let (saldo, clock) = start().await;
        let calls = cleanup_once(&saldo, &clock, left, "org-0", None).await;
        for at in 1..=calls {
            for kind in Kind::ALL {
                let org = format!("org-{at}-{kind:?}");
                cleanup_once(&saldo, &clock, left, &org, Some(Fault { at, kind })).await;
            }
        }
        books::prove_at_rest(&saldo, &format!("{left:?}")).await;
    }
}

async fn cleanup_once(
    saldo: &Arc<Saldo>,
    clock: &Clock,
    left: Left,
    name: &str,
    fault: Option<Fault>,
) -> usize {
    let org = Organisation { saldo: Arc::clone(saldo), name: name.to_owned() };
    let id = match left {
        Left::Open | Left::Expired => Some(org.open().await.0),
        Left::PaidUnheard => Some(org.paid().await.0),
        Left::HalfMade(at) => {
            let proxy = Proxy::start(saldo, Some(Fault { at, kind: Kind::CrashAfter })).await;
            let run = proxy.run(system::create(saldo, &proxy.world, name, "first")).await;
            assert!(matches!(run, Run::Crashed), "a creation has more than {at} calls");
            None
        }
    };
    clock.advance(if matches!(left, Left::Expired) { 73 * 3600 } else { 3600 });
    let proxy = Proxy::start(saldo, fault).await;
    let _ = proxy.run(system::cleanup(saldo, &proxy.world)).await;
    books::prove_always(saldo, &format!("{left:?} {fault:?}")).await;
    for _ in 0..2 {
        let summary = system::cleanup(saldo, &saldo.world()).await;
        assert_eq!(summary["failed"], 0, "{left:?} {fault:?}: {summary}");
    }
    if let Some(id) = id {
        let (_, top_up) = system::top_up(saldo, name, &id).await;
        let expected = match left {
            Left::PaidUnheard => "paid",
            Left::Expired => "expired",
            Left::Open | Left::HalfMade(_) => "open",
        };
        assert_eq!(top_up["status"], expected, "{left:?} {fault:?}");
    }
    books::prove_always(saldo, &format!("{left:?} {fault:?}, finished")).await;
    // What is still open would be due again beside the next fault's.
    clock.advance(80 * 3600);
    system::cleanup(saldo, &saldo.world()).await;
    proxy.calls()
}

/// Rows that nobody can read are told of in every run, and hold nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn cleanup_passes_by_what_it_cannot_deal_with() {
    let (saldo, clock) = start().await;
    let org = Organisation { saldo: Arc::clone(&saldo), name: "acme".to_owned() };
    let (id, _) = org.open().await;
    let (client, table) = (books::dynamodb(&saldo), books::table(&saldo));
    let text = |text: String| AttributeValue::S(text);
    for number in 0..30 {
        let put = client
            .put_item()
            .table_name(&table)
            .item("pk", text(format!("ORG#broken-{number}")))
            .item("sk", text("TOPUP#top_01a208d846c676229a08bf3f3cf70805".to_owned()))
            .item("due_pk", text(format!("DUE#TOPUP#{}", number % 8)))
            .item("due_at", text(format!("{number:015}")));
        put.send().await.unwrap();
    }
    clock.advance(73 * 3600);
    let summary = system::cleanup(&saldo, &saldo.world()).await;
    assert_eq!((&summary["failed"], &summary["finished"]), (&json!(30), &json!(1)), "{summary}");
    assert_eq!(system::top_up(&saldo, "acme", &id).await.1["status"], "expired");
}

/// The event that tells of this invoice's payment.
fn event(saldo: &Saldo, invoice: &str) -> Value {
    let events = saldo.stand_in().events();
    let paid = |event: &&Value| event["type"] == "invoice.paid" && event["data"]["object"]["id"] == invoice;
    events.iter().find(paid).cloned().unwrap()
}
