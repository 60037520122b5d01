//! The books: what must be true of entries, balances and rows together, and what is said where it is not.

mod closing;
mod comparison;
mod cut;
mod difference;
mod report;
mod sums;
mod sweep;

pub use closing::Closing;
pub use comparison::{Comparison, LedgerCheck, RowBooks};
pub use cut::{Cut, LedgerLine};
pub use difference::{Difference, DifferenceKind, Outcome};
pub use report::{Report, Verdict};
pub use sums::{Moved, Sums, Used};
pub use sweep::Sweep;
