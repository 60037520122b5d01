//! Reverse: takes a debit back whose message was not sent.

use saldo_domain::{
    Actor, Counted, DebitEntry, DebitId, OrgId, PortError, Reversal, ShardId, Sharding, Stamp, Timestamp,
};

use crate::outcome::SpendError;
use crate::port::{Balances, Reversed, Stored};
use crate::spender::Spender;

/// How often a debit is taken back whose budgets change or begin a day meanwhile.
const TRIES: usize = 4;

impl<B: Balances> Spender<B> {
    /// Takes a debit back, once however often it is called, within the window that is configured. From then on its id is
    /// over.
    pub async fn reverse(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Reversal, SpendError> {
        let (sharding, stored) = self.found(org, id, false, now).await?;
        let debit = match stored {
            Stored::Debit(debit) => debit,
            Stored::Reversed(_, before) => return Ok(before),
            Stored::Nothing | Stored::Other => return Err(SpendError::NotFound),
        };
        if !id.is_reversible(now, self.reversal_secs) {
            return Err(SpendError::ReversalWindowOver);
        }
        self.take_back(org, sharding.ledger(id), &debit, actor, now).await
    }

    /// Takes back what was charged by a debit or a hold, whose entry lies in this ledger.
    pub(crate) async fn take_back(
        &self,
        org: &OrgId,
        ledger: ShardId,
        debit: &DebitEntry,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Reversal, SpendError> {
        let reversal = Reversal::of(debit, now);
        for _ in 0..TRIES {
            let uncounted = self.uncounted(org, &debit.counted).await?;
            match self.balances.reverse(org, ledger, &reversal, &uncounted, actor).await {
                Ok(Reversed::New) => return Ok(reversal),
                Ok(Reversed::Before(before)) => return Ok(before),
                // The counters are not as they were seen.
                Err(PortError::Conflict) if !uncounted.numbers.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(PortError::Unavailable("the counters of budgets change".to_owned()).into())
    }

    /// The budgets of which the main shard still counts the period in which they have counted a debit, and the day of its
    /// counters now.
    pub(crate) async fn uncounted(&self, org: &OrgId, counted: &Counted) -> Result<Counted, PortError> {
        if counted.numbers.is_empty() {
            return Ok(Counted::default());
        }
        let (budgets, main) = (self.balances.budgets(org).await?, self.balances.main_shard(org).await?);
        let day = main.budgets.day;
        let still = |number: &i64| {
            let period = budgets.numbered(*number).map(|budget| budget.terms.period);
            let same = period.is_some_and(|period| period.begins(counted.day) == period.begins(day));
            same && main.budgets.counted.contains_key(number)
        };
        Ok(Counted { day, numbers: counted.numbers.iter().copied().filter(still).collect() })
    }

    /// What the ledger has under the id of a debit or a hold, after it was written where it is only pending.
    pub(crate) async fn found(
        &self,
        org: &OrgId,
        id: DebitId,
        hold: bool,
        now: Timestamp,
    ) -> Result<(Sharding, Stored), PortError> {
        let sharding = self.process.sharding(org);
        let stored = self.entry(org, sharding, id, hold).await?;
        if stored != Stored::Nothing {
            return Ok((sharding, stored));
        }
        let (sharding, all) = self.all_shards(org, now).await?;
        let of = |(stamp, _): &(Stamp, _)| stamp.is_held() == hold;
        let pending =
            all.values().filter_map(|shard| Some((*shard.pending.get(&id)?, shard.credits))).find(of);
        let stored = match pending {
            Some((stamp, available)) => {
                let finished = self.finish_from_stamps(org, sharding, &[(id, stamp)], available, now).await?;
                finished.into_iter().next().map_or(Stored::Nothing, |(_, stored)| stored)
            }
            // Not pending either: it may have been finished, and acknowledged, since the ledger was read.
            None => self.entry(org, sharding, id, hold).await?,
        };
        Ok((sharding, stored))
    }
}
