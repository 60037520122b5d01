//! Stripe: invoices through async-stripe, and the signed events that it sends.

mod answers;
mod client;
mod event;
mod invoices;
mod signature;

pub use client::{StripeError, StripeHttp};
pub use event::{Event, MalformedEvent};
pub use invoices::Stripe;
pub use signature::{InvalidSignature, verify};
