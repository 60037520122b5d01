//! What Stripe says of an invoice, in our words.

use crate::{Currency, InvoiceLink, PaymentFailure, Timestamp};

/// The facts about one invoice that a decision needs, as fetched from Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceFacts {
    pub link: InvoiceLink,
    pub status: InvoiceStatus,
    pub currency: Currency,
    /// Minor units, after tax.
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub amount_overpaid: i64,
    /// The customer's balance that Stripe counted in; 0 for every invoice of ours.
    pub starting_balance: i64,
    pub customer: Option<String>,
    pub livemode: bool,
    /// What the metadata points to; a pointer, not a proof.
    pub top_up_id: Option<String>,
    pub org: Option<String>,
    pub paid_at: Option<Timestamp>,
    pub payments: Vec<Payment>,
    /// The latest refused attempt to pay, if Stripe tells of one.
    pub failure: Option<PaymentFailure>,
}

/// Stripe's own status words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Void,
    Uncollectible,
    /// A word that a later version of Stripe's API brought.
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
    /// Money that went through Stripe.
    PaymentIntent,
    /// A record of money that Stripe never saw, or a kind of a later version.
    Other,
}
