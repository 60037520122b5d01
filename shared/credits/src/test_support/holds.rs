//! What becomes of the holds of one organisation.

use saldo_domain::{
    Counted, Credits, DebitEntry, Hold, HoldChange, HowEnded, Known, LateReport, PortError, ShardId,
    Sharding, gather,
};

use super::Bug;
use super::table::{Row, Table};
use crate::port::{Stored, Written};

impl Table {
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
