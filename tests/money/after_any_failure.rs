//! Every call of every function goes wrong in every way, in turn, and everything is run again: the books hold.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_adapters::world::World;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

/// How many faults are tried at the same time, each with an organisation of its own.
const AT_ONCE: usize = 8;

/// Lets every call of `act` go wrong in every way: `prepare` comes before and `after` comes after, without faults.
///
/// How many calls there are is counted first, in a run in which nothing goes wrong.
macro_rules! each_call_goes_wrong {
    ($saldo:expr, |$stage:ident| prepare $prepare:expr, act |$world:ident, $prepared:ident| $act:expr, after |$then:ident| $after:expr) => {{
        let saldo: Arc<Saldo> = $saldo;
        let one = async |saldo: Arc<Saldo>, org: String, fault: Option<Fault>| {
            let $stage = Stage { saldo: Arc::clone(&saldo), org };
            let $prepared = $prepare;
            let proxy = Proxy::start(&saldo, fault, Duration::ZERO).await;
            let $world: &World = &proxy.world;
            let run = proxy.run($act).await;
            if let (None, Run::Crashed) = (fault, &run) {
                panic!("nothing kills a function but a fault");
            }
            let calls = proxy.calls();
            let $then = $prepared.clone();
            $after;
            calls
        };
        let calls = one(Arc::clone(&saldo), "org-0".to_owned(), None).await;
        assert!(calls > 0, "there is something to go wrong");
        let mut faults: Vec<Fault> = Vec::new();
        for at in 1..=calls {
            faults.extend(Kind::ALL.map(|kind| Fault { at, kind }));
        }
        let mut running = JoinSet::new();
        for fault in faults {
            if running.len() >= AT_ONCE {
                running.join_next().await.unwrap().unwrap();
            }
            let org = format!("org-{}-{:?}", fault.at, fault.kind);
            running.spawn(one(Arc::clone(&saldo), org, Some(fault)));
        }
        while let Some(ended) = running.join_next().await {
            ended.unwrap();
        }
        calls
    }};
}

mod debits;

/// One organisation of one fault.
#[derive(Clone)]
struct Stage {
    saldo: Arc<Saldo>,
    org: String,
}

impl Stage {
    async fn create(&self, key: &str) -> (u16, Value) {
        system::create(&self.saldo, &self.saldo.world(), &self.org, key).await
    }

    async fn cancel(&self, id: &str) -> (u16, Value) {
        system::cancel(&self.saldo, &self.saldo.world(), &self.org, id).await
    }

    async fn open(&self) -> (String, String) {
        system::open_top_up(&self.saldo, &self.org).await
    }

    async fn paid(&self) -> (String, String) {
        let (id, invoice) = self.open().await;
        self.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        (id, invoice)
    }

    async fn with_credits(&self) {
        system::with_credits(&self.saldo, &self.org).await;
    }

    async fn credits(&self) -> i64 {
        let (status, balance) = system::balance(&self.saldo, &self.org).await;
        assert_eq!(status, 200, "{balance}");
        balance["available_credits"].as_i64().unwrap()
    }
}

async fn stage() -> (Arc<Saldo>, Clock) {
    stage_with(&[]).await
}

/// With some parameters of the template.
async fn stage_with(parameters: &[(&str, &str)]) -> (Arc<Saldo>, Clock) {
    let clock = Clock::system();
    (Arc::new(system::start_with(&clock, parameters).await), clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_repeated_with_its_key_is_one_top_up() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare stage.clone(),
        act |world, stage| system::create(&stage.saldo, world, &stage.org, "key"),
        after |stage| {
            let (status, top_up) = stage.create("key").await;
            assert!([200, 201].contains(&status), "{}: {status} {top_up}", stage.org);
            assert_eq!(top_up["status"], "open", "{}", stage.org);
            assert!(top_up["pay_url"].is_string(), "{}", stage.org);
            let (again, same) = stage.create("key").await;
            assert_eq!((again, &same), (200, &top_up), "{}", stage.org);
            let invoice = system::invoice_of(&stage.saldo, &system::id_of(&top_up)).unwrap();
            stage.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        }
    );
    books::prove_always(&saldo, "before delivery").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_nobody_repeats_is_adopted_or_failed_by_cleanup() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare stage.clone(),
        act |world, stage| system::create(&stage.saldo, world, &stage.org, "key"),
        after |stage| drop(stage)
    );
    books::prove_always(&saldo, "left alone").await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after cleanup").await;
    for item in books::items(&saldo).await {
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
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare stage.clone(),
        act |world, stage| system::create(&stage.saldo, world, &stage.org, "one"),
        after |stage| {
            let (status, answer) = stage.create("two").await;
            let id = match status {
                201 => system::id_of(&answer),
                409 => {
                    assert_eq!(answer["code"], "open_top_up_exists", "{}", stage.org);
                    assert!(answer["open_top_up"]["pay_url"].is_string(), "{}: {answer}", stage.org);
                    system::id_of(&answer["open_top_up"])
                }
                _ => panic!("{}: {status} {answer}", stage.org),
            };
            let (status, canceled) = stage.cancel(&id).await;
            assert_eq!((status, canceled["status"].as_str()), (200, Some("canceled")), "{}", stage.org);
            let (status, _) = stage.create("three").await;
            assert_eq!(status, 201, "{}", stage.org);
        }
    );
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after cancel and another").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_is_repeated_is_one_cancel() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare { let (id, _) = stage.open().await; (stage.clone(), id) },
        act |world, prepared| system::cancel(&prepared.0.saldo, world, &prepared.0.org, &prepared.1),
        after |prepared| {
            let (stage, id) = prepared;
            for _ in 0..2 {
                let (status, top_up) = stage.cancel(&id).await;
                assert_eq!((status, top_up["status"].as_str()), (200, Some("canceled")), "{}", stage.org);
            }
            assert_eq!(stage.create("next").await.0, 201, "{}: the slot is free", stage.org);
        }
    );
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after canceling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_a_paid_top_up_credits_it() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare { let (id, _) = stage.paid().await; (stage.clone(), id) },
        act |world, prepared| system::cancel(&prepared.0.saldo, world, &prepared.0.org, &prepared.1),
        after |prepared| {
            let (stage, id) = prepared;
            let (status, problem) = stage.cancel(&id).await;
            assert_eq!((status, problem["code"].as_str()), (409, Some("already_paid")), "{}", stage.org);
            assert_eq!(stage.credits().await, 1000, "{}", stage.org);
        }
    );
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after canceling what is paid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_never_lost_between_stripe_and_the_queue() {
    let (saldo, clock) = stage().await;
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare { let (_, invoice) = stage.paid().await; (stage.clone(), invoice) },
        act |world, prepared| {
            let (stage, invoice) = prepared.clone();
            let delivered = system::webhook(&stage.saldo, world, &event(&stage.saldo, &invoice));
            async move {
                let (status, _) = delivered.await;
                assert!(status == 200 || status >= 500, "Stripe is told the truth, not {status}");
                if status == 200 {
                    TOLD.lock().unwrap().push(invoice);
                }
            }
        },
        after |prepared| drop(prepared)
    );
    let enqueued = system::drain(&saldo).await;
    for invoice in TOLD.lock().unwrap().iter() {
        let there = enqueued.iter().any(|message| message["invoice"] == invoice.as_str());
        assert!(there, "200 was answered for {invoice}, so the queue has it");
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after delivery").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_credits_once() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare { let (_, invoice) = stage.paid().await; (stage.clone(), system::message("invoice.paid", &invoice)) },
        act |world, prepared| system::work(&prepared.0.saldo, world, &[prepared.1.clone(), prepared.1.clone()]),
        after |prepared| {
            let (stage, message) = prepared;
            for _ in 0..2 {
                let failed = system::work(&stage.saldo, &stage.saldo.world(), std::slice::from_ref(&message)).await;
                assert!(failed.is_empty(), "{}", stage.org);
            }
            assert_eq!(stage.credits().await, 1000, "{}", stage.org);
        }
    );
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after the worker").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_is_noted_however_often_it_is_told() {
    let (saldo, clock) = stage().await;
    each_call_goes_wrong!(Arc::clone(&saldo), |stage|
        prepare {
            let (id, invoice) = stage.open().await;
            let declined = Method::DeclinedCard { code: "insufficient_funds".to_owned() };
            stage.saldo.stand_in().pay(&invoice, declined).unwrap();
            (stage.clone(), id, system::message("invoice.payment_failed", &invoice))
        },
        act |world, prepared| system::work(&prepared.0.saldo, world, std::slice::from_ref(&prepared.2)),
        after |prepared| {
            let (stage, id, message) = prepared;
            for _ in 0..2 {
                let failed = system::work(&stage.saldo, &stage.saldo.world(), std::slice::from_ref(&message)).await;
                assert!(failed.is_empty(), "{}", stage.org);
            }
            let (_, top_up) = system::top_up(&stage.saldo, &stage.org, &id).await;
            assert_eq!(top_up["payment_failure"]["code"], "insufficient_funds", "{}", stage.org);
            assert_eq!(top_up["status"], "open", "{}", stage.org);
        }
    );
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
    for left in [Left::Open, Left::PaidUnheard, Left::Expired, Left::HalfMade(5), Left::HalfMade(8)] {
        let (saldo, clock) = stage().await;
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
    org: &str,
    fault: Option<Fault>,
) -> usize {
    let stage = Stage { saldo: Arc::clone(saldo), org: org.to_owned() };
    let id = match left {
        Left::Open | Left::Expired => Some(stage.open().await.0),
        Left::PaidUnheard => Some(stage.paid().await.0),
        Left::HalfMade(at) => {
            let proxy = Proxy::start(saldo, Some(Fault { at, kind: Kind::CrashAfter }), Duration::ZERO).await;
            let run = proxy.run(system::create(saldo, &proxy.world, org, "first")).await;
            assert!(matches!(run, Run::Crashed), "a creation has more than {at} calls");
            None
        }
    };
    clock.advance(if matches!(left, Left::Expired) { 73 * 3600 } else { 3600 });
    let proxy = Proxy::start(saldo, fault, Duration::ZERO).await;
    let _ = proxy.run(system::cleanup(saldo, &proxy.world)).await;
    books::prove_always(saldo, &format!("{left:?} {fault:?}")).await;
    for _ in 0..2 {
        let summary = system::cleanup(saldo, &saldo.world()).await;
        assert_eq!(summary["failed"], 0, "{left:?} {fault:?}: {summary}");
    }
    if let Some(id) = id {
        let (_, top_up) = system::top_up(saldo, org, &id).await;
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
    let (saldo, clock) = stage().await;
    let stage = Stage { saldo: Arc::clone(&saldo), org: "acme".to_owned() };
    let (id, _) = stage.open().await;
    let (client, table) = (books::dynamodb(&saldo), books::table(&saldo));
    let text = |text: String| AttributeValue::S(text);
    for number in 0..30 {
        let put = client
            .put_item()
            .table_name(&table)
            .item("pk", text(format!("ORG#broken-{number}")))
            .item("sk", text("TOPUP#top_01a208d846c676229a08bf3f3cf70805".to_owned()))
            .item("due_pk", text("DUE".to_owned()))
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
