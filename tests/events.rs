//! Every payload in events/ goes through the function it triggers.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use lambda_http::{Body, Response};
use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::EventType;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::{Method, SUBSCRIBED_TYPES, sign};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::support::system::{WEBHOOK_SECRET, open_top_up, webhook_secret};

/// The ids that the payloads name.
const TOP_UP: &str = "top_0193587c66f17b3a9c1d2f4b6a8d0e11";
const DEBIT: &str = "019aaff9-e400-7b3a-9c1d-2f4b6a8d0e11";
const HOLD: &str = "019aaff9-e400-7b3a-9c1d-2f4b6a8d0e41";
const NEXT_HOLD: &str = "019aaff9-e400-7b3a-9c1d-2f4b6a8d0e42";
/// The first id of a run, without its last two digits.
const RUN: &str = "019aaff9-e400-7b3a-9c1d-2f4b6a8d0e";
const INVOICE: &str = "in_15xyt3hT9VE21AVi5aJbmPgm";
const ASSET: &str = "app.0123456789abcdef.js";
/// When webhook.json was signed, and with what.
const SIGNED_AT: i64 = 1_795_444_266;
const SECRET: &str = "whsec_example";
const QUEUE: &str = "saldo-local-Payments";

/// Names every payload that is no event of Stripe's, so that the compiler says which one no test uses.
macro_rules! payloads {
    ($($event:ident = $file:literal,)*) => {
        $(const $event: &str = include_str!(concat!("../events/", $file, ".json"));)*
        const PAYLOADS: &[&str] = &[$($file),*];
    };
}

payloads! {
    BALANCE_EVENT = "balance",
    BUDGETS_EVENT = "budgets",
    CANCEL_TOP_UP_EVENT = "cancel-top-up",
    CAPTURE_HOLD_EVENT = "capture-hold",
    CHANGE_SETTINGS_EVENT = "change-settings",
    CLEANUP_EVENT = "cleanup",
    CREATE_TOP_UP_EVENT = "create-top-up",
    CREDIT_WORKER_EVENT = "credit-worker",
    DASHBOARD_ASSET_EVENT = "dashboard-asset",
    DASHBOARD_HEALTH_EVENT = "dashboard-health",
    DASHBOARD_HOME_EVENT = "dashboard-home",
    DASHBOARD_INTERFACE_EVENT = "dashboard-interface",
    DEBIT_EVENT = "debit",
    DEBIT_BATCH_EVENT = "debit-batch",
    DEBIT_BY_KEY_EVENT = "debit-by-key",
    END_BUDGET_EVENT = "end-budget",
    EXTEND_HOLD_EVENT = "extend-hold",
    GET_HOLD_EVENT = "get-hold",
    HISTORY_ENTRIES_EVENT = "history-entries",
    HISTORY_STATEMENT_EVENT = "history-statement",
    HISTORY_TOP_UP_EVENT = "history-top-up",
    HISTORY_TOP_UPS_EVENT = "history-top-ups",
    HISTORY_TRAIL_EVENT = "history-trail",
    HISTORY_USAGE_EVENT = "history-usage",
    HOLD_EVENT = "hold",
    OPERATE_ADJUST_EVENT = "operate-adjust",
    OPERATE_ADJUSTMENTS_EVENT = "operate-adjustments",
    OPERATE_APPROVE_EVENT = "operate-approve",
    OPERATE_CUSTOMER_EVENT = "operate-customer",
    OPERATE_DEAD_LETTERS_EVENT = "operate-dead-letters",
    OPERATE_EXTEND_EVENT = "operate-extend",
    OPERATE_ORGANISATION_EVENT = "operate-organisation",
    OPERATE_RECONCILIATIONS_EVENT = "operate-reconciliations",
    OPERATE_REDRIVE_EVENT = "operate-redrive",
    OPERATE_REFUND_EVENT = "operate-refund",
    OPERATE_RELEASE_EVENT = "operate-release",
    OPERATE_REVIEWS_EVENT = "operate-reviews",
    OPERATE_SEARCH_EVENT = "operate-search",
    OPERATE_SETTLE_EVENT = "operate-settle",
    OPERATE_TOP_UP_EVENT = "operate-top-up",
    OPERATE_VOID_EVENT = "operate-void",
    OPERATE_ZERO_BALANCE_EVENT = "operate-zero-balance",
    QUOTE_EVENT = "quote",
    RECONCILE_EVENT = "reconcile",
    RELEASE_HOLD_EVENT = "release-hold",
    REVERSE_DEBIT_EVENT = "reverse-debit",
    REVERSE_HOLD_EVENT = "reverse-hold",
    SET_BUDGET_EVENT = "set-budget",
    SETTINGS_EVENT = "settings",
    SETTLE_HOLD_EVENT = "settle-hold",
    WEBHOOK_EVENT = "webhook",
}

/// Sends a payload with some of its text replaced through a function, as Lambda would.
macro_rules! sent {
    ($function:ident, $name:literal, $saldo:expr, $event:ident, $replaced:expr) => {{
        let function = $function::connect(&$saldo.env_of($name), &$saldo.world()).unwrap();
        answer(function.handle(request($event, $replaced)).await)
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_its_answer() {
    let saldo = start(Clock::system()).await;
    let (status, quote) = sent!(saldo_quote, "quote", saldo, QUOTE_EVENT, &[]);
    assert_eq!((status, &quote["total"]["minor_units"]), (200, &json!(27_750_000)));
    let (status, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    assert_eq!((status, &top_up["status"]), (201, &json!("open")));
    let id = top_up["id"].as_str().unwrap();
    let (status, balance) = sent!(saldo_balance, "balance", saldo, BALANCE_EVENT, &[]);
    assert_eq!((status, &balance["available_credits"]), (200, &json!(0)));
    assert_eq!(balance["open_top_up"]["id"], id);
    let (status, list) = sent!(saldo_history, "history", saldo, HISTORY_TOP_UPS_EVENT, &[]);
    assert_eq!((status, &list["top_ups"][0]["id"]), (200, &json!(id)));
    let (status, one) = sent!(saldo_history, "history", saldo, HISTORY_TOP_UP_EVENT, &[(TOP_UP, id)]);
    assert_eq!((status, &one["id"]), (200, &json!(id)));
    let (status, trail) = sent!(saldo_history, "history", saldo, HISTORY_TRAIL_EVENT, &[(TOP_UP, id)]);
    assert_eq!((status, &trail["steps"][0]["what"]), (200, &json!("ordered")));
    let (status, entries) = sent!(saldo_history, "history", saldo, HISTORY_ENTRIES_EVENT, &[]);
    assert_eq!((status, &entries["entries"]), (200, &json!([])));
    let (status, statement) = sent!(saldo_history, "history", saldo, HISTORY_STATEMENT_EVENT, &[]);
    assert_eq!((status, &statement["month"], &statement["final"]), (200, &json!("2026-11"), &json!(false)));
    let (status, usage) = sent!(saldo_history, "history", saldo, HISTORY_USAGE_EVENT, &[]);
    assert_eq!((status, &usage["month"], &usage["days"]), (200, &json!("2026-11"), &json!([])));
    let (status, settings) = sent!(saldo_settings, "settings", saldo, SETTINGS_EVENT, &[]);
    assert_eq!((status, &settings["version"]), (200, &json!(0)));
    assert_eq!(settings["billing"]["email"], "billing@acme.example");
    let (status, settings) = sent!(saldo_settings, "settings", saldo, CHANGE_SETTINGS_EVENT, &[]);
    assert_eq!((status, &settings["version"]), (200, &json!(1)));
    assert_eq!(settings["billing"]["tax_id"], "012345678901000");
    let (status, budget) = sent!(saldo_settings, "settings", saldo, SET_BUDGET_EVENT, &[]);
    assert_eq!((status, &budget["id"], &budget["changed_by"]), (201, &json!("sms-day"), &json!("user-1")));
    let (status, budgets) = sent!(saldo_settings, "settings", saldo, BUDGETS_EVENT, &[]);
    assert_eq!((status, &budgets["budgets"], &budgets["version"]), (200, &json!([budget]), &json!(1)));
    let (status, budgets) = sent!(saldo_settings, "settings", saldo, END_BUDGET_EVENT, &[]);
    assert_eq!((status, &budgets["budgets"], &budgets["version"]), (200, &json!([]), &json!(2)));
    let (status, canceled) =
        sent!(saldo_cancel_top_up, "cancel-top-up", saldo, CANCEL_TOP_UP_EVENT, &[(TOP_UP, id)]);
    assert_eq!((status, &canceled["status"]), (200, &json!("canceled")));
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_staff_gets_its_answer() {
    let saldo = start(Clock::system()).await;
    let (_, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    let id = top_up["id"].as_str().unwrap();
    let (status, found) = sent!(saldo_operate, "operate", saldo, OPERATE_SEARCH_EVENT, &[]);
    assert_eq!((status, &found["results"][0]["organisation"]), (200, &json!("acme")));
    let (status, seen) = sent!(saldo_operate, "operate", saldo, OPERATE_ORGANISATION_EVENT, &[]);
    assert_eq!((status, &seen["open_top_up"]), (200, &json!(id)));
    let (status, seen) = sent!(saldo_operate, "operate", saldo, OPERATE_TOP_UP_EVENT, &[(TOP_UP, id)]);
    assert_eq!((status, &seen["differences"]), (200, &json!([])));
    let (status, list) = sent!(saldo_operate, "operate", saldo, OPERATE_REVIEWS_EVENT, &[]);
    assert_eq!((status, &list["reviews"]), (200, &json!([])));
    let key = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let (status, done) =
        sent!(saldo_operate, "operate", saldo, OPERATE_SETTLE_EVENT, &[(TOP_UP, id), (key, "settle")]);
    assert_eq!((status, &done["action"]), (201, &json!("settle")));
    let (status, done) =
        sent!(saldo_operate, "operate", saldo, OPERATE_EXTEND_EVENT, &[(TOP_UP, id), (key, "extend")]);
    assert_eq!((status, &done["action"]), (201, &json!("extend")));
    let (status, done) =
        sent!(saldo_operate, "operate", saldo, OPERATE_VOID_EVENT, &[(TOP_UP, id), (key, "void")]);
    assert_eq!((status, &done["after"]["status"]), (201, &json!("canceled")));
    let (status, done) =
        sent!(saldo_operate, "operate", saldo, OPERATE_RELEASE_EVENT, &[(TOP_UP, id), (key, "release")]);
    assert_eq!((status, &done["code"]), (409, &json!("not_releasable")));
    let (status, done) =
        sent!(saldo_operate, "operate", saldo, OPERATE_REFUND_EVENT, &[(TOP_UP, id), (key, "refund")]);
    assert_eq!((status, &done["code"]), (409, &json!("not_refundable")));
    let (status, done) = sent!(saldo_operate, "operate", saldo, OPERATE_ADJUST_EVENT, &[(key, "adjust")]);
    assert_eq!((status, &done["after"]["credits"]), (201, &json!("5")));
    let (status, done) = sent!(saldo_operate, "operate", saldo, OPERATE_APPROVE_EVENT, &[(key, "approve")]);
    assert_eq!((status, &done["code"]), (404, &json!("adjustment_not_found")));
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_and_what_is_kept_elsewhere_gets_its_answer() {
    let saldo = start(Clock::system()).await;
    let (_, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    assert_eq!(top_up["status"], "open");
    let (status, list) = sent!(saldo_operate, "operate", saldo, OPERATE_RECONCILIATIONS_EVENT, &[]);
    assert_eq!((status, &list["reconciliations"]), (200, &json!([])));
    let (status, list) = sent!(saldo_operate, "operate", saldo, OPERATE_ADJUSTMENTS_EVENT, &[]);
    assert_eq!((status, &list["adjustments"]), (200, &json!([])));
    let (status, seen) = sent!(saldo_operate, "operate", saldo, OPERATE_DEAD_LETTERS_EVENT, &[]);
    assert_eq!((status, &seen["waiting"]), (200, &json!(0)));
    let (status, seen) = sent!(saldo_operate, "operate", saldo, OPERATE_CUSTOMER_EVENT, &[]);
    assert_eq!((status, &seen["organisation"]), (200, &json!("acme")));
    let key = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let (status, done) = sent!(saldo_operate, "operate", saldo, OPERATE_REDRIVE_EVENT, &[(key, "redrive")]);
    assert_eq!((status, &done["waiting"]), (201, &json!(0)));
    let (status, done) = sent!(saldo_operate, "operate", saldo, OPERATE_ZERO_BALANCE_EVENT, &[(key, "zero")]);
    assert_eq!((status, &done["action"]), (201, &json!("zero_balance")), "{done}");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_served() {
    let saldo = start(Clock::system()).await;
    let function = saldo_dashboard::connect(&saldo.env_of("dashboard"), &saldo.world()).unwrap();
    let home = function.handle(request(DASHBOARD_HOME_EVENT, &[])).await;
    assert_eq!(home.status(), 200);
    let page = String::from_utf8(home.body().to_vec()).unwrap();
    let asset =
        page.split("/assets/").nth(1).expect("the page names an asset").split(['"', '\'']).next().unwrap();
    let served = function.handle(request(DASHBOARD_ASSET_EVENT, &[(ASSET, asset)])).await;
    assert_eq!(served.status(), 200, "{asset}");
    assert_eq!(function.handle(request(DASHBOARD_ASSET_EVENT, &[])).await.status(), 404);
    assert_eq!(function.handle(request(DASHBOARD_HEALTH_EVENT, &[])).await.status(), 200);
    assert_eq!(function.handle(request(DASHBOARD_INTERFACE_EVENT, &[])).await.status(), 200);
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_becomes_a_message_that_the_worker_credits() {
    let clock = Clock::system();
    let saldo = start(clock.clone()).await;
    let (_, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    assert_eq!(top_up["status"], "open");

    let webhook = webhook(&saldo);
    let stale = webhook.handle(request(WEBHOOK_EVENT, &[])).await;
    assert_eq!(stale.status(), 400, "the signature is not of today");
    let now = clock.now().secs();
    clock.advance(SIGNED_AT - now);
    assert_eq!(webhook.handle(request(WEBHOOK_EVENT, &[])).await.status(), 200);
    clock.advance(now - SIGNED_AT);

    let accepted = saldo.queues().receive(QUEUE, 10, std::time::Duration::ZERO, None).await.unwrap();
    let sample: SqsEvent = serde_json::from_str(&text(CREDIT_WORKER_EVENT, &[])).unwrap();
    assert_eq!(accepted.len(), 1);
    assert_eq!(
        meant(&accepted[0].body),
        meant(sample.records[0].body.as_deref().unwrap()),
        "the sample is what is sent"
    );

    let invoice = saldo.stand_in().invoices().remove(0)["id"].as_str().unwrap().to_owned();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let worker = saldo_credit_worker::connect(&saldo.env_of("credit-worker"), &saldo.world()).unwrap();
    let batch: SqsEvent = serde_json::from_str(&text(CREDIT_WORKER_EVENT, &[(INVOICE, &invoice)])).unwrap();
    assert_eq!(worker.handle(batch, std::time::Duration::from_secs(30)).await.batch_item_failures.len(), 0);
    let (_, balance) = sent!(saldo_balance, "balance", saldo, BALANCE_EVENT, &[]);
    assert_eq!(balance["available_credits"], 1000);

    let id = crate::support::system::debit_id(&clock, 0);
    let (status, debit) = sent!(saldo_spend, "spend", saldo, DEBIT_EVENT, &[(DEBIT, &id)]);
    assert_eq!((status, debit), (201, json!({"id": id, "credits": 2, "available_credits": 998})));
    let run = saldo_domain::DebitId::parse(&crate::support::system::debit_id(&clock, 0))
        .unwrap()
        .run()
        .first()
        .to_string();
    let fresh = &run[..34];
    let (status, batch) = sent!(saldo_spend, "spend", saldo, DEBIT_BATCH_EVENT, &[(RUN, fresh)]);
    let debit = |last: &str, credits: i64| json!({"id": format!("{fresh}{last}"), "credits": credits, "available_credits": 993});
    assert_eq!((status, batch), (201, json!({"debits": [debit("00", 2), debit("01", 3)]})));
    for status in [201, 200] {
        let (told, keyed) = sent!(saldo_spend, "spend", saldo, DEBIT_BY_KEY_EVENT, &[]);
        assert_eq!((told, &keyed["available_credits"]), (status, &json!(991)), "{keyed}");
    }
    let (status, reversal) = sent!(saldo_spend, "spend", saldo, REVERSE_DEBIT_EVENT, &[(DEBIT, &id)]);
    assert_eq!((status, &reversal["credits"]), (200, &json!(2)), "{reversal}");
    let [hold, next] = [(); 2].map(|()| crate::support::system::debit_id(&clock, 0));
    let (first, second) = ([(HOLD, hold.as_str())], [(NEXT_HOLD, next.as_str())]);
    let both = [first[0], second[0]];
    let (status, held) = sent!(saldo_spend, "spend", saldo, HOLD_EVENT, &first);
    assert_eq!((status, &held["held"], &held["available_credits"]), (201, &json!(15), &json!(978)));
    let (status, held) = sent!(saldo_spend, "spend", saldo, SETTLE_HOLD_EVENT, &both);
    assert_eq!((status, &held["held"], &held["settled"]["captured"]), (201, &json!(12), &json!(4)), "{held}");
    let (status, refused) = sent!(saldo_spend, "spend", saldo, RELEASE_HOLD_EVENT, &first);
    assert_eq!((status, &refused["captured"]), (409, &json!(4)), "{refused}");
    let (status, held) = sent!(saldo_spend, "spend", saldo, EXTEND_HOLD_EVENT, &second);
    assert_eq!((status, &held["state"]), (200, &json!("open")), "{held}");
    let (status, held) = sent!(saldo_spend, "spend", saldo, CAPTURE_HOLD_EVENT, &second);
    assert_eq!((status, &held["captured"], &held["released"]), (200, &json!(3), &json!(9)), "{held}");
    let (status, reversal) = sent!(saldo_spend, "spend", saldo, REVERSE_HOLD_EVENT, &second);
    assert_eq!((status, &reversal["credits"]), (200, &json!(3)), "{reversal}");
    let (status, held) = sent!(saldo_spend, "spend", saldo, GET_HOLD_EVENT, &second);
    assert_eq!((status, &held["reversed_at"]), (200, &reversal["reversed_at"]), "{held}");
    saldo.stop().await;
}

/// While a deployment is under way, a worker of the old version may meet messages of the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_newer_version_goes_back_and_the_others_are_handled() {
    let saldo = start(Clock::system()).await;
    let (_, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    assert_eq!(top_up["status"], "open");
    let invoice = saldo.stand_in().invoices().remove(0)["id"].as_str().unwrap().to_owned();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let ours = crate::support::system::message("invoice.paid", &invoice);
    let newer = json!({"version": 2, "event": "evt_2", "about": {"refund": "re_1"}});
    let failed = crate::support::system::work(&saldo, &saldo.world(), &[newer, ours]).await;
    assert_eq!(failed, ["0"], "whoever can read it gets it again");
    let (_, balance) = sent!(saldo_balance, "balance", saldo, BALANCE_EVENT, &[]);
    assert_eq!(balance["available_credits"], 1000);
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_expires_what_is_too_old() {
    let clock = Clock::system();
    let saldo = start(clock.clone()).await;
    let (_, top_up) = sent!(saldo_create_top_up, "create-top-up", saldo, CREATE_TOP_UP_EVENT, &[]);
    clock.advance(80 * 3_600);
    let cleanup = saldo_cleanup::connect(&saldo.env_of("cleanup"), &saldo.world()).unwrap();
    let event: Value = serde_json::from_str(&text(CLEANUP_EVENT, &[])).unwrap();
    let summary = cleanup.handle(event).await;
    assert!(summary.is_object(), "{summary}");
    let id = top_up["id"].as_str().unwrap();
    let (_, expired) = sent!(saldo_history, "history", saldo, HISTORY_TOP_UP_EVENT, &[(TOP_UP, id)]);
    assert_eq!(expired["status"], "expired", "{summary}");
    let reconcile = saldo_reconcile::connect(&saldo.env_of("reconcile"), &saldo.world()).unwrap();
    let event: Value = serde_json::from_str(&text(RECONCILE_EVENT, &[])).unwrap();
    let report = reconcile.handle(event, std::time::Duration::from_secs(900)).await;
    assert_eq!(report["verdict"], "clean", "{report}");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stripe_event_is_accepted_and_those_about_payments_enqueued() {
    let clock = Clock::system();
    let saldo = start(clock.clone()).await;
    let webhook = webhook(&saldo);
    for file in files().into_iter().filter(|file| file.starts_with("stripe-")) {
        let event = std::fs::read_to_string(folder().join(format!("{file}.json"))).unwrap();
        let signature = sign(&[SECRET.to_owned()], clock.now().secs(), event.as_bytes());
        let mut request = request(WEBHOOK_EVENT, &[]);
        request.headers_mut().insert("stripe-signature", signature.parse().unwrap());
        *request.body_mut() = Body::Text(event);
        assert_eq!(webhook.handle(request).await.status(), 200, "{file}");
    }
    let sent = saldo.queues().receive(QUEUE, 10, std::time::Duration::ZERO, None).await.unwrap();
    let kinds: BTreeSet<_> =
        sent.iter().map(|message| meant(&message.body)["kind"].clone().to_string()).collect();
    assert!(kinds.contains(r#""invoice.paid""#), "{kinds:?}");
    assert!(kinds.contains(r#""invoice.payment_failed""#), "{kinds:?}");
    saldo.stop().await;
}

#[tokio::test]
async fn before_it_is_told_its_secret_the_webhook_takes_nothing_and_loses_nothing() {
    let saldo = start(Clock::system()).await;
    saldo.secrets().put(WEBHOOK_SECRET, "none");
    let early = saldo_stripe_webhook::connect(&saldo.env_of("stripe-webhook"), &saldo.world()).unwrap();
    for signed_with in [None, Some("none"), Some("")] {
        let body = r#"{"id":"evt_1","type":"invoice.paid","livemode":false,"created":1,"data":{"object":{"id":"in_1"}}}"#;
        let signature = signed_with
            .map(|secret| sign(&[secret.to_owned()], Clock::system().now().secs(), body.as_bytes()));
        let mut request = lambda_http::http::Request::post("https://saldo.example/stripe/webhook");
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        let (status, problem) = answer(early.handle(request.body(body.into()).unwrap()).await);
        assert_eq!((status, &problem["code"]), (503, &json!("webhook_secret_missing")), "{signed_with:?}");
    }
    let nothing =
        saldo.queues().receive("saldo-local-Payments", 10, Duration::from_millis(1), None).await.unwrap();
    assert!(nothing.is_empty());
    saldo.stop().await;
}

/// One query by the id of a top-up finds what was delivered about it; what nobody has signed names nothing.
#[tokio::test]
async fn the_webhooks_line_names_the_top_up_and_its_organisation() {
    let saldo = start(Clock::system()).await;
    saldo.stand_in().pause_webhooks(true);
    let (id, invoice) = open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let events = saldo.stand_in().events();
    let paid = events.iter().find(|event| event["type"] == "invoice.paid").unwrap().to_string();
    let lines = Lines::default();
    let heard = lines.clone();
    let telling = saldo_adapters::telemetry::telling(LevelFilter::INFO, None, move || heard.clone());
    let guard = tracing::subscriber::set_default(telling);
    let function = saldo_stripe_webhook::connect(&saldo.env_of("stripe-webhook"), &saldo.world()).unwrap();
    for (secret, status) in [("whsec_forged".to_owned(), 400), (webhook_secret(&saldo), 200)] {
        let signature = sign(&[secret], Clock::system().now().secs(), paid.as_bytes());
        let request = lambda_http::http::Request::post("https://saldo.example/stripe/webhook");
        let request = request.header("stripe-signature", signature).body(paid.clone().into()).unwrap();
        assert_eq!(function.handle(request).await.status().as_u16(), status);
    }
    drop(guard);
    let lines = lines.told();
    let refused = lines.iter().find(|line| line["message"] == "signature refused").expect("it is told");
    assert!(!refused.to_string().contains(&id), "{refused}");
    let enqueued = lines.iter().find(|line| line["message"] == "enqueued").expect("it is told");
    assert_eq!((&enqueued["top_up"], &enqueued["org"]), (&json!(id), &json!("acme")), "{enqueued}");
    assert_eq!(enqueued["subject"], json!(invoice), "{enqueued}");
    saldo.stop().await;
}

/// What a function writes, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn told(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_payload_is_named() {
    let of_functions: BTreeSet<_> = files().into_iter().filter(|file| !file.starts_with("stripe-")).collect();
    let named: BTreeSet<_> = PAYLOADS.iter().map(|file| (*file).to_owned()).collect();
    assert_eq!(of_functions, named);
}

/// What we act on is what the endpoint is to be subscribed to, and what Stripe's stand-in delivers.
#[test]
fn every_type_of_event_is_subscribed_to() {
    let ours: BTreeSet<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
    let delivered: BTreeSet<_> = SUBSCRIBED_TYPES.into_iter().collect();
    assert!(ours.is_subset(&delivered), "{:?}", ours.difference(&delivered));
    for (page, before) in [("../README.md", "subscribed to "), ("../docs/deploy.md", "with the events ")] {
        let page = std::fs::read_to_string(folder().join(page)).unwrap();
        let list = page.split(before).nth(1).expect("the page tells of the endpoint");
        let list = list.split(".\n").next().unwrap();
        let told: BTreeSet<_> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(told, ours);
    }
}

async fn start(clock: Clock) -> Saldo {
    Saldo::start(Options { clock, poll: false, ..Options::default() }).await.unwrap()
}

/// The webhook with the secret that webhook.json was signed with.
fn webhook(saldo: &Saldo) -> saldo_stripe_webhook::Function {
    saldo.secrets().put(WEBHOOK_SECRET, SECRET);
    saldo_stripe_webhook::connect(&saldo.env_of("stripe-webhook"), &saldo.world()).unwrap()
}

fn meant(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

fn request(event: &str, replaced: &[(&str, &str)]) -> lambda_http::Request {
    lambda_http::request::from_str(&text(event, replaced)).unwrap()
}

fn text(event: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = event.to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "{event} does not name {from}");
        text = text.replace(from, to);
    }
    text
}

fn answer(response: Response<Body>) -> (u16, Value) {
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

fn files() -> BTreeSet<String> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}
