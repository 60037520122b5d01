//! Credits that move between balance shards, and whether debits are spread over them.

use saldo_domain::{PortError, Rebalance, ShardId, Sharding};

use super::Bug;
use super::table::Table;

impl Table {
    pub(super) fn rebalance(&mut self, rebalance: &Rebalance) -> Result<(), PortError> {
        let has = |id: &ShardId| self.shards.get(id).map_or(0, |shard| shard.credits.0);
        let covered = rebalance.from.iter().all(|(id, credits)| has(id) >= credits.0);
        if !covered && self.bug != Some(Bug::UnguardedRebalance) {
            return Err(PortError::Conflict);
        }
        let counts = i64::from(self.bug != Some(Bug::MovementsNotCounted));
        let mut moved = 0;
        for (id, credits) in &rebalance.from {
            let Some(shard) = self.shards.get_mut(id) else { continue };
            shard.credits.0 -= credits.0;
            shard.movements += counts;
            moved += credits.0;
        }
        if self.bug == Some(Bug::RebalanceLosesCredits) {
            return Ok(());
        }
        let shard = self.made(rebalance.to);
        shard.credits.0 += moved;
        shard.movements += counts;
        self.begin_epoch(rebalance.to);
        Ok(())
    }

    pub(super) fn set_sharding(&mut self, from: Sharding, to: Sharding) -> Result<(), PortError> {
        match self.shards.get_mut(&ShardId::MAIN) {
            Some(main) if main.sharding == from => {
                main.sharding = to;
                Ok(())
            }
            Some(_) | None => Err(PortError::Conflict),
        }
    }
}
