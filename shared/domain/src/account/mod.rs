//! Who an account belongs to, and who acts on it.

mod actor;
mod permission;
mod settings;

pub use actor::{Actor, Subject};
pub use permission::{Permission, Permissions};
pub use settings::{BillingContact, ContactField, Customer, InvalidContact, Language, Settings};
