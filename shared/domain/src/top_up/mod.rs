//! The top-up: one purchase of credits, the states it goes through, and the rules by which it does.

mod compare;
mod decide;
mod entitlement;
mod evidence;
#[cfg(test)]
mod examples;
mod extend;
mod failure;
#[cfg(test)]
mod in_any_order;
mod lifecycle;
mod proof;
mod refund;
#[cfg(test)]
mod refunding;
mod release;
mod review;
mod trail;
mod under_way;

use crate::{Actor, Author, Cause, EntryId, OrgId, Purchase, Timestamp, TopUpId};

pub use compare::{Disagreement, Side, disagreements};
pub use decide::{Change, Commit, Nothing, Seen, apply, decide};
pub use entitlement::{Entitlement, Returns, entitled};
pub use evidence::{
    CreditNote, Deployment, Dispute, DisputeStatus, Evidence, InvoiceStatus, NoteDocument, Payment,
    PaymentFailure, PaymentKind, Refund, RefundState, Returned,
};
pub use extend::{LONGEST_LIFE_DAYS, NotExtended, extend};
pub use failure::{Ending, FailureReason, Obstacle};
pub use lifecycle::{Standing, Step, lifecycle};
pub use proof::{Policy, Proven, prove, what_was_ordered};
pub use refund::{NotRefunded, RefundOrder, begin_refund, undo_refund};
pub use release::{NotReleased, ReleasedAs, release};
pub use review::ReviewReason;
pub use trail::{Answer, Asked, Looked, MOST_ASKED, Occasion, RowThen, What};
pub use under_way::{RefundUnderWay, ToldBeside};

/// One purchase of credits.
///
/// `due_at` is set exactly while the top-up is unfinished, and exactly then it holds the organisation's open slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUp {
    pub id: TopUpId,
    pub org: OrgId,
    pub status: Status,
    pub purchase: Purchase,
    pub created_at: Timestamp,
    /// When an unpaid invoice is voided.
    pub expires_at: Timestamp,
    /// By which name the payment provider knows the organisation, known before the invoice is made.
    pub payer: Option<String>,
    /// Set before the invoice can be paid: an invoice that the row does not name is never finalised.
    pub invoice: Option<InvoiceLink>,
    pub paid_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub payment_failure: Option<PaymentFailure>,
    /// Why it failed; stays when money arrives after all.
    pub failure: Option<FailureReason>,
    /// Why a person must look at it.
    pub review: Option<ReviewReason>,
    /// Since when a person must look at it, for this reason.
    pub review_since: Option<Timestamp>,
    /// The doubt that a person has ended; the same is not told again.
    pub released: Option<ReviewReason>,
    /// By when a person has looked at it, as it was promised then.
    pub review_by: Option<Timestamp>,
    /// The provider's name of the payment that was credited.
    pub payment: Option<String>,
    /// How that payment was made; the credits do not wait for it, and nothing is decided by it.
    pub paid_with: Option<PaidWith>,
    /// What went back of its money, as it was last seen.
    pub returns: Returns,
    /// The latest credit notes of its invoice, as they were last seen.
    pub credit_notes: Vec<NoteDocument>,
    /// The refund that the staff make of it now, at most one at a time.
    pub refund: Option<RefundUnderWay>,
    /// What its money has earned, as far as it is posted.
    pub posted: Entitlement,
    /// The entries by which it was posted, in their order: the latest `MOST_ENTRIES`.
    pub entries: Vec<EntryId>,
    pub created_by: Actor,
    /// Who made the last change, and on what occasion.
    pub changed_by: Author,
    /// When it is next compared with the payment provider.
    pub due_at: Option<Timestamp>,
    /// What its checks found no reason to write down; `None` before the first.
    pub looked: Option<Looked>,
    /// Grows with every change of the row; a change is committed only over the revision it was decided on.
    pub revision: i64,
}

/// Where a top-up is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Written down; its invoice is being made.
    Requested,
    /// The invoice can be paid.
    Open,
    /// Paid and credited.
    Paid,
    /// The invoice was voided before its time.
    Canceled,
    /// The invoice was voided because its time was over.
    Expired,
    /// Nothing that can be paid came of it.
    Failed,
    /// What the provider says does not fit what we say: a person decides.
    InReview,
}

/// How a payment was made, for whoever asks what they paid with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidWith {
    /// The provider's word for the kind of payment, like `card` or `id_bank_transfer`.
    pub method: String,
    /// The provider's receipt, where there is one.
    pub receipt_url: Option<String>,
}

/// Where an invoice is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLink {
    /// The provider's id.
    pub id: String,
    pub number: Option<String>,
    /// The hosted page; none before the invoice is finalised.
    pub pay_url: Option<String>,
    pub pdf: Option<String>,
}

impl Status {
    pub const ALL: [Status; 7] = [
        Status::Requested,
        Status::Open,
        Status::Paid,
        Status::Canceled,
        Status::Expired,
        Status::Failed,
        Status::InReview,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Open => "open",
            Status::Paid => "paid",
            Status::Canceled => "canceled",
            Status::Expired => "expired",
            Status::Failed => "failed",
            Status::InReview => "in_review",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the top-up still waits for its end, and so holds the open slot.
    #[must_use]
    pub fn is_unfinished(self) -> bool {
        match self {
            Status::Requested | Status::Open => true,
            Status::Paid | Status::Canceled | Status::Expired | Status::Failed | Status::InReview => false,
        }
    }
}

/// How many of its entries a row names at the most: one grants, and each further one is money that went back or came again.
pub(crate) const MOST_ENTRIES: usize = 24;

/// How long after its making an unfinished top-up is first compared with the provider, in seconds: well over the longest that
/// any function may run, so that whoever made it has ended.
const FIRST_CHECK_SECS: i64 = 5 * 60;

/// The longest between two comparisons, in seconds.
const LONGEST_WAIT_SECS: i64 = 6 * 60 * 60;

impl TopUp {
    /// A purchase as it is first written down: intent before any call to the provider.
    #[must_use]
    pub fn requested(
        id: TopUpId,
        org: OrgId,
        purchase: Purchase,
        buyer: &Actor,
        now: Timestamp,
        lifetime_secs: i64,
    ) -> TopUp {
        TopUp {
            id,
            org,
            status: Status::Requested,
            purchase,
            created_at: now,
            expires_at: now.plus_secs(lifetime_secs),
            payer: None,
            invoice: None,
            paid_at: None,
            canceled_at: None,
            payment_failure: None,
            failure: None,
            review: None,
            review_since: None,
            released: None,
            review_by: None,
            payment: None,
            paid_with: None,
            returns: Returns::default(),
            credit_notes: Vec::new(),
            refund: None,
            posted: Entitlement::default(),
            entries: Vec::new(),
            created_by: buyer.clone(),
            changed_by: Author { actor: buyer.clone(), cause: Cause::Order },
            due_at: Some(now.plus_secs(FIRST_CHECK_SECS.min(lifetime_secs))),
            looked: None,
            revision: 1,
        }
    }

    /// The next revision of the row, for a change by `author`.
    #[must_use]
    pub fn changed_by(&self, author: &Author) -> TopUp {
        let revision = self.revision.saturating_add(1);
        TopUp { changed_by: author.clone(), revision, ..self.clone() }
    }

    /// The same, due again, when a check has found nothing new: `request` is the provider's name of what was asked last.
    #[must_use]
    pub fn looked_at(&self, author: &Author, now: Timestamp, request: Option<&str>) -> TopUp {
        let times = self.looked.as_ref().map_or(0, |looked| looked.times).saturating_add(1);
        let looked = Some(Looked { times, at: now, id: request.map(str::to_owned) });
        TopUp { looked, ..self.due_again(author, now) }
    }

    /// The credited payment of which is not known yet how it was made.
    #[must_use]
    pub fn payment_to_look_at(&self) -> Option<&str> {
        self.payment.as_deref().filter(|_| self.status == Status::Paid && self.paid_with.is_none())
    }

    /// The next revision of the row, which knows how it was paid.
    #[must_use]
    pub fn paid_like(&self, how: PaidWith, author: &Author) -> TopUp {
        TopUp { paid_with: Some(how), ..self.changed_by(author) }
    }

    /// The next revision of the row, which is due again.
    #[must_use]
    pub fn due_again(&self, author: &Author, now: Timestamp) -> TopUp {
        TopUp { due_at: Some(self.next_check(now)), ..self.changed_by(author) }
    }

    /// Whether the row names this invoice as its own.
    #[must_use]
    pub fn points_to(&self, invoice: &str) -> bool {
        self.invoice.as_ref().is_some_and(|link| link.id == invoice)
    }

    /// Whether an unpaid invoice has had its time.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// When to compare it with the provider again after `now`: its age doubles in between, the end of its life is never
    /// missed, and after that it is tried at the longest wait.
    #[must_use]
    pub fn next_check(&self, now: Timestamp) -> Timestamp {
        let wait = now.secs_since(self.created_at).clamp(FIRST_CHECK_SECS, LONGEST_WAIT_SECS);
        let next = now.plus_secs(wait);
        if self.is_over(now) { next } else { next.min(self.expires_at) }
    }
}
