//! The calls that the table knows, and what each answers.

use saldo_domain::{
    BalanceShard, Credits, DebitEntry, DebitId, EntryId, HoldChange, Rebalance, Reservation, Resume,
    Reversal, ShardId, Stamp, Timestamp,
};

use crate::port::{Reserved, Reversed, Stored, Written};

/// A call.
#[derive(Clone, Debug)]
pub enum Op {
    Reserve(ShardId, Reservation),
    MakeReady,
    PutEntries(ShardId, Vec<DebitEntry>),
    Complete(ShardId, DebitEntry),
    Fence(ShardId, bool),
    GiveBack(DebitId, Stamp),
    Acknowledge(ShardId, Vec<(DebitId, Stamp)>),
    Entries(Vec<(ShardId, DebitId)>),
    Shard(ShardId),
    Rebalance(Rebalance),
    Resume(Resume),
    TakeBack(EntryId, Credits),
    AnnounceSharding,
    StartSharding(Timestamp),
    SetShards(Option<u8>),
    Reverse(ShardId, Reversal),
    BeginHolds,
    ChangeHold(HoldChange),
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
}
