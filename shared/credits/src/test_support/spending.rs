//! What the table knows of budgets, and how shards take what is counted.

use std::collections::BTreeMap;

use saldo_domain::{
    BalanceShard, Budget, BudgetBy, Budgets, Channel, Counted, Counting, Day, DebitId, Reached, Stamp,
};

use super::Bug;

/// What the table knows of budgets beside the counters of its shards.
#[derive(Clone, Debug, Default)]
pub struct Spending {
    /// The item of the organisation.
    pub budgets: Budgets,
    pub told: BTreeMap<i64, (Day, Reached)>,
    /// Which budgets counted each application, by its stamp, and on which day; told by the stamp and not by the caller.
    pub(super) counted: BTreeMap<(DebitId, Stamp), Counted>,
    /// What was spent of each budget by the applications that stand, by the first day of its period.
    pub(super) stands: BTreeMap<(i64, Day), i64>,
    /// What was given back and goes on counting.
    pub(super) too_high: BTreeMap<(i64, Day), i64>,
}

/// Whether these counters take this.
pub(super) fn fits(bug: Option<Bug>, shard: &BalanceShard, counting: &Counting) -> bool {
    let mut counting = counting.clone();
    for count in &mut counting.counts {
        match bug {
            Some(Bug::BudgetOffByOne) => count.most_before = count.most_before.map(|most| most + 1),
            Some(Bug::SoftBudgetRefuses) => count.most_before = count.most_before.or(Some(0)),
            Some(_) | None => {}
        }
    }
    let mut counters = shard.budgets.clone();
    match bug {
        Some(Bug::BudgetVersionIgnored) => (counters.version, counters.unsettled) = (counting.version, false),
        Some(Bug::UnsettledCounts) => counters.unsettled = false,
        Some(Bug::BudgetDayIgnored) => counters.day = counting.day,
        Some(_) | None => {}
    }
    counting.fits(&counters).is_ok()
}

/// Adds what a reservation counts.
pub(super) fn count(bug: Option<Bug>, shard: &mut BalanceShard, counting: &Counting) {
    for count in &counting.counts {
        let number = count.number + i64::from(bug == Some(Bug::OtherBudgetCounted));
        *shard.budgets.counted.entry(number).or_default() += count.credits.0;
    }
}

/// Whether a budget counts what this stamp says.
pub(super) fn counts(budget: &Budget, stamp: Stamp) -> bool {
    match &budget.terms.by {
        BudgetBy::Meter(channel) => {
            let told = stamp.told().map(|told| told.meter);
            // Without a class, or with the one that histories have.
            let utility = saldo_domain::Class::parse("utility");
            [None, utility].iter().any(|class| told == Some(Channel::number(channel, *class)))
        }
        // One sender alone plays in a history.
        BudgetBy::Key(key) => key.as_str() == "sender-1",
        BudgetBy::ReferencePrefix(_) => false,
    }
}
