//! What becomes of the holds of one organisation.

use saldo_domain::{Credits, DebitEntry, HoldChange, PortError, ShardId};

use super::Bug;
use super::table::{Row, Table};
use crate::port::Stored;

impl Table {
    /// Whether a hold is still what it was when this was made of it; true of a debit.
    pub(super) fn is_still(&self, there: &Stored, entry: &DebitEntry) -> bool {
        let before = there.entry().and_then(|there| there.hold);
        let (Some(before), Some(hold)) = (before, entry.hold) else { return true };
        let unended = before.ended == hold.ended && before.terms.ends_at <= hold.terms.ends_at;
        hold.ended.is_some() || unended || self.bug == Some(Bug::EndForgotten)
    }

    /// The entry and what comes back, in one transaction.
    pub(super) fn change_hold(&mut self, change: &HoldChange) -> Result<(), PortError> {
        let bug = self.bug;
        let key = (ShardId::HOLDS, change.id.entry());
        let Some(Row::Debit(entry)) = self.ledger.get_mut(&key) else { return Err(PortError::Conflict) };
        let Some(hold) = entry.hold else { return Err(PortError::Conflict) };
        let same = entry.stamp == change.stamp
            && (hold.terms.ends_at == change.before.ends_at || bug == Some(Bug::ExtensionOverlooked))
            && (hold.ended.is_none() || bug == Some(Bug::HoldEndedTwice));
        if !same {
            return Err(PortError::Conflict);
        }
        entry.hold = Some(change.hold);
        if let Some(reversal) = &change.reversal {
            self.ledger.insert((ShardId::MAIN, reversal.entry), Row::Reversal(reversal.credits));
        }
        if change.returned > Credits::ZERO && bug != Some(Bug::RestNotReturned) {
            let returned = if bug == Some(Bug::AllReturned) { change.hold.held } else { change.returned };
            let main = self.main();
            main.credits.0 += returned.0;
            main.movements += 1;
            main.ready = true;
            self.begin_epoch(ShardId::MAIN);
        }
        Ok(())
    }
}
