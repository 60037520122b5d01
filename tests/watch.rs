//! Each fault is told: it happens on the local system, and the alarm of the template that stands for it rings.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;
use saldo_domain::Metric;
use saldo_local::functions::{Function, HttpFunction};
use saldo_local::watch::{Alarm, NAMESPACE, alarms};
use saldo_local::{Between, Options, Saldo};
use saldo_stripe_stand_in::{Method, sign};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::client::Client;
use crate::support::system::{
    TOTAL, balance, debit, debit_id, invoice_of, open_top_up, webhook_secret, with_credits,
};
use crate::template::{resources, shown};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
const PERIOD: i64 = 300;

#[test]
fn every_alarm_has_its_fault_here() {
    let tried =
        include_str!("watch.rs").split("Rig::start(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let tried: BTreeSet<_> = tried.filter(|id| id.ends_with("Alarm")).map(str::to_owned).collect();
    let all: BTreeSet<_> = alarms().unwrap().into_iter().map(|alarm| alarm.id).collect();
    assert_eq!(tried, all);
}

#[test]
fn every_alarm_says_how_much_it_matters() {
    for Alarm { id, description, .. } in alarms().unwrap() {
        assert!(
            description.starts_with("Page. ") || description.starts_with("Ticket. "),
            "{id}: {description}"
        );
    }
}

#[test]
fn the_overview_shows_every_metric_and_none_that_is_not_told() {
    let overview = &resources("AWS::CloudWatch::Dashboard")["Overview"]["Properties"]["DashboardBody"];
    let body = shown(overview).replace("!Sub ", "");
    let body: Value = serde_json::from_str(&body).expect("the overview is JSON");
    let mut told = BTreeSet::new();
    for metric in body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["properties"]["metrics"].as_array())
        .flatten()
    {
        let search = metric[0]["expression"].as_str().and_then(|search| search.split('"').nth(1));
        let ours = (metric[0] == "${AWS::StackName}").then(|| metric[1].as_str().unwrap());
        told.extend(search.or(ours).map(str::to_owned));
    }
    let known = Metric::ALL.iter().map(|metric| metric.name().to_owned());
    // Made by a filter over the log and not by a line of its own.
    assert_eq!(told, known.chain(["NeedsALook".to_owned()]).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_measured() {
    let clock = Clock::system();
    let saldo =
        Saldo::start(Options { clock: clock.clone(), poll: false, ..Options::default() }).await.unwrap();
    saldo.stand_in().pause_webhooks(true);
    let client = Client::new(saldo.api_url());
    let token = saldo.token("acme", &["billing:subscribe", "credits:spend"], None).unwrap();
    let client = client.with_token(token);
    let order = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": 27_750_000}});
    let bought = client.send("POST", "/v1/top-ups", &[("idempotency-key", "one")], order.to_string()).await;
    assert_eq!(bought.status, 201);
    let invoice = invoice_of(&saldo, bought.json()["id"].as_str().unwrap()).unwrap();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    clock.advance(7 * 3600);
    saldo.run_schedule("cleanup").await.unwrap();
    let id = debit_id(&clock, 0);
    let path = format!("/v1/debits/{id}");
    for status in [201, 200] {
        assert_eq!(client.send("PUT", &path, &[], r#"{"channel":"sms"}"#).await.status, status);
    }
    assert_eq!(client.send("PUT", "/v1/debits/no-id", &[], r#"{"channel":"sms"}"#).await.status, 400);
    let watch = saldo.watch().unwrap();
    for (metric, amount) in [
        (Metric::TopUps, 2),
        (Metric::CreditsGranted, 1000),
        (Metric::CreditedUnheard, 1),
        (Metric::Debits, 2),
        (Metric::CreditsSpent, 3),
        (Metric::Refusals, 1),
        (Metric::TableErrors, 0),
        (Metric::CleanupFailures, 0),
    ] {
        assert_eq!(watch.total(NAMESPACE, metric.name()), amount, "{metric:?}");
    }
    assert!(watch.total(NAMESPACE, "ProviderCalls") >= 5);
    assert!(watch.total(NAMESPACE, "PaymentToCredit") >= 7 * 3600 * 1000 - 60_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read() {
    let rig = Rig::start("NeedsALookAlarm", Options::default()).await;
    assert_eq!(rig.deliver("no event").await, 200);
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_budget_that_is_nearly_spent() {
    let rig = Rig::start("NeedsALookAlarm", Options::default()).await;
    with_credits(&rig.saldo, "acme").await;
    let token = rig.saldo.token("acme", &["billing:subscribe"], None).unwrap();
    let payer = Client::new(rig.saldo.api_url()).with_token(token);
    let body = r#"{"name":"Mail","by":{"meter":"email"},"period":"month","limit":5,"limiting":"soft"}"#;
    assert_eq!(payer.send("PUT", "/v1/budgets/mail", &[], body).await.status, 201);
    let token = rig.saldo.token("acme", &["credits:spend"], None).unwrap();
    let sender = Client::new(rig.saldo.api_url()).with_token(token);
    for sent in 1..=7 {
        let id = debit_id(&rig.clock, 0);
        let sent_one = sender.send("PUT", &format!("/v1/debits/{id}"), &[], r#"{"channel":"email"}"#).await;
        assert_eq!(sent_one.status, 201, "it refuses nothing");
        if sent == 3 {
            rig.is_quiet();
        }
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_can_handle() {
    let options = Options { poll: true, visibility: Some(Duration::from_millis(20)), ..Options::default() };
    let rig = Rig::start("DeadLetterAlarm", options).await;
    rig.enqueue("no message");
    rig.rings_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_takes_nothing() {
    let options = between("stripe-webhook", |outside| Endpoints { sqs: Some(NOWHERE.to_owned()), ..outside });
    let rig = Rig::start("NotEnqueuedAlarm", options).await;
    assert_eq!(rig.deliver(&paid_event()).await, 503);
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_the_endpoints() {
    let rig = Rig::start("SignaturesRefusedAlarm", Options::default()).await;
    for _ in 0..3 {
        assert_eq!(rig.deliver_signed(&paid_event(), "whsec_another").await, 400);
    }
    rig.rings();
    assert_eq!(rig.deliver(&paid_event()).await, 200);
    rig.is_quiet();
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_do_not_come_while_a_top_up_is_open() {
    let rig = Rig::start("UnheardPaymentAlarm", Options { poll: false, ..Options::default() }).await;
    rig.saldo.stand_in().pause_webhooks(true);
    let (_, invoice) = open_top_up(&rig.saldo, "acme").await;
    rig.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    rig.clock.advance(7 * 3600);
    let summary = rig.saldo.run_schedule("cleanup").await.unwrap();
    assert_eq!(summary["finished"], 1, "{summary}");
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_nobody_works_on() {
    let rig = Rig::start("OldMessagesAlarm", Options { poll: false, ..Options::default() }).await;
    rig.enqueue(r#"{"version":1,"event":"evt_1","kind":"invoice.paid","invoice":"in_1","created":1}"#);
    rig.is_quiet();
    rig.clock.advance(660);
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_wait_for_stripe() {
    let options = between("credit-worker", |outside| Endpoints { stripe: NOWHERE.to_owned(), ..outside });
    let rig = Rig::start("CreditWaitingAlarm", Options { poll: true, ..options }).await;
    rig.enqueue(r#"{"version":1,"event":"evt_1","kind":"invoice.paid","invoice":"in_1","created":1}"#);
    tokio::time::sleep(Duration::from_secs(3)).await;
    rig.is_quiet();
    rig.clock.advance(660);
    rig.rings_soon().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_answer() {
    let rig = Rig::start("TableAlarm", no_table("balance")).await;
    for _ in 0..6 {
        assert_eq!(rig.get("/v1/balance").await, 503);
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stripe_that_does_not_answer() {
    let options = between("create-top-up", |outside| Endpoints { stripe: NOWHERE.to_owned(), ..outside });
    let rig = Rig::start("ProviderAlarm", options).await;
    for org in ["acme", "globex"] {
        assert_eq!(rig.buy(org).await, 503);
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleanup_that_does_not_run() {
    let rig = Rig::start("CleanupSilentAlarm", Options::default()).await;
    rig.clock.advance(3 * PERIOD);
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconciliation_that_does_not_run() {
    let rig = Rig::start("ReconcileSilentAlarm", Options::default()).await;
    rig.clock.advance(7_201);
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleanup_that_does_not_succeed() {
    let options = between("cleanup", |outside| Endpoints { stripe: NOWHERE.to_owned(), ..outside });
    let rig = Rig::start("CleanupFailuresAlarm", options).await;
    open_top_up(&rig.saldo, "acme").await;
    rig.clock.advance(100 * 3600);
    for run in 0..3 {
        if run > 0 {
            rig.is_quiet();
            rig.clock.advance(3 * PERIOD);
        }
        assert_eq!(rig.saldo.run_schedule("cleanup").await.unwrap()["failed"], 1);
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_answers_5xx() {
    let rig = Rig::start("RouteErrorsAlarm", no_table("history")).await;
    for _ in 0..6 {
        assert_eq!(rig.get("/v1/top-ups").await, 503);
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_slow() {
    // It takes connections and never answers; the function gives up by itself after some seconds.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = between("balance", move |outside| Endpoints { dynamodb: Some(url.clone()), ..outside });
    let rig = Arc::new(Rig::start("RouteLatencyAlarm", options).await);
    let mut calls = Vec::new();
    for after in 0..3 {
        let rig = Arc::clone(&rig);
        calls.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300 * after)).await;
            rig.get("/v1/balance").await
        }));
    }
    for (at, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), 503);
        if at < 2 {
            rig.is_quiet();
            rig.clock.advance(PERIOD);
        }
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_about_money_that_crashes() {
    let rig = Rig::start("FunctionErrorsAlarm", Options::default()).await;
    rig.crash("Spend").await;
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_shows_something_and_runs_out_of_time() {
    let rig = Rig::start("ReadErrorsAlarm", Options::default()).await;
    rig.run_out_of_time("History").await;
    rig.rings();
}

/// The queue takes its time, so that one delivery is still under way when the next one comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_not_started_as_too_many_run() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = between("stripe-webhook", move |outside| Endpoints { sqs: Some(url.clone()), ..outside });
    let parameters = [("WebhookConcurrency".to_owned(), "1".to_owned())].into();
    let rig = Arc::new(Rig::start("ThrottledAlarm", Options { parameters, ..options }).await);
    let first = tokio::spawn({
        let rig = Arc::clone(&rig);
        async move { rig.deliver(&paid_event()).await }
    });
    for _ in 0..100 {
        if rig.deliver("").await == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rig.rings();
    first.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_not_started_as_too_many_run() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = between("credit-worker", move |outside| Endpoints { stripe: url.clone(), ..outside });
    let parameters = [("WorkerConcurrency".to_owned(), "1".to_owned())].into();
    let rig = Rig::start("ThrottledAlarm", Options { parameters, ..options }).await;
    let message = r#"{"version":1,"event":"evt_1","kind":"invoice.paid","invoice":"in_1","created":1}"#;
    for _ in 0..100 {
        rig.enqueue(message);
        if rig.saldo.watch().unwrap().rings(&rig.alarm) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.rings();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_credits_that_were_spent() {
    let rig = Rig::start("DebtAlarm", Options::default()).await;
    let saldo = &rig.saldo;
    let (_, invoice) = open_top_up(saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    rig.until_credits(1000).await;
    saldo.stand_in().refund(&invoice, Some(TOTAL / 10)).unwrap();
    rig.until_credits(900).await;
    rig.is_quiet();
    let id = debit_id(&rig.clock, 0);
    assert_eq!(debit(saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})).await.0, 201);
    saldo.stand_in().refund(&invoice, Some(TOTAL * 9 / 10)).unwrap();
    rig.until_credits(-3).await;
    assert_eq!(saldo.watch().unwrap().total(NAMESPACE, Metric::Debts.name()), 1);
    rig.rings();
}

/// A Saldo with a fault in it, and the alarm that is to ring.
struct Rig {
    saldo: Saldo,
    clock: Clock,
    alarm: Alarm,
}

impl Rig {
    /// In which each schedule has run once, and the alarm is quiet.
    async fn start(alarm: &str, options: Options) -> Rig {
        let clock = Clock::system();
        let saldo = Saldo::start(Options { clock: clock.clone(), ..options }).await.unwrap();
        saldo.run_schedule("cleanup").await.unwrap();
        saldo.run_schedule("reconcile").await.unwrap();
        let alarm = alarms().unwrap().into_iter().find(|one| one.id == alarm).unwrap();
        let rig = Rig { saldo, clock, alarm };
        rig.is_quiet();
        rig
    }

    fn is_quiet(&self) {
        assert!(!self.saldo.watch().unwrap().rings(&self.alarm), "{} rings without a cause", self.alarm.id);
    }

    fn rings(&self) {
        assert!(self.saldo.watch().unwrap().rings(&self.alarm), "{} does not ring", self.alarm.id);
    }

    async fn rings_soon(&self) {
        for _ in 0..200 {
            if self.saldo.watch().unwrap().rings(&self.alarm) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.rings();
    }

    async fn until_credits(&self, credits: i64) {
        for _ in 0..400 {
            let (_, told) = balance(&self.saldo, "acme").await;
            if told["available_credits"].as_i64().zip(told["owed"].as_i64()).map(|(has, owes)| has - owes)
                == Some(credits)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("not {credits} credits: {}", balance(&self.saldo, "acme").await.1);
    }

    fn enqueue(&self, body: &str) {
        let message = saldo_local::queue::NewMessage { body: body.to_owned(), delay: Duration::ZERO };
        self.saldo.queues().send("saldo-local-Payments", &[message]).unwrap();
    }

    async fn deliver(&self, body: &str) -> u16 {
        self.deliver_signed(body, &webhook_secret(&self.saldo)).await
    }

    async fn deliver_signed(&self, body: &str, secret: &str) -> u16 {
        let signature = sign(&[secret.to_owned()], self.clock.now().secs(), body.as_bytes());
        let headers = [("stripe-signature", signature.as_str())];
        self.client().send("POST", "/stripe/webhook", &headers, body.to_owned()).await.status.as_u16()
    }

    async fn get(&self, path: &str) -> u16 {
        self.signed_in("acme", "GET", path, &[], "").await
    }

    async fn buy(&self, org: &str) -> u16 {
        let body = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": 27_750_000}});
        self.signed_in(org, "POST", "/v1/top-ups", &[("idempotency-key", "one")], &body.to_string()).await
    }

    async fn signed_in(
        &self,
        org: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> u16 {
        let token = self.saldo.token(org, &["billing:view", "billing:subscribe"], None).unwrap();
        let bearer = format!("Bearer {token}");
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.client().send(method, path, &headers, body.to_owned()).await.status.as_u16()
    }

    fn client(&self) -> Client {
        Client::new(self.saldo.api_url())
    }

    async fn crash(&self, function: &str) {
        let crashing =
            HttpFunction::new("crashing", Duration::from_secs(1), |_| async { panic!("on purpose") });
        self.invoke(Function::Http(crashing), function).await;
    }

    async fn run_out_of_time(&self, function: &str) {
        let slow = HttpFunction::new("slow", Duration::from_millis(10), |_| std::future::pending());
        self.invoke(Function::Http(slow), function).await;
    }

    /// As if it stood in the place of one of the template.
    async fn invoke(&self, stand_in: Function, function: &str) {
        let watch = self.saldo.watch().unwrap();
        let Function::Http(stand_in) = stand_in.watched(function, None, &watch) else {
            unreachable!("a function behind a route")
        };
        assert!(stand_in.invoke(any_request()).await.is_err());
    }
}

fn between(
    function: &'static str,
    change: impl Fn(Endpoints) -> Endpoints + Send + Sync + 'static,
) -> Options {
    let between: Between =
        Arc::new(move |name, outside| if name == function { change(outside) } else { outside });
    Options { between: Some(between), ..Options::default() }
}

fn no_table(function: &'static str) -> Options {
    between(function, |outside| Endpoints { dynamodb: Some(NOWHERE.to_owned()), ..outside })
}

fn paid_event() -> String {
    let event = json!({"id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": false, "created": 1,
        "data": {"object": {"id": "in_1", "object": "invoice"}}});
    event.to_string()
}

fn any_request() -> Value {
    json!({"version": "2.0", "routeKey": "GET /", "rawPath": "/", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "timeEpoch": 0}})
}
