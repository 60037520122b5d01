//! The ledger: entries, the movements of credits that make them, and the months they lie in.

mod credits;
mod entry;
mod month;
mod posting;

pub use credits::Credits;
pub(crate) use entry::PLACES;
pub use entry::{Entry, EntryId, EntryKind};
pub(crate) use month::LATE_SECS;
pub use month::Month;
pub use posting::{Floor, Once, Posting};
