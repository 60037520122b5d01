//! The balance: what a debit is, how balance shards remember it, and why it may be refused.

mod debit;
mod rebalance;
mod reservation;
mod run;
mod shard;
mod sharding;
mod stamp;

pub use debit::{Debit, DebitEntry, DebitId, Details, Reference, Reversal};
pub use rebalance::{BalanceShards, Rebalance, rebalance, total};
pub use reservation::{
    MOST_ACKNOWLEDGED, MOST_IN_BATCH, PENDING_MOST, PENDING_ROOM, Refusal, Reservation, ReservedDebit,
    refusal,
};
pub(crate) use run::PLACES;
pub use run::RunId;
pub use shard::BalanceShard;
pub use sharding::{MOST_SHARDS, ShardCounts, ShardCountsError, ShardId, Sharding};
pub use stamp::{SEQUENCE_STEP, Stamp};
