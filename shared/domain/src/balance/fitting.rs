//! Fitting: which of some debits, each of which is answered by itself, go together.

use std::collections::BTreeMap;

use super::budget::{Budgets, Limiting};
use super::counting::OverBudget;
use super::period::Day;
use super::{BalanceShards, Debit};
use crate::{Actor, Credits};

/// Which of these debits so many credits cover: each in its turn, if what those before it have left does. So what is left
/// out is not covered by what is left over either.
#[must_use]
pub fn covered<'a>(credits: Credits, debits: impl IntoIterator<Item = &'a Debit>) -> Vec<bool> {
    let mut left = credits;
    let covers = |debit: &Debit| {
        let fits = debit.credits <= left;
        if fits {
            left = Credits(left.0.saturating_sub(debit.credits.0));
        }
        fits
    };
    debits.into_iter().map(covers).collect()
}

impl Budgets {
    /// Which of these debits of a caller hard budgets let pass, given what all shards have counted: each in its turn, if it is
    /// within them together with those before it that are. `None` for these; for each other one, which it is beyond.
    #[must_use]
    pub fn within<'a>(
        &self,
        all: &BalanceShards,
        day: Day,
        actor: &Actor,
        debits: impl IntoIterator<Item = &'a Debit>,
    ) -> Vec<Option<OverBudget>> {
        let mut counted: BTreeMap<i64, i64> = BTreeMap::new();
        let of = |debit: &Debit| {
            let numbers = self.counting(debit, actor);
            for budget in numbers.iter().filter_map(|number| self.numbered(*number)) {
                let spent = Budgets::spent(budget, all, day);
                let before = counted.get(&budget.number).copied().unwrap_or_default();
                let after = spent.0.saturating_add(before).saturating_add(debit.credits.0);
                if budget.terms.limiting == Limiting::Hard && after > budget.terms.limit.0 {
                    let ends = budget.terms.period.ends(day);
                    return Some(OverBudget { debit: debit.id, budget: budget.clone(), spent, ends });
                }
            }
            for number in numbers {
                let own = counted.entry(number).or_default();
                *own = own.saturating_add(debit.credits.0);
            }
            None
        };
        debits.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, DebitId, Timestamp};

    fn costing(credits: &[i64]) -> Vec<Debit> {
        let id = DebitId::made_at(Timestamp::from_ms(0), &[0; 10]);
        let ids = std::iter::successors(Some(id), |id| id.next_of_run());
        let of = |(id, credits): (DebitId, &i64)| Debit::costing(id, Channel::EMAIL, Credits(*credits));
        ids.zip(credits).map(of).collect()
    }

    #[test]
    fn each_is_covered_that_those_before_it_leave_enough_for() {
        for (credits, costs, covers) in [
            (10, vec![4, 7, 5, 2, 1, 0], vec![true, false, true, false, true, true]),
            (0, vec![1, 0, 2], vec![false, true, false]),
            (-1, vec![0, 1], vec![false, false]),
            (3, vec![1, 1, 1], vec![true, true, true]),
        ] {
            let debits = costing(&costs);
            let these = covered(Credits(credits), &debits);
            assert_eq!(these, covers, "{credits} for {costs:?}");
            let spent: i64 = costs.iter().zip(&these).filter(|(_, fits)| **fits).map(|(cost, _)| cost).sum();
            let left_out = costs.iter().zip(&these).filter(|(_, fits)| !**fits);
            assert!(left_out.into_iter().all(|(cost, _)| *cost > credits - spent), "{credits} for {costs:?}");
        }
    }
}
