//! Cover: a balance shard with too few credits is brought some, or it is certain that there are too few in all.

use saldo_domain::{
    BalanceShard, BalanceShards, Credits, Metric, PortError, ShardId, Sharding, measure, rebalance, resume,
    total,
};

use crate::call::Call;
use crate::outcome::SpendError;
use crate::port::Balances;
use crate::spender::Spender;

/// Whether a balance shard has, or has now, what is needed.
enum Cover {
    Perhaps,
    /// All shards together had only so much at one moment.
    Lacking(Credits, BalanceShards),
}

impl<B: Balances> Spender<B> {
    /// Brings credits to a balance shard that has too few, or refuses when there are too few in all. A refusal is for good:
    /// no attempt of before can succeed behind it, and none has.
    pub(crate) async fn cover(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        refused: Option<BalanceShard>,
    ) -> Result<(), SpendError> {
        let before = call.left.len();
        let lacking = match (call.sharding, &refused) {
            (Sharding::Since(_), _) => self.rebalance_for(call, at).await?,
            (Sharding::No | Sharding::Announced, Some(main)) if call.keep_covered(main.credits) => {
                Cover::Perhaps
            }
            (Sharding::No | Sharding::Announced, main) => self.fence_main(call, main.as_ref()).await?,
        };
        let Cover::Lacking(available, all) = lacking else { return Ok(()) };
        self.answer_from_pending(call, &all).await?;
        let left = call.left.iter().map(|debit| debit.id).collect();
        self.answer_from_ledger(call, left).await?;
        if call.each {
            call.refuse(|debit| Some(SpendError::NotEnough { needed: debit.credits, available }));
            return Ok(());
        }
        if call.left.len() < before {
            return Ok(());
        }
        Err(SpendError::NotEnough { needed: call.needed(), available })
    }

    async fn rebalance_for(&self, call: &mut Call<'_>, at: ShardId) -> Result<Cover, PortError> {
        let org = call.org;
        let all = self.balances.all_shards(org).await?;
        self.process.saw_all(org, &all);
        call.keep_covered(total(&all));
        let needed = call.needed();
        if let Some(resume) = resume(&all).filter(|_| total(&all) >= needed) {
            return done_or_changed(self.balances.resume(org, &resume).await);
        }
        if let Some(moves) = rebalance(&all, at, self.shards(org), needed) {
            if moves.from.is_empty() && all.contains_key(&at) {
                return Ok(Cover::Perhaps);
            }
            let moved = self.balances.rebalance(org, &moves).await;
            if moved.is_ok() {
                measure!(Metric::Rebalances, 1);
            }
            return done_or_changed(moved);
        }
        // One that comes to be later is born in an epoch that nobody knows yet.
        for (id, _) in all.iter().filter(|(_, shard)| at_once(call) || !shard.refused) {
            self.balances.fence(org, *id, at_once(call)).await?;
        }
        // The shards were read one after the other, and credits may have moved behind the reader's back. If between this
        // reading and another one no shard gained any, then none had more than was read when the first one ended.
        let again = self.balances.all_shards(org).await?;
        if same_movements(&all, &again) {
            let lacking = total(&again).min(total(&all));
            return Ok(Cover::Lacking(lacking, again));
        }
        Ok(Cover::Perhaps)
    }

    /// The main shard alone has too few: it is certain once attempts of before are fenced off.
    async fn fence_main(&self, call: &Call<'_>, refused: Option<&BalanceShard>) -> Result<Cover, PortError> {
        let fenced = refused.filter(|main| main.refused && !at_once(call)).cloned();
        let main = match fenced {
            Some(main) => main,
            None => self.balances.fence(call.org, ShardId::MAIN, at_once(call)).await?,
        };
        self.process.saw(call.org, ShardId::MAIN, &main);
        if main.credits >= call.least() || main.sharding != call.sharding {
            return Ok(Cover::Perhaps);
        }
        Ok(Cover::Lacking(main.credits, BalanceShards::from([(ShardId::MAIN, main)])))
    }
}

/// What was read may not be so any more: then the next attempt reads again.
fn done_or_changed(moved: Result<(), PortError>) -> Result<Cover, PortError> {
    match moved {
        Ok(()) | Err(PortError::Conflict) => Ok(Cover::Perhaps),
        Err(error) => Err(error),
    }
}

/// Whether attempts of before are to be fenced off at once. One new debit that is refused by itself is not covered before
/// credits come, whoever tries and beside what; one of several that are refused together may be, and so may an earlier
/// attempt that cost less: another message's under the same id.
fn at_once(call: &Call<'_>) -> bool {
    (call.left.len() > 1 && !call.each) || call.left.iter().any(|debit| debit.id.maybe_repeated(call.now))
}

/// Whether no shard was given anything, or gave anything, between these two looks.
pub(crate) fn same_movements(one: &BalanceShards, other: &BalanceShards) -> bool {
    movements(one) == movements(other)
}

fn movements(all: &BalanceShards) -> Vec<(ShardId, i64)> {
    let of = |id| all.get(&id).map_or(0, |shard| shard.movements);
    ShardId::balances().map(|id| (id, of(id))).collect()
}
