//! Holds: credits taken before it is known what a thing costs; captured, released, extended, and ended at their time.
//!
//! A hold is a debit whose stamp and entry say that it is one, so that it is made, repeated, refused and repaired as one. What
//! becomes of it is decided on its entry as it was read, and written only if that is still so: of two that end it at the same
//! time one finds it ended.

use std::collections::BTreeMap;

use saldo_domain::{
    Actor, Credits, Debit, DebitEntry, DebitId, EntryId, Hold, HoldChange, HoldRefused, MOST_CARRIED, Month,
    OrgId, PortError, ShardId, Stamp, Timestamp, Units, total,
};

use crate::outcome::{Debited, SpendError};
use crate::port::{Balances, OpenHolds, OpenHoldsOf, Stored};
use crate::spender::Spender;

/// A hold as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub entry: DebitEntry,
    pub hold: Hold,
    /// What could be spent then.
    pub available: Credits,
}

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

/// How often a hold is read again that was changed by someone else.
const TRIES: usize = 6;
/// No hold is made any more whose id is older, in seconds: ten minutes at its first use, and as much for clocks and calls.
const SETTLED_SECS: i64 = 1_200;
/// How long an organisation's holds are looked for after the last one, in seconds.
const LOOKED_FOR_SECS: i64 = 25 * 3600;
/// How soon they are looked at again, in seconds.
const AGAIN_SECS: i64 = 300;

impl<B: Balances> Spender<B> {
    /// Holds the credits of one thing, once for its id however often it is called. `debit` has the terms of a hold.
    ///
    /// # Errors
    /// As a debit's.
    pub async fn hold(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        if !self.process.knows_holds(org, now) {
            match self.balances.begin_holds(org, now).await {
                Ok(()) => self.process.knew_holds(org, now),
                // Without a balance nothing was ever held.
                Err(PortError::Conflict) => {
                    return Err(SpendError::NotEnough { needed: debit.credits, available: Credits::ZERO });
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.debit(org, actor, debit, now).await
    }

    /// A hold as it is, ended if its time is over.
    ///
    /// # Errors
    /// [`SpendError::NotFound`] where there is none.
    pub async fn held(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<Held, SpendError> {
        self.change(org, &Actor::System, id, now, |_, _| Ok(None)).await
    }

    /// Charges so many units of a hold, all where none are named, and gives the rest back; the same again is the same.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was ended otherwise or holds less.
    pub async fn capture(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        units: Option<Units>,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        self.change(org, actor, id, now, |entry, hold| entry.capture(hold, units, now)).await
    }

    /// Gives all of a hold back; the same again is the same.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was captured.
    pub async fn release(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        self.change(org, actor, id, now, |entry, hold| entry.release(hold, now)).await
    }

    /// Holds it until `ends_at`, as far as it may be.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was ended.
    pub async fn extend(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        self.change(org, actor, id, now, |entry, hold| entry.extend(hold, ends_at)).await
    }

    /// Load, decide, commit; what is over its time is ended first.
    async fn change(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
        decide: impl Fn(&DebitEntry, &Hold) -> Result<Option<HoldChange>, HoldRefused> + Send,
    ) -> Result<Held, SpendError> {
        for _ in 0..TRIES {
            let (_, stored) = self.found(org, id, true, now).await?;
            let Stored::Debit(mut entry) = stored else { return Err(SpendError::NotFound) };
            let Some(hold) = entry.hold else { return Err(SpendError::NotFound) };
            let end = entry.end(&hold, now);
            let by = if end.is_some() { &Actor::System } else { actor };
            let change = match &end {
                Some(end) => Some(end.clone()),
                None => decide(&entry, &hold).map_err(SpendError::Hold)?,
            };
            let Some(change) = change else { return self.as_held(org, entry, hold).await };
            match self.balances.change_hold(org, &change, by).await {
                Ok(()) if end.is_none() => {
                    entry.hold = Some(change.hold);
                    return self.as_held(org, entry, change.hold).await;
                }
                // It is ended, or someone else changed it: what it is now decides.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SpendError::Busy)
    }

    async fn as_held(&self, org: &OrgId, entry: DebitEntry, hold: Hold) -> Result<Held, SpendError> {
        let main = self.balances.main_shard(org).await?;
        let available = total(&self.shards_beside(org, main).await?).max(Credits::ZERO);
        Ok(Held { entry, hold, available })
    }
}

impl<B: Balances + OpenHolds> Spender<B> {
    /// Ends the holds of an organisation whose time is over, and keeps where the open ones are. At most `most` holds are read;
    /// the next call goes on behind them.
    ///
    /// # Errors
    /// Those of the table. What was ended is.
    pub async fn end_holds(&self, org: &OrgId, now: Timestamp, most: usize) -> Result<Ended, PortError> {
        let kept = self.balances.open_holds(org).await?;
        self.finish_held(org, now).await?;
        let (mut open, mut ended, mut read) = (Vec::new(), Ended { all: true, ..Ended::default() }, 0);
        for some in kept.carried.chunks(MOST_READ) {
            let asked: Vec<_> = some.iter().map(|id| (ShardId::HOLDS, *id)).collect();
            let stored = self.balances.entries(org, &asked).await?;
            let entries: Vec<_> = stored.iter().filter_map(Stored::entry).cloned().collect();
            ended.ended += self.end_all(org, &entries, now, &mut open).await?;
        }
        let settled = now.plus_secs(-SETTLED_SECS);
        let (mut from, mut month) = (kept.from, Month::of(kept.from));
        let (mut latest, last) = (None::<Timestamp>, Month::latest(now));
        let mut after: Option<EntryId> = None;
        while ended.all {
            let (page, next) = self.balances.holds(org, month, kept.from, after).await?;
            read += page.len();
            ended.ended += self.end_all(org, &page, now, &mut open).await?;
            latest = page.last().map(|entry| entry.id.at()).or(latest);
            after = next;
            if after.is_none() {
                if month >= last {
                    break;
                }
                month = month.next();
            }
            ended.all = read < most;
        }
        let reached = if ended.all { settled } else { latest.unwrap_or(settled).min(settled) };
        open.sort_unstable();
        open.dedup();
        ended.open = open.len();
        let before: Vec<_> = open.iter().copied().filter(|id| id.at() < reached).collect();
        from = before.get(MOST_CARRIED).map_or(reached, |id| id.at()).max(from);
        let carried = before.into_iter().filter(|id| id.at() < from).take(MOST_CARRIED).collect();
        let recent = now.secs_since(kept.touched) < LOOKED_FOR_SECS;
        let next = (recent || !open.is_empty() || !ended.all).then(|| now.plus_secs(AGAIN_SECS));
        let of = OpenHoldsOf { from, carried, ..kept };
        match self.balances.keep_open_holds(org, &of, next).await {
            Ok(()) | Err(PortError::Conflict) => Ok(ended),
            Err(error) => Err(error),
        }
    }

    /// What is on hold: all that open holds took. `None` where more than `most` holds would have to be read.
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
        let mut seen = BTreeMap::new();
        for some in kept.carried.chunks(MOST_READ) {
            let asked: Vec<_> = some.iter().map(|id| (ShardId::HOLDS, *id)).collect();
            let stored = self.balances.entries(org, &asked).await?;
            seen.extend(stored.iter().filter_map(Stored::entry).map(open_of));
        }
        let (mut month, mut after) = (Month::of(kept.from), None);
        loop {
            let (page, next) = self.balances.holds(org, month, kept.from, after).await?;
            seen.extend(page.iter().map(open_of));
            if seen.len() > most {
                return Ok(None);
            }
            after = next;
            if after.is_none() {
                if month >= Month::latest(now) {
                    break;
                }
                month = month.next();
            }
        }
        let sum = seen.values().fold(0_i64, |sum, held| sum.saturating_add(held.0));
        Ok(Some(Credits(sum)))
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

    /// Ends those of them whose time is over, and adds those that are open to `open`.
    async fn end_all(
        &self,
        org: &OrgId,
        entries: &[DebitEntry],
        now: Timestamp,
        open: &mut Vec<DebitId>,
    ) -> Result<usize, PortError> {
        let mut ended = 0;
        for entry in entries {
            let Some(hold) = entry.hold.filter(|hold| hold.ended.is_none()) else { continue };
            let Some(end) = entry.end(&hold, now) else {
                open.push(entry.id);
                continue;
            };
            match self.balances.change_hold(org, &end, &Actor::System).await {
                Ok(()) => ended += 1,
                // Somebody captured, released or extended it: it is looked at again.
                Err(PortError::Conflict) => open.push(entry.id),
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }
}

/// What an entry holds: nothing once it is ended.
fn open_of(entry: &DebitEntry) -> (DebitId, Credits) {
    let open = entry.hold.filter(|hold| hold.ended.is_none());
    (entry.id, open.map_or(Credits::ZERO, |hold| hold.held))
}

/// How many carried holds are read at a time.
const MOST_READ: usize = 50;
