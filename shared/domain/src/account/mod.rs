//! Who an account belongs to, and who acts on it.

mod actor;

pub use actor::{Actor, Subject};
