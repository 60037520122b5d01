//! The whole system in one process, wired from infra/template.yaml.
pub mod chaos;
mod data;
mod error;
pub mod functions;
pub mod gateway;
mod intrinsics;
pub mod issuer;
pub mod poller;
pub mod queue;
pub mod scheduler;
mod table;
pub mod template;

use std::sync::Arc;

pub use error::StartError;
pub use intrinsics::Locals;

/// The time in milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;
