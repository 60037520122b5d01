//! Spending: what a debit is, how the heads of a balance remember it, and why it may be refused.

mod debit;
mod head;
mod shards;

pub(crate) use debit::PLACES;
pub use debit::{Debit, DebitEntry, DebitId, Details, Reference, Reversal, RunId};
pub use head::{
    Head, MOST_PORTIONS, MOST_TRIMS, Portion, RING_MOST, RING_ROOM, Refusal, TURN, Tag, Take, refusal,
};
pub use shards::{Funds, Gain, Shard, Shards, ShardsError, Split, gather, total};
