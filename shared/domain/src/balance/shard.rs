//! A balance shard: the item that debits go through.

use std::collections::BTreeMap;

use super::counters::Counters;
use super::group::{Group, seats};
use super::{DebitId, RunId, SEQUENCE_STEP, Sharding, Stamp};
use crate::{Credits, Timestamp};

/// How many debits one reservation is for at the most.
pub const MOST_IN_BATCH: usize = 25;
/// How many seats of written debits one reservation may acknowledge: as many as a batch takes. Their room is lent before they
/// are gone.
pub const MOST_ACKNOWLEDGED: usize = MOST_IN_BATCH;

/// The item that debits go through: credits, and the pending debits, which may not have their entry yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceShard {
    pub credits: Credits,
    /// Counts reservations, in steps of [`SEQUENCE_STEP`].
    pub sequence: i64,
    /// Counts what adds credits or moves them between shards; a reservation does not.
    pub movements: i64,
    /// How many of these are what came back of holds, which may happen all the time, and how many credits that was in all; of
    /// the main shard only.
    pub returns: i64,
    pub returned: Credits,
    /// Whether the shard can serve debits; one that has only ever been credited may have to be made ready.
    pub ready: bool,
    pub pending: BTreeMap<DebitId, Stamp>,
    /// Whether debits of this organisation are spread over shards; only the main shard tells.
    pub sharding: Sharding,
    /// How many shards the organisation wants its debits spread over, 0 for none; `None` leaves it to the configuration.
    /// Only the main shard tells.
    pub shards: Option<u8>,
    /// Whether the organisation may have holds; only the main shard tells.
    pub holds: bool,
    /// When credits were last reserved, by the clock of whoever did it, in whole seconds.
    pub reserved_at: Timestamp,
    /// Reservations that were made for an earlier epoch are refused.
    pub epoch: i64,
    /// Whether someone was told since credits last came that there are not enough: then the next credits that come begin a
    /// new epoch, so that no earlier attempt can succeed by them.
    pub refused: bool,
    /// Whether it serves no debit until it is known that the main shard owes nothing. The main one is never halted: in debt
    /// it has nothing to serve with.
    pub halted: bool,
    /// What it knows and has counted of budgets.
    pub budgets: Counters,
}

/// Who reserved has entered after so many seconds, or died: far longer than a function may run.
const ABANDONED_SECS: i64 = 60;
/// And after so many further reservations, which take a quarter of a second at the least.
const FAR_BEHIND: i64 = 256;
/// So many have most likely been entered: what stands in others' way is finished from here on.
const BEHIND: i64 = 16;
/// In so many reservations all who reserve without a pause have reserved again, and acknowledged what they wrote before.
pub(super) const SELDOM: i64 = 48;
/// Where they do, one reservation in so many looks for what others have left.
const LOOKING: i64 = 8;

/// What a reservation finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    None,
    /// This process comes seldom, as others may: nothing should stay pending there whose entry is written.
    Idle,
    /// It comes again and again, and acknowledges with the next reservation.
    Busy,
}

impl BalanceShard {
    /// The groups that are pending, one of a run at the most.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<RunId, Group> {
        let all = Group::all_of(self.pending.iter().map(|(id, stamp)| (*id, *stamp)));
        all.into_iter().map(|((run, sequence), codes)| (run, Group { run, sequence, codes })).collect()
    }

    /// How much room is taken by what is pending, in seats: one for each debit that is pending by itself, two or more for a group.
    #[must_use]
    pub fn seats(&self) -> usize {
        seats(&self.pending)
    }

    /// The pending debits from the oldest application on.
    #[must_use]
    pub fn by_age(&self) -> Vec<(DebitId, Stamp)> {
        let mut all: Vec<_> = self.pending.iter().map(|(id, stamp)| (*id, *stamp)).collect();
        all.sort_by_key(|(_, stamp)| *stamp);
        all
    }

    /// Pending debits that nobody works on any more, from the oldest on, as this shard's own time tells: by when it last
    /// served anybody, and by how much it has served since. And those of a month that is to be final, whose ids nobody may
    /// have used for an hour. Finishing one that someone does work on costs writes and is otherwise harmless.
    #[must_use]
    pub fn abandoned(&self, now: Timestamp) -> Vec<(DebitId, Stamp)> {
        let idle = now.secs_since(self.reserved_at) >= ABANDONED_SECS;
        let over = |id: DebitId| id.entry().month().final_from() <= now;
        let mut all = self.by_age();
        all.retain(|(id, stamp)| idle || self.is_behind(*stamp, FAR_BEHIND) || over(*id));
        all
    }

    /// The pending debits that the next one should finish in passing: far behind; in a crowd also those whose senders come
    /// less often than others, who get their places.
    #[must_use]
    pub fn to_finish_in_passing(&self, crowd: Crowd) -> Vec<(DebitId, Stamp)> {
        let least = match crowd {
            Crowd::Idle => BEHIND,
            Crowd::Busy if self.sequence / SEQUENCE_STEP % LOOKING == 0 => SELDOM,
            Crowd::None | Crowd::Busy => FAR_BEHIND,
        };
        let behind = self.by_age().into_iter().filter(|(_, stamp)| self.is_behind(*stamp, least)).collect();
        in_portions(behind).into_iter().next().unwrap_or_default()
    }

    /// Whether each of these, where it is pending at all, is so under its stamp. One of a group that is over is not, whatever is
    /// pending in its stead: it is told apart by the sequence.
    #[must_use]
    pub fn has_or_has_not(&self, these: &[(DebitId, Stamp)]) -> bool {
        let other = |(id, stamp): &(DebitId, Stamp)| {
            let alone = self.pending.get(id).filter(|there| !there.is_in_group() && !stamp.is_in_group());
            alone.is_some_and(|there| there != stamp)
        };
        !these.iter().any(other)
    }

    /// Whether the entry of this pending debit is most likely written, or never will be.
    #[must_use]
    pub fn is_overdue(&self, stamp: Stamp) -> bool {
        self.is_behind(stamp, BEHIND)
    }

    /// How much room the debits of each reservation take that are pending, in seats.
    pub(super) fn reservations(&self) -> Vec<usize> {
        let mut of: BTreeMap<i64, BTreeMap<DebitId, Stamp>> = BTreeMap::new();
        for (id, stamp) in &self.pending {
            of.entry(stamp.sequence()).or_default().insert(*id, *stamp);
        }
        of.values().map(seats).collect()
    }

    fn is_behind(&self, stamp: Stamp, reservations: i64) -> bool {
        self.sequence.saturating_sub(stamp.mark()) > reservations * SEQUENCE_STEP
    }
}

/// These debits, from the oldest on, in portions of up to [`MOST_IN_BATCH`], each group in one: what is finished at once is
/// acknowledged at once.
#[must_use]
pub fn in_portions(mut by_age: Vec<(DebitId, Stamp)>) -> Vec<Vec<(DebitId, Stamp)>> {
    let group = |(id, stamp): &(DebitId, Stamp)| stamp.is_in_group().then(|| id.run());
    let key = |one: &(DebitId, Stamp)| (one.1.sequence(), group(one));
    by_age.sort_by_key(key);
    let together =
        |one: &(DebitId, Stamp), next: &(DebitId, Stamp)| group(one).is_some() && key(one) == key(next);
    let mut portions: Vec<Vec<(DebitId, Stamp)>> = Vec::new();
    for some in by_age.chunk_by(together) {
        match portions.last_mut() {
            Some(portion) if portion.len() + some.len() <= MOST_IN_BATCH => portion.extend(some),
            Some(_) | None => portions.push(some.to_vec()),
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_holds_whole_groups() {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        let mut debits = |run: u8, count: u8, sequence: i64| -> Vec<(DebitId, Stamp)> {
            let of = |place| {
                (bytes[14], bytes[15]) = (run, place);
                let stamp = Stamp::given(sequence * SEQUENCE_STEP, 17);
                (DebitId::from_bytes(bytes).unwrap(), if count > 1 { stamp.in_group() } else { stamp })
            };
            (0..count).map(of).collect()
        };
        let alone: Vec<_> = (0..30).flat_map(|run| debits(run, 1, 1)).collect();
        let groups = [debits(40, 20, 2), debits(41, 5, 2), debits(42, 3, 3), debits(43, 25, 4)].concat();
        let portions = in_portions([alone, groups].concat());
        let sizes: Vec<_> = portions.iter().map(Vec::len).collect();
        assert_eq!(sizes, [25, 25, 8, 25], "those by themselves are cut anywhere");
        assert_eq!(in_portions(Vec::new()), Vec::<Vec<_>>::new());
        // Stamps of one reservation do not tell its groups apart.
        let mixed: Vec<_> =
            debits(50, 15, 5).into_iter().zip(debits(51, 15, 5)).flat_map(|(a, b)| [a, b]).collect();
        let runs: Vec<_> = in_portions(mixed)
            .into_iter()
            .map(|one| (one.len(), one[0].0.run() == one[14].0.run()))
            .collect();
        assert_eq!(runs, [(15, true), (15, true)]);
    }
}
