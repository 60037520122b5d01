//! Counters: what a balance shard has counted of each budget in the period that is now.

use std::collections::BTreeMap;

use super::budget::{Budget, Budgets};
use super::period::{Counted, Day};

/// What a balance shard knows of budgets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// [`Budgets::version`] as it was when they were last changed; 0 where none was ever set.
    pub version: i64,
    /// Whether the budgets were changed since it last counted, so that what it was given under others goes back first.
    /// Never of the main shard.
    pub unsettled: bool,
    /// The day of the counters; [`Day`] 0 before the first one.
    pub day: Day,
    /// By the budget's number. Less than nothing where the shard was given more than it has counted.
    pub counted: BTreeMap<i64, i64>,
}

impl Counters {
    /// What is counted here of the period that `day` is of.
    #[must_use]
    pub fn of(&self, budget: &Budget, day: Day) -> i64 {
        if self.is_of_period(budget, day) {
            self.counted.get(&budget.number).copied().unwrap_or_default()
        } else {
            0
        }
    }

    /// Whether they are of the day on which something was counted, and have all that it was counted by.
    #[must_use]
    pub fn can_uncount(&self, counted: &Counted) -> bool {
        let has = |number: &i64| self.counted.contains_key(number);
        !counted.numbers.is_empty() && self.day == counted.day && counted.numbers.iter().all(has)
    }

    fn is_of_period(&self, budget: &Budget, day: Day) -> bool {
        let period = budget.terms.period;
        period.begins(self.day) == period.begins(day)
    }

    /// The counters that are over when `day` begins.
    #[must_use]
    pub fn over_on(&self, budgets: &Budgets, day: Day) -> Vec<i64> {
        let goes_on =
            |number: i64| budgets.numbered(number).is_some_and(|budget| self.is_of_period(budget, day));
        self.counted.keys().copied().filter(|number| !goes_on(*number)).collect()
    }
}
