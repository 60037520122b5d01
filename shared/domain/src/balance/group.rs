//! A group: debits of one run that were reserved together, and are pending together in few bytes.

use std::collections::BTreeMap;

use super::codes::Codes;
use super::{DebitId, RunId, Stamp};

/// Debits of one run that were reserved together and are pending together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub run: RunId,
    /// Of the reservation: the stamp of each is this and its code.
    pub sequence: i64,
    /// Never of no debit.
    pub codes: Codes,
}

impl Group {
    /// Its debits, and their stamps.
    pub fn debits(&self) -> impl Iterator<Item = (DebitId, Stamp)> + '_ {
        let stamp = |code| Stamp::given(self.sequence, code).in_group();
        self.codes.iter().filter_map(move |(place, code)| Some((self.run.id(place).ok()?, stamp(code))))
    }

    /// Whether it holds this debit under this stamp.
    #[must_use]
    pub fn holds(&self, id: DebitId, stamp: Stamp) -> bool {
        id.run() == self.run && self.sequence == stamp.sequence() && self.codes.get(id.place()).is_some()
    }

    /// The groups that these pending debits are in, by their run and sequence.
    pub(super) fn all_of(
        pending: impl IntoIterator<Item = (DebitId, Stamp)>,
    ) -> BTreeMap<(RunId, i64), Codes> {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, stamp) in pending.into_iter().filter(|(_, stamp)| stamp.is_in_group()) {
            groups.entry((id.run(), stamp.sequence())).or_default().push((id.place(), stamp.code_given()));
        }
        groups.into_iter().map(|(key, codes)| (key, codes.into_iter().collect())).collect()
    }
}

/// How much room a group takes: as much as a debit that is pending by itself for its sequence, and as much for each part.
pub(super) fn seats_of(codes: &Codes) -> usize {
    if codes.is_empty() { 0 } else { 1 + codes.parts().len() }
}

/// How much room these pending debits take, in seats.
pub(super) fn seats(pending: &BTreeMap<DebitId, Stamp>) -> usize {
    let alone = pending.values().filter(|stamp| !stamp.is_in_group()).count();
    let groups = Group::all_of(pending.iter().map(|(id, stamp)| (*id, *stamp)));
    alone + groups.values().map(seats_of).sum::<usize>()
}
