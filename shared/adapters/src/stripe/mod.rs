//! Stripe: invoices through async-stripe, and the signed events that it sends.

mod answers;
mod client;
mod currency;
mod customers;
mod declines;
mod error;
mod event;
mod gate;
mod invoices;
mod line;
mod listing;
mod lookups;
mod payer_balances;
mod permissions;
mod returns;
mod secrets;
mod signature;

pub use client::StripeHttp;
pub use currency::{LIMITS, exponent};
pub use event::{Event, EventType, Meaning, NoEvent};
pub use invoices::Stripe;
pub use permissions::{OPERATE_KEY, READ_KEY, WRITE_KEY, WRITE_KEY_WITH_PRODUCT};
pub use secrets::Bearer;
pub(crate) use secrets::{Key, webhook_secrets};
pub use signature::{InvalidSignature, verify};
