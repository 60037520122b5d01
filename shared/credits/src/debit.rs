//! Debit: looked up if it may be a repeat, reserved on a balance shard, written into the ledger.

use saldo_domain::{Actor, Debit, DebitId, OrgId, Timestamp};

use crate::call::Call;
use crate::outcome::{Debited, Outcome, SpendError};
use crate::port::Balances;
use crate::spender::Spender;

/// How often a balance shard is asked: it may have to be made ready, looked through, given credits, asked without
/// acknowledging, and let begin a day of the budgets of now and count more of them.
const TRIES: usize = 12;

impl<B: Balances> Spender<B> {
    /// Spends the credits of one message, once for its id however often it is called.
    pub async fn debit(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        let outcomes = self.debit_all(org, actor, std::slice::from_ref(debit), now).await?;
        match outcomes.as_slice() {
            [Outcome::Done(debited)] => Ok(*debited),
            [Outcome::Reversed] => Err(SpendError::Reversed),
            [] | [_, ..] => Err(SpendError::Reused),
        }
    }

    /// Spends the credits of up to [`saldo_domain::MOST_IN_BATCH`] messages, each once for its id however often and in
    /// whatever company it comes. Those that were not done before are all done or, with an error, none of them; only one
    /// whose id turns out to be another message's is left out.
    ///
    /// Gives one outcome for each debit, in their order.
    pub async fn debit_all(
        &self,
        org: &OrgId,
        actor: &Actor,
        debits: &[Debit],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, SpendError> {
        let mut call = Call::new(org, actor, debits, now)?;
        let _working = self.process.work_on(org, debits, call.slots(None)).await?;
        call.sharding = self.known_sharding(org, now).await?;
        self.answer_from_before(&mut call).await?;
        self.refuse_over_maximum(&mut call).await?;
        for _ in 0..TRIES {
            if call.left.is_empty() {
                break;
            }
            self.reserve(&mut call).await?;
        }
        call.outcomes(debits)
    }

    /// Answers what may have been done before, and refuses ids that may not be used for the first time.
    async fn answer_from_before(&self, call: &mut Call<'_>) -> Result<(), SpendError> {
        let suspects: Vec<DebitId> = call
            .left
            .iter()
            .map(|debit| debit.id)
            .filter(|id| id.maybe_repeated(call.now) || self.process.has_written(call.org, *id))
            .collect();
        self.answer_from_ledger(call, suspects).await?;
        let untimely = |call: &Call<'_>| -> Vec<DebitId> {
            call.left.iter().map(|debit| debit.id).filter(|id| !call.is_timely(*id)).collect()
        };
        if untimely(call).is_empty() {
            return Ok(());
        }
        let (sharding, all) = self.all_shards(call.org, call.now).await?;
        call.sharding = sharding;
        self.answer_from_pending(call, &all).await?;
        // It may have been finished, and acknowledged, since the ledger was read.
        self.answer_from_ledger(call, untimely(call)).await?;
        untimely(call).first().map_or(Ok(()), |id| Err(SpendError::Untimely(*id)))
    }

    /// Refuses what costs more now than its sender lets it, unless it was done before: then it is answered as it was.
    async fn refuse_over_maximum(&self, call: &mut Call<'_>) -> Result<(), SpendError> {
        if call.over_maximum().is_empty() {
            return Ok(());
        }
        self.answer_from_ledger(call, call.over_maximum()).await?;
        let (sharding, all) = self.all_shards(call.org, call.now).await?;
        call.sharding = sharding;
        self.answer_from_pending(call, &all).await?;
        // It may have been finished, and acknowledged, since the ledger was read.
        self.answer_from_ledger(call, call.over_maximum()).await?;
        match call.left.iter().find(|debit| debit.is_over_maximum()) {
            Some(Debit { id, credits, max_credits: Some(most), .. }) => {
                Err(SpendError::OverMaximum { id: *id, credits: *credits, most: *most })
            }
            Some(_) | None => Ok(()),
        }
    }
}
