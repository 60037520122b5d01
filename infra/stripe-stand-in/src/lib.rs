//! A local stand-in for Stripe's invoicing API with its hosted invoice page and webhooks.
//!
//! It speaks version 2026-09-30 of the HTTP API closely enough for Stripe's own SDKs, keeps its state in SQLite,
//! honours idempotency keys, refuses what Stripe refuses and delivers signed events with retries. No money moves.
//!
//! What it does where nobody could look at Stripe, on purpose the harder of two ways for a client:
//! - The smallest charge is fixed per currency; Stripe judges after conversion. For rupiah it is 0.50 USD at 16,500.
//! - A Virtual Account's charge shows its type `id_bank_transfer` and nothing else, fails with
//!   `payment_intent_payment_attempt_failed`, and its refund waits for the customer's bank details.
//! - `amount_refunded` of a charge does not fall when a refund fails.
//! - An overpaid invoice counts all that came in `amount_paid`.
//! - An NPWP of sixteen digits is refused.
//! - `add_lines` needs the permissions for invoice items, and for prices, products and tax rates made inline; a product that is
//!   only named has to be readable.
//! - A currency that the account does not take is refused when the invoice is made, and not only when it is charged.
//! - Permissions are looked at before the object: a key without one gets 403 for what does not exist.
// Stripe's larger objects have more fields than `json!` takes by default.
#![recursion_limit = "256"]

mod account;
mod api_error;
mod api_version;
mod balance_transactions;
mod call;
mod catalog;
mod charge_object;
mod charges;
mod credit_note_lines;
mod credit_notes;
mod customer_object;
mod customers;
mod deliveries;
mod dispute_life;
mod disputes;
mod events;
mod expand;
mod faults;
mod form;
mod fraud_warnings;
mod idempotency;
mod identifier;
mod intents;
mod invoice_life;
mod invoice_object;
mod invoices;
mod keys;
mod lines;
mod lists;
mod money;
mod own_fields;
mod page;
mod payment_intents;
mod payment_methods;
mod payments;
mod record;
mod refund_life;
mod refunds;
mod routes;
mod saved_methods;
mod seller;
mod server;
mod signature;
mod simulation;
mod staff;
mod stand_in;
mod store;
mod tax_ids;

pub use api_version::API_VERSION;
pub use dispute_life::{DisputeKind, DisputeStep};
pub use faults::{Fault, Outage, RefundPlan};
pub use record::recorded;
pub use refund_life::RefundStep;
pub use seller::{SUBSCRIBED_TYPES, Seller};
pub use signature::sign;
pub use simulation::{Foreign, Method};
pub use stand_in::{Error, Options, StandIn, Webhook};
