//! Bugs planted one at a time: the simulator must find each of them.
use super::history;

/// What a write could do wrong. Each is one condition forgotten, or one step left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A debit does not look at the balance.
    NoBalanceCheck,
    /// A debit does not look whether the ring has its id.
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
}

const ALL: [Bug; 18] = [
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
];

/// How many histories each bug is looked for in.
const HISTORIES: u64 = 20_000;

#[test]
fn every_planted_bug_is_found() {
    let found = |bug| (0..HISTORIES).find(|seed| history::run(*seed, Some(bug)).is_err());
    let missed: Vec<_> = ALL
        .into_iter()
        .filter(|bug| {
            let seed = found(*bug);
            println!("{bug:?}: {seed:?}");
            seed.is_none()
        })
        .collect();
    assert_eq!(missed, [], "these bugs were not found in {HISTORIES} histories");
}
