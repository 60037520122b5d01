//! What becomes of the holds of one organisation.

use std::collections::BTreeMap;

use saldo_domain::{
    Counted, Credits, DebitEntry, EntryId, Hold, HoldChange, HowEnded, Known, LateReport, Month, PortError,
    Round, ShardId, Sharding, Timestamp, Watermark, gather,
};

use super::Bug;
use super::table::{Row, STALE_CALLS, Table};
use crate::port::{OpenHoldsOf, Stored, Written};

/// How often it is kept that somebody is about to hold, in seconds.
const TOUCHED_SECS: i64 = 3_600;
/// How soon holds are looked at first, in seconds.
const FIRST_LOOK_SECS: i64 = 300;

impl Table {
    /// The main shard says it, then the item does.
    pub(super) fn begin_holds(&mut self, now: Timestamp) -> Result<(), PortError> {
        let lately = |of: &OpenHoldsOf| now.secs_since(of.touched) < TOUCHED_SECS;
        match &self.holds.of {
            Some(of) if self.holds.listed && lately(of) => return Ok(()),
            Some(_) => {}
            None => self.shards.get_mut(&ShardId::MAIN).ok_or(PortError::Conflict)?.holds = true,
        }
        let from = now.plus_secs(-TOUCHED_SECS);
        let mark = Watermark { from, carried: Vec::new() };
        let first = OpenHoldsOf { round: Round { mark, go_on: None }, touched: now, revision: 0 };
        let of = self.holds.of.get_or_insert(first);
        of.touched = now;
        of.revision += 1;
        self.holds.listed = true;
        self.holds.due_at.get_or_insert(now.plus_secs(FIRST_LOOK_SECS));
        Ok(())
    }

    pub(super) fn open_holds(&self) -> Result<OpenHoldsOf, PortError> {
        self.holds.of.clone().ok_or(PortError::Conflict)
    }

    pub(super) fn keep_open_holds(
        &mut self,
        of: &OpenHoldsOf,
        next: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let bug = self.bug;
        let kept = self.holds.of.as_mut().ok_or(PortError::Conflict)?;
        if kept.revision != of.revision && bug != Some(Bug::HoldsKeptUnguarded) {
            return Err(PortError::Conflict);
        }
        kept.round = of.round.clone();
        if bug == Some(Bug::CarriedForgotten) {
            kept.round.mark.carried.clear();
        }
        kept.revision += 1;
        self.holds.listed &= next.is_some();
        self.holds.due_at = next;
        Ok(())
    }

    /// By items, of which each is a run.
    pub(super) fn holds(
        &self,
        month: Month,
        from: Timestamp,
        after: Option<EntryId>,
    ) -> (Vec<DebitEntry>, Option<EntryId>) {
        let mut runs: BTreeMap<EntryId, Vec<DebitEntry>> = BTreeMap::new();
        for ((ledger, _), row) in &self.ledger {
            let Row::Debit(entry) = row else { continue };
            let run = entry.id.run().first().of_hold();
            let fresh = self.written_at.get(&entry.id).is_some_and(|at| self.calls - at < STALE_CALLS);
            let unseen = fresh && self.bug == Some(Bug::HoldsReadStale);
            let wanted = run.month() == month
                && run >= EntryId::first_at(from)
                && after.is_none_or(|after| run > after);
            if *ledger == ShardId::HOLDS && entry.hold.is_some() && wanted && !unseen {
                runs.entry(run).or_default().push(DebitEntry::clone(entry));
            }
        }
        let last = runs.keys().nth(self.holds.page - 1).copied();
        let next = last.filter(|_| self.bug != Some(Bug::OnePageOfHolds));
        let shown = runs.into_iter().take_while(|(run, _)| last.is_none_or(|last| *run <= last));
        (shown.flat_map(|(_, entries)| entries).collect(), next)
    }

    /// No open hold is passed over, and while there is one the organisation is on the list.
    pub(super) fn check_holds(&mut self) {
        let Some(of) = &self.holds.of else { return };
        let open = |row: &Row| match row {
            Row::Debit(entry) if entry.hold.is_some_and(|hold| hold.ended.is_none()) => Some(entry.id),
            _ => None,
        };
        for id in self.ledger.values().filter_map(open) {
            let found = id.at() >= of.round.mark.from || of.round.mark.carried.contains(&id);
            if !found || !self.holds.listed {
                let wrong = format!("the open hold {id} is not found by {of:?}, due {:?}", self.holds.due());
                self.wrong.get_or_insert(wrong);
                return;
            }
        }
    }

    /// Also of a debit.
    pub(super) fn complete(&mut self, ledger: ShardId, entry: &DebitEntry) -> Written {
        let there = self.stored(ledger, entry.id);
        let unsaid =
            there.entry().is_some_and(|there| there.known < Known::Everything && there.stamp == entry.stamp);
        if (!unsaid && self.bug != Some(Bug::CompletedUnguarded)) || !self.is_still(&there, entry) {
            return Written::Before(vec![there]);
        }
        let shown = if self.bug == Some(Bug::SaidTooLate) { entry.known } else { entry.shown };
        let more = if self.bug == Some(Bug::CompletedAtOtherRate) { entry.details.units.get() } else { 0 };
        let credits = Credits(entry.credits.0 + more);
        let row = Row::Debit(Box::new(DebitEntry { shown, credits, ..entry.clone() }));
        self.ledger.insert((ledger, entry.id.entry()), row);
        Written::New
    }

    /// Whether a hold is still what it was when this was made of it; true of a debit.
    fn is_still(&self, there: &Stored, entry: &DebitEntry) -> bool {
        let before = there.entry().and_then(|there| there.hold);
        let (Some(before), Some(hold)) = (before, entry.hold) else { return true };
        let unended = before.ended == hold.ended && before.terms.ends_at <= hold.terms.ends_at;
        hold.ended.is_some() || unended || self.bug == Some(Bug::EndForgotten)
    }

    /// The entry and what comes back, in one transaction.
    pub(super) fn change_hold(&mut self, change: &HoldChange, uncounted: &Counted) -> Result<(), PortError> {
        let bug = self.bug;
        let key = (ShardId::HOLDS, change.id.entry());
        let Some(Row::Debit(entry)) = self.ledger.get(&key) else { return Err(PortError::Conflict) };
        let Some(hold) = entry.hold else { return Err(PortError::Conflict) };
        let same = entry.stamp == change.stamp
            && (hold.terms.ends_at == change.before.ends_at || bug == Some(Bug::ExtensionOverlooked))
            && (hold.ended.is_none() || bug == Some(Bug::HoldEndedTwice));
        if !same {
            return Err(PortError::Conflict);
        }
        let kept = entry.stamp;
        if !uncounted.numbers.is_empty() && !self.uncount(ShardId::MAIN, uncounted, change.returned) {
            return Err(PortError::Conflict);
        }
        if change.returned > Credits::ZERO {
            self.counts_less(change.id, kept, change.returned, uncounted);
        }
        if let Some(Row::Debit(entry)) = self.ledger.get_mut(&key) {
            entry.hold = Some(change.hold);
        }
        if let Some(reversal) = &change.reversal {
            self.ledger.insert((ShardId::MAIN, reversal.entry), Row::Reversal(reversal.credits));
        }
        if change.returned > Credits::ZERO && bug != Some(Bug::RestNotReturned) {
            let returned = if bug == Some(Bug::AllReturned) { change.hold.held } else { change.returned };
            let main = self.main();
            main.credits.0 += returned.0;
            main.movements += 1;
            main.returns += 1;
            main.returned.0 += returned.0;
            main.ready = true;
            self.begin_epoch(ShardId::MAIN);
        }
        Ok(())
    }

    /// The mark at the hold, the entry, and the credits that leave, in one transaction.
    pub(super) fn report_late(&mut self, report: &LateReport) -> Result<bool, PortError> {
        let bug = self.bug;
        let key = (ShardId::HOLDS, report.id.entry());
        let there = match self.ledger.get(&key) {
            Some(Row::Debit(entry)) if entry.stamp == report.stamp => entry.hold,
            Some(_) | None => None,
        };
        let expired = |hold: &Hold| hold.ended.is_some_and(|ended| ended.how == HowEnded::Expired);
        let first = |hold: &Hold| hold.reported.is_none() || bug == Some(Bug::ReportedTwice);
        if !there.is_some_and(|hold| expired(&hold) && first(&hold)) {
            return Err(PortError::Conflict);
        }
        let credits = report.reported.charge.credits;
        let gives = if self.main().credits >= credits || bug == Some(Bug::UnguardedReport) {
            Some(vec![(ShardId::MAIN, credits)])
        } else {
            match self.main().sharding {
                Sharding::No | Sharding::Announced => None,
                Sharding::Since(_) => gather(&self.shards, credits),
            }
        };
        let Some(gives) = gives else { return Ok(false) };
        for (id, moved) in gives {
            let shard = self.shards.entry(id).or_default();
            shard.credits.0 -= moved.0;
            shard.movements += 1;
            self.begin_epoch(id);
        }
        if let Some(Row::Debit(entry)) = self.ledger.get_mut(&key) {
            entry.hold = Some(report.hold);
        }
        self.counted_beyond(report.id, report.stamp, credits);
        if bug != Some(Bug::ReportWithoutEntry) {
            self.ledger.insert((ShardId::MAIN, report.entry_id()), Row::Reported(credits.negated()));
        }
        Ok(true)
    }
}
