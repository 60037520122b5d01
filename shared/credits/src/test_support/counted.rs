//! Budgets in the table: what each call does to the counters, and what they must come to.

use std::collections::BTreeMap;

use saldo_domain::{
    Allowance, Budget, Budgets, Counted, Credits, Day, DebitId, Limiting, PortError, Reached, Reservation,
    ReservedDebit, ShardId, Stamp, Turn,
};

use super::Bug;
use super::spending::counts;
use super::table::Table;

impl Table {
    /// A debit was applied under this stamp.
    pub(super) fn stands(&mut self, debit: &ReservedDebit, stamp: Stamp, reservation: &Reservation) {
        if self.spending.budgets.all.is_empty() {
            return;
        }
        let day = reservation.counting.day;
        let counted_by = |budget: &&Budget| debit.credits > Credits::ZERO && counts(budget, stamp);
        let numbers =
            self.spending.budgets.all.iter().filter(counted_by).map(|budget| budget.number).collect();
        let counted = Counted { day, numbers };
        self.add(&counted, debit.credits.0, false);
        self.spending.counted.insert((debit.id, stamp), counted);
        for budget in &self.spending.budgets.all {
            let spent = self.spending.stands.get(&(budget.number, budget.terms.period.begins(day)));
            let hard = budget.terms.limiting == Limiting::Hard;
            if hard && counted_by(&budget) && spent.is_some_and(|spent| *spent > budget.terms.limit.0) {
                let wrong = format!("{spent:?} is beyond {budget:?} by {}", debit.id);
                self.wrong.get_or_insert(wrong);
            }
        }
    }

    /// An application is over: it was given back, or its debit was reversed; `uncounted` are the budgets that count it no
    /// more.
    pub(super) fn over(&mut self, id: DebitId, stamp: Stamp, uncounted: bool) {
        let Some(counted) = self.spending.counted.remove(&(id, stamp)) else { return };
        self.add(&counted, -stamp.credits().0, false);
        if !uncounted {
            self.add(&counted, stamp.credits().0, true);
        }
    }

    /// Of a debit or a hold so much is spent no more, and these budgets count it no more; others go on.
    pub(super) fn counts_less(&mut self, id: DebitId, stamp: Stamp, credits: Credits, uncounted: &Counted) {
        let Some(Counted { day, numbers }) = self.counted_of(id, stamp) else { return };
        let goes_on = |number: &i64| !uncounted.numbers.contains(number);
        let more = Counted { day, numbers: numbers.iter().copied().filter(goes_on).collect() };
        self.add(&Counted { day, numbers }, -credits.0, false);
        self.add(&more, credits.0, true);
    }

    /// So much is spent after all of what came back and went on being counted.
    pub(super) fn counted_beyond(&mut self, id: DebitId, stamp: Stamp, credits: Credits) {
        let Some(counted) = self.counted_of(id, stamp) else { return };
        self.add(&counted, credits.0, false);
        self.add(&counted, -credits.0, true);
    }

    /// An entry keeps less of a stamp than the shard that gave it.
    fn counted_of(&self, id: DebitId, stamp: Stamp) -> Option<Counted> {
        let of = |(key, _): &(&(DebitId, Stamp), &Counted)| key.0 == id && key.1 == stamp;
        self.spending.counted.iter().find(of).map(|(_, counted)| counted.clone())
    }

    fn add(&mut self, counted: &Counted, credits: i64, too_high: bool) {
        for number in &counted.numbers {
            let Some(budget) = self.spending.budgets.numbered(*number) else { continue };
            let period = budget.terms.period.begins(counted.day);
            let sums = if too_high { &mut self.spending.too_high } else { &mut self.spending.stands };
            *sums.entry((*number, period)).or_default() += credits;
        }
    }

    pub(super) fn set_budgets(&mut self, before: &Budgets, after: &Budgets) -> Result<(), PortError> {
        if self.spending.budgets.version != before.version {
            return Err(PortError::Conflict);
        }
        let bug = self.bug;
        for id in ShardId::balances() {
            let shard = self.shards.entry(id).or_default();
            shard.budgets.version = after.version;
            shard.budgets.unsettled |= id != ShardId::MAIN && bug != Some(Bug::BudgetsNotSettled);
            for number in before.over_in(after) {
                shard.budgets.counted.remove(&number);
            }
        }
        for budget in &before.all {
            if after.numbered(budget.number) != Some(budget) {
                self.spending.told.remove(&budget.number);
            }
        }
        self.spending.budgets = after.clone();
        Ok(())
    }

    pub(super) fn turn(&mut self, turn: &Turn) -> Result<(), PortError> {
        let bug = self.bug;
        let Turn { shard: id, version, unsettled, day_before, day, over, moved } = turn;
        let there = |id: &ShardId| self.shards.get(id).map(|shard| shard.budgets.clone());
        let as_seen = there(id).is_some_and(|seen| {
            let same = |(number, counted): &(i64, i64)| seen.counted.get(number) == Some(counted);
            (seen.version, seen.unsettled, seen.day) == (*version, *unsettled, *day_before)
                && moved.iter().all(same)
        });
        let received = moved.is_empty()
            || there(&ShardId::MAIN).is_some_and(|main| (main.version, main.day) == (*version, *day));
        if !(as_seen && received) {
            return Err(PortError::Conflict);
        }
        let shard = self.shards.entry(*id).or_default();
        if bug != Some(Bug::PeriodNotTurned) {
            shard.budgets.counted.retain(|number, _| !over.contains(number));
        }
        (shard.budgets.day, shard.budgets.unsettled) = (*day, false);
        shard.movements += i64::from(!moved.is_empty());
        if !moved.is_empty() && bug != Some(Bug::SettledLost) {
            let main = self.main();
            main.movements += 1;
            for (number, counted) in moved {
                *main.budgets.counted.entry(*number).or_default() += counted;
            }
        }
        Ok(())
    }

    pub(super) fn allow(&mut self, allowance: &Allowance) -> Result<(), PortError> {
        let bug = self.bug;
        let Allowance { number, version, to, day, from } = allowance;
        let there = |id: &ShardId| self.shards.get(id).map(|shard| shard.budgets.clone());
        let takes = there(to).is_some_and(|to| {
            (to.version, to.unsettled, to.day) == (*version, false, *day)
                || bug == Some(Bug::UnguardedAllowance)
        });
        let gives = from.iter().all(|giver| {
            there(&giver.shard).is_some_and(|seen| {
                let counted = seen.counted.get(number).copied().unwrap_or_default();
                let left = giver.most_before.is_none_or(|most| counted <= most);
                (left || bug == Some(Bug::UnguardedAllowance))
                    && seen.day == giver.day
                    && (giver.shard != ShardId::MAIN || seen.version == *version)
            })
        });
        if !(takes && gives) {
            return Err(PortError::Conflict);
        }
        for giver in from {
            let shard = self.shards.entry(giver.shard).or_default();
            shard.movements += 1;
            if bug != Some(Bug::AllowanceFromNobody) {
                *shard.budgets.counted.entry(*number).or_default() += giver.credits.0;
            }
        }
        let shard = self.shards.entry(*to).or_default();
        shard.movements += 1;
        *shard.budgets.counted.entry(*number).or_default() -= allowance.credits().0;
        Ok(())
    }

    pub(super) fn remember_told(&mut self, number: i64, told: (Day, Reached)) -> bool {
        let known = self.spending.budgets.version > 0;
        let new = known && self.spending.told.get(&number).is_none_or(|before| *before < told);
        if new {
            self.spending.told.insert(number, told);
        }
        new
    }

    /// Whether a shard can count this less, and then does: it is of that day and has all of these counters.
    pub(super) fn uncount(&mut self, id: ShardId, counted: &Counted, credits: Credits) -> bool {
        let bug = self.bug;
        let Some(shard) = self.shards.get_mut(&id) else { return false };
        let counted = match bug {
            Some(Bug::UncountedOnOtherDay) => &Counted { day: shard.budgets.day, ..counted.clone() },
            Some(_) | None => counted,
        };
        if !shard.budgets.can_uncount(counted) {
            return false;
        }
        if bug != Some(Bug::BudgetNotGivenBack) {
            for number in &counted.numbers {
                *shard.budgets.counted.entry(*number).or_default() -= credits.0;
            }
        }
        true
    }

    /// What may not be false for a moment: the counters of all shards are what was spent.
    pub(super) fn check_budgets(&mut self) {
        let day = self.shards.values().map(|shard| shard.budgets.day).max().unwrap_or_default();
        for budget in &self.spending.budgets.all {
            let spent = Budgets::spent(budget, &self.shards, day);
            let key = (budget.number, budget.terms.period.begins(day));
            let of = |sums: &BTreeMap<(i64, Day), i64>| sums.get(&key).copied().unwrap_or_default();
            let expected = of(&self.spending.stands) + of(&self.spending.too_high);
            if spent.0 != expected {
                let wrong = format!("{spent} of {:?} are counted, and {expected} spent", budget.terms.by);
                self.wrong.get_or_insert(wrong);
            }
        }
    }
}
