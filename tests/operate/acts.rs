//! What the staff do is done once, is kept with who and why, and leaves the books right.
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use super::staff::{Deed, Staff, at_stripe, does};
use crate::support::{books, system};

async fn act(saldo: &Saldo, by: &str, path: &str, key: &str, body: Value) -> (u16, Value) {
    does(saldo, &saldo.world(), &Deed { by, path, key, body }).await
}

fn because(org: &str) -> Value {
    json!({"org": org, "reason": "the payer sent a transfer"})
}

/// A top-up whose invoice was marked as paid by hand, in review.
pub(super) async fn in_review(saldo: &Saldo, org: &str) -> (String, String) {
    let (id, invoice) = system::open_top_up(saldo, org).await;
    at_stripe(saldo, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true").await;
    hear(saldo, &invoice).await;
    assert_eq!(system::top_up(saldo, org, &id).await.1["status"], "in_review");
    (id, invoice)
}

async fn hear(saldo: &Saldo, invoice: &str) {
    let told = [system::message("invoice.paid", invoice)];
    assert!(system::work(saldo, &saldo.world(), &told).await.is_empty());
}

async fn credits(saldo: &Saldo, org: &str) -> Value {
    system::balance(saldo, org).await.1["available_credits"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_is_released_as_paid_is_credited_once_and_kept_with_who_and_why() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    let (id, invoice) = in_review(&saldo, "acme").await;
    let path = format!("top-ups/{id}/release");
    let body = json!({"org": "acme", "as": "paid", "reason": "the payer sent a transfer"});
    let (status, done) = act(&saldo, "ana", &path, "one", body.clone()).await;
    assert_eq!((status, &done["action"]), (201, &json!("release_as_paid")), "{done}");
    assert_eq!((&done["by"], &done["about"]), (&json!("operator:ana"), &json!(id)));
    assert_eq!((&done["before"]["status"], &done["after"]["status"]), (&json!("in_review"), &json!("paid")));
    assert_eq!((&done["before"]["review"], &done["after"]["review"]), (&json!("no_payment"), &Value::Null));
    assert_eq!(act(&saldo, "ana", &path, "one", body.clone()).await, (200, done.clone()), "the same again");
    let other = json!({"org": "acme", "as": "nothing", "reason": "the payer sent a transfer"});
    let (status, problem) = act(&saldo, "ana", &path, "one", other).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    let (status, problem) = act(&saldo, "ana", &path, "two", body).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_releasable")));
    hear(&saldo, &invoice).await;
    assert_eq!(credits(&saldo, "acme").await, 1000);
    let row = staff.see(&format!("top-ups/{id}?org=acme")).await["row"].clone();
    assert_eq!(row["review"], Value::Null, "the same doubt is not told again");
    assert_eq!(row["changed_for"], format!("operation:{}", done["id"].as_str().unwrap()));
    let kept = staff.see("organisations/acme").await["operations"].clone();
    assert_eq!(kept, json!([done]));
    books::prove_always(&saldo, "released as paid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_is_released_as_nothing_is_canceled_and_stays_so() {
    let saldo = system::start(&Clock::system()).await;
    let (id, invoice) = in_review(&saldo, "acme").await;
    let body = json!({"org": "acme", "as": "nothing", "reason": "no money came"});
    let (status, done) = act(&saldo, "ana", &format!("top-ups/{id}/release"), "one", body).await;
    assert_eq!((status, &done["after"]["status"]), (201, &json!("canceled")), "{done}");
    hear(&saldo, &invoice).await;
    assert_eq!(system::top_up(&saldo, "acme", &id).await.1["status"], "canceled");
    assert_eq!(credits(&saldo, "acme").await, 0);
    assert_eq!(Staff::of(&saldo, "ana").await.see("reviews").await["reviews"], json!([]));
    books::prove_always(&saldo, "released as nothing").await;
}

/// Reconciling asks Stripe anew, and would find the same doubt again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_released_is_no_difference_when_the_books_are_compared() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    for (org, released) in [("acme", "paid"), ("globex", "nothing")] {
        let (id, _) = in_review(&saldo, org).await;
        clock.advance(3600);
        let report = system::reconcile(&saldo, &saldo.world(), true).await;
        assert_eq!(report["verdict"], "needs_a_person", "{released}, before: {report}");
        let body = json!({"org": org, "as": released, "reason": "the payer was asked"});
        assert_eq!(act(&saldo, "ana", &format!("top-ups/{id}/release"), released, body).await.0, 201);
        clock.advance(86_400);
        let report = system::reconcile(&saldo, &saldo.world(), true).await;
        assert_eq!(report["verdict"], "clean", "{released}, after: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_credits_what_nobody_told_and_voiding_ends_what_can_be_ended() {
    let saldo = system::start(&Clock::system()).await;
    let (paid, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let settle = format!("top-ups/{paid}/settle");
    let (status, done) = act(&saldo, "ana", &settle, "one", because("acme")).await;
    assert_eq!((status, &done["before"]["status"]), (201, &json!("open")), "{done}");
    assert_eq!((&done["after"]["status"], &done["after"]["granted"]), (&json!("paid"), &json!("1000")));
    let (status, again) = act(&saldo, "ana", &settle, "two", because("acme")).await;
    assert_eq!((status, &again["before"]), (201, &again["after"]), "nothing was to be changed: {again}");

    let (open, invoice) = system::open_top_up(&saldo, "globex").await;
    saldo.stand_in().start_bank_transfer(&invoice).unwrap();
    let void = format!("top-ups/{open}/void");
    let (status, problem) = act(&saldo, "ana", &void, "one-more", because("globex")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("payment_in_progress")));
    saldo.stand_in().finish_bank_transfer(&invoice, false).unwrap();
    let (status, done) = act(&saldo, "ana", &void, "one-more", because("globex")).await;
    assert_eq!((status, &done["after"]["status"]), (201, &json!("canceled")), "{done}");
    assert_eq!(act(&saldo, "ana", &void, "one-more", because("globex")).await, (200, done));
    let (status, problem) = act(&saldo, "ana", &void, "else", because("acme")).await;
    assert_eq!((status, &problem["code"]), (404, &json!("top_up_not_found")), "it is another's");
    books::prove_always(&saldo, "settled and voided").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_adjustment_needs_a_second_person_and_none_makes_debt() {
    let saldo = system::start_with(&Clock::system(), &[("AdjustmentLimit", "100")]).await;
    system::with_credits(&saldo, "acme").await;
    let adjust = |credits: i64| json!({"org": "acme", "credits": credits, "reason": "a test was charged"});
    let (status, done) = act(&saldo, "ana", "adjustments", "one", adjust(100)).await;
    assert_eq!((status, &done["after"]["state"]), (201, &json!("posted")), "{done}");
    assert_eq!(act(&saldo, "ana", "adjustments", "one", adjust(100)).await, (200, done));
    assert_eq!(act(&saldo, "ana", "adjustments", "one", adjust(99)).await.0, 422);
    assert_eq!(
        act(&saldo, "ben", "adjustments", "one", adjust(-50)).await.0,
        201,
        "another's key is another"
    );
    assert_eq!(credits(&saldo, "acme").await, 1050);

    let (status, proposed) = act(&saldo, "ana", "adjustments", "big", adjust(-1051)).await;
    assert_eq!((status, &proposed["after"]["state"]), (201, &json!("proposed")), "{proposed}");
    assert_eq!(credits(&saldo, "acme").await, 1050, "nothing is posted yet");
    let approve = |proposed: &Value| format!("adjustments/{}/approve", proposed["id"].as_str().unwrap());
    let path = approve(&proposed);
    let (status, problem) = act(&saldo, "ana", &path, "agree", because("acme")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("second_person_required")));
    let (status, problem) = act(&saldo, "ben", &path, "agree", because("acme")).await;
    assert_eq!((status, &problem["code"]), (402, &json!("insufficient_credits")), "{problem}");
    let (_, proposed) = act(&saldo, "ana", "adjustments", "fits", adjust(-1050)).await;
    let path = approve(&proposed);
    let (status, done) = act(&saldo, "ben", &path, "fits", because("acme")).await;
    assert_eq!((status, &done["after"]["state"]), (201, &json!("posted")), "{done}");
    assert_eq!(act(&saldo, "ben", &path, "fits", because("acme")).await, (200, done));
    let (status, problem) = act(&saldo, "cid", &path, "again", because("acme")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("adjustment_posted")));
    assert_eq!(credits(&saldo, "acme").await, 0);
    for (path, body, status, code) in [
        ("adjustments", adjust(0), 400, "invalid_request"),
        ("adjustments", adjust(1_000_000_001), 400, "invalid_request"),
        ("adjustments", json!({"org": "acme", "credits": 1}), 400, "invalid_request"),
        ("adjustments", json!({"org": "acme", "credits": 1, "reason": " "}), 400, "invalid_request"),
        ("adjustments", json!({"org": "nobody", "credits": 1, "reason": "x"}), 404, "organisation_not_found"),
        ("adjustments/op_1/approve", because("acme"), 404, "adjustment_not_found"),
    ] {
        let (was, problem) = act(&saldo, "ana", path, "bad", body).await;
        assert_eq!((was, problem["code"].as_str()), (status, Some(code)), "{path}");
    }
    books::prove_always(&saldo, "adjusted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_downwards_takes_what_all_shards_have_together_and_no_more() {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("Shards", r#"{"acme":3}"#)]).await;
    system::with_credits(&saldo, "acme").await;
    for _ in 0..6 {
        let id = system::debit_id(&clock, 0);
        let sms = json!({"channel": "sms"});
        assert_eq!(system::debit(&saldo, &saldo.world(), "acme", &id, &sms).await.0, 201);
    }
    let main = books::items(&saldo).await;
    let main = main
        .iter()
        .find(|item| books::text(item, "pk") == "ORG#acme" && books::text(item, "sk") == "BALANCE");
    assert!(books::number(main.unwrap(), "credits").unwrap() < 900, "much of it lies on other shards");
    let adjust = |credits: i64| json!({"org": "acme", "credits": credits, "reason": "credited twice"});
    let (status, problem) = act(&saldo, "ana", "adjustments", "more", adjust(-983)).await;
    assert_eq!((status, &problem["code"]), (402, &json!("insufficient_credits")), "{problem}");
    assert_eq!((&problem["available_credits"], &problem["owed"]), (&json!(982), &json!(0)), "{problem}");
    assert_eq!(act(&saldo, "ana", "adjustments", "all", adjust(-982)).await.0, 201);
    assert_eq!(credits(&saldo, "acme").await, 0);
    books::prove_always(&saldo, "adjusted over shards").await;
}

/// Somebody has to approve it first: it stays payable past its usual end, and is paid then.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_top_up_that_is_given_more_time_is_paid_after_its_usual_end() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    let path = format!("top-ups/{id}/extend");
    let wish = |days: i64| json!({"org": "acme", "days": days, "reason": "the payer waits for approval"});
    for (days, code) in
        [(0, "invalid_request"), (31, "invalid_request"), (1, "not_extendable"), (30, "not_extendable")]
    {
        clock.advance(i64::from(days == 30));
        let (_, problem) = act(&saldo, "ana", &path, &format!("refused-{days}"), wish(days)).await;
        assert_eq!(problem["code"], code, "{days}: {problem}");
    }
    let (status, done) = act(&saldo, "ana", &path, "one", wish(10)).await;
    assert_eq!((status, &done["action"]), (201, &json!("extend")), "{done}");
    assert!(done["before"]["expires_at"].as_str() < done["after"]["expires_at"].as_str(), "{done}");
    assert_eq!(act(&saldo, "ana", &path, "one", wish(10)).await, (200, done.clone()), "the same again");
    let (status, problem) = act(&saldo, "ana", &path, "one", wish(11)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    let seen = system::top_up(&saldo, "acme", &id).await.1;
    assert_eq!((&seen["status"], &seen["expires_at"]), (&json!("open"), &done["after"]["expires_at"]));

    clock.advance(8 * 86_400);
    assert_eq!(system::cleanup(&saldo, &saldo.world()).await["failed"], 0);
    assert_eq!(system::top_up(&saldo, "acme", &id).await.1["status"], "open");
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    hear(&saldo, &invoice).await;
    assert_eq!(credits(&saldo, "acme").await, 1000);
    let (status, problem) = act(&saldo, "ana", &path, "late", wish(20)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_extendable")), "it is paid");
    let staff = Staff::of(&saldo, "ana").await;
    let steps = staff.see(&format!("top-ups/{id}?org=acme")).await["trail"]["steps"].clone();
    assert!(steps.as_array().unwrap().iter().any(|step| step["what"] == "extended"), "{steps}");
    books::prove_always(&saldo, "given more time").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_that_nobody_pays_ends_when_its_longer_time_is_over() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let (id, _) = system::open_top_up(&saldo, "acme").await;
    let wish = json!({"org": "acme", "days": 10, "reason": "the payer waits for approval"});
    assert_eq!(act(&saldo, "ana", &format!("top-ups/{id}/extend"), "one", wish).await.0, 201);
    clock.advance(11 * 86_400);
    system::cleanup(&saldo, &saldo.world()).await;
    assert_eq!(system::top_up(&saldo, "acme", &id).await.1["status"], "expired");
    books::prove_always(&saldo, "more time is over").await;
}
