//! A run: ids of debits whose entries share an item of the ledger.

use super::DebitId;
use crate::{EntryId, InvalidId};

/// The 32 ids that differ in their last five bits only. Their entries share an item, so that a batch whose ids are one
/// such run costs one write for all its entries; ids that were made at random are each alone in theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(EntryId);

/// The bits that tell an id's place in its run.
pub(crate) const PLACES: u8 = 0x1f;

impl RunId {
    pub(super) fn of(id: DebitId) -> RunId {
        RunId(id.entry().first_of_run())
    }

    /// The first id of the run.
    #[must_use]
    pub fn first(self) -> EntryId {
        self.0
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
    fn a_run_is_thirty_two_ids() {
        let run = id(ID).run();
        assert_eq!(run.first().to_string(), "019ab0f2-6c40-7a11-8b22-334455667780");
        assert_eq!(id(ID).place(), 8);
        for place in 0..32 {
            let one = run.id(place).unwrap();
            assert_eq!((one.run(), one.place()), (run, place));
        }
        assert_ne!(id("019ab0f2-6c40-7a11-8b22-3344556677a0").run(), run);
    }
}
