//! What the table can be told to do wrong, so that a simulator can show that it would notice.

/// One condition forgotten, or one step left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A reservation does not look at the balance.
    NoBalanceCheck,
    /// A reservation does not look whether its ids are pending.
    NoPendingCheck,
    /// A written debit is acknowledged whatever its stamp is by now.
    UnguardedAcknowledging,
    /// A debit is acknowledged that has no entry yet.
    UnwrittenAcknowledged,
    /// The client makes the stamp, so that a late duplicate carries it too.
    ClientStamp,
    /// The sequence does not move.
    SequenceStands,
    /// What was reserved twice is not given back.
    NoGiveBack,
    /// It is given back however often that is asked.
    UnguardedGiveBack,
    /// It is given back and stays pending.
    GivenBackStaysPending,
    /// A later entry replaces an earlier one.
    EntryOverwritten,
    /// A debit is acknowledged without its entry.
    EntryNotWritten,
    /// An entry with another stamp is taken for one's own.
    AnyStampFits,
    /// A refusal does not ask the ledger.
    NoLedgerReadOnRefusal,
    /// Reads are not consistent.
    StaleReads,
    /// Repair acknowledges debits without looking at their stamps.
    UnguardedRepair,
    /// A debit can be reversed more than once.
    ReversedTwice,
    /// A reversal is not one transaction.
    ReversalWithoutEntry,
    /// A top-up writes the main shard anew.
    TopUpForgetsPending,
    /// Of a batch only the first id is looked for among the pending debits.
    BatchChecksFirstId,
    /// A batch is held against the balance by its first debit only.
    BatchChecksFirstCredits,
    /// The entries of a batch are written when the first of them is not there yet.
    BatchWritesOverEntries,
    /// The sequences of all shards start at the same place.
    ShardsShareStamps,
    /// A shard serves a process that does not know of the sharding.
    NoShardingFence,
    /// Sharding is in force as soon as it is decided.
    ShardedAtOnce,
    /// Credits move without a look at whether the giver has them.
    UnguardedRebalance,
    /// Credits are given and do not arrive.
    RebalanceLosesCredits,
    /// Moving credits is not counted as a movement.
    MovementsNotCounted,
    /// Whoever reads all balance shards does not see the last one.
    LastShardUnseen,
    /// A reversed debit shows nothing of it.
    ReversalLeavesNoMark,
    /// An entry is replaced whatever it says already.
    CompletedUnguarded,
    /// Who reserves is told the credits of before.
    CreditsShownAsBefore,
    /// A shard serves reservations of earlier epochs.
    EpochIgnored,
    /// Credits that come after a refusal begin no new epoch.
    EpochStands,
    /// A shard does not keep that someone was refused.
    FenceForgotten,
    /// What was said too late for a month is in it all the same.
    SaidTooLate,
    /// What the main shard does not have is taken back, and the others serve on.
    DebtHaltsNoShard,
    /// Only shards that there are then are halted, and not those that come to be.
    NewShardNotHalted,
    /// A halted shard serves.
    HaltedServes,
    /// Shards serve again without a look at whether the main one still owes.
    ResumedInDebt,
    /// Shards serve again in the epoch of before: too rare for histories, a case of its own shows it.
    ResumedInSameEpoch,
    /// A shard gives to the main one without a look at whether it has it.
    UnguardedResume,
    /// Of what is taken back no more is taken than the main shard has.
    TakenBackInPart,
    /// A stamp tells the rate and not the units, so that repair writes one.
    UnitsNotInStamp,
    /// Of a stamp only 64 bits are kept.
    LongStampsCutOff,
    /// A debit of 0 credits gets no entry.
    FreeDebitNotEntered,
    /// Who completes an entry pays today's rate.
    CompletedAtOtherRate,
    /// A hold is ended whatever has become of it since it was read.
    HoldEndedTwice,
    /// A hold is ended at the time it had before it was extended.
    ExtensionOverlooked,
    /// Of a hold that is captured in part the rest does not come back.
    RestNotReturned,
    /// All of a hold comes back, though some was captured.
    AllReturned,
    /// Who completes a hold's entry forgets what has become of it since it was read.
    EndForgotten,
    /// What was used of a quota is charged as often as it is reported after its end.
    ReportedTwice,
    /// It is charged without a look at whether there is as much.
    UnguardedReport,
    /// It is charged without its entry.
    ReportWithoutEntry,
    /// A hold's stamp does not say that it is one, so that repair writes a debit.
    HoldNotInStamp,
    /// Of open holds that lie before the watermark nobody keeps which ones they are.
    CarriedForgotten,
    /// Where open holds are is kept whatever somebody else has kept since: every order of two calls shows it.
    HoldsKeptUnguarded,
    /// A list of holds misses what was written lately.
    HoldsReadStale,
    /// A list of holds ends with its first page.
    OnePageOfHolds,
    /// A hard budget lets one credit more pass.
    BudgetOffByOne,
    /// A soft budget refuses.
    SoftBudgetRefuses,
    /// A shard counts for a process that knows other budgets.
    BudgetVersionIgnored,
    /// A shard counts with what it was given under other budgets: a case of its own shows it.
    UnsettledCounts,
    /// A shard counts what is of another day.
    BudgetDayIgnored,
    /// It is counted by another budget.
    OtherBudgetCounted,
    /// What is refused is counted, and so is what was done before.
    RefusalCounted,
    /// When budgets change, shards keep what they were given: a case of its own shows it.
    BudgetsNotSettled,
    /// A new period begins with what the one before has counted.
    PeriodNotTurned,
    /// What a shard gives back when budgets change comes to nobody: a case of its own shows it.
    SettledLost,
    /// A shard is let count in the stead of one that has too little left.
    UnguardedAllowance,
    /// A shard is let count more, and no other one less.
    AllowanceFromNobody,
    /// What is taken back goes on being counted.
    BudgetNotGivenBack,
    /// What was counted yesterday is taken from what is counted today: too rare for histories, a case of its own shows it.
    UncountedOnOtherDay,
    /// A key that was claimed is claimed again, for another id.
    KeyClaimedTwice,
    /// A key comes to stand for another id whatever it stands for by now.
    KeyReplacedUnguarded,
    /// A key comes to stand for another id while its first one may still be debited.
    IdNotClosed,
    /// An id is closed though its debit has an entry.
    DebitClosed,
}

impl Bug {
    /// Those that histories of holds find.
    pub const OF_HOLDS: [Bug; 12] = [
        Bug::ReportedTwice,
        Bug::UnguardedReport,
        Bug::ReportWithoutEntry,
        Bug::EndForgotten,
        Bug::HoldEndedTwice,
        Bug::ExtensionOverlooked,
        Bug::RestNotReturned,
        Bug::AllReturned,
        Bug::HoldNotInStamp,
        Bug::CarriedForgotten,
        Bug::HoldsReadStale,
        Bug::OnePageOfHolds,
    ];
    /// Those that histories of keys find.
    pub const OF_KEYS: [Bug; 4] =
        [Bug::KeyClaimedTwice, Bug::KeyReplacedUnguarded, Bug::IdNotClosed, Bug::DebitClosed];
    /// Those that histories find.
    pub const ALL: [Bug; 54] = [
        Bug::BudgetOffByOne,
        Bug::SoftBudgetRefuses,
        Bug::BudgetVersionIgnored,
        Bug::BudgetDayIgnored,
        Bug::OtherBudgetCounted,
        Bug::RefusalCounted,
        Bug::PeriodNotTurned,
        Bug::UnguardedAllowance,
        Bug::AllowanceFromNobody,
        Bug::BudgetNotGivenBack,
        Bug::UnitsNotInStamp,
        Bug::LongStampsCutOff,
        Bug::FreeDebitNotEntered,
        Bug::CompletedAtOtherRate,
        Bug::NoBalanceCheck,
        Bug::NoPendingCheck,
        Bug::UnguardedAcknowledging,
        Bug::UnwrittenAcknowledged,
        Bug::ClientStamp,
        Bug::SequenceStands,
        Bug::NoGiveBack,
        Bug::UnguardedGiveBack,
        Bug::GivenBackStaysPending,
        Bug::EntryOverwritten,
        Bug::EntryNotWritten,
        Bug::AnyStampFits,
        Bug::NoLedgerReadOnRefusal,
        Bug::StaleReads,
        Bug::UnguardedRepair,
        Bug::ReversedTwice,
        Bug::ReversalWithoutEntry,
        Bug::TopUpForgetsPending,
        Bug::BatchChecksFirstId,
        Bug::BatchChecksFirstCredits,
        Bug::BatchWritesOverEntries,
        Bug::ShardsShareStamps,
        Bug::NoShardingFence,
        Bug::ShardedAtOnce,
        Bug::UnguardedRebalance,
        Bug::RebalanceLosesCredits,
        Bug::MovementsNotCounted,
        Bug::LastShardUnseen,
        Bug::ReversalLeavesNoMark,
        Bug::CompletedUnguarded,
        Bug::CreditsShownAsBefore,
        Bug::EpochIgnored,
        Bug::FenceForgotten,
        Bug::SaidTooLate,
        Bug::DebtHaltsNoShard,
        Bug::NewShardNotHalted,
        Bug::HaltedServes,
        Bug::ResumedInDebt,
        Bug::UnguardedResume,
        Bug::TakenBackInPart,
    ];
}
