//! Repair: debits that died between their two writes are finished by whoever meets them.

use saldo_domain::{
    BalanceShard, BalanceShards, Credits, Crowd, DebitId, Metric, OrgId, PortError, ShardId, Sharding, Stamp,
    Timestamp, in_portions, measure,
};
use tracing::warn;

use crate::call::Call;
use crate::port::{Balances, Stored};
use crate::spender::Spender;

type Pending = Vec<(DebitId, Stamp)>;

impl<B: Balances> Spender<B> {
    /// Reads the balance shards and finishes the debits that were abandoned.
    pub async fn repair_all(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let all = self.shards_beside(org, self.balances.main_shard(org).await?).await?;
        self.repair(org, &all, now).await.map(drop)
    }

    /// Finishes the debits that were abandoned, and gives those that had no entry: nobody would have written it.
    pub async fn finish_abandoned(
        &self,
        org: &OrgId,
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Stamp)>, PortError> {
        let (sharding, all) = self.all_shards(org, now).await?;
        let mut half_done = Vec::new();
        for shard in all.values() {
            for some in in_portions(shard.abandoned(now)) {
                half_done.extend(self.written(org, sharding, &some).await?.1);
            }
        }
        self.repair(org, &all, now).await?;
        Ok(half_done)
    }

    /// Finishes the debits that were abandoned, as all balance shards show them. Says whether the shards are others now.
    pub async fn repair(&self, org: &OrgId, all: &BalanceShards, now: Timestamp) -> Result<bool, PortError> {
        let sharding = all.get(&ShardId::MAIN).map(|main| main.sharding).unwrap_or_default();
        let mut any = false;
        for (id, shard) in all {
            let abandoned = shard.abandoned(now);
            any |= !abandoned.is_empty();
            for some in in_portions(abandoned) {
                let written = self.finish_all(org, sharding, shard.credits, &some, now).await?;
                self.acknowledge(org, *id, &written).await?;
            }
        }
        Ok(any)
    }

    /// The debit at hand is done whatever comes of it.
    pub(crate) async fn finish_in_passing(
        &self,
        org: &OrgId,
        sharding: Sharding,
        shard: &BalanceShard,
        crowd: Crowd,
        now: Timestamp,
    ) {
        let mut behind = shard.to_finish_in_passing(crowd);
        behind.retain(|(id, _)| !self.process.works_on(org, *id));
        if behind.is_empty() {
            return;
        }
        let clearing = self.process.clearing(org);
        let Ok(_alone) = clearing.try_lock() else { return };
        match self.finish_all(org, sharding, shard.credits, &behind, now).await {
            Ok(written) => self.process.wrote(org, written),
            Err(error) => warn!(org = org.as_str(), %error, "debits not finished in passing"),
        }
    }

    /// Makes room on a full shard: what stands in the way there is acknowledged if its entry is written. Where that is
    /// nothing, or where it is overdue, its entry is written first, whoever reserved it and whenever its id was made: a
    /// sender that lives completes what it finds. One call of a process does it for all of them. Says whether there may
    /// be room now.
    pub(crate) async fn make_room(
        &self,
        call: &Call<'_>,
        id: ShardId,
        shard: &BalanceShard,
    ) -> Result<bool, PortError> {
        let Call { org, sharding, now, .. } = *call;
        let clearing = self.process.clearing(org);
        let Ok(_alone) = clearing.try_lock() else {
            drop(clearing.lock().await);
            return Ok(true);
        };
        let mut others = shard.by_age();
        others.retain(|(id, _)| !self.process.works_on(org, *id));
        let all = others.len();
        let mut left = all;
        for some in in_portions(others) {
            let (written, unwritten) = self.written(org, sharding, &some).await?;
            let finish: Vec<_> = if written.is_empty() {
                unwritten
            } else {
                unwritten.into_iter().filter(|(_, stamp)| shard.is_overdue(*stamp)).collect()
            };
            let finished = self.finish_unwritten(org, sharding, shard.credits, &finish, now).await?;
            let done: Vec<_> = written.into_iter().chain(finished).collect();
            self.acknowledge(org, id, &done).await?;
            left -= done.len();
            if left <= all / 2 {
                break;
            }
        }
        Ok(left < all)
    }

    /// Those of these pending debits whose entry carries their stamp, after the entries of all were written.
    async fn finish_all(
        &self,
        org: &OrgId,
        sharding: Sharding,
        available: Credits,
        pending: &[(DebitId, Stamp)],
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Stamp)>, PortError> {
        let (mut written, unwritten) = self.written(org, sharding, pending).await?;
        written.extend(self.finish_unwritten(org, sharding, available, &unwritten, now).await?);
        Ok(written)
    }

    /// Which of these pending debits have an entry with their stamp, and which have not.
    async fn written(
        &self,
        org: &OrgId,
        sharding: Sharding,
        pending: &[(DebitId, Stamp)],
    ) -> Result<(Pending, Pending), PortError> {
        let asked: Vec<_> =
            pending.iter().map(|(id, stamp)| (sharding.ledger_of(*id, stamp.is_held()), *id)).collect();
        let stored = self.balances.entries(org, &asked).await?;
        let all: Vec<_> = pending.iter().copied().zip(stored).collect();
        let carries = |((_, stamp), stored): &((DebitId, Stamp), Stored)| {
            stored.entry().is_some_and(|entry| entry.stamp == *stamp)
        };
        let (written, unwritten): (Vec<_>, Vec<_>) = all.into_iter().partition(carries);
        let pending = |all: Vec<((DebitId, Stamp), Stored)>| all.into_iter().map(|(one, _)| one).collect();
        Ok((pending(written), pending(unwritten)))
    }

    /// Finishes these debits from their stamps. Gives those whose entry carries their stamp then.
    async fn finish_unwritten(
        &self,
        org: &OrgId,
        sharding: Sharding,
        available: Credits,
        unwritten: &[(DebitId, Stamp)],
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Stamp)>, PortError> {
        if unwritten.is_empty() {
            return Ok(Vec::new());
        }
        warn!(org = org.as_str(), debits = unwritten.len(), "debits were abandoned");
        measure!(Metric::DebitsRepaired, i64::try_from(unwritten.len()).unwrap_or(i64::MAX));
        let finished = self.finish_from_stamps(org, sharding, unwritten, available, now).await?;
        let carries = |(id, stamp): &(DebitId, Stamp)| {
            let of = |(finished, stored): &(DebitId, Stored)| {
                finished == id && stored.entry().is_some_and(|entry| entry.stamp == *stamp)
            };
            finished.iter().any(of)
        };
        Ok(unwritten.iter().copied().filter(carries).collect())
    }

    async fn acknowledge(
        &self,
        org: &OrgId,
        id: ShardId,
        written: &[(DebitId, Stamp)],
    ) -> Result<(), PortError> {
        if written.is_empty() {
            return Ok(());
        }
        match self.balances.acknowledge(org, id, written).await {
            // One of them was applied again just now: whoever looks next sees it.
            Ok(()) | Err(PortError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
