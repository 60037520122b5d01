//! Ids of debits, and the runs of them whose entries share an item of the ledger.

use std::fmt;

use uuid::{Uuid, Variant};

use crate::ledger::{AHEAD_SECS, LATE_SECS, PLACES};
use crate::{EntryId, InvalidId, Timestamp};

/// A debit: a UUIDv7 chosen by who sends the message, in its canonical lower-case form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DebitId(EntryId);

/// From this age on an id may well be a repeat, in milliseconds.
const MAYBE_REPEATED_MS: i64 = 2_000;

/// How old a hold's id may be at its first use, in seconds.
const HOLD_LATE_SECS: i64 = 600;

/// Entries of our own that belong to a debit or a hold: each has an id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Takes a debit back.
    Reversal,
    /// Takes back what was charged of a hold.
    HoldReversal,
    /// What came back of a hold too late for its month.
    Return,
    /// What was used of a quota that had ended.
    Report,
}

impl DebitId {
    /// The entry of this kind that is made at `now`: the same for the same debit and millisecond.
    #[must_use]
    pub fn entry_beside(self, now: Timestamp, beside: Beside) -> EntryId {
        let mut random = [0; 10];
        random.copy_from_slice(&self.bytes()[6..]);
        // Never the debit's own run, even in its own millisecond.
        random[9] ^= 0xff;
        random[8] ^= match beside {
            Beside::Reversal => 0,
            Beside::Return => 1,
            Beside::Report => 2,
            Beside::HoldReversal => 3,
        };
        // Our own entries are the first of their run, so that debits of one run are told apart elsewhere.
        random[1] ^= self.place();
        EntryId::made_at(now, &random)
    }

    pub fn parse(text: &str) -> Result<DebitId, InvalidId> {
        let id = EntryId::parse(text)?;
        if id.uuid().get_variant() == Variant::RFC4122 { Ok(DebitId(id)) } else { Err(InvalidId) }
    }

    /// From the 16 bytes of [`DebitId::bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Result<DebitId, InvalidId> {
        DebitId::parse(&Uuid::from_bytes(bytes).to_string())
    }

    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        *self.0.uuid().as_bytes()
    }

    /// The ledger entry of this debit: every attempt, at any time, writes the same one.
    #[must_use]
    pub fn entry(self) -> EntryId {
        self.0
    }

    /// The ids that share an item of the ledger with this one.
    #[must_use]
    pub fn run(self) -> RunId {
        RunId::of(self)
    }

    /// Its place in its run: 0 to 31.
    #[must_use]
    pub fn place(self) -> u8 {
        self.bytes()[15] & PLACES
    }

    /// The first id of a run of `at`; `random` tells runs of one millisecond apart.
    #[must_use]
    pub fn made_at(at: Timestamp, random: &[u8; 10]) -> DebitId {
        DebitId(EntryId::made_at(at, random))
    }

    /// The next id of its run; `None` behind the last one.
    #[must_use]
    pub fn next_of_run(self) -> Option<DebitId> {
        (self.place() < PLACES).then(|| self.run().id(self.place() + 1).ok()).flatten()
    }

    /// When the sender made the id.
    #[must_use]
    pub fn at(self) -> Timestamp {
        self.0.at()
    }

    /// Whether the id may be used for the first time now: at most 24 hours old and not from the future.
    #[must_use]
    pub fn is_timely(self, now: Timestamp) -> bool {
        let age = now.secs_since(self.at());
        (-AHEAD_SECS..=LATE_SECS).contains(&age)
    }

    /// Whether a hold may use the id for the first time now: at most 10 minutes old and not from the future. So whoever looks
    /// for open holds need not go back to ids that may still be used.
    #[must_use]
    pub fn is_timely_for_hold(self, now: Timestamp) -> bool {
        let age = now.secs_since(self.at());
        (-AHEAD_SECS..=HOLD_LATE_SECS).contains(&age)
    }

    /// Whether the ledger is asked before the balance is touched.
    #[must_use]
    pub fn maybe_repeated(self, now: Timestamp) -> bool {
        now.ms() - self.at().ms() > MAYBE_REPEATED_MS || !self.is_timely(now)
    }

    /// Whether the debit may be taken back now, within `window_secs` of when the sender made its id.
    #[must_use]
    pub fn is_reversible(self, now: Timestamp, window_secs: i64) -> bool {
        now.secs_since(self.at()) <= window_secs
    }
}

impl fmt::Display for DebitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DebitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The 32 ids that differ in their last five bits only. Their entries share an item, so that a batch whose ids are one
/// such run costs one write for all its entries; ids that were made at random are each alone in theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(EntryId);

impl RunId {
    pub(super) fn of(id: DebitId) -> RunId {
        RunId(id.entry().first_of_run())
    }

    /// The first id of the run.
    #[must_use]
    pub fn first(self) -> EntryId {
        self.0
    }

    /// Those of its first id.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        *self.0.uuid().as_bytes()
    }

    /// The id at `place`, 0 to 31.
    pub fn id(self, place: u8) -> Result<DebitId, InvalidId> {
        let mut bytes = *self.0.uuid().as_bytes();
        bytes[15] |= place & PLACES;
        DebitId::from_bytes(bytes)
    }

    /// A number that is even over all 64 bits, whatever the ids are like (the finaliser of SplitMix64, Steele, Lea and
    /// Flood 2014).
    pub(super) fn spread(self) -> u64 {
        let (high, low) = self.0.uuid().as_u64_pair();
        let mut mixed = high.rotate_left(32) ^ low;
        for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(factor);
        }
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019ab0f2-6c40-7a11-8b22-334455667788";

    fn id(text: &str) -> DebitId {
        DebitId::parse(text).unwrap()
    }

    #[test]
    fn only_a_canonical_uuid_of_version_7_is_an_id() {
        assert_eq!(DebitId::from_bytes(id(ID).bytes()), Ok(id(ID)));
        for text in [
            "",
            "019AB0F2-6C40-7A11-8B22-334455667788",
            "019ab0f26c407a118b22334455667788",
            "{019ab0f2-6c40-7a11-8b22-334455667788}",
            "019ab0f2-6c40-4a11-8b22-334455667788",
            "019ab0f2-6c40-7a11-0b22-334455667788",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(DebitId::parse(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_id_is_first_used_within_a_day() {
        let made = id(ID).at();
        let at = |secs: i64| id(ID).is_timely(made.plus_secs(secs));
        assert_eq!([at(-301), at(-300), at(0), at(86_400), at(86_401)], [false, true, true, true, false]);
        assert!(!id(ID).maybe_repeated(made.plus_secs(2)));
        assert!(id(ID).maybe_repeated(made.plus_secs(3)));
        assert!(id(ID).maybe_repeated(made.plus_secs(-400)));
    }

    #[test]
    fn a_run_is_thirty_two_ids() {
        let run = id(ID).run();
        assert_eq!(run.first().to_string(), "019ab0f2-6c40-7a11-8b22-334455667780");
        assert_eq!(id(ID).place(), 8);
        for place in 0..32 {
            let one = run.id(place).unwrap();
            assert_eq!((one.run(), one.place()), (run, place));
        }
        assert_ne!(id("019ab0f2-6c40-7a11-8b22-3344556677a0").run(), run);
        let first = DebitId::made_at(id(ID).at(), &[0xff; 10]);
        assert_eq!(
            (first.place(), first.at(), DebitId::parse(&first.to_string())),
            (0, id(ID).at(), Ok(first))
        );
        let all: Vec<_> = std::iter::successors(Some(first), |id| id.next_of_run()).collect();
        assert_eq!(all.len(), 32);
        assert!(all.iter().all(|id| id.run() == first.run()));
    }
}
