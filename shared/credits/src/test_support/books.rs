//! What may not be false in the table for a moment.

use saldo_domain::{BalanceShard, Entry, ShardId, total};

use super::table::{Row, Table};

impl Table {
    /// What may not be false for a moment: no debt but by what was taken back, and the balance is the sum of the entries less what is
    /// pending under a stamp that no entry carries.
    pub(super) fn check(&mut self) {
        if self.unchecked {
            return;
        }
        self.check_budgets();
        self.check_holds();
        let mut expected = 0;
        for row in self.ledger.values() {
            expected += match row {
                Row::Debit(entry) => Entry::of_debit(entry).credits.0,
                Row::Closed => 0,
                Row::Reversal(credits)
                | Row::TopUp(credits)
                | Row::Reported(credits)
                | Row::TakenBack(credits) => credits.0,
            };
        }
        for (id, stamp) in self.shards.values().flat_map(|shard| &shard.pending) {
            let own =
                |row: &Row| matches!(row, Row::Debit(entry) if entry.id == *id && entry.stamp == *stamp);
            let ledgers = ShardId::ledgers().chain([ShardId::HOLDS]);
            let places = ledgers.filter_map(|ledger| self.ledger.get(&(ledger, id.entry())));
            if !places.into_iter().any(own) {
                expected -= stamp.credits().0;
            }
        }
        let all = total(&self.shards).0;
        self.totals.push(all);
        let may_owe = |id: &ShardId| *id == ShardId::MAIN && self.taken_back;
        let below = |(id, shard): &(&ShardId, &BalanceShard)| shard.credits.0 < 0 && !may_owe(id);
        let wrong = if let Some((id, shard)) = self.shards.iter().find(below) {
            format!("the balance of {id:?} is {}", shard.credits)
        } else if all != expected {
            format!("the balance is {all}, entries and pending debits make {expected}")
        } else {
            return;
        };
        self.wrong.get_or_insert(wrong);
    }
}
