//! The table that spending needs, in memory: it answers call by call as DynamoDB does.
//!
//! How a call reaches it, late, twice or never, is up to whoever implements [`Way`].

mod books;
mod bug;
mod counted;
mod holds;
mod holds_kept;
mod keys;
mod moved;
mod op;
mod reversed;
mod spending;
mod stamps;
mod table;
mod taken_back;
mod way;

pub use bug::Bug;
pub use holds_kept::HoldsKept;
pub use op::{Answer, Op};
pub use spending::Spending;
pub use table::{Row, Table};
pub use way::{InMemory, Way};
