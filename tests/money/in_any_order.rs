//! Things that happen at the same time: whatever the order, the books hold.
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_adapters::world::World;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use tokio::task::JoinSet;

use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::seed::seed;
use crate::support::system;

/// How often each race is run.
const RUNS: usize = 12;
/// Every call waits up to this long, so that the racers mix.
const JITTER: Duration = Duration::from_millis(8);

/// A Saldo and a way to it on which every call takes its own time.
struct Jittered {
    saldo: Arc<Saldo>,
    clock: Clock,
    proxy: Proxy,
}

impl Jittered {
    async fn start() -> Jittered {
        Jittered::start_with_seed(fastrand::u64(..)).await
    }

    /// The seed is that of the jitter.
    async fn start_with_seed(seed: u64) -> Jittered {
        let clock = Clock::system();
        let saldo = Arc::new(system::start(&clock).await);
        let proxy = Proxy::start_with_jitter(&saldo, JITTER, seed).await;
        Jittered { saldo, clock, proxy }
    }

    fn world(&self) -> &World {
        &self.proxy.world
    }

    /// Pays after a while; whether the payment was taken.
    fn pay(&self, invoice: &str, after: Duration) -> impl Future<Output = bool> + use<> {
        let (saldo, invoice) = (Arc::clone(&self.saldo), invoice.to_owned());
        async move {
            tokio::time::sleep(after).await;
            saldo.stand_in().pay(&invoice, Method::VirtualAccount).is_ok()
        }
    }

    async fn credits(&self, org: &str) -> i64 {
        system::balance(&self.saldo, org).await.1["available_credits"].as_i64().unwrap()
    }

    async fn end(self, when: &str) {
        books::prove_always(&self.saldo, when).await;
        system::bring_to_rest(&self.saldo, &self.clock).await;
        books::prove_at_rest(&self.saldo, when).await;
    }
}

/// When a payment has to come so that it may win or lose: later after each time it won, sooner after each it lost.
struct Moment {
    after: Duration,
    won: usize,
    lost: usize,
}

impl Moment {
    fn guess() -> Moment {
        Moment { after: Duration::from_millis(10), won: 0, lost: 0 }
    }

    fn learn(&mut self, won: bool) {
        if won {
            self.won += 1;
            self.after = self.after * 3 / 2 + Duration::from_millis(1);
        } else {
            self.lost += 1;
            self.after /= 2;
        }
    }

    /// A race of which only one outcome was seen shows nothing.
    fn assert_both(&self) {
        assert!(self.won > 0 && self.lost > 0, "{} payments won, {} lost", self.won, self.lost);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_with_the_same_event_credit_once() {
    let jittered = Jittered::start().await;
    for run in 0..RUNS {
        let org = format!("org-{run}");
        let (_, invoice) = system::open_top_up(&jittered.saldo, &org).await;
        jittered.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        let message = [system::message("invoice.paid", &invoice)];
        let work = || system::work(&jittered.saldo, jittered.world(), &message);
        let (a, b, c) = tokio::join!(tokio::spawn(work()), tokio::spawn(work()), tokio::spawn(work()));
        for failures in [a, b, c] {
            assert!(failures.unwrap().is_empty(), "a repeat is a success");
        }
        assert_eq!(jittered.credits(&org).await, 1000, "{org}");
    }
    jittered.end("two workers").await;
}

/// Money for a top-up that is over has no slot to free, so that only the row itself stands against a second credit.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_with_money_that_came_late_credit_once() {
    let jittered = Jittered::start().await;
    let (client, table) = (books::dynamodb(&jittered.saldo), books::table(&jittered.saldo));
    for run in 0..RUNS {
        let org = format!("org-{run}");
        let (id, invoice) = system::open_top_up(&jittered.saldo, &org).await;
        let pk = AttributeValue::S(format!("ORG#{org}"));
        let expire = client
            .update_item()
            .table_name(&table)
            .key("pk", pk.clone())
            .key("sk", AttributeValue::S(format!("TOPUP#{id}")))
            .update_expression("SET #status = :expired REMOVE due_pk, due_at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":expired", AttributeValue::S("expired".to_owned()));
        expire.send().await.unwrap();
        let slot = AttributeValue::S("BALANCE#SLOT".to_owned());
        client.delete_item().table_name(&table).key("pk", pk).key("sk", slot).send().await.unwrap();
        jittered.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        let message = [system::message("invoice.paid", &invoice)];
        let work = || system::work(&jittered.saldo, jittered.world(), &message);
        let (a, b) = tokio::join!(tokio::spawn(work()), tokio::spawn(work()));
        assert!(a.unwrap().is_empty() && b.unwrap().is_empty(), "a repeat is a success");
        assert_eq!(jittered.credits(&org).await, 1000, "{org}");
    }
    jittered.end("late money").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_against_create_opens_one() {
    let jittered = Jittered::start().await;
    for run in 0..RUNS {
        let org = format!("org-{run}");
        let create = |key: &str| tokio::spawn(system::create(&jittered.saldo, jittered.world(), &org, key));
        let (a, b, c) = tokio::join!(create("one"), create("two"), create("two"));
        let answers = [a.unwrap(), b.unwrap(), c.unwrap()];
        let created = answers.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(created, 1, "{answers:?}");
        let mut ids = Vec::new();
        for (status, body) in &answers {
            match status {
                200 | 201 => ids.push(system::id_of(body)),
                409 => ids.push(system::id_of(&body["open_top_up"])),
                _ => panic!("{status} {body}"),
            }
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "everyone is shown the same top-up: {answers:?}");
    }
    jittered.end("create against create").await;
}

/// Wherever the maker died, those who find the top-up half made bring it on together, and make one invoice of one line.
#[tokio::test(flavor = "multi_thread")]
async fn several_who_bring_a_half_made_top_up_on_do_each_step_once() {
    let jittered = Jittered::start().await;
    let count = Proxy::start(&jittered.saldo, None).await;
    let _ = count.run(system::create(&jittered.saldo, &count.world, "org-counted", "one")).await;
    for at in 1..=count.calls() {
        for kind in [Kind::CrashBefore, Kind::CrashAfter] {
            let org = format!("org-{at}-{kind:?}");
            let proxy = Proxy::start(&jittered.saldo, Some(Fault { at, kind })).await;
            assert!(matches!(
                proxy.run(system::create(&jittered.saldo, &proxy.world, &org, "one")).await,
                Run::Crashed
            ));
            let create =
                |key: &str| tokio::spawn(system::create(&jittered.saldo, jittered.world(), &org, key));
            let (a, b, c) = tokio::join!(create("one"), create("one"), create("two"));
            for answer in [a, b, c] {
                let (status, body) = answer.unwrap();
                let top_up = if status == 409 { &body["open_top_up"] } else { &body };
                assert!([200, 201, 409].contains(&status), "{org}: {status} {body}");
                assert!(top_up["pay_url"].is_string(), "{org}: {status} {body}");
            }
        }
    }
    jittered.end("brought on together").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_against_payment_is_one_or_the_other() {
    let jittered = Jittered::start().await;
    let mut moment = Moment::guess();
    for run in 0..2 * RUNS {
        let org = format!("org-{run}");
        let (id, invoice) = system::open_top_up(&jittered.saldo, &org).await;
        let message = [system::message("invoice.paid", &invoice)];
        let (cancel, pay, worker) = tokio::join!(
            tokio::spawn(system::cancel(&jittered.saldo, jittered.world(), &org, &id)),
            tokio::spawn(jittered.pay(&invoice, moment.after)),
            tokio::spawn(system::work(&jittered.saldo, jittered.world(), &message)),
        );
        assert!(worker.unwrap().is_empty());
        let (status, answer) = cancel.unwrap();
        match (status, pay.unwrap()) {
            (200, false) => moment.learn(false),
            (409, true) => moment.learn(true),
            (_, pay) => panic!("cancel {status} {answer}, payment taken: {pay}"),
        }
    }
    moment.assert_both();
    jittered.end("cancel against payment").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_against_payment_is_one_or_the_other() {
    let jittered = Jittered::start().await;
    let mut moment = Moment::guess();
    for run in 0..2 * RUNS {
        let org = format!("org-{run}");
        let (_, invoice) = system::open_top_up(&jittered.saldo, &org).await;
        jittered.clock.advance(73 * 3600);
        let message = [system::message("invoice.paid", &invoice)];
        let (first, second, pay, worker) = tokio::join!(
            tokio::spawn(system::cleanup(&jittered.saldo, jittered.world())),
            tokio::spawn(system::cleanup(&jittered.saldo, jittered.world())),
            tokio::spawn(jittered.pay(&invoice, moment.after)),
            tokio::spawn(system::work(&jittered.saldo, jittered.world(), &message)),
        );
        assert_eq!(
            (first.unwrap()["failed"].as_i64(), second.unwrap()["failed"].as_i64()),
            (Some(0), Some(0))
        );
        assert!(worker.unwrap().is_empty());
        let taken = pay.unwrap();
        moment.learn(taken);
        let failed = system::work(&jittered.saldo, &jittered.saldo.world(), &message).await;
        assert!(failed.is_empty());
        assert_eq!(jittered.credits(&org).await, if taken { 1000 } else { 0 }, "{org}");
    }
    moment.assert_both();
    jittered.end("cleanup against payment").await;
}

/// Debits write the balance without touching a top-up: neither may lose the other's change.
#[tokio::test(flavor = "multi_thread")]
async fn crediting_against_other_writes_on_the_balance_loses_nothing() {
    let jittered = Jittered::start().await;
    let (client, table) = (books::dynamodb(&jittered.saldo), books::table(&jittered.saldo));
    let org = "org-busy";
    let (mut taken, mut bought) = (0, 0);
    for run in 0..4 {
        let (status, top_up) =
            system::create(&jittered.saldo, &jittered.saldo.world(), org, &format!("key-{run}")).await;
        assert_eq!(status, 201, "{top_up}");
        let invoice = system::invoice_of(&jittered.saldo, &system::id_of(&top_up)).unwrap();
        jittered.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        let message = [system::message("invoice.paid", &invoice)];
        let mut racing = JoinSet::new();
        racing.spawn({
            let work = system::work(&jittered.saldo, jittered.world(), &message);
            async move { i64::from(!work.await.is_empty()) * 1_000_000 }
        });
        for _ in 0..40 {
            let update = client
                .update_item()
                .table_name(&table)
                .key("pk", AttributeValue::S(format!("ORG#{org}")))
                .key("sk", AttributeValue::S("BALANCE".to_owned()))
                .update_expression("SET #credits = #credits - :n")
                .condition_expression("#credits >= :n")
                .expression_attribute_names("#credits", "credits")
                .expression_attribute_values(":n", AttributeValue::N("3".to_owned()));
            racing.spawn(async move { if update.send().await.is_ok() { 3 } else { 0 } });
        }
        while let Some(debited) = racing.join_next().await {
            taken += debited.unwrap();
        }
        bought += 1000;
    }
    assert!(taken < 1_000_000, "the worker did its part");
    assert_eq!(jittered.credits(org).await, bought - taken, "{taken} debited of {bought}");
}

/// A worker that was told of a refused card sees the invoice open; until it has read the row, another one has credited it.
#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_said_before_a_payment_is_not_held_against_it_after() {
    let jittered = Jittered::start().await;
    let (id, invoice) = system::open_top_up(&jittered.saldo, "acme").await;
    let proxy = Proxy::start(&jittered.saldo, Some(Fault { at: 1, kind: Kind::Late })).await;
    let refused = [system::message("invoice.payment_failed", &invoice)];
    let slow = tokio::spawn(system::work(&jittered.saldo, &proxy.world, &refused));
    while proxy.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    jittered.saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    let paid = [system::message("invoice.paid", &invoice)];
    assert!(system::work(&jittered.saldo, &jittered.saldo.world(), &paid).await.is_empty());
    assert!(!slow.is_finished(), "the old answer comes later");
    assert!(slow.await.unwrap().is_empty());
    let items = books::items(&jittered.saldo).await;
    let row = items.iter().find(|item| books::text(item, "sk") == format!("TOPUP#{id}")).unwrap();
    assert_eq!((books::text(row, "status"), books::text(row, "review")), ("paid", ""));
    jittered.end("old answers").await;
}

/// Everything at once, for every organisation in its own order. `SALDO_SEED` gives the same storm again: who does what
/// when, and how long each call takes. What the machine makes of it is its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_everything_leaves_the_books_right() {
    let seed = seed("a_storm_of_everything");
    let mut dice = fastrand::Rng::with_seed(seed);
    let jittered = Jittered::start_with_seed(dice.u64(..)).await;
    let mut storm = JoinSet::new();
    for number in 0..10 {
        let org = format!("org-{number}");
        let (id, invoice) = system::open_top_up(&jittered.saldo, &org).await;
        for _ in 0..dice.usize(4..9) {
            let (saldo, world) = (&jittered.saldo, jittered.world());
            let message = [system::message("invoice.paid", &invoice)];
            let wait = Duration::from_millis(dice.u64(0..60));
            macro_rules! later {
                ($act:expr) => {{
                    let act = $act;
                    storm.spawn(async move {
                        tokio::time::sleep(wait).await;
                        let _ = act.await;
                    });
                }};
            }
            match dice.u8(0..6) {
                0 => later!(system::create(saldo, world, &org, "first")),
                1 => later!(system::create(saldo, world, &org, &dice.u32(..).to_string())),
                2 => later!(system::cancel(saldo, world, &org, &id)),
                3 => later!(system::work(saldo, world, &message)),
                4 => later!(system::cleanup(saldo, world)),
                _ => later!(jittered.pay(&invoice, Duration::from_millis(dice.u64(0..32)))),
            }
        }
    }
    while let Some(ended) = storm.join_next().await {
        ended.unwrap();
    }
    jittered.end(&format!("storm of seed {seed}")).await;
}
