//! Repair: debits that died between their two writes are finished by whoever meets them.

use saldo_domain::{
    BalanceShard, BalanceShards, Credits, DebitId, MOST_ACKNOWLEDGED, OrgId, PortError, ShardId, Sharding,
    Stamp, Timestamp,
};
use tracing::warn;

use crate::port::{Balances, Stored};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Reads the balance shards and finishes the debits that were abandoned.
    pub async fn repair_all(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let all = self.shards_beside(org, self.balances.main_shard(org).await?).await?;
        self.repair(org, &all, now).await.map(drop)
    }

    /// Finishes the debits that were abandoned, as all balance shards show them. Says whether the shards are others now.
    pub async fn repair(&self, org: &OrgId, all: &BalanceShards, now: Timestamp) -> Result<bool, PortError> {
        let sharding = all.get(&ShardId::MAIN).map(|main| main.sharding).unwrap_or_default();
        let mut any = false;
        for (id, shard) in all {
            let abandoned = shard.abandoned(now);
            any |= !abandoned.is_empty();
            for some in abandoned.chunks(MOST_ACKNOWLEDGED) {
                let written = self.written(org, sharding, shard.credits, some, now).await?;
                if written.is_empty() {
                    continue;
                }
                match self.balances.acknowledge(org, *id, &written).await {
                    // One of them was applied again just now: the next repair sees it.
                    Ok(()) | Err(PortError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(any)
    }

    /// The debit at hand is done whatever comes of it.
    pub(crate) async fn finish_one_in_passing(
        &self,
        org: &OrgId,
        sharding: Sharding,
        shard: &BalanceShard,
        now: Timestamp,
    ) {
        let Some((id, stamp)) = shard.to_finish_in_passing(now) else { return };
        match self.written(org, sharding, shard.credits, &[(id, stamp)], now).await {
            Ok(written) => self.process.wrote(org, written),
            Err(error) => warn!(org = org.as_str(), debit = %id, %error, "not finished in passing"),
        }
    }

    /// Those of these pending debits whose entry carries their stamp, after the abandoned ones among them were finished.
    pub(crate) async fn written(
        &self,
        org: &OrgId,
        sharding: Sharding,
        available: Credits,
        pending: &[(DebitId, Stamp)],
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Stamp)>, PortError> {
        let asked: Vec<_> = pending.iter().map(|(id, _)| (sharding.ledger(*id), *id)).collect();
        let stored = self.balances.entries(org, &asked).await?;
        let mut written = Vec::new();
        for ((id, stamp), stored) in pending.iter().copied().zip(stored) {
            let carries = |stored: &Stored| matches!(stored, Stored::Debit(entry) if entry.stamp == stamp);
            let done = match &stored {
                stored if carries(stored) => true,
                // Its sender is probably about to write the entry, and knows more about the message.
                Stored::Nothing if !id.is_abandoned(now) => false,
                Stored::Nothing | Stored::Debit(_) | Stored::Other => {
                    warn!(org = org.as_str(), debit = %id, "a debit was abandoned");
                    carries(&self.finish_from_stamp(org, sharding, id, stamp, available).await?)
                }
            };
            if done {
                written.push((id, stamp));
            }
        }
        Ok(written)
    }
}
