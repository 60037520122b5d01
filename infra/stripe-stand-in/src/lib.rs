//! A local stand-in for Stripe's invoicing API with its hosted invoice page and webhooks.
//!
//! It speaks version 2026-09-30 of the HTTP API closely enough for Stripe's own SDKs, keeps its state in SQLite,
//! honours idempotency keys, refuses what Stripe refuses and delivers signed events with retries. No money moves.
// Stripe's larger objects have more fields than `json!` takes by default.
#![recursion_limit = "256"]

mod account;
mod api_error;
mod api_version;
mod call;
mod catalog;
mod charges;
mod customers;
mod deliveries;
mod events;
mod expand;
mod faults;
mod form;
mod identifier;
mod invoice_life;
mod invoice_object;
mod invoices;
mod lines;
mod lists;
mod money;
mod own_fields;
mod page;
mod payment_intents;
mod payment_methods;
mod payments;
mod routes;
mod seller;
mod server;
mod signature;
mod simulation;
mod stand_in;
mod store;

pub use api_version::API_VERSION;
pub use events::SUBSCRIBED_TYPES;
pub use faults::Fault;
pub use signature::sign;
pub use simulation::Method;
pub use stand_in::{Error, Options, StandIn, Webhook};
