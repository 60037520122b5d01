//! What became of the money of one invoice at its provider, and what is told of it.
use std::collections::BTreeSet;

use saldo_domain::{
    CreditNote, Credits, Deployment, Dispute, DisputeStatus, Evidence, InvoiceLink, InvoiceStatus, Payment,
    PaymentKind, Refund, RefundState, RefundUnderWay, Returned, Timestamp, TopUp,
};
use saldo_top_ups::{About, News, Told};

pub(super) const INVOICE: &str = "in_1";
pub(super) const PAYMENT: &str = "pi_1";
pub(super) const PAYER: &str = "cus_1";

/// An event, with what it says of the money: which nobody should believe.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) topic: Topic,
    pub(super) told: Told,
    pub(super) says: Returned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Payment,
    Refund,
    /// A refund's later life.
    RefundLater,
    Dispute,
    /// A dispute's later life.
    DisputeLater,
    Note,
    Warning,
}

/// The truth.
pub(super) struct Provider {
    pub(super) invoice: Evidence,
    pub(super) returned: Returned,
    /// What the charge says was refunded: it does not fall again.
    pub(super) ever_refunded: i64,
    /// What was true before each change.
    pub(super) past: Vec<Returned>,
    pub(super) events: Vec<Event>,
    /// Which of the refunds were made with a credit note.
    pub(super) noted: BTreeSet<usize>,
    /// The keys under which refunds of ours were made.
    pub(super) keys: BTreeSet<String>,
}

impl Provider {
    pub(super) fn new(top_up: &TopUp) -> Provider {
        let total = top_up.purchase.total.minor_units;
        let invoice = Evidence {
            invoice: InvoiceLink { id: INVOICE.to_owned(), number: None, pay_url: None, pdf: None },
            status: InvoiceStatus::Open,
            currency: top_up.purchase.total.currency,
            total,
            amount_due: total,
            amount_paid: 0,
            amount_overpaid: 0,
            from_balance: 0,
            payer: Some(PAYER.to_owned()),
            right_mode: true,
            deployment: Deployment::Ours,
            top_up: Some(top_up.id.clone()),
            org: Some(top_up.org.clone()),
            paid_at: None,
            payments: Vec::new(),
            returned: None,
            failure: None,
        };
        let (returned, past, events) = (Returned::default(), Vec::new(), Vec::new());
        let (noted, keys) = (BTreeSet::new(), BTreeSet::new());
        Provider { invoice, returned, ever_refunded: 0, past, events, noted, keys }
    }

    /// Something happens, and events tell of it.
    pub(super) fn changes(&mut self, rng: &mut fastrand::Rng, now: Timestamp) {
        self.past.push(self.returned.clone());
        if self.invoice.status != InvoiceStatus::Paid {
            self.pay(now);
            return;
        }
        let some = rng.i64(1..=self.invoice.total);
        match rng.u8(..10) {
            0 | 1 => self.refund(some, [RefundState::Pending, RefundState::WaitsForPayer][rng.usize(..2)]),
            2 => self.note(some, rng),
            3 | 4 => self.refund_goes_on(rng),
            5 => self.dispute(some, rng),
            6..=8 => self.dispute_goes_on(rng),
            _ => self.note_ends_or_fraud_is_feared(rng),
        }
    }

    fn pay(&mut self, now: Timestamp) {
        self.invoice.status = InvoiceStatus::Paid;
        self.invoice.amount_paid = self.invoice.total;
        self.invoice.paid_at = Some(now);
        let id = Some(PAYMENT.to_owned());
        self.invoice.payments = vec![Payment { kind: PaymentKind::ThroughProvider, paid: true, id }];
        // `invoice.paid` and `invoice_payment.paid`.
        for _ in 0..2 {
            self.tell(Topic::Payment, News::Invoice);
        }
    }

    pub(super) fn refund(&mut self, amount: i64, state: RefundState) {
        self.returned.refunds.push(Refund { amount, state });
        self.ever_refunded += amount;
        self.tell(Topic::Refund, News::Returned);
    }

    fn note(&mut self, amount: i64, rng: &mut fastrand::Rng) {
        let refunded = if rng.bool() { rng.i64(1..=amount) } else { 0 };
        if refunded > 0 {
            self.noted.insert(self.returned.refunds.len());
            self.refund(refunded, RefundState::Pending);
        }
        self.returned.credit_notes.push(CreditNote { amount, refunded, ..CreditNote::default() });
        self.tell(Topic::Note, News::Returned);
    }

    /// A refund of ours with its credit note, both or none; `willing` is whether it would be made the first time. Gives whether
    /// it is made.
    pub(super) fn give_back(&mut self, refund: &RefundUnderWay, key: &str, willing: bool) -> bool {
        if self.keys.contains(key) {
            return true;
        }
        let notes: i64 = self.returned.credit_notes.iter().map(|note| note.amount).sum();
        let refunds: i64 = self.returned.refunds.iter().map(|refund| refund.amount).sum();
        let most = self.invoice.total - refund.money;
        if !willing || notes > most || (!refund.out_of_band && refunds > most) {
            return false;
        }
        self.past.push(self.returned.clone());
        self.keys.insert(key.to_owned());
        let (amount, made_for) = (refund.money, Some(refund.operation.clone()));
        let refunded = if refund.out_of_band { 0 } else { amount };
        if refunded > 0 {
            self.noted.insert(self.returned.refunds.len());
            self.refund(amount, RefundState::Pending);
        }
        self.returned.credit_notes.push(CreditNote { amount, refunded, made_for, ..CreditNote::default() });
        self.tell(Topic::Note, News::Returned);
        true
    }

    /// All refunds fail.
    pub(super) fn fail_refunds(&mut self) {
        self.past.push(self.returned.clone());
        self.returned.refunds.iter_mut().for_each(|refund| refund.state = RefundState::Failed);
        self.tell(Topic::RefundLater, News::Returned);
    }

    /// It fails even after it succeeded, and does not come back.
    fn refund_goes_on(&mut self, rng: &mut fastrand::Rng) {
        let Some(refund) = rng.choice(&mut self.returned.refunds) else { return };
        refund.state = match refund.state {
            RefundState::WaitsForPayer if rng.bool() => RefundState::Canceled,
            RefundState::Pending | RefundState::WaitsForPayer => RefundState::Succeeded,
            RefundState::Succeeded | RefundState::Failed => RefundState::Failed,
            RefundState::Canceled => RefundState::Canceled,
        };
        self.tell(Topic::RefundLater, News::Returned);
    }

    fn dispute(&mut self, amount: i64, rng: &mut fastrand::Rng) {
        let asks = rng.bool();
        let status = match asks {
            true => DisputeStatus::Inquiry,
            false => [DisputeStatus::NeedsResponse, DisputeStatus::Prevented][rng.usize(..2)],
        };
        self.returned.disputes.push(Dispute { amount, withdrawn: !asks, status });
        self.tell(Topic::Dispute, News::Returned);
    }

    /// Asked about, taken, lost, appealed, won: a lost one is not final, and one that was won may be lost again.
    fn dispute_goes_on(&mut self, rng: &mut fastrand::Rng) {
        use DisputeStatus::{Inquiry, InquiryClosed, Lost, NeedsResponse, UnderReview, Won};
        let Some(dispute) = rng.choice(&mut self.returned.disputes) else { return };
        let all = match dispute.status {
            Inquiry => [InquiryClosed, NeedsResponse],
            NeedsResponse => [UnderReview, Lost],
            UnderReview => [Won, Lost],
            Lost => [NeedsResponse, UnderReview],
            Won => [Won, NeedsResponse],
            closed => [closed, closed],
        };
        dispute.status = all[rng.usize(..2)];
        dispute.withdrawn = match dispute.status {
            Inquiry | InquiryClosed | Won => false,
            NeedsResponse | UnderReview | Lost => true,
            DisputeStatus::Prevented | DisputeStatus::Other => dispute.withdrawn,
        };
        self.tell(Topic::DisputeLater, News::Returned);
    }

    fn note_ends_or_fraud_is_feared(&mut self, rng: &mut fastrand::Rng) {
        match rng.choice(&mut self.returned.credit_notes) {
            Some(note) if rng.u8(..3) > 0 => {
                note.voided = true;
                self.tell(Topic::Note, News::Returned);
            }
            Some(_) | None => self.tell(Topic::Warning, News::FraudWarning),
        }
    }

    fn tell(&mut self, topic: Topic, news: News) {
        let about = match topic {
            Topic::Payment | Topic::Note => About::Invoice(INVOICE.to_owned()),
            Topic::Refund | Topic::RefundLater | Topic::Dispute | Topic::DisputeLater | Topic::Warning => {
                About::Payment(PAYMENT.to_owned())
            }
        };
        self.events.push(Event {
            topic,
            told: Told { about, news, kind: None },
            says: self.returned.clone(),
        });
    }

    /// What the organisation may keep, found without division: the fewest credits that are worth what went back do not come back.
    pub(super) fn left_of(&self, credits: Credits) -> i64 {
        if self.invoice.status != InvoiceStatus::Paid {
            return 0;
        }
        let mut returned = 0;
        for refund in &self.returned.refunds {
            let nothing = matches!(refund.state, RefundState::Failed | RefundState::Canceled);
            returned += if nothing { 0 } else { refund.amount };
        }
        for dispute in &self.returned.disputes {
            returned += if dispute.withdrawn { dispute.amount } else { 0 };
        }
        for note in &self.returned.credit_notes {
            returned += if note.voided { 0 } else { note.amount - note.refunded };
        }
        let (total, all) = (i128::from(self.invoice.total), i128::from(credits.0));
        let returned = i128::from(returned.min(self.invoice.total));
        let back = (0..=credits.0).find(|back| i128::from(*back) * total >= all * returned);
        credits.0 - back.unwrap()
    }
}
