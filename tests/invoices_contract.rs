//! The payment provider behind its port: Stripe's stand-in through the real adapter and the provider in memory, by one
//! test body.
use saldo_adapters::clock::Clock;
use saldo_domain::{
    Actor, BillingContact, Currency, Dispute, DisputeStatus, Evidence, InvoiceStatus, Language, OrgId,
    PaymentKind, PriceList, Refund, RefundState, Returned, Timestamp, TopUp, TopUpId, what_was_ordered,
};
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, Method, RefundStep};
use saldo_top_ups::memory::InMemory;
use saldo_top_ups::{Invoices, InvoicesError};

use crate::support::system::{self, TOTAL};

/// What a payer and their bank do at a provider.
trait Payer {
    fn pay(&self, invoice: &str);
    fn start_payment(&self, invoice: &str);
    fn decline(&self, invoice: &str, code: &str);
    /// Staff gives this much back; it fails later when `fails`.
    fn refund(&self, invoice: &str, amount: i64, fails: bool);
    /// Their bank takes everything that was paid.
    fn dispute(&self, invoice: &str);
}

struct AtStandIn(Saldo);

impl Payer for AtStandIn {
    fn pay(&self, invoice: &str) {
        self.0.stand_in().pay(invoice, Method::Card).unwrap();
    }

    fn start_payment(&self, invoice: &str) {
        self.0.stand_in().start_bank_transfer(invoice).unwrap();
    }

    fn decline(&self, invoice: &str, code: &str) {
        self.0.stand_in().pay(invoice, Method::DeclinedCard { code: code.to_owned() }).unwrap();
    }

    fn refund(&self, invoice: &str, amount: i64, fails: bool) {
        let refund = self.0.stand_in().refund(invoice, Some(amount)).unwrap();
        if fails {
            self.0.stand_in().step_refund(&refund, RefundStep::Fail).unwrap();
        }
    }

    fn dispute(&self, invoice: &str) {
        self.0.stand_in().dispute(invoice, DisputeKind::Chargeback, None).unwrap();
    }
}

impl Payer for InMemory {
    fn pay(&self, invoice: &str) {
        InMemory::pay(self, invoice, now()).unwrap();
    }

    fn start_payment(&self, invoice: &str) {
        InMemory::start_payment(self, invoice).unwrap();
    }

    fn decline(&self, invoice: &str, code: &str) {
        InMemory::decline(self, invoice, code, now()).unwrap();
    }

    fn refund(&self, invoice: &str, amount: i64, fails: bool) {
        let state = if fails { RefundState::Failed } else { RefundState::Succeeded };
        self.afterwards(invoice, |returned| returned.refunds.push(Refund { amount, state })).unwrap();
    }

    fn dispute(&self, invoice: &str) {
        let (amount, status) = (TOTAL, DisputeStatus::NeedsResponse);
        let dispute = Dispute { amount, withdrawn: true, status };
        self.afterwards(invoice, |returned| returned.disputes.push(dispute)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_keeps_the_contract_of_invoices() {
    let saldo = system::start(&Clock::system()).await;
    let env = saldo.env_of("create-top-up");
    let stripe = saldo.world().stripe(&env).unwrap();
    let prices = env.price_list().unwrap();
    contract(&stripe, &AtStandIn(saldo), &prices).await;
}

#[tokio::test]
async fn the_provider_in_memory_keeps_the_contract_of_invoices() {
    let saldo = system::start(&Clock::system()).await;
    let prices = saldo.env_of("create-top-up").price_list().unwrap();
    let memory = InMemory::default();
    contract(&memory, &memory, &prices).await;
}

async fn contract(invoices: &impl Invoices, payer: &impl Payer, prices: &PriceList) {
    an_invoice_is_what_was_ordered_and_its_payment_proves_it(invoices, payer, prices).await;
    every_step_is_done_once_under_its_key(invoices, prices).await;
    an_invoice_ends_as_far_as_the_provider_lets_it(invoices, payer, prices).await;
    what_is_not_there_is_told(invoices, prices).await;
    a_payer_is_told_anew(invoices, prices).await;
    what_went_back_is_told_of_the_payment(invoices, payer, prices).await;
}

async fn what_went_back_is_told_of_the_payment(
    invoices: &impl Invoices,
    payer: &impl Payer,
    prices: &PriceList,
) {
    let (_, open) = open(invoices, prices, "returning").await;
    payer.pay(&open.invoice.id);
    let paid = now_of(invoices, &open).await.unwrap();
    assert_eq!(paid.returned, None, "nobody asked");
    let payment = paid.paid_by().next().unwrap();
    assert_eq!(invoices.invoice_of(payment).await, Ok(Some(open.invoice.id.clone())));
    assert_eq!(invoices.invoice_of("pi_nowhere").await, Ok(None));
    assert_eq!(invoices.returned(&paid, Some(payment)).await, Ok(Returned::default()));
    payer.refund(&open.invoice.id, TOTAL / 4, true);
    payer.refund(&open.invoice.id, TOTAL / 2, false);
    payer.dispute(&open.invoice.id);
    let mut returned = invoices.returned(&paid, None).await.unwrap();
    returned.refunds.sort_by_key(|refund| refund.amount);
    let refunds = returned.refunds.iter().map(|refund| (refund.amount, refund.state)).collect::<Vec<_>>();
    assert_eq!(refunds, [(TOTAL / 4, RefundState::Failed), (TOTAL / 2, RefundState::Succeeded)]);
    let dispute = Dispute { amount: TOTAL, withdrawn: true, status: DisputeStatus::NeedsResponse };
    assert_eq!((returned.disputes, returned.credit_notes), (vec![dispute], Vec::new()));
}

async fn an_invoice_is_what_was_ordered_and_its_payment_proves_it(
    invoices: &impl Invoices,
    payer: &impl Payer,
    prices: &PriceList,
) {
    let (top_up, open) = open(invoices, prices, "paying").await;
    assert_eq!(what_was_ordered(&top_up, &open), Ok(()));
    assert!(open.invoice.pay_url.is_some() && open.invoice.number.is_some(), "{open:?}");
    assert_eq!((open.paid_at, open.amount_paid, &open.failure), (None, 0, &None));

    payer.decline(&open.invoice.id, "insufficient_funds");
    let at = Timestamp::from_secs(1_795_441_928);
    let declined = invoices.invoice(&open.invoice.id, Some(at)).await.unwrap().unwrap();
    assert_eq!(declined.status, InvoiceStatus::Open, "it can still be paid");
    let failure = declined.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.at), ("insufficient_funds", at));
    assert!(!failure.detail.is_empty());

    payer.pay(&open.invoice.id);
    let paid = now_of(invoices, &open).await.unwrap();
    assert_eq!((paid.status.clone(), paid.amount_paid), (InvoiceStatus::Paid, paid.total));
    assert_eq!((paid.amount_overpaid, paid.from_balance), (0, 0));
    assert!(paid.paid_at.is_some());
    let through_provider = |of: &Evidence| {
        of.payments.iter().any(|payment| payment.paid && payment.kind == PaymentKind::ThroughProvider)
    };
    assert!(through_provider(&paid), "{paid:?}");
}

async fn every_step_is_done_once_under_its_key(invoices: &impl Invoices, prices: &PriceList) {
    let mut top_up = requested(prices, "repeating");
    let known = invoices.create_payer(&top_up.org, &contact(), "repeating-payer").await.unwrap();
    assert_eq!(invoices.create_payer(&top_up.org, &contact(), "repeating-payer").await, Ok(known.clone()));
    top_up.payer = Some(known.clone());
    let draft = invoices.create_draft(&top_up, &known, None, "repeating-draft").await.unwrap();
    assert_eq!((&draft.status, draft.total), (&InvoiceStatus::Draft, 0));
    let again = invoices.create_draft(&top_up, &known, None, "repeating-draft").await.unwrap();
    assert_eq!(again.invoice.id, draft.invoice.id);
    let id = draft.invoice.id.as_str();
    for _ in 0..2 {
        let line = invoices.add_line(id, &top_up.purchase, None, "repeating-line").await.unwrap();
        assert_eq!(line.total, top_up.purchase.total.minor_units);
    }
    for _ in 0..2 {
        let open = invoices.finalize(id, "repeating-finalize").await.unwrap();
        assert_eq!(open.status, InvoiceStatus::Open);
    }
    let refused = invoices.finalize(id, "another-key").await;
    assert!(matches!(refused, Err(InvoicesError::Refused { .. })), "{refused:?}");

    let second = invoices.create_draft(&top_up, &known, None, "repeating-second").await.unwrap();
    let of_top_up = invoices.invoices_of(&top_up, &known).await.unwrap();
    let mut ids: Vec<_> = of_top_up.iter().map(|invoice| invoice.invoice.id.as_str()).collect();
    ids.sort_unstable();
    let mut both = [id, second.invoice.id.as_str()];
    both.sort_unstable();
    assert_eq!(ids, both);
    let stranger = requested(prices, "repeating");
    assert_eq!(invoices.invoices_of(&stranger, &known).await, Ok(Vec::new()));
}

async fn an_invoice_ends_as_far_as_the_provider_lets_it(
    invoices: &impl Invoices,
    payer: &impl Payer,
    prices: &PriceList,
) {
    let (_, voided) = open(invoices, prices, "voiding").await;
    for _ in 0..2 {
        let ended = invoices.close(&voided.invoice.id).await.unwrap().unwrap();
        assert_eq!(ended.status, InvoiceStatus::Void);
    }

    let (_, paid) = open(invoices, prices, "closing-paid").await;
    payer.pay(&paid.invoice.id);
    let ended = invoices.close(&paid.invoice.id).await.unwrap().unwrap();
    assert_eq!(ended.status, InvoiceStatus::Paid, "what is paid stays paid");

    let (_, clearing) = open(invoices, prices, "closing-late").await;
    payer.start_payment(&clearing.invoice.id);
    let ended = invoices.close(&clearing.invoice.id).await.unwrap().unwrap();
    assert_eq!(ended.status, InvoiceStatus::Open, "refused while a payment is under way");

    let mut top_up = requested(prices, "closing-draft");
    let known = invoices.create_payer(&top_up.org, &contact(), "closing-draft-payer").await.unwrap();
    top_up.payer = Some(known.clone());
    for (key, close) in [("first", true), ("second", false)] {
        let draft = invoices.create_draft(&top_up, &known, None, key).await.unwrap();
        if close {
            assert_eq!(invoices.close(&draft.invoice.id).await, Ok(None));
        } else {
            assert_eq!(invoices.delete_draft(&draft.invoice.id).await, Ok(()));
        }
        assert_eq!(now_of(invoices, &draft).await, None, "a draft is deleted");
        assert_eq!(invoices.delete_draft(&draft.invoice.id).await, Ok(()), "and gone is gone");
        assert_eq!(invoices.close(&draft.invoice.id).await, Ok(None));
    }
    let refused = invoices.delete_draft(&clearing.invoice.id).await;
    assert!(matches!(refused, Err(InvoicesError::Refused { .. })), "an open one is no draft: {refused:?}");
}

async fn what_is_not_there_is_told(invoices: &impl Invoices, prices: &PriceList) {
    assert_eq!(invoices.invoice("in_nowhere", None).await, Ok(None));
    assert_eq!(invoices.invoice("../customers", None).await, Ok(None), "an id leads nowhere else");
    let top_up = requested(prices, "nobody");
    let nobody = invoices.create_draft(&top_up, "cus_nobody", None, "nobody-draft").await;
    assert!(matches!(nobody, Err(InvoicesError::PayerUnknown { .. })), "{nobody:?}");
    let untold = invoices.update_payer("cus_nobody", &contact()).await;
    assert!(matches!(untold, Err(InvoicesError::PayerUnknown { .. })), "{untold:?}");
    let nowhere = invoices.add_line("in_nowhere", &top_up.purchase, None, "nobody-line").await;
    assert!(matches!(nowhere, Err(InvoicesError::NotFound { .. })), "{nowhere:?}");
}

/// An invoice is sent somewhere, so that there is none for a payer without an e-mail address.
async fn a_payer_is_told_anew(invoices: &impl Invoices, prices: &PriceList) {
    let top_up = requested(prices, "told");
    let nameless = BillingContact::default();
    let payer = invoices.create_payer(&top_up.org, &nameless, "told-payer").await.unwrap();
    let refused = invoices.create_draft(&top_up, &payer, None, "told-first").await;
    assert!(matches!(refused, Err(InvoicesError::Refused { .. })), "{refused:?}");
    for told in [contact(), whole(), contact()] {
        assert_eq!(invoices.update_payer(&payer, &told).await, Ok(()), "{told:?}");
    }
    let draft = invoices.create_draft(&top_up, &payer, Some("012345678901000"), "told-second").await.unwrap();
    assert_eq!(draft.payer, Some(payer.clone()));
    assert_eq!(invoices.update_payer(&payer, &nameless).await, Ok(()), "all can be taken away");
    let refused = invoices.create_draft(&top_up, &payer, None, "told-third").await;
    assert!(matches!(refused, Err(InvoicesError::Refused { .. })), "{refused:?}");
}

fn contact() -> BillingContact {
    BillingContact { email: Some("billing@acme.test".to_owned()), ..BillingContact::default() }
}

fn whole() -> BillingContact {
    BillingContact {
        name: Some("PT Sinar Jaya".to_owned()),
        phone: Some("+62 21 555 0199".to_owned()),
        address: Some("Jl. Sudirman 1\nLantai 3\nJakarta".to_owned()),
        tax_id: Some("012345678901000".to_owned()),
        language: Some(Language::Indonesian),
        ..contact()
    }
}

/// A top-up whose invoice can be paid.
async fn open(invoices: &impl Invoices, prices: &PriceList, org: &str) -> (TopUp, Evidence) {
    let mut top_up = requested(prices, org);
    let known = invoices.create_payer(&top_up.org, &contact(), &format!("{org}-payer")).await.unwrap();
    top_up.payer = Some(known.clone());
    let draft = invoices.create_draft(&top_up, &known, None, &format!("{org}-draft")).await.unwrap();
    let id = draft.invoice.id.as_str();
    invoices.add_line(id, &top_up.purchase, None, &format!("{org}-line")).await.unwrap();
    let open = invoices.finalize(id, &format!("{org}-finalize")).await.unwrap();
    (top_up, open)
}

async fn now_of(invoices: &impl Invoices, invoice: &Evidence) -> Option<Evidence> {
    invoices.invoice(&invoice.invoice.id, None).await.unwrap()
}

fn requested(prices: &PriceList, org: &str) -> TopUp {
    let purchase = prices.quote(Currency::IDR, None).unwrap().purchase;
    let org = OrgId::parse(org).unwrap();
    TopUp::requested(TopUpId::new(now()), org, purchase, &Actor::System, now(), 72 * 3600)
}

fn now() -> Timestamp {
    Clock::system().now()
}
