//! A balance shard: the item that debits go through.

use std::collections::BTreeMap;

use super::counters::Counters;
use super::{DebitId, SEQUENCE_STEP, Sharding, Stamp};
use crate::{Credits, Timestamp};

/// How many debits one reservation is for at the most.
pub const MOST_IN_BATCH: usize = 25;
/// How many written debits one reservation may acknowledge: as many as a batch brings. Their room is lent before they are
/// gone.
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
        let behind = self.by_age().into_iter().filter(|(_, stamp)| self.is_behind(*stamp, least));
        behind.take(MOST_ACKNOWLEDGED).collect()
    }

    /// Whether the entry of this pending debit is most likely written, or never will be.
    #[must_use]
    pub fn is_overdue(&self, stamp: Stamp) -> bool {
        self.is_behind(stamp, BEHIND)
    }

    fn is_behind(&self, stamp: Stamp, reservations: i64) -> bool {
        self.sequence.saturating_sub(stamp.mark()) > reservations * SEQUENCE_STEP
    }
}
