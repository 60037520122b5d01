//! An invoice that the provider does not know any more: its payer is told, and is not held back from buying.
use saldo_adapters::clock::Clock;
use saldo_adapters::dynamo::Store;
use saldo_domain::{
    Actor, Author, BillingContact, Cause, Ending, IdempotencyKey, OrgId, Policy, ReviewReason, Status,
    Subject, TopUp,
};
use saldo_local::Saldo;
use saldo_top_ups::memory::InMemory;
use saldo_top_ups::{Opening, Order, Told, TopUps};
use serde_json::json;

use crate::support::{books, system};

/// An organisation that buys of a provider in memory.
struct Buyer {
    saldo: Saldo,
    clock: Clock,
    provider: InMemory,
    top_ups: TopUps<Store, InMemory>,
}

impl Buyer {
    async fn new() -> Buyer {
        let clock = Clock::system();
        let saldo = system::start(&clock).await;
        let provider = InMemory::default();
        let rows = saldo.world().store(&saldo.env_of("credit-worker")).unwrap();
        let policy = Policy { accept_out_of_band: false, review_working_days: 2 };
        let top_ups = TopUps { rows, invoices: provider.clone(), policy };
        Buyer { saldo, clock, provider, top_ups }
    }

    async fn buys(&self, key: &str) -> TopUp {
        let prices = self.saldo.env_of("create-top-up").price_list().unwrap();
        let order = Order {
            org: OrgId::parse("acme").unwrap(),
            buyer: Actor::Person(Subject::parse("ana").unwrap()),
            contact: BillingContact { email: Some("ana@acme.test".to_owned()), ..BillingContact::default() },
            key: IdempotencyKey::parse(key).unwrap(),
            purchase: prices.quote(prices.default_currency(), None).unwrap().purchase,
            lifetime_secs: 72 * 3600,
        };
        let Opening::New(top_up) = self.top_ups.open(&order, self.clock.now()).await else {
            panic!("it opens a top-up")
        };
        top_up
    }

    async fn checks(&self, top_up: &TopUp, after_secs: i64) -> TopUp {
        self.clock.advance(after_secs);
        self.top_ups.check(&top_up.org, &top_up.id, self.clock.now()).await.unwrap()
    }
}

fn invoice(of: &TopUp) -> &str {
    &of.invoice.as_ref().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_invoice_is_gone_is_told_by_when_and_may_cancel_and_buy_again() {
    let buyer = Buyer::new().await;
    let first = buyer.buys("first").await;
    buyer.provider.lose(invoice(&first));
    let told = buyer.checks(&first, 400).await;
    assert_eq!((told.status, told.review), (Status::Open, Some(ReviewReason::InvoiceGone)));
    let shown = system::top_up(&buyer.saldo, "acme", first.id.as_str()).await.1;
    assert_eq!(shown["review"]["code"], "invoice_gone", "{shown}");
    assert!(shown["review"]["by"].is_string(), "{shown}");
    books::prove_always(&buyer.saldo, "told").await;
    let author = Author { actor: Actor::System, cause: Cause::Cancellation };
    let ended =
        buyer.top_ups.close(&told, Ending::Canceled, &author, buyer.clock.now()).await.unwrap().top_up;
    assert_eq!((ended.status, ended.review), (Status::InReview, Some(ReviewReason::InvoiceGone)));
    let second = buyer.buys("second").await;
    books::prove_always(&buyer.saldo, "bought again").await;

    // It was there all the time, and was paid: money decides.
    buyer.provider.find_again(invoice(&first));
    buyer.provider.pay(invoice(&first), buyer.clock.now()).unwrap();
    let author = Author { actor: Actor::System, cause: Cause::Event("evt_1".to_owned()) };
    for _ in 0..2 {
        buyer.top_ups.handle(&Told::of_invoice(invoice(&first)), &author, buyer.clock.now()).await.unwrap();
    }
    let paid = system::top_up(&buyer.saldo, "acme", first.id.as_str()).await.1;
    assert_eq!((&paid["status"], &paid["review"]), (&json!("paid"), &json!(null)), "{paid}");
    let balance = system::balance(&buyer.saldo, "acme").await.1;
    assert_eq!(balance["available_credits"], 1000, "once");
    assert_eq!(balance["open_top_up"]["id"], second.id.as_str(), "the other one holds the slot");
    books::prove_always(&buyer.saldo, "paid after all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_invoice_is_gone_is_free_when_its_time_is_over() {
    let buyer = Buyer::new().await;
    let first = buyer.buys("first").await;
    buyer.provider.lose(invoice(&first));
    assert_eq!(buyer.checks(&first, 400).await.status, Status::Open);
    let ended = buyer.checks(&first, 73 * 3600).await;
    assert_eq!((ended.status, ended.review), (Status::InReview, Some(ReviewReason::InvoiceGone)));
    buyer.buys("second").await;
    books::prove_always(&buyer.saldo, "free").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_is_there_again_in_time_is_paid_as_any_other() {
    let buyer = Buyer::new().await;
    let first = buyer.buys("first").await;
    buyer.provider.lose(invoice(&first));
    let told = buyer.checks(&first, 400).await;
    buyer.provider.find_again(invoice(&told));
    buyer.provider.pay(invoice(&told), buyer.clock.now()).unwrap();
    let paid = buyer.checks(&told, 7 * 3600).await;
    assert_eq!((paid.status, paid.review), (Status::Paid, None));
    books::prove_always(&buyer.saldo, "paid").await;
}
