//! Open holds: all that an organisation has, told or ended at their time, without a scan and without an index on them.
//!
//! They are gone through in the order of their ids from a watermark on, before which all have ended but for a few that are
//! kept by name.

use std::collections::BTreeSet;

use saldo_domain::{
    Actor, Credits, DebitEntry, DebitId, EntryId, Hold, Month, OrgId, PortError, ShardId, Stamp, Timestamp,
};

use crate::port::{Balances, OpenHolds, OpenHoldsOf, Stored};
use crate::spender::Spender;

/// What came of ending an organisation's holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// How many were ended now.
    pub ended: usize,
    /// How many are open.
    pub open: usize,
    /// Whether all that were due were looked at.
    pub all: bool,
}

/// No hold is made any more whose id is older, in seconds: ten minutes at its first use, and as much for clocks and calls.
const SETTLED_SECS: i64 = 1_200;
/// How long an organisation's holds are looked for after the last one, in seconds.
const LOOKED_FOR_SECS: i64 = 25 * 3600;
/// How soon they are looked at again, in seconds.
const AGAIN_SECS: i64 = 300;

/// How many carried holds are read at a time.
const MOST_READ: usize = 50;

/// A way through the holds of an organisation: those that are carried, then all from the watermark on.
struct Walk<'a> {
    org: &'a OrgId,
    carried: std::slice::Chunks<'a, DebitId>,
    from: Timestamp,
    month: Month,
    last: Month,
    after: Option<EntryId>,
    /// The time of the last id that was come to.
    reached: Timestamp,
    is_over: bool,
}

impl<'a> Walk<'a> {
    fn begin(org: &'a OrgId, carried: &'a [DebitId], from: Timestamp, now: Timestamp) -> Walk<'a> {
        Walk {
            org,
            carried: carried.chunks(MOST_READ),
            from,
            month: Month::of(from),
            last: Month::latest(now),
            after: None,
            reached: from,
            is_over: false,
        }
    }
}

impl<B: Balances + OpenHolds> Spender<B> {
    /// Ends the holds of an organisation whose time is over, and keeps where the open ones are. At most about `most` holds are
    /// read; the next call goes on behind them, and begins anew when it came to their end.
    ///
    /// # Errors
    /// Those of the table. What was ended is.
    pub async fn end_holds(&self, org: &OrgId, now: Timestamp, most: usize) -> Result<Ended, PortError> {
        let kept = self.balances.open_holds(org).await?;
        self.finish_held(org, now).await?;
        let (mut open, mut ended, mut read) = (BTreeSet::new(), 0, 0);
        let mut walk = Walk::begin(org, &kept.round.mark.carried, kept.round.begins(), now);
        while read < most
            && let Some(some) = self.next_holds(&mut walk).await?
        {
            read += some.len();
            ended += self.end_all(org, &some, now, &mut open).await?;
        }
        let settled = now.plus_secs(-SETTLED_SECS);
        let ended = Ended { ended, open: open.len(), all: walk.is_over };
        let recent = now.secs_since(kept.touched) < LOOKED_FOR_SECS;
        let next = (recent || ended.open > 0 || !ended.all).then(|| now.plus_secs(AGAIN_SECS));
        let round = kept.round.after(open.into_iter().collect(), walk.reached, walk.is_over, settled);
        match self.balances.keep_open_holds(org, &OpenHoldsOf { round, ..kept }, next).await {
            Ok(()) | Err(PortError::Conflict) => Ok(ended),
            Err(error) => Err(error),
        }
    }

    /// What is on hold: all that open holds took. `None` where more than about `most` holds would have to be read.
    ///
    /// # Errors
    /// Those of the table.
    pub async fn on_hold(
        &self,
        org: &OrgId,
        now: Timestamp,
        most: usize,
    ) -> Result<Option<Credits>, PortError> {
        let kept = match self.balances.open_holds(org).await {
            Ok(kept) => kept,
            // None was ever made.
            Err(PortError::Conflict) => return Ok(Some(Credits::ZERO)),
            Err(error) => return Err(error),
        };
        let (mut sum, mut read) = (0_i64, 0);
        let mark = &kept.round.mark;
        let mut walk = Walk::begin(org, &mark.carried, mark.from, now);
        while let Some(some) = self.next_holds(&mut walk).await? {
            read += some.len();
            if read > most {
                return Ok(None);
            }
            let held = some.iter().filter_map(open).map(|hold| hold.held.0);
            sum = held.fold(sum, i64::saturating_add);
        }
        Ok(Some(Credits(sum)))
    }

    /// Some more holds on the way, each once; `None` at its end.
    async fn next_holds(&self, walk: &mut Walk<'_>) -> Result<Option<Vec<DebitEntry>>, PortError> {
        if let Some(some) = walk.carried.next() {
            let asked: Vec<_> = some.iter().map(|id| (ShardId::HOLDS, *id)).collect();
            let stored = self.balances.entries(walk.org, &asked).await?;
            return Ok(Some(stored.iter().filter_map(Stored::entry).cloned().collect()));
        }
        if walk.is_over {
            return Ok(None);
        }
        let (page, after) = self.balances.holds(walk.org, walk.month, walk.from, walk.after).await?;
        walk.after = after;
        if after.is_none() {
            walk.is_over = walk.month >= walk.last;
            walk.month = walk.month.next();
        }
        walk.reached = page.last().map_or(walk.reached, |entry| entry.id.at());
        Ok(Some(page))
    }

    /// Writes the entries of holds that died between their two writes, so that none is missed behind those that have ended.
    async fn finish_held(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let (sharding, all) = self.all_shards(org, now).await?;
        let died =
            |(id, stamp): &(&DebitId, &Stamp)| stamp.is_held() && now.secs_since(id.at()) > SETTLED_SECS / 2;
        for shard in all.values() {
            let pending: Vec<_> =
                shard.pending.iter().filter(died).map(|(id, stamp)| (*id, *stamp)).collect();
            self.finish_from_stamps(org, sharding, &pending, shard.credits, now).await?;
        }
        Ok(())
    }

    /// Ends those of them whose time is over, and adds those that are open to `left`.
    async fn end_all(
        &self,
        org: &OrgId,
        entries: &[DebitEntry],
        now: Timestamp,
        left: &mut BTreeSet<DebitId>,
    ) -> Result<usize, PortError> {
        let mut ended = 0;
        for entry in entries {
            let Some(hold) = open(entry) else { continue };
            let Some(end) = entry.end(&hold, now) else {
                left.insert(entry.id);
                continue;
            };
            if self.write_change(org, entry, &end, &Actor::System).await? {
                ended += 1;
            } else {
                // Somebody captured, released or extended it: it is looked at again.
                left.insert(entry.id);
            }
        }
        Ok(ended)
    }
}

/// The hold of an entry, while it is open.
fn open(entry: &DebitEntry) -> Option<Hold> {
    entry.hold.filter(|hold| hold.ended.is_none())
}
