//! The first write of a debit: credits are reserved on a balance shard, and what stands in the way is put out of it.

use std::collections::BTreeMap;

use saldo_domain::{BalanceShard, Crowd, Refusal, Reservation, ShardId, Sharding, refusal};
use tracing::warn;

use crate::call::Call;
use crate::outcome::{SpendError, broken};
use crate::port::{Balances, Reserved};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// One attempt to reserve credits for all that is left; whatever is found to be pending already is answered.
    pub(crate) async fn reserve<'a>(&'a self, call: &mut Call<'a>) -> Result<(), SpendError> {
        let (org, at) = (call.org, self.shard_for(call));
        self.enter(call, at).await?;
        if call.left.is_empty() {
            return Ok(());
        }
        let debits = call.to_reserve();
        let written = call.acknowledged.take();
        let acknowledged = written.unwrap_or_else(|| self.process.to_acknowledge(org, at, &debits));
        let (unsharded, epoch) = (call.sharding == Sharding::No, self.process.epoch(org, at));
        let counting = call.counting(&self.process.budgets(org), at);
        let reservation = Reservation { debits, acknowledged, unsharded, epoch, counting, at: call.now };
        match self.balances.reserve(org, at, &reservation).await? {
            Reserved::Done(shard) => self.reserved(call, at, &shard, &reservation).await,
            Reserved::Refused(shard) => self.refused(call, at, shard, reservation).await,
        }
    }

    /// Credits are reserved: the entries follow.
    async fn reserved(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        shard: &BalanceShard,
        reservation: &Reservation,
    ) -> Result<(), SpendError> {
        self.process.saw(call.org, at, shard);
        let counted = call.counted(&self.process.budgets(call.org));
        self.finish_pending(call, &shard.pending, shard.credits, &counted).await?;
        if !call.left.is_empty() {
            return Err(broken("a reserved debit is not pending").into());
        }
        self.tell_budgets(call, at, shard, &reservation.counting).await;
        let (now, random) = (call.time(), fastrand::u64(..));
        let crowd = self.process.admission(call.org, at, |known| known.reserved(shard, now, random));
        self.finish_in_passing(call.org, call.sharding, shard, crowd, call.now).await;
        if crowd == Crowd::Idle {
            self.acknowledge_written(call, at).await;
        }
        // What had no room beside it may have none behind it either: nobody has to ask the shard for that.
        if call.is_over() { Ok(()) } else { self.cover(call, at, Some(shard.clone())).await }
    }

    /// Does what lets the next attempt succeed, or says why there is none.
    async fn refused(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        shard: Option<BalanceShard>,
        reservation: Reservation,
    ) -> Result<(), SpendError> {
        let org = call.org;
        if let Some(shard) = &shard {
            self.process.saw(org, at, shard);
        }
        match (refusal(shard.as_ref(), &reservation), shard) {
            (Refusal::Sharded, Some(_)) => {
                self.process.wrote(org, reservation.acknowledged);
                // What was looked up before may have been looked for in the wrong place: the entries tell in the end.
                call.sharding = self.make_sharded(org, call.now).await?;
                Ok(())
            }
            (Refusal::AlreadyPending, Some(shard)) => {
                self.process.wrote(org, reservation.acknowledged);
                self.finish_pending(call, &shard.pending, shard.credits, &BTreeMap::new()).await
            }
            (Refusal::NotEnough(_) | Refusal::Halted, shard) => {
                self.process.wrote(org, reservation.acknowledged);
                self.cover(call, at, shard).await
            }
            // What was seen just now tells the epoch.
            (Refusal::Outdated, _) => {
                call.acknowledged = Some(reservation.acknowledged);
                Ok(())
            }
            (Refusal::NotCounted(why), Some(shard)) => {
                self.process.wrote(org, reservation.acknowledged);
                self.count_otherwise(call, at, &shard, why).await
            }
            (Refusal::NotReady, _) => {
                call.acknowledged = Some(reservation.acknowledged);
                Ok(self.balances.make_ready(org).await?)
            }
            (Refusal::Full, Some(shard)) => {
                self.process.wrote(org, reservation.acknowledged);
                self.found_no_room(call, at, &shard);
                Ok(())
            }
            (Refusal::Full, None) => Err(SpendError::Busy),
            (
                Refusal::NotAsAcknowledged
                | Refusal::Sharded
                | Refusal::AlreadyPending
                | Refusal::NotCounted(_),
                _,
            ) => {
                call.acknowledged = Some(Vec::new());
                Ok(())
            }
        }
    }

    /// The balance shard that all debits of a call go to. Any will do, since the entries decide: see
    /// [`crate::process::Process::begin`].
    fn shard_for<'a>(&'a self, call: &mut Call<'a>) -> ShardId {
        let Sharding::Since(_) = call.sharding else { return ShardId::MAIN };
        let chosen = call.at.get_or_insert_with(|| {
            let serving: Vec<_> = ShardId::serving(self.shards(call.org)).collect();
            self.process.begin(call.org, &serving, self.first)
        });
        chosen.shard
    }

    /// Acknowledges what this process has written. Others do it when this fails.
    async fn acknowledge_written(&self, call: &Call<'_>, at: ShardId) {
        let written = self.process.to_acknowledge(call.org, at, &[]);
        if !written.is_empty()
            && let Err(error) = self.balances.acknowledge(call.org, at, &written).await
        {
            warn!(org = call.org.as_str(), %error, "written debits stay pending");
        }
    }
}
