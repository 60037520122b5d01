//! A balance shard: the item that debits go through.

use std::collections::BTreeMap;

use super::{DebitId, SEQUENCE_STEP, Sharding, Stamp};
use crate::{Credits, Timestamp};

/// The item that debits go through: credits, and the pending debits, which may not have their entry yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceShard {
    pub credits: Credits,
    /// Counts reservations, in steps of [`SEQUENCE_STEP`].
    pub sequence: i64,
    /// Counts what adds credits or moves them between shards; a reservation does not.
    pub movements: i64,
    /// Whether the shard can serve debits; one that has only ever been credited may have to be made ready.
    pub ready: bool,
    pub pending: BTreeMap<DebitId, Stamp>,
    /// Whether debits of this organisation are spread over shards; only the main shard tells.
    pub sharding: Sharding,
    /// How many shards the organisation wants its debits spread over, 0 for none; `None` leaves it to the configuration.
    /// Only the main shard tells.
    pub shards: Option<u8>,
}

/// With as many pending debits of others, nothing stays pending whose entry is written.
const PENDING_CROWDED: usize = 21;
/// A pending debit that lies so many reservations behind the newest is looked at.
const FAR_BEHIND: i64 = 256;

impl BalanceShard {
    /// The pending debits from the oldest application on.
    #[must_use]
    pub fn by_age(&self) -> Vec<(DebitId, Stamp)> {
        let mut all: Vec<_> = self.pending.iter().map(|(id, stamp)| (*id, *stamp)).collect();
        all.sort_by_key(|(_, stamp)| *stamp);
        all
    }

    /// Pending debits that nobody works on any more.
    #[must_use]
    pub fn abandoned(&self, now: Timestamp) -> Vec<(DebitId, Stamp)> {
        self.by_age().into_iter().filter(|(id, _)| id.is_abandoned(now)).collect()
    }

    /// The pending debit that the next one should finish in passing: an abandoned one, when it lies far behind or the
    /// shard is crowded.
    #[must_use]
    pub fn to_finish_in_passing(&self, now: Timestamp) -> Option<(DebitId, Stamp)> {
        let oldest = self.abandoned(now).into_iter().next()?;
        let far = self.sequence.saturating_sub(oldest.1.0) > FAR_BEHIND * SEQUENCE_STEP;
        (far || self.is_crowded_beside(1)).then_some(oldest)
    }

    /// Whether `own` debits whose entries are written should be acknowledged at once, by a write of their own, and not with
    /// the next reservation: the next one of this process may be long in coming when many processes share the shard.
    #[must_use]
    pub fn is_crowded_beside(&self, own: usize) -> bool {
        self.pending.len().saturating_sub(own) >= PENDING_CROWDED
    }
}
