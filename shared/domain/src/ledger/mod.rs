//! The ledger: entries, the movements of credits that make them, and the months they lie in.

mod credits;
mod entry;
mod month;
mod posting;

pub use credits::Credits;
pub(crate) use entry::PLACES;
pub use entry::{Entry, EntryId, EntryKind};
pub use month::Month;
pub(crate) use month::{AHEAD_SECS, LATE_SECS};
pub use posting::{Floor, Once, Posting};
