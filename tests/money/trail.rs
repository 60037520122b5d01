//! The trail of a top-up: no step that matters is lost, none is invented, and the customer reads their part of it.
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::dynamo::{Store, Trail};
use saldo_adapters::http::whole_trail_json;
use saldo_domain::{Actor, Answer, Author, Cause, Occasion, OrgId, Subject, Timestamp, TopUpId, What};
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use saldo_top_ups::Rows;
use serde_json::{Value, json};

use super::known_mistakes::staff;
use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

async fn start() -> (Arc<Saldo>, Clock) {
    let clock = Clock::system();
    (Arc::new(system::start(&clock).await), clock)
}

fn store(saldo: &Saldo) -> Store {
    saldo.world().store(&saldo.env_of("history")).unwrap()
}

async fn trail(saldo: &Saldo, org: &str, id: &str) -> Trail {
    store(saldo).trail(&OrgId::parse(org).unwrap(), &TopUpId::parse(id).unwrap()).await.unwrap()
}

fn words(trail: &Trail) -> Vec<&'static str> {
    trail.occasions.iter().map(|one| one.what.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_occasion_is_kept_with_who_why_and_each_request_to_stripe() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = system::message("invoice.paid", &invoice);
    for _ in 0..3 {
        assert!(system::work(&saldo, &saldo.world(), std::slice::from_ref(&paid)).await.is_empty());
    }
    let trail = trail(&saldo, "acme", &id).await;
    // The first repeat has learnt how it was paid, so that the second one met another revision of the row.
    assert_eq!(words(&trail), ["ordered", "draft_made", "opened", "credited", "nothing_new", "nothing_new"]);
    let [ordered, draft, opened, credited, again, _] = &trail.occasions[..] else { panic!() };
    assert!(matches!(ordered.author.actor, Actor::Machine(_)), "{ordered:?}");
    assert_eq!(draft.detail.as_deref(), Some(invoice.as_str()));
    let calls = |one: &Occasion| one.asked.iter().map(|asked| asked.call.clone()).collect::<Vec<_>>();
    assert_eq!(calls(draft), ["POST /customers", "POST /invoices"]);
    assert_eq!(calls(opened), ["POST /invoices/{id}/add_lines", "POST /invoices/{id}/finalize"]);
    for one in [draft, opened, credited, again] {
        for asked in &one.asked {
            assert_eq!(asked.answer, Answer::Done, "{one:?}");
            assert!(asked.id.as_ref().is_some_and(|id| id.starts_with("req_")), "{one:?}");
        }
    }
    assert_eq!(credited.author, Author { actor: Actor::System, cause: Cause::Event("evt_test".to_owned()) });
    assert_eq!((credited.event.as_deref(), credited.detail.as_deref()), (Some("invoice.paid"), Some("1000")));
    assert_eq!(again.what, What::NothingNew, "the same event again takes one place, however often it comes");
    let row = store(&saldo).top_up(&OrgId::parse("acme").unwrap(), &TopUpId::parse(&id).unwrap()).await;
    let told = whole_trail_json(&row.unwrap().unwrap(), &trail);
    assert_eq!(told["steps"][3]["requests"][0]["call"], "GET /invoices/{id}", "{told}");
    books::prove_at_rest(&saldo, "with its trail").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_reads_what_became_of_their_money_and_nobody_elses() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    let declined = Method::DeclinedCard { code: "insufficient_funds".to_owned() };
    saldo.stand_in().pay(&invoice, declined).unwrap();
    let refused = system::message("invoice.payment_failed", &invoice);
    assert!(system::work(&saldo, &saldo.world(), &[refused]).await.is_empty());
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let paid = system::message("invoice.paid", &invoice);
    assert!(system::work(&saldo, &saldo.world(), &[paid.clone(), paid]).await.is_empty());
    let (status, told) = system::trail(&saldo, "acme", &id).await;
    assert_eq!(status, 200, "{told}");
    let steps = told["steps"].as_array().unwrap();
    let words: Vec<_> = steps.iter().map(|step| step["what"].as_str().unwrap()).collect();
    assert_eq!(words, ["ordered", "opened", "payment_refused", "credited"]);
    assert_eq!((&steps[3]["credits"], &told["begins_later"]), (&json!(1000), &json!(false)));
    for step in steps {
        assert!(step["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{step}");
        assert_eq!(step.as_object().unwrap().len(), 4, "nothing of how we work: {step}");
    }
    for kept_back in ["req_", "evt_", "cus_", "in_", "system", "/invoices"] {
        assert!(!told.to_string().contains(kept_back), "{kept_back}: {told}");
    }
    assert_eq!(system::trail(&saldo, "rival", &id).await.0, 404);
    assert_eq!(system::trail(&saldo, "acme", "top_0193587c66f17b3a9c1d2f4b6a8d0e11").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_at_the_same_time_leave_one_step_of_what_was_done_once() {
    let (saldo, clock) = start().await;
    let proxy = Proxy::start_with_jitter(&saldo, Duration::from_millis(8), 11).await;
    for run in 0..8 {
        let org = format!("org-{run}");
        let (id, invoice) = system::open_top_up(&saldo, &org).await;
        saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        let message = |event: &str| {
            let mut message = system::message("invoice.paid", &invoice);
            message["event"] = event.into();
            [message]
        };
        let (one, other) = (message("evt_1"), message("evt_2"));
        let (one, other) =
            (system::work(&saldo, &proxy.world, &one), system::work(&saldo, &proxy.world, &other));
        let (one, other) = tokio::join!(tokio::spawn(one), tokio::spawn(other));
        assert!(one.unwrap().is_empty() && other.unwrap().is_empty(), "{org}");
        let trail = trail(&saldo, &org, &id).await;
        assert_eq!(words(&trail), ["ordered", "draft_made", "opened", "credited", "nothing_new"], "{org}");
        let events: Vec<_> = trail.occasions[3..].iter().map(|one| one.author.cause.to_string()).collect();
        assert_ne!(events[0], events[1], "each event that was delivered has its step: {events:?}");
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "two workers and their trail").await;
}

/// Stripe voids, the function dies, and the event that tells of it does not know who asked.
#[tokio::test(flavor = "multi_thread")]
async fn who_canceled_is_known_also_when_only_an_event_tells_that_it_is_canceled() {
    let (saldo, clock) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    let voided = |invoices: &[Value]| invoices.iter().any(|invoice| invoice["status"] == "void");
    let mut at = 1;
    while !voided(&saldo.stand_in().invoices()) {
        let proxy = Proxy::start(&saldo, Some(Fault { at, kind: Kind::CrashAfter })).await;
        let run = proxy.run(system::cancel(&saldo, &proxy.world, "acme", &id)).await;
        assert!(matches!(run, Run::Crashed));
        at += 1;
    }
    assert_eq!(system::top_up(&saldo, "acme", &id).await.1["status"], "open", "it died before it wrote that");
    let message = system::message("invoice.voided", &invoice);
    assert!(system::work(&saldo, &saldo.world(), &[message]).await.is_empty());
    let trail = trail(&saldo, "acme", &id).await;
    let asked = trail.occasions.iter().find(|one| one.what == What::CancelAsked).expect("who asked is kept");
    assert!(matches!(asked.author.actor, Actor::Machine(_)), "{asked:?}");
    let canceled = trail.occasions.iter().find(|one| one.what == What::Canceled).unwrap();
    assert_eq!(canceled.author.actor, Actor::System);
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "canceled by a crash").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_stripe_refuses_says_so() {
    let (saldo, _) = start().await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().start_bank_transfer(&invoice).unwrap();
    assert_eq!(system::cancel(&saldo, &saldo.world(), "acme", &id).await.0, 409);
    let trail = trail(&saldo, "acme", &id).await;
    assert_eq!(words(&trail)[3..], ["cancel_asked", "cancel_refused"]);
    assert_eq!(trail.occasions[4].asked[0].answer, Answer::Refused, "{trail:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_find_nothing_new_are_counted_and_take_no_place() {
    let (saldo, clock) = start().await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let before = words(&trail(&saldo, "acme", &id).await);
    for _ in 0..3 {
        clock.advance(7 * 3600);
        assert_eq!(system::cleanup(&saldo, &saldo.world()).await["checked"], 1);
    }
    let trail = trail(&saldo, "acme", &id).await;
    assert_eq!(words(&trail), before);
    let row = store(&saldo).top_up(&OrgId::parse("acme").unwrap(), &TopUpId::parse(&id).unwrap()).await;
    let told = whole_trail_json(&row.unwrap().unwrap(), &trail);
    assert_eq!(told["found_unchanged"]["times"], 3, "{told}");
    assert!(told["found_unchanged"]["last_request"].as_str().unwrap().starts_with("req_"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_events_are_read_in_part_and_forgotten_some_day() {
    let (saldo, clock) = start().await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let org = OrgId::parse("acme").unwrap();
    let store = store(&saldo);
    let row = store.top_up(&org, &TopUpId::parse(&id).unwrap()).await.unwrap().unwrap();
    let events = 0..1_000;
    for event in events.clone() {
        let author = Author { actor: Actor::System, cause: Cause::Event(format!("evt_{event}")) };
        let occasion = Occasion::of(What::NothingNew, &row, &author, clock.now());
        store.note(&row, &occasion).await.unwrap();
        store.note(&row, &occasion).await.unwrap();
    }
    let items = books::items(&saldo).await;
    let in_trail = |item: &&books::Item| books::text(item, "pk").starts_with("TRAIL#");
    assert_eq!(items.iter().filter(in_trail).count(), 3 + events.len(), "a repeat takes no place");
    let read = trail(&saldo, "acme", &id).await;
    assert_eq!((read.occasions.len(), read.begins_later), (200, true));
    books::prove_always(&saldo, "what is no change has an end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occasion_is_one_write_unit_also_when_everything_in_it_is_long() {
    let (saldo, clock) = start().await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let org = OrgId::parse("acme").unwrap();
    let store = store(&saldo);
    let row = store.top_up(&org, &TopUpId::parse(&id).unwrap()).await.unwrap().unwrap();
    let actor = Actor::Person(Subject::parse(&"s".repeat(64)).unwrap());
    let asked = (0..20).map(|_| saldo_domain::Asked {
        call: "POST /invoices/{id}/add_lines".to_owned(),
        answer: Answer::NotFound,
        id: Some("req_0123456789abcd".to_owned()),
    });
    let author = Author { actor, cause: Cause::Cancellation };
    let occasion = Occasion::of(What::NotDone, &row, &author, clock.now()).with_asked(asked.collect());
    store.note(&row, &occasion).await.unwrap();
    let read = trail(&saldo, "acme", &id).await;
    let kept = read.occasions.iter().find(|one| one.what == What::NotDone).unwrap();
    assert_eq!(kept, &occasion, "it is read as it was written");
    let items = books::items(&saldo).await;
    let item = items.iter().find(|item| books::text(item, "what") == "not_done").unwrap();
    let text: usize = item.iter().map(|(name, value)| name.len() + format!("{value:?}").len()).sum();
    assert!(text < 1_500, "its notation, which is longer than what is billed, has {text} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_review_says_by_when_and_leaves_the_slot_free() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start_with(&clock, &[("ReviewWorkingDays", "3")]).await);
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    staff(&saldo, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
    let paid = system::message("invoice.paid", &invoice);
    assert!(system::work(&saldo, &saldo.world(), &[paid]).await.is_empty());
    let (_, top_up) = system::top_up(&saldo, "acme", &id).await;
    assert_eq!((&top_up["status"], &top_up["review"]["code"]), (&json!("in_review"), &json!("no_payment")));
    let moment = |name: &str| Timestamp::parse(top_up["review"][name].as_str().unwrap()).unwrap();
    assert_eq!(moment("since").plus_working_days(3), moment("by"));
    assert_eq!(system::create(&saldo, &saldo.world(), "acme", "another").await.0, 201, "who waits may buy");
    let (_, told) = system::trail(&saldo, "acme", &id).await;
    assert_eq!(told["steps"][2]["what"], "in_review", "{told}");
    books::prove_always(&saldo, "in review").await;
}
