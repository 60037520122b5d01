//! What the use cases ask of the outside: rows of the table, and invoices of the payment provider.

use std::fmt;
use std::future::Future;

use saldo_domain::{
    BillingContact, Commit, Evidence, FailureReason, IdempotencyKey, Language, Obstacle, Occasion, OrgId,
    PaidWith, PortError, Purchase, RefundUnderWay, Returned, Settings, Timestamp, TopUp, TopUpId,
};
use tracing::warn;

/// Top-ups, open slots, requests, and the names by which the provider knows organisations. Every read is of now, every
/// write conditional.
pub trait Rows: Send + Sync {
    /// Writes an intent down before any call to the provider: open slot, top-up, request and the first occasion of its trail
    /// together, or nothing.
    fn begin(
        &self,
        top_up: &TopUp,
        request: &IdempotencyKey,
    ) -> impl Future<Output = Result<Begun, PortError>> + Send;

    fn top_up(
        &self,
        org: &OrgId,
        id: &TopUpId,
    ) -> impl Future<Output = Result<Option<TopUp>, PortError>> + Send;

    /// The top-up that a request with this key made before.
    fn requested_before(
        &self,
        org: &OrgId,
        request: &IdempotencyKey,
    ) -> impl Future<Output = Result<Option<TopUpId>, PortError>> + Send;

    /// Remembers which top-up an invoice is for, by its id or its number, whatever the invoice may say later. Comes before the row that names the
    /// invoice, and so may point to one that does not; the same again changes nothing.
    fn keep_invoice(
        &self,
        invoice: &str,
        top_up: &TopUp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The top-up that an invoice is remembered for, by its id or its number.
    fn kept_for(
        &self,
        invoice: &str,
    ) -> impl Future<Output = Result<Option<(OrgId, TopUpId)>, PortError>> + Send;

    /// Replaces a row with one whose change has no place in the trail: it names its draft, or is due again. Its revision is one more
    /// than that of the row it replaces, else [`PortError::Conflict`].
    fn save(&self, top_up: &TopUp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes a change: the row over the revision that it was decided on, with postings, balance, slot and the
    /// occasion for the trail, all or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since: read it again and decide again.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes an intent back as if it had never been, once nothing is left of it at the provider: row, open slot and request
    /// together, or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since, or is gone.
    fn withdraw(
        &self,
        top_up: &TopUp,
        request: &IdempotencyKey,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes into the trail what left the row as it is; a repeat of the same event takes the place of the one before. The
    /// occasions of what changed the row are written by [`begin`](Rows::begin) and [`commit`](Rows::commit).
    fn note(&self, top_up: &TopUp, occasion: &Occasion)
    -> impl Future<Output = Result<(), PortError>> + Send;

    /// What the organisation has set, and how the provider knows it.
    fn settings(&self, org: &OrgId) -> impl Future<Output = Result<Settings, PortError>> + Send;

    /// Remembers the provider's name of an organisation and what it was told. `replacing` is a name that the provider no
    /// longer knows.
    ///
    /// [`PortError::Conflict`] means that another one is remembered.
    fn keep_payer(
        &self,
        org: &OrgId,
        payer: &str,
        told: &BillingContact,
        replacing: Option<&str>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers why the provider refused to sell to an organisation; `None` that it sold again.
    fn keep_refusal(
        &self,
        org: &OrgId,
        why: Option<FailureReason>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers what the provider was told of a payer that it knows.
    ///
    /// [`PortError::Conflict`] means that another name is remembered.
    fn keep_told(
        &self,
        org: &OrgId,
        payer: &str,
        told: &BillingContact,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What came of writing a new top-up down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is written, and holds the open slot.
    New,
    /// A request with this key made this top-up before.
    Repeated(TopUpId),
    /// Another top-up holds the slot.
    SlotTaken(TopUpId),
}

/// Invoices of the payment provider, each of one line, each naming its top-up.
///
/// A change with a `key` that was used before is answered as it was then, and not done again.
pub trait Invoices: Send + Sync {
    /// Makes the organisation known, with whom to bill, and gives the provider's name for it.
    fn create_payer(
        &self,
        org: &OrgId,
        contact: &BillingContact,
        key: &str,
    ) -> impl Future<Output = Result<String, InvoicesError>> + Send;

    /// Tells the provider anew whom to bill: what the contact leaves open is taken away, where the provider can.
    fn update_payer(
        &self,
        payer: &str,
        contact: &BillingContact,
    ) -> impl Future<Output = Result<(), InvoicesError>> + Send;

    /// Makes an empty draft that names its top-up and the payer's tax id, takes no pending items and inherits no discount,
    /// and that the provider leaves alone. It is refused to a payer without an e-mail address.
    fn create_draft(
        &self,
        top_up: &TopUp,
        payer: &str,
        tax_id: Option<&str>,
        key: &str,
    ) -> impl Future<Output = Result<Evidence, InvoicesError>> + Send;

    /// Adds the one line: credits times unit price, and the tax as we computed it, in words of the payer's language.
    fn add_line(
        &self,
        invoice: &str,
        purchase: &Purchase,
        language: Option<Language>,
        key: &str,
    ) -> impl Future<Output = Result<Evidence, InvoicesError>> + Send;

    /// Makes a draft payable.
    fn finalize(
        &self,
        invoice: &str,
        key: &str,
    ) -> impl Future<Output = Result<Evidence, InvoicesError>> + Send;

    /// The invoice as it is now, without what went back of it; `None` when there is none with this id. A refused payment is dated `failed_at` where the
    /// caller knows when.
    fn invoice(
        &self,
        invoice: &str,
        failed_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<Option<Evidence>, InvoicesError>> + Send;

    /// The invoice that a payment is on; `None` when it is on none, or there is no such payment.
    fn invoice_of(&self, payment: &str)
    -> impl Future<Output = Result<Option<String>, InvoicesError>> + Send;

    /// How a payment was made; `None` when the provider knows none that succeeded.
    fn paid_with(
        &self,
        payment: &str,
    ) -> impl Future<Output = Result<Option<PaidWith>, InvoicesError>> + Send;

    /// What went back of an invoice's payments, and of `payment` if it is no more among them, as it is now.
    fn returned(
        &self,
        invoice: &Evidence,
        payment: Option<&str>,
    ) -> impl Future<Output = Result<Returned, InvoicesError>> + Send;

    /// Every invoice that names this top-up, newest first.
    fn invoices_of(
        &self,
        top_up: &TopUp,
        payer: &str,
    ) -> impl Future<Output = Result<Vec<Evidence>, InvoicesError>> + Send;

    /// Gives money of a paid invoice back, or says that it goes back by another way, with a credit note that names the refund.
    /// It may be on its way only, and fail later.
    fn give_back(
        &self,
        top_up: &TopUp,
        refund: &RefundUnderWay,
        key: &str,
    ) -> impl Future<Output = Result<(), InvoicesError>> + Send;

    /// Deletes a draft; one that is gone already is fine.
    fn delete_draft(&self, invoice: &str) -> impl Future<Output = Result<(), InvoicesError>> + Send;

    /// Ends an invoice as far as the provider lets us, and tells what became of it: a draft is deleted (`None`), one that
    /// can be paid is voided. An answer that can still be paid means that the provider refused: a payment is under way.
    fn close(&self, invoice: &str) -> impl Future<Output = Result<Option<Evidence>, InvoicesError>> + Send;
}

/// Why the provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoicesError {
    /// There is no such invoice.
    NotFound { what: String },
    /// The provider no longer knows the payer: make it known again.
    PayerUnknown { what: String },
    /// The provider will not do it.
    Refused { what: String },
    /// The provider will not do it before a person has removed what stands in the way.
    Barred { what: String, obstacle: Obstacle },
    /// The provider did not answer clearly: it may have happened or not. `kept` tells that the same key will bring the
    /// same answer again: look whether it happened, then use another key.
    Unclear { what: String, kept: bool },
    /// It will not get better by itself: wake someone.
    Broken { what: String },
}

impl InvoicesError {
    fn what(&self) -> &str {
        match self {
            InvoicesError::NotFound { what }
            | InvoicesError::PayerUnknown { what }
            | InvoicesError::Refused { what }
            | InvoicesError::Barred { what, .. }
            | InvoicesError::Unclear { what, .. }
            | InvoicesError::Broken { what } => what,
        }
    }
}

impl fmt::Display for InvoicesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl std::error::Error for InvoicesError {}

impl From<InvoicesError> for PortError {
    fn from(error: InvoicesError) -> PortError {
        match error {
            InvoicesError::Unclear { what, .. } => PortError::Unavailable(what),
            InvoicesError::Barred { what, obstacle: Obstacle::KeyNotPermitted } => {
                PortError::NotPermitted(what)
            }
            InvoicesError::NotFound { what }
            | InvoicesError::PayerUnknown { what }
            | InvoicesError::Refused { what }
            | InvoicesError::Barred { what, .. }
            | InvoicesError::Broken { what } => {
                warn!(error = what, "the provider did not do it");
                PortError::Broken(what)
            }
        }
    }
}
