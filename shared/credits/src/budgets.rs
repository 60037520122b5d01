//! Budgets: what a debit that was not counted needs first, and who is told of a soft one.

use std::sync::Arc;

use saldo_domain::{
    Actor, Alarm, Allowance, BalanceShard, BalanceShards, Budget, BudgetId, BudgetTerms, Budgets, Counting,
    Credits, Day, Giver, Limiting, NotCounted, NotSet, OrgId, PortError, Reached, ShardId, Sharding,
    Timestamp, allowance, turn,
};
use tracing::{error, warn};

use crate::call::Call;
use crate::outcome::SpendError;
use crate::port::Balances;
use crate::spender::Spender;

/// How often a change of budgets is tried beside others.
const TRIES: usize = 5;

/// Why budgets were not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetError {
    NotSet(NotSet),
    Port(PortError),
}

impl From<PortError> for BudgetError {
    fn from(error: PortError) -> BudgetError {
        BudgetError::Port(error)
    }
}

/// The budgets of an organisation, and what was spent of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetsSpent {
    pub budgets: Budgets,
    /// Of the period that is now, in the order of the budgets.
    pub spent: Vec<Credits>,
}

impl<B: Balances> Spender<B> {
    /// The budgets, and what was spent of them in the periods that `now` is of.
    pub async fn budgets_spent(&self, org: &OrgId, now: Timestamp) -> Result<BudgetsSpent, PortError> {
        let budgets = self.balances.budgets(org).await?;
        let all = self.shards_beside(org, self.balances.main_shard(org).await?).await?;
        let spent = budgets.all.iter().map(|budget| Budgets::spent(budget, &all, Day::of(now))).collect();
        Ok(BudgetsSpent { budgets, spent })
    }

    /// Makes or changes a budget; every debit that is reserved from then on is held against it. Gives the budgets as they are
    /// then, and whether it is new.
    pub async fn set_budget(
        &self,
        org: &OrgId,
        id: &BudgetId,
        terms: &BudgetTerms,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(Budgets, bool), BudgetError> {
        let change = |before: &Budgets| before.with(id, terms, actor, now).map_err(BudgetError::NotSet);
        let (before, after) = self.change_budgets(org, change).await?;
        Ok((after, before.get(id).is_none()))
    }

    /// Ends a budget, if there is such a one.
    pub async fn end_budget(&self, org: &OrgId, id: &BudgetId) -> Result<Budgets, BudgetError> {
        self.change_budgets(org, |before| Ok(before.without(id))).await.map(|(_, after)| after)
    }

    /// The budgets before and after it.
    async fn change_budgets(
        &self,
        org: &OrgId,
        change: impl Fn(&Budgets) -> Result<Budgets, BudgetError>,
    ) -> Result<(Budgets, Budgets), BudgetError> {
        for _ in 0..TRIES {
            let before = self.balances.budgets(org).await?;
            let after = change(&before)?;
            if after == before {
                return Ok((before, after));
            }
            match self.balances.set_budgets(org, &before, &after).await {
                Ok(()) => return Ok((before, after)),
                // Someone else was faster.
                Err(PortError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PortError::Unavailable("the budgets change".to_owned()).into())
    }

    /// Does what lets the next attempt be counted, or refuses what a budget does not let pass. What was done before is
    /// answered as it was; a refusal is not for good.
    pub(crate) async fn count_otherwise(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        shard: &BalanceShard,
        why: NotCounted,
    ) -> Result<(), SpendError> {
        let budgets = self.process.budgets(call.org);
        match why {
            NotCounted::OtherBudgets if shard.budgets.version != budgets.version => {
                let budgets = Arc::new(self.balances.budgets(call.org).await?);
                self.process.keep_budgets(call.org, &budgets);
                Ok(())
            }
            // Another clock is ahead of ours.
            NotCounted::OtherDay if shard.budgets.day > call.day => {
                call.day = shard.budgets.day;
                Ok(())
            }
            NotCounted::OtherBudgets | NotCounted::OtherDay => {
                Ok(self.begin_day(call.org, &budgets, at, shard, call.day).await?)
            }
            NotCounted::Over(_) => self.cover_budgets(call, at, shard).await,
        }
    }

    /// Lets the counters of this shard be of this day and of these budgets.
    async fn begin_day(
        &self,
        org: &OrgId,
        budgets: &Budgets,
        at: ShardId,
        shard: &BalanceShard,
        day: Day,
    ) -> Result<(), PortError> {
        let day = day.max(shard.budgets.day);
        if at == ShardId::MAIN || !shard.budgets.unsettled {
            return or_changed(self.balances.turn(org, &turn(budgets, at, shard, day)).await);
        }
        let main = self.balances.main_shard(org).await?;
        let of_main = main.budgets.day.max(day);
        if main.budgets.day < of_main {
            let turn = turn(budgets, ShardId::MAIN, &main, of_main);
            or_changed(self.balances.turn(org, &turn).await)?;
        }
        or_changed(self.balances.turn(org, &turn(budgets, at, shard, of_main)).await)
    }

    /// Lets this shard count more of the budgets that it has too little left of, or refuses when all together have too little.
    async fn cover_budgets(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        shard: &BalanceShard,
    ) -> Result<(), SpendError> {
        let budgets = self.process.budgets(call.org);
        let all = match call.sharding {
            Sharding::Since(_) => {
                let all = self.balances.all_shards(call.org).await?;
                call.keep_within(&budgets, &all);
                if self.allow_all(call, &budgets, at, &all).await? {
                    return Ok(());
                }
                let again = self.balances.all_shards(call.org).await?;
                // As for credits: if between the two no shard was given anything, all of them had too little at one moment.
                if !crate::cover::same_movements(&all, &again) {
                    return Ok(());
                }
                again
            }
            Sharding::No | Sharding::Announced => {
                let all = BalanceShards::from([(ShardId::MAIN, shard.clone())]);
                if call.keep_within(&budgets, &all) {
                    return Ok(());
                }
                all
            }
        };
        let before = call.left.len();
        self.answer_from_pending(call, &all).await?;
        let left = call.left.iter().map(|debit| debit.id).collect();
        self.answer_from_ledger(call, left).await?;
        if call.each {
            let (day, actor) = (call.day, call.actor);
            call.refuse(|debit| {
                let over = budgets.exceeded(&all, day, actor, [debit]);
                over.map(|over| SpendError::OverBudget(Box::new(over)))
            });
            return Ok(());
        }
        if call.left.len() < before {
            return Ok(());
        }
        let over = budgets.exceeded(&all, call.day, call.actor, call.left.iter().copied());
        over.map_or(Ok(()), |over| Err(SpendError::OverBudget(Box::new(over))))
    }

    /// Lets a shard count all that a call needs; says whether another attempt may do.
    async fn allow_all(
        &self,
        call: &Call<'_>,
        budgets: &Budgets,
        at: ShardId,
        all: &BalanceShards,
    ) -> Result<bool, PortError> {
        for count in call.counting(budgets, at).counts {
            let Some(budget) = budgets.numbered(count.number) else { continue };
            let counted = all.get(&at).map_or(0, |shard| shard.budgets.of(budget, call.day));
            let lacks = count.most_before.is_some_and(|most| counted > most);
            if lacks && !self.allow(call.org, budgets, budget, all, (at, call.day), count.credits).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets a shard count in others' stead, if they have something left; says whether another attempt may do.
    async fn allow(
        &self,
        org: &OrgId,
        budgets: &Budgets,
        budget: &Budget,
        all: &BalanceShards,
        (at, day): (ShardId, Day),
        needed: Credits,
    ) -> Result<bool, PortError> {
        let Some(moves) = allowance(budgets, budget, all, (at, self.shards(org)), day, needed) else {
            return Ok(false);
        };
        if moves.from.is_empty() {
            return Ok(true);
        }
        let main = all.get(&ShardId::MAIN).cloned().unwrap_or_default();
        if main.budgets.day < day {
            self.begin_day(org, budgets, ShardId::MAIN, &main, day).await?;
            return Ok(true);
        }
        or_changed(self.balances.allow(org, &moves).await).map(|()| true)
    }

    /// Tells somebody of soft budgets that a reservation has brought near to their limit. The debit at hand is done whatever
    /// comes of it.
    pub(crate) async fn tell_budgets(
        &self,
        call: &Call<'_>,
        at: ShardId,
        shard: &BalanceShard,
        counting: &Counting,
    ) {
        let budgets = self.process.budgets(call.org);
        for count in &counting.counts {
            let Some(budget) = budgets.numbered(count.number) else { continue };
            if budget.terms.limiting == Limiting::Hard {
                continue;
            }
            if let Err(error) = self.tell_budget(call, at, shard, &budgets, budget).await {
                warn!(org = call.org.as_str(), %error, "nobody was told of a budget");
            }
        }
    }

    async fn tell_budget(
        &self,
        call: &Call<'_>,
        at: ShardId,
        shard: &BalanceShard,
        budgets: &Budgets,
        budget: &Budget,
    ) -> Result<(), PortError> {
        let own = shard.budgets.of(budget, call.day);
        let of_shard = Credits(own);
        let spent = match call.sharding {
            Sharding::No | Sharding::Announced => of_shard,
            Sharding::Since(_) if at != ShardId::MAIN && own <= 0 => return Ok(()),
            Sharding::Since(_) => {
                Budgets::spent(budget, &self.balances.all_shards(call.org).await?, call.day)
            }
        };
        if let Some(reached) = budget.reached(spent) {
            self.tell(call.org, budget, call.day, reached, spent).await?;
        }
        if at == ShardId::MAIN {
            return Ok(());
        }
        // Until so much more was counted here, nothing is to be told.
        let credits = Credits(own.saturating_add(budget.until_next_look(spent, self.shards(call.org)).0));
        let giver = Giver { shard: ShardId::MAIN, credits, day: call.day, most_before: None };
        let (number, version) = (budget.number, budgets.version);
        let moves = Allowance { number, version, to: at, day: call.day, from: vec![giver] };
        match self.balances.allow(call.org, &moves).await {
            Err(PortError::Conflict) => {
                let main = self.balances.main_shard(call.org).await?;
                if main.budgets.day < call.day {
                    self.begin_day(call.org, budgets, ShardId::MAIN, &main, call.day).await?;
                }
                Ok(())
            }
            moved => moved,
        }
    }

    async fn tell(
        &self,
        org: &OrgId,
        budget: &Budget,
        day: Day,
        reached: Reached,
        spent: Credits,
    ) -> Result<(), PortError> {
        let period = budget.terms.period.begins(day);
        if self.process.has_told(org, budget.number, (period, reached)) {
            return Ok(());
        }
        let new = self.balances.remember_told(org, budget.number, period, reached).await?;
        self.process.keep_told(org, budget.number, (period, reached));
        if new {
            error!(
                alarm = Alarm::BudgetReached.as_str(),
                org = org.as_str(),
                budget = budget.id.as_str(),
                spent = spent.0,
                limit = budget.terms.limit.0,
                "a budget is nearly or wholly spent"
            );
        }
        Ok(())
    }
}

/// What was seen may not be so any more: then the next attempt looks again.
fn or_changed(written: Result<(), PortError>) -> Result<(), PortError> {
    match written {
        Err(PortError::Conflict) => Ok(()),
        written => written,
    }
}
