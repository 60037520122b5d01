//! Allowances: how the counters of a balance shard begin a day, and how a shard beside the main one gets what it may count.

use super::budget::{Budget, Budgets, Limiting};
use super::period::Day;
use super::{BalanceShard, BalanceShards, ShardId, rebalance};
use crate::Credits;

/// The counters of a shard begin anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub shard: ShardId,
    /// Of the budgets.
    pub version: i64,
    /// What the shard was seen to say; refused where it says something else.
    pub unsettled: bool,
    pub day_before: Day,
    pub day: Day,
    /// Counters that are forgotten.
    pub over: Vec<i64>,
    /// Counters that go to the main shard, by the number of the budget, as they were seen.
    pub moved: Vec<(i64, i64)>,
}

/// How the counters of this shard come to be of `day` and of these budgets. The main one has to be so first.
#[must_use]
pub fn turn(budgets: &Budgets, id: ShardId, shard: &BalanceShard, day: Day) -> Turn {
    let seen = &shard.budgets;
    let mut over = seen.over_on(budgets, day);
    let mut moved = Vec::new();
    if seen.unsettled {
        let goes_on = seen.counted.iter().filter(|(number, _)| !over.contains(number));
        moved.extend(goes_on.map(|(number, counted)| (*number, *counted)));
        over.extend(moved.iter().map(|(number, _)| number));
    }
    let (version, unsettled, day_before) = (budgets.version, seen.unsettled, seen.day);
    Turn { shard: id, version, unsettled, day_before, day, over, moved }
}

/// What some shards let another one count in their stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Of the budget.
    pub number: i64,
    /// Of the budgets.
    pub version: i64,
    pub to: ShardId,
    pub day: Day,
    pub from: Vec<Giver>,
}

/// A shard that lets another one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Giver {
    pub shard: ShardId,
    pub credits: Credits,
    /// The day that its counters were seen to be of.
    pub day: Day,
    /// What its counter may be before it at the most; `None` where nothing is refused.
    pub most_before: Option<i64>,
}

impl Allowance {
    /// What the shard gets.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.from.iter().fold(Credits::ZERO, |sum, giver| Credits(sum.0.saturating_add(giver.credits.0)))
    }
}

/// Brings `to` what `needed` asks for, and its fair share of what is left. `None` when all shards together have less left.
#[must_use]
pub fn allowance(
    budgets: &Budgets,
    budget: &Budget,
    all: &BalanceShards,
    (to, serving): (ShardId, u8),
    day: Day,
    needed: Credits,
) -> Option<Allowance> {
    let limit = |id: ShardId| if id == ShardId::MAIN { budget.terms.limit.0 } else { 0 };
    let left = |(id, shard): (&ShardId, &BalanceShard)| {
        let credits = Credits(limit(*id).saturating_sub(shard.budgets.of(budget, day)));
        (*id, BalanceShard { credits, ..BalanceShard::default() })
    };
    let moves = rebalance(&all.iter().map(left).collect(), to, serving, needed)?;
    let giver = |(shard, credits): (ShardId, Credits)| {
        let day = all.get(&shard).map(|seen| seen.budgets.day).unwrap_or_default();
        Giver { shard, credits, day, most_before: Some(limit(shard).saturating_sub(credits.0)) }
    };
    let from = moves.from.into_iter().map(giver).collect();
    Some(Allowance { number: budget.number, version: budgets.version, to, day, from })
}

/// How far a soft budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// [`NEARLY_PERCENT`] of the limit.
    Nearly,
    /// All of it.
    Limit,
}

/// From which part of its limit on somebody is told of a soft budget, in percent.
pub const NEARLY_PERCENT: i64 = 80;

impl Budget {
    /// What is to be told when so much was spent; nothing of a hard one, which refuses.
    #[must_use]
    pub fn reached(&self, spent: Credits) -> Option<Reached> {
        if self.terms.limiting == Limiting::Hard {
            return None;
        }
        [Reached::Limit, Reached::Nearly].into_iter().find(|reached| spent.0 >= self.threshold(*reached))
    }

    fn threshold(&self, reached: Reached) -> i64 {
        let limit = self.terms.limit.0;
        match reached {
            Reached::Nearly => limit.saturating_mul(NEARLY_PERCENT).saturating_add(99).div_euclid(100),
            Reached::Limit => limit,
        }
    }

    /// How much more a shard may count before somebody has to look again at all of them, when so much was spent: its part of
    /// what is missing to the next thing to be told; all there can be once everything is told.
    #[must_use]
    pub fn until_next_look(&self, spent: Credits, serving: u8) -> Credits {
        let next = [Reached::Nearly, Reached::Limit].into_iter().map(|reached| self.threshold(reached));
        let missing = next.into_iter().find(|next| *next > spent.0).map(|next| next - spent.0);
        missing.map_or(Credits(crate::MOST_CREDITS), |missing| {
            Credits((missing / i64::from(serving.max(1))).max(1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, BudgetBy, BudgetId, BudgetName, BudgetTerms, Channel, Period, Timestamp};

    fn terms(limit: i64, period: Period, limiting: Limiting) -> BudgetTerms {
        let (name, by) = (BudgetName::parse("SMS").unwrap(), BudgetBy::Meter(Channel::SMS));
        BudgetTerms { name, by, period, limit: Credits(limit), limiting }
    }

    fn set(before: &Budgets, terms: &BudgetTerms) -> Budgets {
        let (id, now) = (BudgetId::parse("sms").unwrap(), Timestamp::from_ms(1));
        before.with(&id, terms, &Actor::System, now).unwrap()
    }

    #[test]
    fn a_budget_that_counts_something_else_has_another_number() {
        let first = set(&Budgets::default(), &terms(10, Period::Day, Limiting::Hard));
        let raised = set(&first, &terms(20, Period::Day, Limiting::Soft));
        assert_eq!((first.all[0].number, raised.all[0].number, raised.version), (1, 1, 2));
        assert_eq!(set(&raised, &raised.all[0].terms.clone()), raised, "the same again changes nothing");
        let monthly = set(&raised, &terms(20, Period::Month, Limiting::Soft));
        assert_eq!((monthly.all[0].number, raised.over_in(&monthly)), (2, vec![1]));
        let gone = monthly.without(&monthly.all[0].id);
        let again = set(&gone, &terms(20, Period::Month, Limiting::Soft));
        assert_eq!((again.all[0].number, again.version), (3, 5), "never given again");
    }

    #[test]
    fn somebody_is_told_at_four_fifths_and_at_all_of_a_soft_budget() {
        let soft = |limit| set(&Budgets::default(), &terms(limit, Period::Day, Limiting::Soft)).all.remove(0);
        let reached = |limit, spent| soft(limit).reached(Credits(spent));
        assert_eq!(
            [reached(10, 7), reached(10, 8), reached(10, 10)],
            [None, Some(Reached::Nearly), Some(Reached::Limit)]
        );
        assert_eq!((reached(3, 2), reached(3, 3)), (None, Some(Reached::Limit)), "2.4 is not reached by 2");
        let hard = set(&Budgets::default(), &terms(10, Period::Day, Limiting::Hard)).all.remove(0);
        assert_eq!(hard.reached(Credits(10)), None);
        assert_eq!(soft(100).until_next_look(Credits(0), 4), Credits(20));
        assert_eq!(soft(100).until_next_look(Credits(99), 4), Credits(1));
        assert_eq!(soft(100).until_next_look(Credits(100), 4), Credits(crate::MOST_CREDITS));
    }
}
