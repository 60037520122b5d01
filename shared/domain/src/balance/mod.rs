//! The balance: what a debit is, how balance shards remember it, and why it may be refused.

mod admission;
mod allowance;
mod budget;
mod charge;
mod codes;
mod counters;
mod counting;
mod debit;
mod details;
mod fitting;
mod group;
mod hold;
#[cfg(test)]
mod hold_example;
mod hold_use;
mod holding;
mod id;
mod pending;
mod period;
mod rebalance;
mod reported;
mod reservation;
mod shard;
mod sharding;
mod stamp;
mod watermark;

pub use admission::{Admission, LONGEST_RETRY_AFTER_SECS, LONGEST_WAIT_MS, Look};
pub use allowance::{Allowance, Giver, NEARLY_PERCENT, Reached, Turn, allowance, turn};
pub use budget::{
    Budget, BudgetBy, BudgetId, BudgetName, BudgetTerms, Budgets, Limiting, MOST_BUDGETS, NotSet,
};
pub use charge::{Charge, ChargedAs};
pub use codes::Codes;
pub use counters::Counters;
pub use counting::{Count, Counting, NotCounted, OverBudget};
pub use debit::{Debit, DebitEntry, Reversal};
pub use details::{Details, Known, Reference};
pub use fitting::covered;
pub use group::Group;
pub use hold::{
    AtEnd, HOLD_SECS, HeldLine, HeldOf, Hold, HoldEnded, HoldRefused, HoldTerms, HowEnded, LEAST_HOLD_SECS,
    MOST_HOLD_SECS, MOST_VALID_SECS, MadeHold, REPORTED_WITHIN_SECS, Reported,
};
pub use hold_use::HoldUse;
pub use holding::{HoldChange, HoldStep};
pub use id::{Beside, DebitId, RunId};
pub use pending::{Guard, PendingChange, ReservedDebit, to_acknowledge_at_once};
pub use period::{Counted, Day, Period};
pub use rebalance::{BalanceShards, Rebalance, Resume, gather, rebalance, resume, total};
pub use reported::LateReport;
pub use reservation::{PENDING_MOST, PENDING_ROOM, Refusal, Reservation, refusal, why_refused};
pub use shard::{BalanceShard, Crowd, MOST_ACKNOWLEDGED, MOST_IN_BATCH, in_portions};
pub use sharding::{MOST_SHARDS, ShardCounts, ShardCountsError, ShardId, Sharding};
pub use stamp::{SEQUENCE_STEP, Stamp, Told};
pub use watermark::{MOST_CARRIED, Round, Watermark};
