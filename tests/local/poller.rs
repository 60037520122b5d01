//! Messages reach their worker the way Lambda's event source mapping brings them.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use saldo_local::chaos::Chaos;
use saldo_local::functions::QueueFunction;
use saldo_local::poller::Poller;
use saldo_local::queue::{NewMessage, Queues};
use saldo_local::template::{QueuePlan, Redrive};
use tokio::sync::watch;

#[tokio::test]
async fn a_message_is_handed_over_at_once_and_deleted() {
    let mapping = Mapping::start(|_| Verdict::Done, None);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = Instant::now();
    mapping.send("a");
    mapping.until(|seen| seen.get("a") == Some(&1)).await;
    assert!(sent.elapsed() < Duration::from_millis(500), "{:?}", sent.elapsed());
    mapping.settled().await;
    assert_eq!(mapping.depths(), (0, 0));
}

#[tokio::test]
async fn only_the_failed_message_of_a_batch_comes_back() {
    let mapping = Mapping::start(
        |(body, times)| if body == "bad" && times < 3 { Verdict::Failed } else { Verdict::Done },
        None,
    );
    mapping.send_all(&["good", "bad", "fine"]);
    mapping.until(|seen| seen.get("bad") == Some(&3)).await;
    mapping.settled().await;
    assert_eq!(mapping.seen(), counts(&[("bad", 3), ("fine", 1), ("good", 1)]));
    assert_eq!(mapping.depths(), (0, 0));
}

#[tokio::test]
async fn a_message_that_always_fails_ends_in_the_dead_letters() {
    let mapping =
        Mapping::start(|(body, _)| if body == "poison" { Verdict::Failed } else { Verdict::Done }, None);
    mapping.send_all(&["poison", "good"]);
    mapping.until_depths((0, 1)).await;
    assert_eq!(mapping.seen(), counts(&[("good", 1), ("poison", 4)]));
}

#[tokio::test]
async fn a_crash_brings_the_whole_batch_back() {
    let mapping = Mapping::start(
        |(body, times)| if body == "b" && times == 1 { Verdict::Crash } else { Verdict::Done },
        None,
    );
    mapping.send_all(&["a", "b"]);
    mapping.until(|seen| seen.get("b") == Some(&2)).await;
    mapping.settled().await;
    assert_eq!(mapping.seen(), counts(&[("a", 2), ("b", 2)]));
    assert_eq!(mapping.depths(), (0, 0));
}

#[tokio::test]
async fn a_failure_that_names_no_message_fails_the_batch() {
    let mapping =
        Mapping::start(|(_, times)| if times == 1 { Verdict::FailedElsewhere } else { Verdict::Done }, None);
    mapping.send("a");
    mapping.until(|seen| seen.get("a") == Some(&2)).await;
    mapping.settled().await;
    assert_eq!(mapping.depths(), (0, 0));
}

#[tokio::test]
async fn chaos_repeats_and_delays_but_loses_nothing() {
    let mapping = Mapping::start(|_| Verdict::Done, Some(7));
    let bodies: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    mapping.send_all(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    mapping.until_depths((0, 0)).await;
    assert_eq!(mapping.seen().len(), 40);
    assert!(mapping.seen().values().any(|times| *times > 1), "some come twice");
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Done,
    Failed,
    FailedElsewhere,
    Crash,
}

type Seen = Arc<Mutex<BTreeMap<String, u32>>>;

/// A queue bound to a worker that decides by body and the number of times it has seen it.
struct Mapping {
    queues: Queues,
    seen: Seen,
    _stop: watch::Sender<bool>,
}

impl Mapping {
    fn start(decide: fn((&str, u32)) -> Verdict, chaos: Option<u64>) -> Self {
        let plan = |name: &str, redrive| QueuePlan {
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
            // Longer than a message is held up, else it comes again while it is worked on.
            visibility: Duration::from_millis(if chaos.is_some() { 2_000 } else { 400 }),
            retention: Duration::from_secs(3_600),
            redrive,
        };
        let dead = plan("dead", None);
        let redrive = Redrive { target_arn: dead.arn.clone(), max_receive_count: 4 };
        let started = Instant::now();
        let now = Arc::new(move || i64::try_from(started.elapsed().as_millis()).unwrap());
        let queues = Queues::open(None, &[plan("main", Some(redrive)), dead], now).unwrap();
        let seen = Seen::default();
        let memory = Arc::clone(&seen);
        let function = QueueFunction::new("worker", Duration::from_secs(5), move |event| {
            let memory = Arc::clone(&memory);
            async move { answer(&event, decide, &memory) }
        });
        let poller = Poller {
            queues: queues.clone(),
            queue: "main".to_owned(),
            queue_arn: "arn:aws:sqs:us-east-1:000000000000:main".to_owned(),
            function,
            batch_size: 10,
            concurrency: 2,
            partial_failures: true,
            visibility: None,
            chaos: chaos.map(|seed| Arc::new(Chaos::new(seed))),
        };
        let stop = watch::Sender::new(false);
        tokio::spawn(poller.run(stop.subscribe()));
        Self { queues, seen, _stop: stop }
    }

    fn send(&self, body: &str) {
        self.send_all(&[body]);
    }

    fn send_all(&self, bodies: &[&str]) {
        let message = |body: &&str| NewMessage { body: (*body).to_owned(), delay: Duration::ZERO };
        self.queues.send("main", &bodies.iter().map(message).collect::<Vec<_>>()).unwrap();
    }

    fn seen(&self) -> BTreeMap<String, u32> {
        self.seen.lock().unwrap().clone()
    }

    /// (messages in the queue, messages in its dead letters)
    fn depths(&self) -> (u64, u64) {
        let all = |queue| {
            let depth = self.queues.depth(queue).unwrap();
            depth.visible + depth.in_flight + depth.delayed
        };
        (all("main"), all("dead"))
    }

    async fn until(&self, reached: impl Fn(&BTreeMap<String, u32>) -> bool) {
        eventually(|| reached(&self.seen())).await;
    }

    async fn until_depths(&self, depths: (u64, u64)) {
        eventually(|| self.depths() == depths).await;
    }

    /// Long enough for a message that was not deleted to come again.
    async fn settled(&self) {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
    }
}

fn answer(event: &SqsEvent, decide: fn((&str, u32)) -> Verdict, seen: &Seen) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    let mut crashing = false;
    for record in &event.records {
        let body = record.body.clone().unwrap();
        let times = {
            let mut seen = seen.lock().unwrap();
            let times = seen.entry(body.clone()).or_default();
            *times += 1;
            *times
        };
        let mut failure = BatchItemFailure::default();
        match decide((&body, times)) {
            Verdict::Done => continue,
            Verdict::Crash => {
                crashing = true;
                continue;
            }
            Verdict::Failed => failure.item_identifier = record.message_id.clone().unwrap(),
            Verdict::FailedElsewhere => failure.item_identifier = "unknown".to_owned(),
        }
        response.batch_item_failures.push(failure);
    }
    assert!(!crashing, "on purpose");
    response
}

fn counts(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
    pairs.iter().map(|(body, times)| ((*body).to_owned(), *times)).collect()
}

async fn eventually(reached: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reached() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
