//! Money that goes back takes its credits along, once, and brings them when it comes again: over the real table, with a
//! provider in memory.
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::dynamo::{Posted, Store};
use saldo_adapters::world::World;
use saldo_domain::{
    Actor, Author, BillingContact, Cause, Credits, Dispute, DisputeStatus, EntryId, IdempotencyKey, OrgId,
    Policy, Posting, Refund, RefundState, Returned, Subject, TopUp,
};
use saldo_local::Saldo;
use saldo_top_ups::memory::InMemory;
use saldo_top_ups::{Handled, Opening, Order, Rows, Told, TopUps};

use crate::support::books;
use crate::support::each_call::each_call_goes_wrong;
use crate::support::proxy::Proxy;
use crate::support::system::{self, TOTAL};

/// One organisation that bought 1000 credits of a provider in memory.
#[derive(Clone)]
struct Buyer {
    saldo: Arc<Saldo>,
    provider: InMemory,
    org: OrgId,
    top_up: TopUp,
}

impl Buyer {
    async fn who_paid(saldo: &Arc<Saldo>, org: &str) -> Buyer {
        let provider = InMemory::default();
        let org = OrgId::parse(org).unwrap();
        let top_ups = top_ups(saldo, &saldo.world(), &provider);
        let prices = saldo.env_of("create-top-up").price_list().unwrap();
        let order = Order {
            org: org.clone(),
            buyer: Actor::Person(Subject::parse("ana").unwrap()),
            contact: BillingContact { email: Some("ana@acme.test".to_owned()), ..BillingContact::default() },
            key: IdempotencyKey::parse("first").unwrap(),
            purchase: prices.quote(prices.default_currency(), None).unwrap().purchase,
            lifetime_secs: 3600,
        };
        let now = saldo.world().clock().now();
        let Opening::New(top_up) = top_ups.open(&order, now).await else { panic!("{org} opens a top-up") };
        let buyer = Buyer { saldo: Arc::clone(saldo), provider, org, top_up };
        buyer.provider.pay(buyer.invoice(), now).unwrap();
        buyer.hears(&saldo.world()).await.unwrap();
        assert_eq!(buyer.state().await, (1000, 1000, 0, 0));
        buyer
    }

    fn invoice(&self) -> &str {
        &self.top_up.invoice.as_ref().unwrap().id
    }

    fn afterwards(&self, change: impl FnOnce(&mut Returned)) {
        self.provider.afterwards(self.invoice(), change).unwrap();
    }

    /// The worker is told of the invoice.
    fn hears(&self, world: &World) -> impl Future<Output = Result<Handled, PortError>> + Send + use<> {
        let top_ups = top_ups(&self.saldo, world, &self.provider);
        let (told, now) = (Told::returned(self.invoice()), world.clock().now());
        let author = Author { actor: Actor::System, cause: Cause::Event("evt_1".to_owned()) };
        async move { top_ups.handle(&told, &author, now).await }
    }

    async fn row(&self) -> TopUp {
        Rows::top_up(&store(&self.saldo), &self.org, &self.top_up.id).await.unwrap().unwrap()
    }

    /// Balance, and what is posted: granted, refunded, disputed.
    async fn state(&self) -> (i64, i64, i64, i64) {
        let posted = self.row().await.posted;
        let (status, balance) = system::balance(&self.saldo, self.org.as_str()).await;
        assert_eq!(status, 200, "{balance}");
        let credits = balance["available_credits"].as_i64().unwrap();
        (credits, posted.granted.0, posted.refunded.0, posted.disputed.0)
    }

    async fn entries(&self) -> Vec<(String, i64, String)> {
        let mut entries = Vec::new();
        for item in books::items(&self.saldo).await {
            if books::text(&item, "cause") == self.top_up.id.as_str() {
                let (kind, actor) = (books::text(&item, "kind"), books::text(&item, "actor"));
                entries.push((kind.to_owned(), books::number(&item, "credits").unwrap(), actor.to_owned()));
            }
        }
        entries.sort();
        entries
    }
}

fn top_ups(saldo: &Saldo, world: &World, provider: &InMemory) -> TopUps<Store, InMemory> {
    let rows = world.store(&saldo.env_of("credit-worker")).unwrap();
    TopUps {
        rows,
        invoices: provider.clone(),
        policy: Policy { accept_out_of_band: false, review_working_days: 2 },
    }
}

fn store(saldo: &Saldo) -> Store {
    saldo.world().store(&saldo.env_of("credit-worker")).unwrap()
}

async fn start() -> Arc<Saldo> {
    Arc::new(system::start(&Clock::system()).await)
}

fn refund(amount: i64) -> Refund {
    Refund { amount, state: RefundState::Pending }
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_and_disputes_are_posted_as_the_difference_to_what_was_posted() {
    let saldo = start().await;
    let buyer = Buyer::who_paid(&saldo, "acme").await;
    let after = async |change: fn(&mut Returned)| {
        buyer.afterwards(change);
        for _ in 0..2 {
            buyer.hears(&saldo.world()).await.unwrap();
        }
        books::prove_always(&saldo, "money goes back").await;
        buyer.state().await
    };
    assert_eq!(after(|e| e.refunds.push(refund(TOTAL / 4))).await, (750, 1000, 250, 0));
    assert_eq!(after(|e| e.refunds[0].state = RefundState::Failed).await, (1000, 1000, 0, 0));
    assert_eq!(after(|e| e.refunds.push(refund(TOTAL / 2))).await, (500, 1000, 500, 0));
    let dispute = |e: &mut Returned| {
        e.disputes.push(Dispute { amount: TOTAL, withdrawn: true, status: DisputeStatus::Lost })
    };
    assert_eq!(after(dispute).await, (0, 1000, 500, 500), "lost, and never more than was paid");
    assert_eq!(after(|e| e.disputes[0].withdrawn = false).await, (500, 1000, 500, 0), "and won");
    let system = || "system".to_owned();
    let entry = |kind: &str, credits| (kind.to_owned(), credits, system());
    assert_eq!(
        buyer.entries().await,
        [
            entry("dispute", -500),
            entry("dispute_undone", 500),
            entry("refund", -500),
            entry("refund", -250),
            entry("refund_undone", 250),
            entry("top_up", 1000),
        ]
    );
    let row = buyer.row().await;
    assert_eq!(row.created_by.to_string(), "person:ana");
    assert_eq!(row.changed_by.cause, Cause::Event("evt_1".to_owned()));
    let (_, shown) = system::top_up(&saldo, "acme", row.id.as_str()).await;
    assert_eq!((&shown["status"], &shown["credited"]), (&"paid".into(), &500.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_hear_of_a_refund_at_the_same_time_post_it_once() {
    let saldo = start().await;
    let proxy = Proxy::start_with_jitter(&saldo, Duration::from_millis(8), 7).await;
    for run in 0..12 {
        let buyer = Buyer::who_paid(&saldo, &format!("org-{run}")).await;
        buyer.afterwards(|e| e.refunds.push(refund(TOTAL / 2)));
        let hear = || tokio::spawn(buyer.hears(&proxy.world));
        let (a, b, c) = tokio::join!(hear(), hear(), hear());
        for heard in [a, b, c] {
            heard.unwrap().unwrap();
        }
        assert_eq!(buyer.state().await, (500, 1000, 500, 0), "{}", buyer.org);
        assert_eq!(buyer.entries().await.len(), 2, "{}", buyer.org);
    }
    books::prove_always(&saldo, "refunds at the same time").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_heard_again_after_any_failure_is_posted_once() {
    let saldo = start().await;
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            let buyer = Buyer::who_paid(&org.saldo, &org.name).await;
            buyer.afterwards(|e| e.refunds.push(refund(TOTAL / 2)));
            buyer
        },
        |world, buyer| buyer.hears(world),
        async |buyer| {
            for _ in 0..2 {
                buyer.hears(&buyer.saldo.world()).await.unwrap();
            }
            assert_eq!(buyer.state().await, (500, 1000, 500, 0), "{}", buyer.org);
            assert_eq!(buyer.entries().await.len(), 2, "{}", buyer.org);
        },
    )
    .await;
    assert_eq!(calls, 7, "two reads, the balance, a transaction, another look, and how it was paid");
    books::prove_always(&saldo, "a refund after any failure").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_is_posted_once_and_makes_no_debt() {
    let saldo = start().await;
    system::with_credits(&saldo, "acme").await;
    let (org, store) = (OrgId::parse("acme").unwrap(), store(&saldo));
    let actor = Actor::Operator(Subject::parse("olga").unwrap());
    let adjustment = |id: &str, credits| {
        Posting::adjustment(EntryId::parse(id).unwrap(), "adj_1", Credits(credits), &actor)
    };
    let first = adjustment("019ab0f2-6c40-7a11-8b22-334455667780", -400);
    assert_eq!(store.post(&org, &first).await, Ok(Posted::New));
    assert_eq!(
        store.post(&org, &first).await,
        Ok(Posted::Before(Box::new(first.entry.clone()))),
        "a repeat is a success"
    );
    let too_much = adjustment("019ab0f2-6c40-7a11-8b22-3344556677a0", -601);
    assert_eq!(store.post(&org, &too_much).await, Err(PortError::Conflict));
    let all = adjustment("019ab0f2-6c40-7a11-8b22-3344556677c0", -600);
    assert_eq!(store.post(&org, &all).await, Ok(Posted::New));
    assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 0);
    books::prove_always(&saldo, "adjusted").await;
}
