//! The one decision about a top-up: what our row says, what Stripe says, what to change.

use crate::{
    Credits, Entry, EntryId, EntryKind, InvoiceFacts, InvoiceLink, InvoiceStatus, PaymentFailure,
    PaymentKind, ReviewReason, Status, Timestamp, TopUp,
};

/// What Stripe answered about the invoice that a top-up points to.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// There is no such invoice: a draft that was deleted, or none was ever made.
    Missing,
    Found(&'a InvoiceFacts),
}

/// What the configuration says about proof.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether this system lives in Stripe's live mode.
    pub livemode: bool,
    /// Whether an invoice that staff marked as paid counts without a payment through Stripe.
    pub accept_out_of_band: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Grant the credits.
    Credit {
        paid_at: Timestamp,
    },
    /// The invoice can be paid now.
    Open(InvoiceLink),
    /// It ended without money; the slot is free.
    Close(Status),
    /// It ended in a way that does not fit; the slot is free, a person decides about the credits.
    Review(ReviewReason),
    /// It stays as it is, and a person looks.
    Flag(ReviewReason),
    NoteFailure(PaymentFailure),
    Nothing(Nothing),
}

/// Why there is nothing to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It was done before: a repeat is a success.
    AlreadyApplied,
    /// Stripe has not decided yet.
    Undecided,
    /// Stripe says what cannot be after what it said before: keep everything and wake someone.
    Contradiction,
}

/// What the invoice amounts to for us.
enum Verdict {
    Missing,
    Draft,
    Payable,
    Void,
    Proven {
        paid_at: Timestamp,
    },
    Doubtful(ReviewReason),
    /// Another invoice than the row's: not paid, it is nobody's business.
    Foreign,
    /// Another invoice than the row's, and someone paid it.
    ForeignPaid,
    Unknown,
}

/// Decides. Money decides: a proven payment credits whatever our own state says, and nothing else credits.
#[must_use]
pub fn decide(top_up: &TopUp, seen: Seen<'_>, policy: Policy, now: Timestamp) -> Change {
    use Nothing::{AlreadyApplied, Contradiction, Undecided};
    use Status::{Canceled, Expired, Failed, InReview, Open, Paid, Requested};

    let credited = top_up.credited.is_some();
    match (top_up.status, verdict(top_up, seen, policy, now)) {
        (Paid, Verdict::Proven { .. }) => Change::Nothing(AlreadyApplied),
        (Requested | Open | Canceled | Expired | Failed | InReview, Verdict::Proven { paid_at }) => {
            if credited {
                Change::Nothing(AlreadyApplied)
            } else {
                Change::Credit { paid_at }
            }
        }

        (Paid | InReview, Verdict::Doubtful(reason)) if top_up.review == Some(reason) => {
            Change::Nothing(AlreadyApplied)
        }
        (Paid, Verdict::Doubtful(reason)) => Change::Flag(reason),
        (Requested | Open | Canceled | Expired | Failed | InReview, Verdict::Doubtful(reason)) => {
            Change::Review(reason)
        }

        (Requested | Open | Paid | Canceled | Expired | Failed | InReview, Verdict::ForeignPaid)
            if top_up.review == Some(ReviewReason::WrongInvoice) =>
        {
            Change::Nothing(AlreadyApplied)
        }
        // It proves nothing about our own invoice, which may still be paid: state and slot stay.
        (Requested | Open | Paid, Verdict::ForeignPaid) => Change::Flag(ReviewReason::WrongInvoice),
        (Canceled | Expired | Failed | InReview, Verdict::ForeignPaid) => {
            Change::Review(ReviewReason::WrongInvoice)
        }
        (Requested | Open | Paid | Canceled | Expired | Failed | InReview, Verdict::Foreign) => {
            Change::Nothing(Undecided)
        }
        (Requested | Open | Paid | Canceled | Expired | Failed | InReview, Verdict::Unknown) => {
            Change::Nothing(Contradiction)
        }

        (Requested, Verdict::Missing) => Change::Close(Failed),
        (Requested, Verdict::Draft) => Change::Nothing(Undecided),
        (Requested, Verdict::Payable) => match seen {
            Seen::Found(invoice) => Change::Open(invoice.link.clone()),
            Seen::Missing => Change::Nothing(Contradiction),
        },
        (Requested | Open, Verdict::Void) => {
            Change::Close(if top_up.is_over(now) { Expired } else { Canceled })
        }

        (Open, Verdict::Payable) => match newer_failure(top_up, seen) {
            Some(failure) => Change::NoteFailure(failure),
            None => Change::Nothing(Undecided),
        },
        (Open, Verdict::Missing | Verdict::Draft) => Change::Nothing(Contradiction),

        (Canceled | Expired | Failed | InReview, Verdict::Missing | Verdict::Draft | Verdict::Void) => {
            Change::Nothing(AlreadyApplied)
        }
        (Canceled | Expired | Failed, Verdict::Payable) => Change::Nothing(Contradiction),
        (InReview, Verdict::Payable) => Change::Nothing(Undecided),

        (Paid, Verdict::Payable) if top_up.review == Some(ReviewReason::PaymentDetached) => {
            Change::Nothing(AlreadyApplied)
        }
        (Paid, Verdict::Payable) => Change::Flag(ReviewReason::PaymentDetached),
        (Paid, Verdict::Missing | Verdict::Draft | Verdict::Void) => Change::Nothing(Contradiction),
    }
}

/// What is written together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The row as it shall be; committed over the revision before its own.
    pub top_up: TopUp,
    /// The entry, with whose credits the balance grows.
    pub entry: Option<Entry>,
    /// Whether the open slot, held by this top-up, is freed.
    pub release_slot: bool,
}

/// The row after a change, with everything that must be written in the same transaction. `None` for no change.
#[must_use]
pub fn apply(top_up: &TopUp, change: &Change, now: Timestamp) -> Option<Commit> {
    let mut after = top_up.clone();
    let mut entry = None;
    match change {
        Change::Nothing(_) => return None,
        Change::Credit { paid_at } => {
            after.status = Status::Paid;
            after.paid_at = Some(*paid_at);
            after.payment_failure = None;
            // What was in doubt about this invoice is settled; that another one was paid is not.
            after.review = top_up.review.filter(|reason| *reason == ReviewReason::WrongInvoice);
            after.credited = Some(top_up.purchase.credits);
            entry = Some(entry_of(top_up, top_up.purchase.credits, now));
        }
        Change::Open(link) => {
            after.status = Status::Open;
            after.invoice = Some(link.clone());
        }
        Change::Close(status) => {
            after.status = *status;
            after.canceled_at = (*status == Status::Canceled).then_some(now);
        }
        Change::Review(reason) => {
            after.status = Status::InReview;
            after.review = Some(*reason);
        }
        Change::Flag(reason) => after.review = Some(*reason),
        Change::NoteFailure(failure) => after.payment_failure = Some(failure.clone()),
    }
    if !after.status.is_unfinished() {
        after.due_at = None;
    }
    after.revision = top_up.revision.saturating_add(1);
    let release_slot = top_up.status.is_unfinished() && !after.status.is_unfinished();
    Some(Commit { top_up: after, entry, release_slot })
}

fn entry_of(top_up: &TopUp, credits: Credits, now: Timestamp) -> Entry {
    Entry {
        id: EntryId::of_top_up(&top_up.id, now),
        at: now,
        credits,
        kind: EntryKind::TopUp,
        cause: top_up.id.to_string(),
        channel: None,
        country: None,
        reference: None,
        actor: None,
    }
}

fn verdict(top_up: &TopUp, seen: Seen<'_>, policy: Policy, now: Timestamp) -> Verdict {
    let Seen::Found(invoice) = seen else { return Verdict::Missing };
    let ours = top_up.points_to(&invoice.link.id);
    match &invoice.status {
        InvoiceStatus::Paid if !ours => Verdict::ForeignPaid,
        _ if !ours => Verdict::Foreign,
        InvoiceStatus::Paid => match proof(top_up, invoice, policy) {
            Ok(()) => Verdict::Proven { paid_at: invoice.paid_at.unwrap_or(now) },
            Err(reason) => Verdict::Doubtful(reason),
        },
        InvoiceStatus::Draft => Verdict::Draft,
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => Verdict::Payable,
        InvoiceStatus::Void => Verdict::Void,
        InvoiceStatus::Unknown => Verdict::Unknown,
    }
}

/// `paid` is not proof of money: Stripe also says it for a customer balance, an amount below the minimum and a mark by
/// hand. Source: <https://docs.stripe.com/invoicing/overview>.
fn proof(top_up: &TopUp, invoice: &InvoiceFacts, policy: Policy) -> Result<(), ReviewReason> {
    let total = top_up.purchase.total;
    let points_back = invoice.top_up_id.as_deref() == Some(top_up.id.as_str())
        && invoice.org.as_deref() == Some(top_up.org.as_str());
    if !points_back {
        return Err(ReviewReason::WrongInvoice);
    }
    if invoice.livemode != policy.livemode {
        return Err(ReviewReason::WrongMode);
    }
    if invoice.customer.is_none() || invoice.customer != top_up.customer {
        return Err(ReviewReason::WrongCustomer);
    }
    if invoice.currency != total.currency {
        return Err(ReviewReason::WrongCurrency);
    }
    if invoice.total != total.minor_units {
        return Err(ReviewReason::WrongTotal);
    }
    if invoice.amount_overpaid > 0 || invoice.amount_paid > total.minor_units {
        return Err(ReviewReason::Overpaid);
    }
    if invoice.starting_balance != 0 {
        return Err(ReviewReason::WrongAmountPaid);
    }
    let through_stripe = invoice.payments.iter().any(|p| p.paid && p.kind == PaymentKind::PaymentIntent);
    if through_stripe {
        return if invoice.amount_paid == total.minor_units {
            Ok(())
        } else {
            Err(ReviewReason::WrongAmountPaid)
        };
    }
    if policy.accept_out_of_band { Ok(()) } else { Err(ReviewReason::NoPayment) }
}

fn newer_failure(top_up: &TopUp, seen: Seen<'_>) -> Option<PaymentFailure> {
    let Seen::Found(invoice) = seen else { return None };
    let failure = invoice.failure.as_ref()?;
    match &top_up.payment_failure {
        Some(known) if known.at >= failure.at => None,
        Some(_) | None => Some(failure.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, OrgId, Payment, PriceList, TopUpId};

    const POLICY: Policy = Policy { livemode: false, accept_out_of_band: false };

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-23T10:00:00Z").unwrap()
    }

    fn top_up(status: Status) -> TopUp {
        let list = PriceList::from_json(
            r#"{"version":"v1","default_currency":"IDR","currencies":{"IDR":{"unit_price":25000,"tax_percent":"11",
            "minimum_credits":1000,"maximum_credits":100000,"presets":[1000],"low_below":200}}}"#,
        );
        let purchase = list.unwrap().quote(Currency::IDR, None).unwrap().purchase;
        let mut top_up =
            TopUp::requested(TopUpId::new(now()), OrgId::parse("acme").unwrap(), purchase, now(), 72 * 3600);
        top_up.customer = Some("cus_1".to_owned());
        top_up.invoice = Some(link("in_1"));
        top_up.status = status;
        if status == Status::Paid {
            top_up.credited = Some(top_up.purchase.credits);
        }
        if !status.is_unfinished() {
            top_up.due_at = None;
        }
        top_up
    }

    fn link(id: &str) -> InvoiceLink {
        InvoiceLink { id: id.to_owned(), number: None, pay_url: None, pdf: None }
    }

    fn invoice(of: &TopUp, status: InvoiceStatus) -> InvoiceFacts {
        let paid = status == InvoiceStatus::Paid;
        let total = of.purchase.total.minor_units;
        InvoiceFacts {
            link: link("in_1"),
            currency: Currency::IDR,
            total,
            amount_due: total,
            amount_paid: if paid { total } else { 0 },
            amount_overpaid: 0,
            starting_balance: 0,
            customer: Some("cus_1".to_owned()),
            livemode: false,
            top_up_id: Some(of.id.to_string()),
            org: Some("acme".to_owned()),
            paid_at: paid.then(now),
            payments: vec![Payment { kind: PaymentKind::PaymentIntent, paid }],
            failure: None,
            status,
        }
    }

    #[test]
    fn a_proven_payment_credits_whatever_our_state_says() {
        for status in Status::ALL {
            let top_up = top_up(status);
            let invoice = invoice(&top_up, InvoiceStatus::Paid);
            let change = decide(&top_up, Seen::Found(&invoice), POLICY, now());
            if status == Status::Paid {
                assert_eq!(change, Change::Nothing(Nothing::AlreadyApplied));
                continue;
            }
            assert_eq!(change, Change::Credit { paid_at: now() }, "{status:?}");
            let commit = apply(&top_up, &change, now()).unwrap();
            assert_eq!(commit.top_up.status, Status::Paid);
            assert_eq!(commit.entry.unwrap().credits, top_up.purchase.credits);
            assert_eq!(commit.release_slot, status.is_unfinished(), "{status:?}");
            let again = decide(&commit.top_up, Seen::Found(&invoice), POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied));
        }
    }

    #[test]
    fn paid_without_proof_is_never_credited() {
        type Spoil = fn(&mut InvoiceFacts);
        let spoilt: [(ReviewReason, Spoil); 12] = [
            (ReviewReason::WrongMode, |i| i.livemode = true),
            (ReviewReason::WrongCurrency, |i| i.currency = Currency::USD),
            (ReviewReason::WrongTotal, |i| i.total -= 100),
            (ReviewReason::WrongAmountPaid, |i| i.amount_paid -= 1),
            (ReviewReason::WrongAmountPaid, |i| i.starting_balance = -5),
            (ReviewReason::WrongCustomer, |i| i.customer = Some("cus_2".to_owned())),
            (ReviewReason::WrongCustomer, |i| i.customer = None),
            (ReviewReason::WrongInvoice, |i| i.top_up_id = None),
            (ReviewReason::WrongInvoice, |i| i.org = Some("rival".to_owned())),
            (ReviewReason::NoPayment, |i| i.payments.clear()),
            (ReviewReason::NoPayment, |i| i.payments[0].paid = false),
            (ReviewReason::Overpaid, |i| i.amount_overpaid = 1),
        ];
        for status in Status::ALL {
            for (reason, spoil) in &spoilt {
                let top_up = top_up(status);
                let mut invoice = invoice(&top_up, InvoiceStatus::Paid);
                spoil(&mut invoice);
                let change = decide(&top_up, Seen::Found(&invoice), POLICY, now());
                let expected =
                    if status == Status::Paid { Change::Flag(*reason) } else { Change::Review(*reason) };
                assert_eq!(change, expected, "{status:?}");
                let commit = apply(&top_up, &change, now()).unwrap();
                assert_eq!(commit.entry, None);
                assert_eq!(commit.top_up.credited, top_up.credited);
                let again = decide(&commit.top_up, Seen::Found(&invoice), POLICY, now());
                assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied), "{status:?} {reason:?}");
            }
        }
    }

    #[test]
    fn another_invoice_that_was_paid_is_never_credited_and_frees_no_slot() {
        for status in Status::ALL {
            let top_up = top_up(status);
            let mut copy = invoice(&top_up, InvoiceStatus::Paid);
            copy.link.id = "in_2".to_owned();
            let change = decide(&top_up, Seen::Found(&copy), POLICY, now());
            let commit = apply(&top_up, &change, now()).unwrap();
            assert_eq!(commit.entry, None, "{status:?}");
            assert!(!commit.release_slot, "{status:?}");
            assert_eq!(commit.top_up.review, Some(ReviewReason::WrongInvoice), "{status:?}");
            assert_eq!(commit.top_up.credited, top_up.credited);
            let kept = status.is_unfinished() || status == Status::Paid;
            assert_eq!(commit.top_up.status, if kept { status } else { Status::InReview });
            let again = decide(&commit.top_up, Seen::Found(&copy), POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied), "{status:?}");

            let own = invoice(&top_up, InvoiceStatus::Paid);
            let change = decide(&commit.top_up, Seen::Found(&own), POLICY, now());
            if status != Status::Paid {
                let paid = apply(&commit.top_up, &change, now()).unwrap();
                assert_eq!(paid.top_up.review, Some(ReviewReason::WrongInvoice), "still to be looked at");
            }
        }
    }

    #[test]
    fn marked_as_paid_by_hand_counts_only_when_the_configuration_says_so() {
        let top_up = top_up(Status::Open);
        let mut invoice = invoice(&top_up, InvoiceStatus::Paid);
        invoice.payments.clear();
        invoice.amount_paid = 0;
        let policy = Policy { accept_out_of_band: true, ..POLICY };
        assert_eq!(decide(&top_up, Seen::Found(&invoice), policy, now()), Change::Credit { paid_at: now() });
        assert_eq!(
            decide(&top_up, Seen::Found(&invoice), POLICY, now()),
            Change::Review(ReviewReason::NoPayment)
        );
    }

    #[test]
    fn nothing_but_a_paid_invoice_ever_grants_credits() {
        let statuses = [
            InvoiceStatus::Draft,
            InvoiceStatus::Open,
            InvoiceStatus::Void,
            InvoiceStatus::Uncollectible,
            InvoiceStatus::Unknown,
        ];
        for status in Status::ALL {
            let top_up = top_up(status);
            for invoice_status in &statuses {
                let invoice = invoice(&top_up, invoice_status.clone());
                let change = decide(&top_up, Seen::Found(&invoice), POLICY, now());
                let entry = apply(&top_up, &change, now()).and_then(|commit| commit.entry);
                assert_eq!(entry, None, "{status:?} {invoice_status:?}");
            }
            let change = decide(&top_up, Seen::Missing, POLICY, now());
            assert_eq!(apply(&top_up, &change, now()).and_then(|commit| commit.entry), None);
        }
    }

    #[test]
    fn the_slot_is_kept_while_stripe_has_not_decided() {
        let open = top_up(Status::Open);
        for status in
            [InvoiceStatus::Draft, InvoiceStatus::Open, InvoiceStatus::Uncollectible, InvoiceStatus::Unknown]
        {
            let invoice = invoice(&open, status.clone());
            let change = decide(&open, Seen::Found(&invoice), POLICY, now().plus_secs(100 * 3600));
            assert!(matches!(change, Change::Nothing(_)), "{status:?}");
        }
        assert_eq!(decide(&open, Seen::Missing, POLICY, now()), Change::Nothing(Nothing::Contradiction));
    }

    #[test]
    fn a_void_invoice_is_canceled_before_its_time_and_expired_after() {
        let open = top_up(Status::Open);
        let invoice = invoice(&open, InvoiceStatus::Void);
        let at = |hours: i64| decide(&open, Seen::Found(&invoice), POLICY, now().plus_secs(hours * 3600));
        assert_eq!(at(71), Change::Close(Status::Canceled));
        assert_eq!(at(72), Change::Close(Status::Expired));
        let commit = apply(&open, &at(1), now()).unwrap();
        assert!(commit.release_slot);
        assert_eq!(commit.top_up.canceled_at, Some(now()));
        assert_eq!(commit.top_up.due_at, None);
    }

    #[test]
    fn a_declined_payment_is_noted_once_and_forgotten_when_paid() {
        let open = top_up(Status::Open);
        let mut declined = invoice(&open, InvoiceStatus::Open);
        let failure = PaymentFailure::from_codes(Some("insufficient_funds"), None, now());
        declined.failure = Some(failure.clone());
        let change = decide(&open, Seen::Found(&declined), POLICY, now());
        assert_eq!(change, Change::NoteFailure(failure));
        let noted = apply(&open, &change, now()).unwrap();
        assert!(!noted.release_slot);
        let again = decide(&noted.top_up, Seen::Found(&declined), POLICY, now());
        assert_eq!(again, Change::Nothing(Nothing::Undecided));

        let paid = invoice(&open, InvoiceStatus::Paid);
        let credit = decide(&noted.top_up, Seen::Found(&paid), POLICY, now());
        assert_eq!(apply(&noted.top_up, &credit, now()).unwrap().top_up.payment_failure, None);
    }

    #[test]
    fn a_request_without_an_invoice_fails_and_one_with_a_payable_invoice_opens() {
        let requested = top_up(Status::Requested);
        assert_eq!(decide(&requested, Seen::Missing, POLICY, now()), Change::Close(Status::Failed));
        let payable = invoice(&requested, InvoiceStatus::Open);
        let change = decide(&requested, Seen::Found(&payable), POLICY, now());
        assert_eq!(change, Change::Open(link("in_1")));
        let commit = apply(&requested, &change, now()).unwrap();
        assert!(!commit.release_slot && commit.top_up.due_at.is_some());
        assert_eq!(commit.top_up.revision, requested.revision + 1);
    }

    #[test]
    fn a_payment_taken_off_a_credited_invoice_is_flagged_once() {
        let paid = top_up(Status::Paid);
        let reopened = invoice(&paid, InvoiceStatus::Open);
        let change = decide(&paid, Seen::Found(&reopened), POLICY, now());
        assert_eq!(change, Change::Flag(ReviewReason::PaymentDetached));
        let commit = apply(&paid, &change, now()).unwrap();
        assert_eq!(commit.top_up.status, Status::Paid);
        assert_eq!(
            decide(&commit.top_up, Seen::Found(&reopened), POLICY, now()),
            Change::Nothing(Nothing::AlreadyApplied)
        );
    }
}
