//! What each restricted key must be allowed, by Stripe's names of permissions; writing includes reading.
//!
//! What is made inline and what is expanded counts: a line with a price, a product and a tax of its own makes all three. The
//! names are those of Stripe's refusals ("Having the 'rak_…' permission would allow this request to continue"); that these and
//! no others are needed is unproven at Stripe itself, and held against the stand-in.

/// For who opens and ends top-ups: create-top-up, cancel-top-up and cleanup.
pub const WRITE_KEY: [&str; 8] = [
    "rak_customer_write",
    "rak_invoice_write",
    "rak_invoice_item_write",
    "rak_plan_write",
    "rak_product_write",
    "rak_tax_rate_write",
    "rak_invoice_payment_read",
    "rak_payment_intent_read",
];

/// The same where `SALDO_STRIPE_PRODUCT` names the product that lines are of: it is read, and none is made.
pub const WRITE_KEY_WITH_PRODUCT: [&str; 8] = [
    "rak_customer_write",
    "rak_invoice_write",
    "rak_invoice_item_write",
    "rak_plan_write",
    "rak_product_read",
    "rak_tax_rate_write",
    "rak_invoice_payment_read",
    "rak_payment_intent_read",
];

/// What operate and cleanup need of the same key besides: a top-up is found by what Stripe knows of its money, and money is
/// given back. A credit note that makes a refund is taken to need the permission for refunds too.
pub const OPERATE_KEY: [&str; 3] = ["rak_charge_write", "rak_dispute_read", "rak_credit_note_write"];

/// For who only looks: credit-worker and reconcile. Refunds are read with the permission for charges.
pub const READ_KEY: [&str; 7] = [
    "rak_invoice_read",
    "rak_invoice_payment_read",
    "rak_payment_intent_read",
    "rak_charge_read",
    "rak_dispute_read",
    "rak_credit_note_read",
    "rak_event_read",
];
