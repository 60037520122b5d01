//! What the table can be told to do wrong, so that a simulator can show that it would notice.

/// One condition forgotten, or one step left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A take does not look at the balance.
    NoBalanceCheck,
    /// A take does not look whether the ring has its ids.
    NoRingCheck,
    /// A finished debit leaves the ring whatever its tag is by now.
    UnguardedTrim,
    /// A debit that is not finished leaves the ring.
    TrimUnfinished,
    /// The client makes the tag, so that a late duplicate carries it too.
    ClientTag,
    /// The counter does not move.
    CounterStands,
    /// What was taken twice is not given back.
    NoGiveBack,
    /// It is given back however often that is asked.
    UnguardedGiveBack,
    /// It is given back and stays in the ring.
    GiveBackKeepsRing,
    /// A later entry replaces an earlier one.
    EntryOverwritten,
    /// A debit is acknowledged without its entry.
    EntryNotWritten,
    /// An entry with another tag is taken for one's own.
    AnyTagFits,
    /// A refusal does not ask the ledger.
    NoLedgerReadOnRefusal,
    /// Reads are not consistent.
    StaleReads,
    /// Repair takes debits out of the ring without looking at their tags.
    UnguardedRepair,
    /// A debit can be reversed more than once.
    ReversedTwice,
    /// A reversal is not one transaction.
    ReversalWithoutEntry,
    /// A top-up writes the head anew.
    TopUpForgetsRing,
    /// A batch is looked for in the ring by its first id only.
    BatchChecksFirstId,
    /// A batch is held against the balance by its first debit only.
    BatchChecksFirstCredits,
    /// The entries of a batch are written when the first of them is not there yet.
    BatchWritesOverEntries,
    /// The counters of all shards start at the same place.
    ShardsShareTags,
    /// A head with a split takes from who does not know of it.
    NoFence,
    /// The split is in force as soon as it is decided.
    SplitAtOnce,
    /// Credits move without a look at whether the giver has them.
    UnguardedShift,
    /// Credits are given and do not arrive.
    ShiftLosesCredits,
    /// Moving credits is not counted as a gain.
    GainsNotCounted,
    /// Whoever reads all heads does not see the last one.
    LastHeadUnseen,
}

impl Bug {
    pub const ALL: [Bug; 28] = [
        Bug::NoBalanceCheck,
        Bug::NoRingCheck,
        Bug::UnguardedTrim,
        Bug::TrimUnfinished,
        Bug::ClientTag,
        Bug::CounterStands,
        Bug::NoGiveBack,
        Bug::UnguardedGiveBack,
        Bug::GiveBackKeepsRing,
        Bug::EntryOverwritten,
        Bug::EntryNotWritten,
        Bug::AnyTagFits,
        Bug::NoLedgerReadOnRefusal,
        Bug::StaleReads,
        Bug::UnguardedRepair,
        Bug::ReversedTwice,
        Bug::ReversalWithoutEntry,
        Bug::TopUpForgetsRing,
        Bug::BatchChecksFirstId,
        Bug::BatchChecksFirstCredits,
        Bug::BatchWritesOverEntries,
        Bug::ShardsShareTags,
        Bug::NoFence,
        Bug::SplitAtOnce,
        Bug::UnguardedShift,
        Bug::ShiftLosesCredits,
        Bug::GainsNotCounted,
        Bug::LastHeadUnseen,
    ];
}
