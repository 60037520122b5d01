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
    /// Spends the credits of one message, once for its id however often it is called, together with what else of its
    /// organisation this process debits at the same time. Dropped, it is debited or not; nobody else notices.
    pub async fn debit(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        if debit.hold.is_some() {
            return self.debit_alone(org, actor, debit, now).await;
        }
        self.debit_or_repeat(org, actor, debit, now, false).await
    }

    /// The same of what is no hold; `repeat` says that it may have been tried before, however new its id is.
    pub(crate) async fn debit_or_repeat(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
        repeat: bool,
    ) -> Result<Debited, SpendError> {
        let mut call = Call::new(org, actor, std::slice::from_ref(debit), now)?;
        let repeat = repeat || self.may_be_a_repeat(&call, debit.id);
        if (repeat || debit.is_refused_if_new())
            && let Some(told) = self.told_before(&mut call, debit, repeat).await?
        {
            return told;
        }
        drop(call);
        self.join(org, actor, debit, now).await
    }

    /// The same, with nothing beside it.
    pub(crate) async fn debit_alone(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        let outcomes = self.debit_all(org, actor, std::slice::from_ref(debit), now).await?;
        outcomes.first().map_or(Err(SpendError::Busy), |outcome| outcome.alone())
    }

    /// Answers a debit that may have been done before, and refuses what may not be done whatever is done beside it.
    async fn told_before<'a>(
        &'a self,
        call: &mut Call<'a>,
        debit: &'a Debit,
        repeat: bool,
    ) -> Result<Option<Result<Debited, SpendError>>, SpendError> {
        let _working = self.process.work_on(call.org, std::slice::from_ref(debit), call.seats(None)).await?;
        call.sharding = self.known_sharding(call.org, call.now).await?;
        if repeat {
            self.answer_from_ledger(call, vec![debit.id]).await?;
        }
        self.refuse_untimely(call).await?;
        self.refuse_what_is_new(call).await?;
        Ok(call.told(debit.id))
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
        self.work(&mut call, debits).await?;
        call.outcomes(debits)
    }

    /// Spends the credits of a group, each of its debits as if it had come alone. Each is what [`Spender::debit`] lets join.
    pub(crate) async fn debit_each(
        &self,
        org: &OrgId,
        actor: &Actor,
        debits: &[Debit],
        now: Timestamp,
    ) -> Vec<Result<Debited, SpendError>> {
        let mut call = match Call::of_group(org, actor, debits, now) {
            Ok(call) => call,
            Err(error) => return vec![Err(error); debits.len()],
        };
        let ended = self.work(&mut call, debits).await;
        let unknown = ended.err().unwrap_or(SpendError::Busy);
        let told = |debit: &Debit| call.told(debit.id).unwrap_or_else(|| Err(unknown.clone()));
        debits.iter().map(told).collect()
    }

    /// Answers all debits of a call, as far as it comes.
    async fn work<'a>(&'a self, call: &mut Call<'a>, debits: &'a [Debit]) -> Result<(), SpendError> {
        let _working = self.process.work_on(call.org, debits, call.seats(None)).await?;
        call.sharding = self.known_sharding(call.org, call.now).await?;
        self.answer_from_before(call).await?;
        self.refuse_untimely(call).await?;
        self.refuse_what_is_new(call).await?;
        for _ in 0..TRIES {
            if call.is_over() {
                break;
            }
            self.reserve(call).await?;
        }
        Ok(())
    }

    /// Whether the ledger is asked before the balance is touched.
    fn may_be_a_repeat(&self, call: &Call<'_>, id: DebitId) -> bool {
        (id.maybe_repeated(call.now) && !call.each) || self.process.has_written(call.org, id)
    }

    /// Answers what may have been done before.
    async fn answer_from_before(&self, call: &mut Call<'_>) -> Result<(), SpendError> {
        let ids = call.left.iter().map(|debit| debit.id);
        let suspects: Vec<DebitId> = ids.filter(|id| self.may_be_a_repeat(call, *id)).collect();
        Ok(self.answer_from_ledger(call, suspects).await?)
    }

    /// Refuses ids that may not be used for the first time.
    async fn refuse_untimely(&self, call: &mut Call<'_>) -> Result<(), SpendError> {
        let untimely = |call: &Call<'_>| -> Vec<DebitId> {
            call.left.iter().map(|debit| debit.id).filter(|id| !call.is_timely(*id)).collect()
        };
        // Of a group, each was timely when it came.
        if call.each || untimely(call).is_empty() {
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
    async fn refuse_what_is_new(&self, call: &mut Call<'_>) -> Result<(), SpendError> {
        if call.refused_if_new().is_empty() {
            return Ok(());
        }
        self.answer_from_ledger(call, call.refused_if_new()).await?;
        let (sharding, all) = self.all_shards(call.org, call.now).await?;
        call.sharding = sharding;
        self.answer_from_pending(call, &all).await?;
        // It may have been finished, and acknowledged, since the ledger was read.
        self.answer_from_ledger(call, call.refused_if_new()).await?;
        call.left.iter().find_map(|debit| SpendError::if_new(debit)).map_or(Ok(()), Err)
    }
}
