//! The calls that the table knows, and what each answers.

use saldo_domain::{
    Allowance, BalanceShard, Budgets, Counted, Credits, Day, DebitEntry, DebitId, EntryId, HoldChange,
    LateReport, Month, Reached, Rebalance, Reservation, Resume, Reversal, ShardId, Stamp, Timestamp, Turn,
};

use crate::port::{OpenHoldsOf, Reserved, Reversed, Stored, Written};

/// A call.
#[derive(Clone, Debug)]
pub enum Op {
    Reserve(ShardId, Reservation),
    MakeReady,
    PutEntries(ShardId, Vec<DebitEntry>),
    Complete(ShardId, DebitEntry),
    Fence(ShardId, bool),
    GiveBack(DebitId, Stamp, Counted),
    Acknowledge(ShardId, Vec<(DebitId, Stamp)>),
    Entries(Vec<(ShardId, DebitId)>),
    Shard(ShardId),
    Rebalance(Rebalance),
    Resume(Resume),
    TakeBack(EntryId, Credits),
    AnnounceSharding,
    StartSharding(Timestamp),
    SetShards(Option<u8>),
    BeginHolds(Timestamp),
    ChangeHold(HoldChange, Counted),
    ReportLate(Box<LateReport>),
    OpenHolds,
    KeepOpenHolds(OpenHoldsOf, Option<Timestamp>),
    /// Of a month, none earlier than a moment, from behind a run on.
    Holds(Month, Timestamp, Option<EntryId>),
    Reverse(ShardId, Reversal, Counted),
    Budgets,
    SetBudgets(Budgets, Budgets),
    Turn(Turn),
    Allow(Allowance),
    RememberTold(i64, (Day, Reached)),
    Claimed(String),
    Claim(String, DebitId),
    Replace(String, DebitId, DebitId),
    Close(ShardId, DebitId),
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Reserved(Reserved),
    Done(()),
    Written(Written),
    Entries(Vec<Stored>),
    Shard(Option<BalanceShard>),
    Reversed(Reversed),
    Budgets(Budgets),
    Told(bool),
    OpenHolds(OpenHoldsOf),
    Holds((Vec<DebitEntry>, Option<EntryId>)),
    Key(Option<DebitId>),
}
