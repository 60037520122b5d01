//! The whole system in one process, wired from infra/template.yaml.
mod background;
pub mod chaos;
pub mod check_stripe;
mod clock;
mod data_folder;
mod error;
mod event_sources;
mod function_code;
pub mod functions;
pub mod gateway;
pub mod issuer;
mod options;
pub mod poller;
pub mod queue;
pub mod reconcile;
mod saldo;
pub mod scheduler;
mod stripe_side;
mod table;
pub mod template;
pub mod watch;

pub use clock::Now;
pub use error::StartError;
pub use options::{Between, Options, Stripe};
pub use saldo::Saldo;
pub use template::Locals;
