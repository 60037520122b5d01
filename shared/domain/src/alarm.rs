//! What a person must look at: the one list of alarms.

use std::fmt;

/// A fact that a function tells in the field `alarm` of its log, on which an alarm of the deployment stands.
///
/// Each has a section of its own in `docs/runbook.md`, found by [`Alarm::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Money does not fit its top-up, or the provider contradicts our row.
    InReview,
    /// The provider refused an invoice for good, or made another one than was ordered.
    InvoiceRefused,
    /// A payer's bank disputes a payment or asks about it, and an answer is wanted.
    Disputed,
    /// Money that was on its way back to a payer did not arrive, or the provider refused to send it, and its credits were given
    /// again.
    RefundFailed,
    /// The issuer of a card says that a payment was fraud; nothing has moved yet.
    FraudWarning,
    /// A signed event of the other mode (test or live) arrived.
    WrongMode,
    /// A signed body could not be read as an event.
    MalformedEvent,
    /// An event came before the webhook was told its secret.
    NoWebhookSecret,
    /// A key of the provider or the webhook's secret could not be read, or cannot be used.
    SecretUnreadable,
    /// Two records that must fit together do not: balance and entries, row and entries, row and provider.
    BooksDiffer,
    /// What an organisation allowed itself to spend in a day or a month is nearly or wholly spent; nothing is refused.
    BudgetReached,
}

impl Alarm {
    pub const ALL: [Alarm; 11] = [
        Alarm::InReview,
        Alarm::InvoiceRefused,
        Alarm::Disputed,
        Alarm::RefundFailed,
        Alarm::FraudWarning,
        Alarm::WrongMode,
        Alarm::MalformedEvent,
        Alarm::NoWebhookSecret,
        Alarm::SecretUnreadable,
        Alarm::BooksDiffer,
        Alarm::BudgetReached,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Alarm::InReview => "in_review",
            Alarm::InvoiceRefused => "invoice_refused",
            Alarm::Disputed => "disputed",
            Alarm::RefundFailed => "refund_failed",
            Alarm::FraudWarning => "fraud_warning",
            Alarm::WrongMode => "wrong_mode",
            Alarm::MalformedEvent => "malformed_event",
            Alarm::NoWebhookSecret => "no_webhook_secret",
            Alarm::SecretUnreadable => "secret_unreadable",
            Alarm::BooksDiffer => "books_differ",
            Alarm::BudgetReached => "budget_reached",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
