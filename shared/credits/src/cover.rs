//! Cover: a balance shard with too few credits is brought some, or it is certain that there are too few in all.

use saldo_domain::{BalanceShards, Credits, PortError, ShardId, Sharding, rebalance, total};

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
    /// Brings credits to a balance shard that has too few, or refuses when there are too few in all.
    pub(crate) async fn cover(
        &self,
        call: &mut Call<'_>,
        at: ShardId,
        available: Credits,
    ) -> Result<(), SpendError> {
        let before = call.left.len();
        let mut available = available;
        if let Sharding::Since(_) = call.sharding {
            match self.rebalance_for(call, at).await? {
                Cover::Perhaps => return Ok(()),
                Cover::Lacking(total, all) => {
                    available = total;
                    self.answer_from_pending(call, &all).await?;
                }
            }
        }
        let left = call.left.iter().map(|debit| debit.id).collect();
        self.answer_from_ledger(call, left).await?;
        if call.left.len() < before {
            return Ok(());
        }
        Err(SpendError::NotEnough { needed: call.needed(), available })
    }

    async fn rebalance_for(&self, call: &Call<'_>, at: ShardId) -> Result<Cover, PortError> {
        let (org, needed) = (call.org, call.needed());
        let all = self.balances.all_shards(org).await?;
        self.process.saw_all(org, &all);
        if let Some(moves) = rebalance(&all, at, self.shards(org), needed) {
            if !moves.from.is_empty() {
                match self.balances.rebalance(org, &moves).await {
                    // What was read is not so any more: the next attempt reads again.
                    Ok(()) | Err(PortError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(Cover::Perhaps);
        }
        // The shards were read one after the other, and credits may have moved behind the reader's back. If between this
        // reading and another one no shard gained any, then none had more than was read when the first one ended.
        let again = self.balances.all_shards(org).await?;
        if movements(&all) == movements(&again) {
            let lacking = total(&again).min(total(&all));
            return Ok(Cover::Lacking(lacking, again));
        }
        Ok(Cover::Perhaps)
    }
}

fn movements(all: &BalanceShards) -> Vec<(ShardId, i64)> {
    all.iter().map(|(id, shard)| (*id, shard.movements)).collect()
}
