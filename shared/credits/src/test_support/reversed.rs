//! Debits of one organisation that are taken back.

use saldo_domain::{Counted, PortError, Reversal, ShardId};

use super::Bug;
use super::table::{Row, Table};
use crate::port::Reversed;

impl Table {
    pub(super) fn reverse(
        &mut self,
        ledger: ShardId,
        reversal: Reversal,
        uncounted: &Counted,
    ) -> Result<Reversed, PortError> {
        let stamp = self.stored(ledger, reversal.debit).entry().map(|entry| entry.stamp);
        let Some(stamp) = stamp else { return Err(PortError::Conflict) };
        if let Some(before) = self.reversals.get(&(ledger, reversal.debit))
            && self.bug != Some(Bug::ReversedTwice)
        {
            let Reversal { entry, credits, at, .. } = *before;
            return Ok(Reversed::Before(Reversal { entry, credits, at, ..reversal }));
        }
        let less = self.uncount(ShardId::MAIN, uncounted, reversal.credits);
        if !less && !uncounted.numbers.is_empty() {
            return Err(PortError::Conflict);
        }
        self.counts_less(reversal.debit, stamp, reversal.credits, uncounted);
        self.reversals.insert((ledger, reversal.debit), reversal);
        if self.bug != Some(Bug::ReversalWithoutEntry) {
            self.ledger.insert((ShardId::MAIN, reversal.entry), Row::Reversal(reversal.credits));
        }
        let main = self.main();
        main.credits.0 += reversal.credits.0;
        main.movements += 1;
        main.ready = true;
        self.begin_epoch(ShardId::MAIN);
        Ok(Reversed::New)
    }
}
