//! What the payment provider says now about the money of a top-up, in our words.

use crate::{Currency, InvoiceLink, OrgId, Timestamp, TopUpId};

/// Everything that a decision about one invoice needs; each field as it is now, none as it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub invoice: InvoiceLink,
    pub status: InvoiceStatus,
    pub currency: Currency,
    /// Minor units, after tax.
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub amount_overpaid: i64,
    /// What the provider counted in of a balance that it keeps for the payer; 0 for every invoice of ours.
    pub from_balance: i64,
    /// By which name the provider knows the organisation.
    pub payer: Option<String>,
    /// Whether the money is of the kind that this system deals in: real in production, pretended elsewhere.
    pub right_mode: bool,
    /// Whose invoice it says that it is; a pointer, not a proof.
    pub deployment: Deployment,
    /// The top-up that the invoice names; a pointer, not a proof.
    pub top_up: Option<TopUpId>,
    /// The organisation that the invoice names; a pointer, not a proof.
    pub org: Option<OrgId>,
    pub paid_at: Option<Timestamp>,
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    pub credit_notes: Vec<CreditNote>,
    /// The latest refused attempt to pay, if the provider tells of one.
    pub failure: Option<PaymentFailure>,
}

/// Which system an invoice says that it is of: several may sell through one account of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// This one.
    Ours,
    /// Another deployment of the same code.
    Another,
    /// It does not say, or not any more.
    Unmarked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Void,
    Uncollectible,
    /// A word that a later version of the provider's interface brought.
    Unknown,
}

/// One payment on an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub kind: PaymentKind,
    pub paid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentKind {
    /// Money that went through the provider.
    ThroughProvider,
    /// A record of money that the provider never saw, or a kind that we do not know.
    Other,
}

/// Money on its way back to the payer, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    pub state: RefundState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    Pending,
    /// The payer has to say where the money shall go.
    WaitsForPayer,
    Succeeded,
    /// It came back, which may be a month after it succeeded.
    Failed,
    Canceled,
}

/// The payer's bank doubts a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    /// Whether the money is gone now; not while it is only asked about, and no more once it is won.
    pub withdrawn: bool,
}

/// A document that takes back a part of a paid invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    /// What of it is a refund, and so among the refunds already.
    pub refunded: i64,
    pub voided: bool,
}

/// The latest refused attempt to pay for a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFailure {
    /// A stable word.
    pub code: String,
    /// What happened and what to do next, for the payer.
    pub detail: String,
    pub at: Timestamp,
}
