//! What is taken back of the credits of one organisation, and how its shards come to serve again.

use saldo_domain::{BalanceShard, Credits, EntryId, PortError, Resume, ShardId, Sharding};

use super::Bug;
use super::table::{Row, Table};

impl Table {
    /// What the transaction does that takes credits back with their money: of the main shard if it has them. Else it owes
    /// them, and no shard that there is or may come to be serves until that is paid.
    pub(super) fn take_back(&mut self, entry: EntryId, credits: Credits) {
        let bug = self.bug;
        self.ledger.insert((ShardId::MAIN, entry), Row::TakenBack(credits.negated()));
        let main = self.main();
        let covered = main.credits >= credits;
        let taken =
            if bug == Some(Bug::TakenBackInPart) { credits.0.min(main.credits.0.max(0)) } else { credits.0 };
        main.credits.0 -= taken;
        main.movements += 1;
        main.ready = true;
        self.taken_back = true;
        self.begin_epoch(ShardId::MAIN);
        if covered || self.main().sharding == Sharding::No || bug == Some(Bug::DebtHaltsNoShard) {
            return;
        }
        for id in ShardId::balances().skip(1) {
            if bug != Some(Bug::NewShardNotHalted) || self.shards.contains_key(&id) {
                self.shards.entry(id).or_default().halted = true;
            }
        }
    }

    pub(super) fn resume(&mut self, resume: &Resume) -> Result<(), PortError> {
        let bug = self.bug;
        let has = |id: &ShardId| self.shards.get(id).map_or(0, |shard| shard.credits.0);
        let covered = resume.gives.iter().all(|(id, credits)| has(id) >= credits.0);
        let paid = has(&ShardId::MAIN) + resume.credits().0 >= 0;
        if (!covered && bug != Some(Bug::UnguardedResume)) || (!paid && bug != Some(Bug::ResumedInDebt)) {
            return Err(PortError::Conflict);
        }
        for (id, credits) in &resume.gives {
            let shard = self.made(*id);
            shard.credits.0 -= credits.0;
            shard.movements += 1;
            shard.halted = false;
            if bug != Some(Bug::ResumedInSameEpoch) {
                self.begin_epoch(*id);
            }
        }
        let main = self.made(ShardId::MAIN);
        main.credits.0 += resume.credits().0;
        main.movements += 1;
        self.begin_epoch(ShardId::MAIN);
        Ok(())
    }

    /// A balance shard that can serve; any but the main one is born in a later epoch.
    pub(super) fn made(&mut self, id: ShardId) -> &mut BalanceShard {
        let shared = self.bug == Some(Bug::ShardsShareStamps);
        let shard = self.shards.entry(id).or_default();
        if !shard.ready {
            (shard.ready, shard.sequence) = (true, if shared { 0 } else { id.first_sequence() });
            shard.refused |= id != ShardId::MAIN;
        }
        shard
    }
}
