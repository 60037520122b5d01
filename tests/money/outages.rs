//! Stripe is away for seconds, for hours, for a day: nothing is lost, nobody hammers it, and credits come when it is back.
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::SqsEvent;
use futures_util::future::join_all;
use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;
use saldo_credit_worker::Function;
use saldo_local::Saldo;
use saldo_local::queue::{Message, NewMessage, Queues, router};
use saldo_stripe_stand_in::{Method, Outage};
use serde_json::json;

use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

const QUEUE: &str = "saldo-local-Payments";
const DEAD: &str = "saldo-local-PaymentsDeadLetters";
/// As many as the template lets work at a time: each is a process of its own, which knows nothing of the others.
const WORKERS: usize = 5;
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

#[tokio::test(flavor = "multi_thread")]
async fn credits_come_within_a_minute_of_the_end_of_25_seconds() {
    let seen = outage_of(25).await;
    assert!(seen.back_to_credits_secs <= 25, "{seen:?}");
    assert!(seen.calls <= 60, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_come_within_a_minute_of_the_end_of_20_minutes() {
    let seen = outage_of(20 * MINUTE).await;
    assert!(seen.calls <= bound(20 * MINUTE), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_come_within_a_minute_of_the_end_of_6_hours() {
    let seen = outage_of(6 * HOUR).await;
    assert!(seen.calls <= bound(6 * HOUR), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_come_within_a_minute_of_the_end_of_a_day() {
    let seen = outage_of(24 * HOUR).await;
    assert!(seen.calls <= bound(24 * HOUR), "{seen:?}");
}

/// A probe every ten seconds by each worker, and what each asks before it knows: three attempts and the pauses of the beginning.
fn bound(outage_secs: i64) -> u64 {
    let probes = outage_secs / 10 + 7;
    5 * u64::try_from(probes).unwrap()
}

#[derive(Debug)]
struct Seen {
    /// What Stripe was asked while it was away.
    calls: u64,
    back_to_credits_secs: i64,
}

/// Three organisations pay while Stripe is away, at the beginning, in the middle and shortly before the end.
async fn outage_of(secs: i64) -> Seen {
    let line = Line::start(WORKERS).await;
    let orgs = ["first", "middle", "last"];
    let mut invoices = Vec::new();
    for org in orgs {
        invoices.push(system::open_top_up(&line.saldo, org).await.1);
    }
    let before = line.saldo.stand_in().unanswered();
    line.saldo.stand_in().set_outage(Some(Outage { status: 503, ..Outage::default() }));
    let began = line.clock.now().secs();
    for (invoice, at) in invoices.iter().zip([0, secs / 2, secs - 5]) {
        line.run_for(began + at - line.clock.now().secs()).await;
        line.saldo.stand_in().pay(invoice, Method::VirtualAccount).unwrap();
        line.enqueue(invoice);
    }
    line.run_for(began + secs - line.clock.now().secs()).await;
    for org in orgs {
        assert_eq!(line.credits(org).await, 0, "{org}");
    }
    line.saldo.stand_in().set_outage(None);
    let calls = line.saldo.stand_in().unanswered() - before;
    let back = line.clock.now();
    while line.waiting() > 0 {
        line.run_for(1).await;
        assert!(line.clock.now().secs_since(back) <= 60, "credits come within a minute");
    }
    for org in orgs {
        assert_eq!(line.credits(org).await, 1000, "{org}");
    }
    assert_eq!(line.dead(), 0);
    books::prove_at_rest(&line.saldo, "after the outage").await;
    let seen = Seen { calls, back_to_credits_secs: line.clock.now().secs_since(back) };
    println!("an outage of {secs} s: {seen:?}");
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_asks_for_is_kept_to() {
    let line = Line::start(1).await;
    for org in ["acme", "globex"] {
        line.paid(org).await;
    }
    let slow_down = Outage { status: 429, retry_after_secs: Some(120), ..Outage::default() };
    line.saldo.stand_in().set_outage(Some(slow_down));
    line.run_for(115).await;
    // Both were begun before the first was answered; neither was repeated, and nobody sent a probe.
    assert!(line.saldo.stand_in().unanswered() <= 2, "{}", line.saldo.stand_in().unanswered());
    line.saldo.stand_in().set_outage(None);
    line.run_for(60).await;
    assert_eq!((line.credits("acme").await, line.credits("globex").await), (1000, 1000));
    assert_eq!((line.waiting(), line.dead()), (0, 0));
}

/// Stripe fails for one invoice alone: that is nobody's outage.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_for_its_own_reason_holds_nobody_up_and_is_dead_in_time() {
    let line = Line::start(1).await;
    let about = line.paid("poison").await;
    line.saldo.stand_in().set_outage(Some(Outage { status: 500, about, ..Outage::default() }));
    let began = line.clock.now();
    line.run_for(5).await;
    line.paid("acme").await;
    line.run_for(2).await;
    assert_eq!(line.credits("acme").await, 1000, "others go on");
    while line.dead() == 0 {
        line.run_for(10).await;
        assert!(line.clock.now().secs_since(began) <= 16 * MINUTE, "it is dead in a quarter of an hour");
    }
    assert!(line.clock.now().secs_since(began) >= 10 * MINUTE, "it was tried for long enough");
    assert_eq!(line.waiting(), 0);
    line.saldo.stand_in().set_outage(None);
    assert_eq!(line.queues.move_back(DEAD).unwrap(), 1);
    line.run_for(5).await;
    assert_eq!(line.credits("poison").await, 1000);
    books::prove_at_rest(&line.saldo, "after the dead letter").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_once_is_tried_again_after_ten_seconds() {
    let line = Line::start(1).await;
    let about = line.paid("acme").await;
    line.saldo.stand_in().set_outage(Some(Outage { status: 500, about, ..Outage::default() }));
    line.run_for(5).await;
    line.saldo.stand_in().set_outage(None);
    line.run_for(10).await;
    assert_eq!(line.credits("acme").await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_dead_in_time() {
    let line = Line::start(1).await;
    for body in ["no message", r#"{"version":99}"#] {
        line.send(body);
    }
    line.saldo.stand_in().set_outage(Some(Outage { status: 503, ..Outage::default() }));
    line.run_for(16 * MINUTE).await;
    assert_eq!((line.waiting(), line.dead()), (0, 2), "an outage does not keep it alive");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_and_two_hours_messages_are_dead_letters_and_one_command_brings_them_back() {
    let line = Line::start(1).await;
    let (_, invoice) = system::open_top_up(&line.saldo, "acme").await;
    line.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    line.saldo.stand_in().set_outage(Some(Outage { status: 503, ..Outage::default() }));
    let mut message = system::message("invoice.paid", &invoice);
    message["waiting"] = json!({"since": line.clock.now().secs() - 26 * HOUR + 120, "times": 16});
    line.send(&message.to_string());
    line.run_for(60).await;
    assert_eq!((line.waiting(), line.dead()), (1, 0));
    line.run_for(17 * MINUTE).await;
    assert_eq!((line.waiting(), line.dead()), (0, 1));
    line.saldo.stand_in().set_outage(None);
    line.queues.move_back(DEAD).unwrap();
    line.run_for(15).await;
    assert_eq!(line.credits("acme").await, 1000);
    assert_eq!((line.waiting(), line.dead()), (0, 0));
    books::prove_at_rest(&line.saldo, "after the day").await;
}

/// The worker dies, or is answered by nobody, at each call of an attempt that ends with putting off.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_puts_off_loses_nothing_and_credits_once() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    let calls = 5;
    let mut lines = Vec::new();
    for (at, kind) in (1..=calls).flat_map(|at| Kind::ALL.map(|kind| (at, kind))) {
        let line = Line::of(Arc::clone(&saldo), 1).await;
        let org = format!("org-{at}-{kind:?}");
        line.paid(&org).await;
        lines.push((line, org, Fault { at, kind }));
    }
    let unharmed = Line::of(Arc::clone(&saldo), 1).await;
    unharmed.paid("unharmed").await;
    saldo.stand_in().set_outage(Some(Outage { status: 503, ..Outage::default() }));
    assert_eq!(unharmed.attempt(None).await, calls, "three attempts, the probe, the copy");
    assert_eq!(unharmed.waiting(), 1);
    join_all(lines.iter().map(|(line, _, fault)| line.attempt(Some(*fault)))).await;
    saldo.stand_in().set_outage(None);
    for (line, org, fault) in &lines {
        assert!((1..=2).contains(&line.waiting()), "{org}: {}", line.waiting());
        let twice = fault.at == calls && matches!(fault.kind, Kind::CrashAfter | Kind::LostAfter);
        assert_eq!(line.waiting() == 2, twice, "{org}: sent and not deleted is there twice");
    }
    for (line, org, _) in &lines {
        line.run_for(200).await;
        assert_eq!(line.credits(org).await, 1000, "{org}");
        assert_eq!((line.waiting(), line.dead()), (0, 0), "{org}");
    }
    unharmed.run_for(30).await;
    books::prove_at_rest(&saldo, "after all crashes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_buys_meanwhile_is_told_at_once_when_to_come_again() {
    let line = Line::start(1).await;
    let (saldo, world) = (&line.saldo, line.saldo.world());
    let buyer = system::Buyer::connect(saldo, &world);
    saldo.stand_in().set_outage(Some(Outage { status: 503, ..Outage::default() }));
    assert_eq!(buyer.order("acme", "one").await.status, 503);
    let asked = saldo.stand_in().unanswered();
    let began = Instant::now();
    for org in ["acme", "globex"] {
        let refused = buyer.order(org, "one").await;
        assert_eq!(refused.json()["code"], "payment_provider_unavailable");
        let secs: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&secs), "{secs}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(saldo.stand_in().unanswered(), asked, "Stripe is left alone");
    saldo.stand_in().set_outage(None);
    line.clock.advance(10);
    for org in ["acme", "globex"] {
        let bought = buyer.order(org, "one").await;
        assert!([200, 201].contains(&bought.status.as_u16()), "{org}: {}", bought.json());
        assert_eq!(bought.json()["status"], "open", "{org}");
    }
    system::bring_to_rest(saldo, &line.clock).await;
    books::prove_at_rest(saldo, "after the outage").await;
}

/// A queue whose time is moved, and its workers, as Lambda's event source mapping drives them.
struct Line {
    saldo: Arc<Saldo>,
    clock: Clock,
    queues: Queues,
    url: String,
    workers: Vec<Function>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Line {
    async fn start(workers: usize) -> Line {
        Line::of(Arc::new(system::start(&Clock::system()).await), workers).await
    }

    async fn of(saldo: Arc<Saldo>, workers: usize) -> Line {
        let clock = saldo.world().clock();
        let time = clock.clone();
        let queues = Queues::open(None, &saldo.plan().queues, Arc::new(move || time.now().ms())).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = router(queues.clone(), url.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let world = saldo.world().with_endpoints(Endpoints {
            dynamodb: Some(saldo.dynamodb_url().to_owned()),
            sqs: Some(url.clone()),
            secrets_manager: Some(saldo.secrets_manager_url().to_owned()),
            stripe: saldo.stripe_url().to_owned(),
        });
        let worker = || saldo_credit_worker::connect(&saldo.env_of("credit-worker"), &world).unwrap();
        let workers = (0..workers).map(|_| worker()).collect();
        Line { saldo, clock, queues, url, workers, server }
    }

    /// An organisation that has paid, and whose message waits; gives the invoice.
    async fn paid(&self, org: &str) -> String {
        let (_, invoice) = system::open_top_up(&self.saldo, org).await;
        self.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        self.enqueue(&invoice);
        invoice
    }

    fn enqueue(&self, invoice: &str) {
        self.send(&system::message("invoice.paid", invoice).to_string());
    }

    fn send(&self, body: &str) {
        let message = NewMessage { body: body.to_owned(), delay: Duration::ZERO };
        self.queues.send(QUEUE, &[message]).unwrap();
    }

    /// Hands over what is visible in the next so many seconds.
    async fn run_for(&self, secs: i64) {
        let end = self.clock.now().plus_secs(secs);
        let mut turn = 0;
        loop {
            let batch = self.queues.receive(QUEUE, 10, Duration::ZERO, None).await.unwrap();
            if !batch.is_empty() {
                turn += 1;
                self.hand_over(&batch, &self.workers[turn % self.workers.len()]).await;
                continue;
            }
            let left = end.ms() - self.clock.now().ms();
            if left <= 0 {
                return;
            }
            let next = i64::try_from(self.queues.until_next(QUEUE).unwrap().as_millis()).unwrap();
            self.clock.advance_ms(next.min(left));
        }
    }

    async fn hand_over(&self, batch: &[Message], worker: &Function) {
        let failed = worker.handle(event(batch), Duration::from_secs(600)).await.batch_item_failures;
        for message in batch.iter().filter(|one| failed.iter().all(|failed| failed.item_identifier != one.id))
        {
            self.queues.delete(QUEUE, &message.receipt).unwrap();
        }
    }

    /// One attempt of a worker that a fault befalls: it deletes nothing when it dies. Gives the number of its calls.
    async fn attempt(&self, fault: Option<Fault>) -> usize {
        let proxy = Proxy::start_before(&self.saldo, &self.url, fault).await;
        let worker = saldo_credit_worker::connect(&self.saldo.env_of("credit-worker"), &proxy.world).unwrap();
        let batch = self.queues.receive(QUEUE, 10, Duration::ZERO, None).await.unwrap();
        let event = event(&batch);
        let run = proxy.run(async move { worker.handle(event, Duration::from_secs(600)).await }).await;
        if let Run::Done(answer) = run {
            let failed: Vec<_> =
                answer.batch_item_failures.iter().map(|failed| &failed.item_identifier).collect();
            for message in batch.iter().filter(|message| !failed.contains(&&message.id)) {
                self.queues.delete(QUEUE, &message.receipt).unwrap();
            }
        }
        proxy.calls()
    }

    async fn credits(&self, org: &str) -> i64 {
        system::balance(&self.saldo, org).await.1["available_credits"].as_i64().unwrap()
    }

    fn waiting(&self) -> u64 {
        self.depth(QUEUE)
    }

    fn dead(&self) -> u64 {
        self.depth(DEAD)
    }

    fn depth(&self, queue: &str) -> u64 {
        let depth = self.queues.depth(queue).unwrap();
        depth.visible + depth.in_flight + depth.delayed
    }
}

fn event(batch: &[Message]) -> SqsEvent {
    let record = |message: &Message| {
        json!({
            "messageId": message.id, "receiptHandle": message.receipt, "body": message.body,
            "attributes": {"ApproximateReceiveCount": message.receive_count.to_string()},
        })
    };
    serde_json::from_value(json!({"Records": batch.iter().map(record).collect::<Vec<_>>()})).unwrap()
}
