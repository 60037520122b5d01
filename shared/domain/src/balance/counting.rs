//! Counting: how a debit is counted by budgets on the very write that reserves its credits.
//!
//! A balance shard keeps for each budget a counter, and of which day its counters are. The counters of all shards together
//! are what was spent. The main one may go up to the limit; any other has a limit of 0, and what it may count it gets from
//! the main one first, by a move that makes its own counter less and the main one's more. So no counter has to know of
//! another one, and together they never are beyond the limit.

use std::collections::BTreeMap;

use super::budget::{Budget, Budgets, Limiting};
use super::counters::Counters;
use super::period::Day;
use super::{BalanceShards, Debit, DebitId, ShardId};
use crate::{Actor, Credits, Timestamp};

/// What one reservation adds to one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of the budget.
    pub number: i64,
    pub credits: Credits,
    /// What the counter may be before it at the most; `None` where nothing is refused.
    pub most_before: Option<i64>,
}

/// What a reservation says of budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The version of the budgets that the process knows: a shard with another one refuses.
    pub version: i64,
    /// The day in which it is counted: where anything is, a shard of another day refuses.
    pub day: Day,
    /// None for what no budget counts.
    pub counts: Vec<Count>,
}

/// Why a shard does not count a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCounted {
    /// The budgets are others, or what the shard was given is to go back first.
    OtherBudgets,
    OtherDay,
    /// This budget has too little left on the shard.
    Over(i64),
}

impl Counting {
    /// How these debits of a caller are counted on this shard.
    #[must_use]
    pub fn of<'a>(
        budgets: &Budgets,
        shard: ShardId,
        day: Day,
        actor: &Actor,
        debits: impl IntoIterator<Item = &'a Debit>,
    ) -> Counting {
        let mut credits: BTreeMap<i64, i64> = BTreeMap::new();
        for debit in debits {
            for number in budgets.counting(debit, actor) {
                let counted = credits.entry(number).or_default();
                *counted = counted.saturating_add(debit.credits.0);
            }
        }
        let count = |budget: &Budget| {
            let credits = Credits(*credits.get(&budget.number)?);
            let limit = if shard == ShardId::MAIN { budget.terms.limit.0 } else { 0 };
            let hard = budget.terms.limiting == Limiting::Hard;
            let most_before = hard.then_some(limit.saturating_sub(credits.0));
            Some(Count { number: budget.number, credits, most_before })
        };
        Counting { version: budgets.version, day, counts: budgets.all.iter().filter_map(count).collect() }
    }

    /// Whether a shard with these counters counts it, or why not.
    ///
    /// # Errors
    /// Says what has to be done first.
    pub fn fits(&self, counters: &Counters) -> Result<(), NotCounted> {
        if counters.version != self.version || counters.unsettled {
            return Err(NotCounted::OtherBudgets);
        }
        if self.counts.is_empty() {
            return Ok(());
        }
        if counters.day != self.day {
            return Err(NotCounted::OtherDay);
        }
        let counted = |number: i64| counters.counted.get(&number).copied().unwrap_or_default();
        let over = |count: &&Count| count.most_before.is_some_and(|most| counted(count.number) > most);
        self.counts.iter().find(over).map_or(Ok(()), |count| Err(NotCounted::Over(count.number)))
    }
}

/// A debit that a budget does not let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverBudget {
    pub debit: DebitId,
    pub budget: Budget,
    /// By the debits of before, in the period that is now.
    pub spent: Credits,
    /// From when on the next period counts.
    pub ends: Timestamp,
}

impl Budgets {
    /// What was spent of a budget in the period that `day` is of.
    #[must_use]
    pub fn spent(budget: &Budget, all: &BalanceShards, day: Day) -> Credits {
        Credits(all.values().fold(0, |sum, shard| sum.saturating_add(shard.budgets.of(budget, day))))
    }

    /// The first of these debits that is beyond a hard limit, all together.
    #[must_use]
    pub fn exceeded<'a>(
        &self,
        all: &BalanceShards,
        day: Day,
        actor: &Actor,
        debits: impl IntoIterator<Item = &'a Debit>,
    ) -> Option<OverBudget> {
        self.within(all, day, actor, debits).into_iter().flatten().next()
    }
}
