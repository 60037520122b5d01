//! Spending credits: two write units a debit, never negative, one answer per id for ever.
//!
//! A debit is two plain writes. The first takes the credits from the head of the balance and leaves the debit's id with
//! a tag in the head's ring; the second writes the ledger entry with that tag. Whoever finds an id in the ring can finish
//! the debit from its tag; an entry with another tag proves that the first write was applied twice, and what it took is
//! given back. An id leaves the ring only when its entry is known to carry its tag.
//!
//! Batches are the same with several ids in one take, all of them or none. Where one item is too slow for an organisation,
//! [`Spender::with_shards`] spreads its debits over several heads; which of two applications counts is decided by the
//! entry as before, so that processes may disagree about the number of heads.
//!
//! Senders in the same AWS account can use this as a library: the crate `saldo-sender` connects them and has an example.

mod finishing;
mod memory;
mod port;
mod spender;
mod splitting;
mod taking;
mod work;

pub use port::{Heads, Reversed, Stored, Taken, Written};
pub use spender::{Debited, SpendError, Spender};
pub use work::Outcome;
