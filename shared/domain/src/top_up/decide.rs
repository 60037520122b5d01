//! The decision about a top-up: what our row says, what the provider says, what to change.

use super::MOST_ENTRIES;
use super::entitlement::difference;
use super::trail::{Occasion, What};
use crate::{
    Author, Credits, Ending, Entitlement, Evidence, InvoiceLink, InvoiceStatus, NoteDocument, PaymentFailure,
    Policy, Posting, Proven, RefundUnderWay, Returned, Returns, ReviewReason, Standing, Status, Step,
    Timestamp, TopUp, entitled, lifecycle, prove,
};

/// What the provider answered about the invoice that a top-up points to.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// There is no such invoice: a draft that was deleted, or none was ever made.
    Missing,
    Found(&'a Evidence),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Post what its proven money has earned and is not posted yet, and note what went back.
    Earn {
        earned: Entitlement,
        returns: Returns,
        paid_at: Timestamp,
        /// The payment that proves it; `None` of money that did not go through the provider.
        payment: Option<String>,
        /// The credit notes that there are.
        notes: Vec<NoteDocument>,
        /// The refund that is still under way.
        refund: Option<RefundUnderWay>,
    },
    /// The invoice can be paid now.
    Open(InvoiceLink),
    /// It ended without money; the slot is free.
    Close(Ending),
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
    /// The provider has not decided yet.
    Undecided,
    /// The provider says what cannot be after what it said before: keep everything and wake someone.
    Contradiction,
}

/// Decides: both questions, and what a person must look at.
#[must_use]
pub fn decide(top_up: &TopUp, seen: Seen<'_>, policy: Policy, now: Timestamp) -> Change {
    let Seen::Found(evidence) = seen else { return without_money(top_up, Standing::Missing, None, now) };
    if !top_up.points_to(&evidence.invoice.id) {
        return of_another_invoice(top_up, evidence);
    }
    let standing = match evidence.status {
        InvoiceStatus::Paid => {
            return match prove(top_up, evidence, policy) {
                Ok(money) => with_money(top_up, &money, now),
                Err(reason) => doubtful(top_up, reason, now),
            };
        }
        InvoiceStatus::Draft => Standing::Draft,
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => Standing::Payable,
        InvoiceStatus::Void => Standing::Void,
        InvoiceStatus::Unknown => Standing::Unknown,
    };
    without_money(top_up, standing, Some(evidence), now)
}

impl Change {
    /// Whether what it rests on may be over by the time it is written: of a payment that stays true; of what went back, and
    /// of what contradicts, it does not.
    ///
    /// Such a change wants evidence that is not older than the row; and if it moved credits, another look afterwards, as
    /// the event of what came in between may have been handled before it was written.
    #[must_use]
    pub fn may_be_over(&self, before: &TopUp) -> bool {
        match self {
            Change::Earn { earned, .. } => {
                let nothing = Credits::ZERO;
                before.posted != Entitlement::default()
                    || (earned.refunded, earned.disputed) != (nothing, nothing)
            }
            Change::Flag(_) | Change::Nothing(Nothing::Contradiction) => true,
            Change::Review(ReviewReason::InvoiceGone) => true,
            Change::Open(_) | Change::Close(_) | Change::Review(_) | Change::NoteFailure(_) => false,
            Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => false,
        }
    }
}

impl Commit {
    /// The same with a word by when a person has looked, where `before` did not wait for one yet.
    #[must_use]
    pub fn promising(mut self, before: &TopUp, policy: Policy) -> Commit {
        if self.top_up.review_since != before.review_since {
            self.top_up.review_by = self.top_up.review_since.map(|since| policy.review_by(since));
        }
        self
    }
}

/// What the trail says of it.
impl Change {
    /// `before` is the row that was decided on, `after` the row as it is now.
    #[must_use]
    pub fn occasion(&self, before: &TopUp, after: &TopUp, author: &Author, now: Timestamp) -> Occasion {
        let word = |word: &str| Some(word.to_owned());
        let (what, detail) = match self {
            Change::Earn { earned, .. } => moved(before, *earned),
            Change::Open(link) => (What::Opened, word(&link.id)),
            Change::Close(Ending::Canceled) => (What::Canceled, None),
            Change::Close(Ending::Expired) => (What::Expired, None),
            Change::Close(Ending::Failed(reason)) => (What::Failed, word(reason.as_str())),
            Change::Review(reason) => (What::InReview, word(reason.as_str())),
            Change::Flag(reason) => (What::Flagged, word(reason.as_str())),
            Change::NoteFailure(failure) => (What::PaymentRefused, word(&failure.code)),
            Change::Nothing(Nothing::AlreadyApplied) => (What::NothingNew, None),
            Change::Nothing(Nothing::Undecided) => (What::Undecided, None),
            Change::Nothing(Nothing::Contradiction) => (What::Contradiction, None),
        };
        Occasion { detail, ..Occasion::of(what, after, author, now) }
    }
}

/// How many credits moved, and in which way.
fn moved(before: &TopUp, earned: Entitlement) -> (What, Option<String>) {
    let moved = earned.credited().0.saturating_sub(before.posted.credited().0);
    let what = match moved {
        _ if earned.granted > before.posted.granted => What::Credited,
        0 => What::ReturnsNoted,
        ..0 => What::TakenBack,
        1.. => What::GivenAgain,
    };
    (what, (moved != 0).then(|| moved.to_string()))
}

/// What is written together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The row as it shall be; committed over the revision before its own.
    pub top_up: TopUp,
    /// What moves the balance.
    pub postings: Vec<Posting>,
    /// Whether the open slot, held by this top-up, is freed.
    pub release_slot: bool,
    /// What the trail keeps of it.
    pub occasion: Occasion,
}

/// The row after a change by `author`, with everything that must be written in the same transaction. `None` for no
/// change.
#[must_use]
pub fn apply(top_up: &TopUp, change: &Change, author: &Author, now: Timestamp) -> Option<Commit> {
    let mut after = top_up.changed_by(author);
    let mut postings = Vec::new();
    match change {
        Change::Nothing(_) => return None,
        Change::Earn { earned, returns, paid_at, payment, notes, refund } => {
            after.status = Status::Paid;
            after.paid_at = top_up.paid_at.or(Some(*paid_at));
            after.payment = top_up.payment.clone().or_else(|| payment.clone());
            after.returns = *returns;
            after.credit_notes.clone_from(notes);
            after.refund.clone_from(refund);
            after.payment_failure = None;
            // What was in doubt about this invoice is settled; that another one was paid is not.
            after.review = top_up.review.filter(|reason| *reason == ReviewReason::WrongInvoice);
            after.posted = *earned;
            postings = difference(top_up, *earned, &author.actor, now);
        }
        Change::Open(link) => {
            after.status = Status::Open;
            after.invoice = Some(link.clone());
        }
        Change::Close(ending) => {
            after.status = ending.status();
            after.failure = ending.failure();
            after.canceled_at = (*ending == Ending::Canceled).then_some(now);
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
    name_entries(&mut after, &postings);
    if after.review != top_up.review {
        after.review_since = after.review.map(|_| now);
    }
    let release_slot = top_up.status.is_unfinished() && !after.status.is_unfinished();
    let occasion = change.occasion(top_up, &after, author, now);
    Some(Commit { top_up: after, postings, release_slot, occasion })
}

/// Lets a row name the entries by which something is posted for it.
pub(super) fn name_entries(top_up: &mut TopUp, postings: &[Posting]) {
    top_up.entries.extend(postings.iter().map(|posting| posting.entry.id));
    let surplus = top_up.entries.len().saturating_sub(MOST_ENTRIES);
    top_up.entries.drain(..surplus);
}

/// Proven money credits whatever our own state says, and nothing else credits.
fn with_money(top_up: &TopUp, money: &Proven<'_>, now: Timestamp) -> Change {
    let earned = entitled(top_up, money);
    let evidence = money.evidence();
    let returned = evidence.returned.as_ref();
    let returns = returned.map_or(top_up.returns, |returned| Returns::of(top_up, returned));
    let notes = returned.map_or_else(|| top_up.credit_notes.clone(), Returned::documents);
    let refund = match (&top_up.refund, returned) {
        (Some(refund), Some(returned)) => refund.beside(returned),
        (refund, _) => refund.clone(),
    };
    let same = returns == top_up.returns && notes == top_up.credit_notes && refund == top_up.refund;
    match lifecycle(top_up.status, Standing::Proven, top_up.is_over(now)) {
        Step::Stays if earned == top_up.posted && same => Change::Nothing(Nothing::AlreadyApplied),
        Step::Stays | Step::Closes(_) => {
            let paid_at = evidence.paid_at.unwrap_or(now);
            let payment = evidence.paid_by().next().map(str::to_owned);
            Change::Earn { earned, returns, paid_at, payment, notes, refund }
        }
        Step::Opens | Step::Contradicts => Change::Nothing(Nothing::Contradiction),
    }
}

fn doubtful(top_up: &TopUp, reason: ReviewReason, now: Timestamp) -> Change {
    if top_up.released == Some(reason) && !top_up.status.is_unfinished() {
        return Change::Nothing(Nothing::AlreadyApplied);
    }
    let told = top_up.review == Some(reason);
    match lifecycle(top_up.status, Standing::Doubtful, top_up.is_over(now)) {
        Step::Stays if told => Change::Nothing(Nothing::AlreadyApplied),
        Step::Closes(after) if told && after == top_up.status => Change::Nothing(Nothing::AlreadyApplied),
        Step::Stays => Change::Flag(reason),
        Step::Closes(_) => Change::Review(reason),
        Step::Opens | Step::Contradicts => Change::Nothing(Nothing::Contradiction),
    }
}

fn without_money(top_up: &TopUp, standing: Standing, evidence: Option<&Evidence>, now: Timestamp) -> Change {
    let is_gone = matches!(standing, Standing::Missing | Standing::Draft) && top_up.status == Status::Open;
    match (lifecycle(top_up.status, standing, top_up.is_over(now)), evidence) {
        (Step::Closes(Status::InReview), Some(_) | None) if is_gone => {
            Change::Review(top_up.review.unwrap_or(ReviewReason::InvoiceGone))
        }
        (Step::Contradicts, Some(_) | None) if is_gone => match top_up.review {
            Some(_) => Change::Nothing(Nothing::Undecided),
            None => Change::Flag(ReviewReason::InvoiceGone),
        },
        (Step::Opens, Some(evidence)) => Change::Open(evidence.invoice.clone()),
        (Step::Opens, None) | (Step::Contradicts, Some(_) | None) => Change::Nothing(Nothing::Contradiction),
        (Step::Closes(status), Some(_) | None) => match Ending::of(status) {
            Some(ending) => Change::Close(ending),
            None => Change::Nothing(Nothing::Contradiction),
        },
        (Step::Stays, Some(evidence)) => stays(top_up, standing, evidence),
        (Step::Stays, None) => Change::Nothing(Nothing::AlreadyApplied),
    }
}

fn stays(top_up: &TopUp, standing: Standing, evidence: &Evidence) -> Change {
    let detached = top_up.status == Status::Paid && standing == Standing::Payable;
    let reason = Some(ReviewReason::PaymentDetached);
    if detached && top_up.review != reason && top_up.released != reason {
        return Change::Flag(ReviewReason::PaymentDetached);
    }
    if !top_up.status.is_unfinished() {
        return Change::Nothing(Nothing::AlreadyApplied);
    }
    match newer_failure(top_up, evidence).filter(|_| top_up.status == Status::Open) {
        Some(failure) => Change::NoteFailure(failure),
        None => Change::Nothing(Nothing::Undecided),
    }
}

/// Another invoice than the row's: not paid, it is nobody's business; paid, it proves nothing about our own invoice, which
/// may still be paid, so that state and slot stay while there is one.
fn of_another_invoice(top_up: &TopUp, evidence: &Evidence) -> Change {
    let reason = ReviewReason::WrongInvoice;
    match evidence.status {
        InvoiceStatus::Paid => {}
        InvoiceStatus::Draft
        | InvoiceStatus::Open
        | InvoiceStatus::Void
        | InvoiceStatus::Uncollectible
        | InvoiceStatus::Unknown => return Change::Nothing(Nothing::Undecided),
    }
    if top_up.review == Some(reason) || top_up.released == Some(reason) {
        return Change::Nothing(Nothing::AlreadyApplied);
    }
    match top_up.status {
        Status::Requested | Status::Open | Status::Paid => Change::Flag(reason),
        Status::Canceled | Status::Expired | Status::Failed | Status::InReview => Change::Review(reason),
    }
}

fn newer_failure(top_up: &TopUp, evidence: &Evidence) -> Option<PaymentFailure> {
    let failure = evidence.failure.as_ref()?;
    match &top_up.payment_failure {
        Some(known) if known.at >= failure.at => None,
        Some(_) | None => Some(failure.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_up::examples::{POLICY, invoice, link, now, top_up, worker};
    use crate::{Currency, Deployment, EntryKind, FailureReason, OrgId, RowThen, TopUpId};

    /// The change that grants all that was bought.
    fn credit(of: &TopUp) -> Change {
        let earned = Entitlement { granted: of.purchase.credits, ..Entitlement::default() };
        let (returns, payment) = (Returns::default(), Some("pi_1".to_owned()));
        Change::Earn { earned, returns, paid_at: now(), payment, notes: Vec::new(), refund: None }
    }

    fn kinds(commit: &Commit) -> Vec<(EntryKind, Credits)> {
        commit.postings.iter().map(|posting| (posting.entry.kind, posting.entry.credits)).collect()
    }

    fn applied(top_up: &TopUp, change: &Change) -> Option<Commit> {
        apply(top_up, change, &worker(), now())
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
            assert_eq!(change, credit(&top_up), "{status:?}");
            let commit = applied(&top_up, &change).unwrap();
            assert_eq!(commit.top_up.status, Status::Paid);
            assert_eq!(kinds(&commit), [(EntryKind::TopUp, top_up.purchase.credits)]);
            assert_eq!(commit.release_slot, status.is_unfinished(), "{status:?}");
            let again = decide(&commit.top_up, Seen::Found(&invoice), POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied));
        }
    }

    #[test]
    fn paid_without_proof_is_never_credited() {
        type Spoil = fn(&mut Evidence);
        let spoilt: [(ReviewReason, Spoil); 12] = [
            (ReviewReason::WrongMode, |i| i.right_mode = false),
            (ReviewReason::WrongCurrency, |i| i.currency = Currency::USD),
            (ReviewReason::WrongTotal, |i| i.total -= 100),
            (ReviewReason::WrongAmountPaid, |i| i.amount_paid -= 1),
            (ReviewReason::WrongAmountPaid, |i| i.from_balance = -5),
            (ReviewReason::WrongCustomer, |i| i.payer = Some("cus_2".to_owned())),
            (ReviewReason::WrongCustomer, |i| i.payer = None),
            (ReviewReason::WrongInvoice, |i| i.top_up = Some(TopUpId::new(now().plus_secs(1)))),
            (ReviewReason::WrongInvoice, |i| i.org = OrgId::parse("rival").ok()),
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
                let commit = applied(&top_up, &change).unwrap();
                assert_eq!(commit.postings, []);
                assert_eq!(commit.top_up.posted, top_up.posted);
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
            copy.invoice.id = "in_2".to_owned();
            let change = decide(&top_up, Seen::Found(&copy), POLICY, now());
            let commit = applied(&top_up, &change).unwrap();
            assert_eq!(commit.postings, [], "{status:?}");
            assert!(!commit.release_slot, "{status:?}");
            assert_eq!(commit.top_up.review, Some(ReviewReason::WrongInvoice), "{status:?}");
            assert_eq!(commit.top_up.posted, top_up.posted);
            let kept = status.is_unfinished() || status == Status::Paid;
            assert_eq!(commit.top_up.status, if kept { status } else { Status::InReview });
            let again = decide(&commit.top_up, Seen::Found(&copy), POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied), "{status:?}");

            let own = invoice(&top_up, InvoiceStatus::Paid);
            let change = decide(&commit.top_up, Seen::Found(&own), POLICY, now());
            if status != Status::Paid {
                let paid = applied(&commit.top_up, &change).unwrap();
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
        let Change::Earn { earned, payment: None, .. } =
            decide(&top_up, Seen::Found(&invoice), policy, now())
        else {
            panic!("it is credited")
        };
        assert_eq!(earned.granted, top_up.purchase.credits);
        assert_eq!(
            decide(&top_up, Seen::Found(&invoice), POLICY, now()),
            Change::Review(ReviewReason::NoPayment)
        );
    }

    #[test]
    fn an_invoice_that_lost_its_metadata_is_credited_by_the_row_that_points_to_it() {
        let open = top_up(Status::Open);
        let mut stripped = invoice(&open, InvoiceStatus::Paid);
        stripped.deployment = Deployment::Unmarked;
        (stripped.top_up, stripped.org) = (None, None);
        assert_eq!(decide(&open, Seen::Found(&stripped), POLICY, now()), credit(&open));
        stripped.invoice = link("in_2");
        assert_eq!(
            decide(&open, Seen::Found(&stripped), POLICY, now()),
            Change::Flag(ReviewReason::WrongInvoice),
            "without the row's word for it, it proves nothing"
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
                let posted = applied(&top_up, &change).map(|commit| commit.postings);
                assert_eq!(posted.unwrap_or_default(), [], "{status:?} {invoice_status:?}");
            }
            let change = decide(&top_up, Seen::Missing, POLICY, now());
            assert_eq!(applied(&top_up, &change).map(|commit| commit.postings).unwrap_or_default(), []);
        }
    }

    #[test]
    fn the_slot_is_kept_while_stripe_has_not_decided() {
        let open = top_up(Status::Open);
        for status in [InvoiceStatus::Open, InvoiceStatus::Uncollectible, InvoiceStatus::Unknown] {
            let invoice = invoice(&open, status.clone());
            let change = decide(&open, Seen::Found(&invoice), POLICY, now().plus_secs(100 * 3600));
            assert!(matches!(change, Change::Nothing(_)), "{status:?}");
        }
    }

    #[test]
    fn an_invoice_that_is_gone_is_told_and_frees_the_slot_when_its_time_is_over() {
        let open = top_up(Status::Open);
        let draft = invoice(&open, InvoiceStatus::Draft);
        let gone = Change::Flag(ReviewReason::InvoiceGone);
        for seen in [Seen::Missing, Seen::Found(&draft)] {
            let change = decide(&open, seen, POLICY, now());
            assert_eq!(change, gone);
            assert!(change.may_be_over(&open), "it is asked for again before it is told");
            let told = applied(&open, &change).unwrap();
            assert_eq!((told.release_slot, told.top_up.status), (false, Status::Open));
            assert!(told.top_up.due_at.is_some());
            let again = decide(&told.top_up, seen, POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::Undecided), "told once");
            let over = now().plus_secs(72 * 3600);
            for row in [&open, &told.top_up] {
                let change = decide(row, seen, POLICY, over);
                assert_eq!(change, Change::Review(ReviewReason::InvoiceGone));
                assert!(change.may_be_over(row));
                let ended = applied(row, &change).unwrap();
                assert!(ended.release_slot && ended.postings.is_empty());
                let still = decide(&ended.top_up, seen, POLICY, over);
                assert_eq!(still, Change::Nothing(Nothing::AlreadyApplied));
                let paid = invoice(&open, InvoiceStatus::Paid);
                let paid = decide(&ended.top_up, Seen::Found(&paid), POLICY, over);
                assert_eq!(paid, credit(&ended.top_up), "found again and paid, it is credited");
            }
        }
    }

    #[test]
    fn a_void_invoice_is_canceled_before_its_time_and_expired_after() {
        let open = top_up(Status::Open);
        let invoice = invoice(&open, InvoiceStatus::Void);
        let at = |hours: i64| decide(&open, Seen::Found(&invoice), POLICY, now().plus_secs(hours * 3600));
        assert_eq!(at(71), Change::Close(Ending::Canceled));
        assert_eq!(at(72), Change::Close(Ending::Expired));
        let commit = applied(&open, &at(1)).unwrap();
        assert!(commit.release_slot);
        assert_eq!(commit.top_up.canceled_at, Some(now()));
        assert_eq!(commit.top_up.due_at, None);
    }

    #[test]
    fn a_declined_payment_is_noted_once_and_forgotten_when_paid() {
        let open = top_up(Status::Open);
        let mut declined = invoice(&open, InvoiceStatus::Open);
        let failure =
            PaymentFailure { code: "insufficient_funds".to_owned(), detail: String::new(), at: now() };
        declined.failure = Some(failure.clone());
        let change = decide(&open, Seen::Found(&declined), POLICY, now());
        assert_eq!(change, Change::NoteFailure(failure));
        let noted = applied(&open, &change).unwrap();
        assert!(!noted.release_slot);
        let again = decide(&noted.top_up, Seen::Found(&declined), POLICY, now());
        assert_eq!(again, Change::Nothing(Nothing::Undecided));

        let paid = invoice(&open, InvoiceStatus::Paid);
        let paying = decide(&noted.top_up, Seen::Found(&paid), POLICY, now());
        assert_eq!(applied(&noted.top_up, &paying).unwrap().top_up.payment_failure, None);
    }

    #[test]
    fn a_request_without_an_invoice_fails_and_one_with_a_payable_invoice_opens() {
        let requested = top_up(Status::Requested);
        assert_eq!(
            decide(&requested, Seen::Missing, POLICY, now()),
            Change::Close(Ending::Failed(FailureReason::NotCompleted))
        );
        let payable = invoice(&requested, InvoiceStatus::Open);
        let change = decide(&requested, Seen::Found(&payable), POLICY, now());
        assert_eq!(change, Change::Open(link("in_1")));
        let commit = applied(&requested, &change).unwrap();
        assert!(!commit.release_slot && commit.top_up.due_at.is_some());
        assert_eq!(commit.top_up.revision, requested.revision + 1);
    }

    #[test]
    fn a_payment_taken_off_a_credited_invoice_is_flagged_once() {
        let paid = top_up(Status::Paid);
        let reopened = invoice(&paid, InvoiceStatus::Open);
        let change = decide(&paid, Seen::Found(&reopened), POLICY, now());
        assert_eq!(change, Change::Flag(ReviewReason::PaymentDetached));
        let commit = applied(&paid, &change).unwrap();
        assert_eq!(commit.top_up.status, Status::Paid);
        assert_eq!(
            decide(&commit.top_up, Seen::Found(&reopened), POLICY, now()),
            Change::Nothing(Nothing::AlreadyApplied)
        );
    }

    #[test]
    fn every_decision_that_is_written_has_its_occasion_with_the_row_as_it_then_is() {
        let invoices = [InvoiceStatus::Open, InvoiceStatus::Paid, InvoiceStatus::Void, InvoiceStatus::Draft];
        for status in Status::ALL {
            for invoice_status in &invoices {
                let before = top_up(status);
                let invoice = invoice(&before, invoice_status.clone());
                let change = decide(&before, Seen::Found(&invoice), POLICY, now());
                let Some(commit) = apply(&before, &change, &worker(), now()) else { continue };
                let occasion = &commit.occasion;
                assert_eq!(occasion.row, RowThen::of(&commit.top_up), "{status:?} {invoice_status:?}");
                assert!(occasion.what.changes_the_row(), "{status:?} {invoice_status:?}");
                assert_eq!(occasion.author, worker());
            }
        }
    }

    #[test]
    fn credits_are_told_by_how_many_moved() {
        let open = top_up(Status::Open);
        let paid = invoice(&open, InvoiceStatus::Paid);
        let change = decide(&open, Seen::Found(&paid), POLICY, now());
        let Change::Earn { earned, returns, paid_at, payment, notes, refund } = change.clone() else {
            panic!()
        };
        let told = |before: &TopUp, change: &Change| {
            let Occasion { what, detail, .. } = change.occasion(before, before, &worker(), now());
            (what, detail)
        };
        assert_eq!(told(&open, &change), (What::Credited, Some("1000".to_owned())));
        let credited = top_up(Status::Paid);
        let less = Entitlement { refunded: Credits(250), ..earned };
        let taken = Change::Earn { earned: less, returns, paid_at, payment, notes, refund };
        assert_eq!(told(&credited, &taken), (What::TakenBack, Some("-250".to_owned())));
        let refunded = TopUp { posted: less, ..credited };
        assert_eq!(told(&refunded, &change), (What::GivenAgain, Some("250".to_owned())));
        assert_eq!(told(&refunded, &taken), (What::ReturnsNoted, None));
    }
}
