//! Who an account belongs to, who acts on it, and what they may do.

mod actor;
mod ids;
mod permission;
mod settings;

pub use actor::{Actor, Author, Cause, Subject};
pub use ids::{IdempotencyKey, InvalidId, OperationId, OrgId, TopUpId};
pub use permission::{Permission, Permissions};
pub use settings::{BillingContact, ContactField, InvalidContact, Language, Payer, Settings};
