//! The whole system in one process, wired from infra/template.yaml.
pub mod chaos;
pub mod check_stripe;
mod data;
mod error;
pub mod functions;
pub mod gateway;
mod intrinsics;
pub mod issuer;
mod options;
pub mod poller;
pub mod queue;
mod saldo;
pub mod scheduler;
mod table;
mod tasks;
pub mod template;
mod triggers;
mod wiring;

use std::sync::Arc;

pub use error::StartError;
pub use intrinsics::Locals;
pub use options::{Between, Options, Stripe};
pub use saldo::Saldo;
pub use wiring::Urls;

/// The time in milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;
