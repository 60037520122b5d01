//! The table in memory behind partitions that serve 1,000 write units a second each, and a network that takes its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use saldo_credits::Reserved;
use saldo_credits::test_support::{Answer, Op, Table, Way};
use saldo_domain::{Credits, EntryId, PortError, ShardId, Timestamp, TopUpId, total};

use super::virtual_time::{Clock, Micros, locked};

/// How long a call is on its way to the table, and its answer back.
pub(crate) const WAY_MICROS: Micros = 2_000;
/// How long a partition is busy with a write unit: 1,000 a second.
pub(crate) const UNIT_MICROS: Micros = 1_000;
/// What a transaction costs for each item, in write units.
pub(crate) const UNITS_IN_TRANSACTION: u64 = 2;

/// What DynamoDB limits the pace of: the items under one partition key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Partition {
    Shard(ShardId),
    Ledger(ShardId),
}

/// When each partition has done what was asked of it so far.
#[derive(Default)]
pub(crate) struct Partitions(BTreeMap<Partition, Micros>);

impl Partitions {
    /// Queues `units` for each of `partitions`, which have to be free at the same time; gives when they are written.
    pub(crate) fn write(&mut self, partitions: &[Partition], units: u64, now: Micros) -> Micros {
        let free_at = |partition| self.0.get(partition).copied().unwrap_or_default();
        let begins = partitions.iter().map(free_at).fold(now, Micros::max);
        let ends = begins + units * UNIT_MICROS;
        self.0.extend(partitions.iter().map(|partition| (*partition, ends)));
        ends
    }
}

/// The table, and what was asked of it.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) table: Table,
    partitions: Partitions,
    pub(crate) asked: Asked,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) write_units: u64,
    /// Of these, for reservations that were refused.
    pub(crate) refused: u64,
    /// Items that were read.
    pub(crate) reads: u64,
}

impl Asked {
    pub(crate) fn since(self, before: Asked) -> Asked {
        Asked {
            write_units: self.write_units - before.write_units,
            refused: self.refused - before.refused,
            reads: self.reads - before.reads,
        }
    }
}

/// The way to the table; clones lead to the same one.
#[derive(Clone)]
pub(crate) struct Link {
    clock: Clock,
    store: Arc<Mutex<Store>>,
}

impl Link {
    /// To a table whose books are looked at when that is asked for, by [`Link::check`].
    pub(crate) fn new(clock: &Clock) -> Link {
        let mut store = Store::default();
        store.table.unchecked = true;
        Link { clock: clock.clone(), store: Arc::new(Mutex::new(store)) }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// A paid top-up: a transaction on the main shard and the main ledger, among others.
    pub(crate) async fn top_up(&self, top_up: &TopUpId, credits: Credits) {
        self.clock.sleep(WAY_MICROS).await;
        let both = [Partition::Shard(ShardId::MAIN), Partition::Ledger(ShardId::MAIN)];
        let written = self.store().partitions.write(&both, UNITS_IN_TRANSACTION, self.clock.now());
        self.clock.sleep_until(written).await;
        self.credit(top_up, credits);
        self.clock.sleep(WAY_MICROS).await;
    }

    pub(crate) fn credit(&self, top_up: &TopUpId, credits: Credits) {
        let entry = EntryId::of_top_up(top_up, Timestamp::from_ms(1));
        self.store().table.credit(entry, credits);
    }

    /// The sum of all shards, which is what entries and pending debits make.
    pub(crate) fn check(&self) -> Result<i64, String> {
        let mut store = self.store();
        store.table.unchecked = false;
        // Whatever is called: the books are looked at after it.
        let looked =
            store.table.apply(&Op::Shard(ShardId::MAIN)).map(drop).map_err(|error| error.to_string());
        let wrong = store.table.wrong.clone();
        looked.and(wrong.map_or(Ok(()), Err)).map(|()| total(&store.table.shards).0)
    }
}

impl Way for Link {
    async fn call(&self, op: Op) -> Result<Answer, PortError> {
        self.clock.sleep(WAY_MICROS).await;
        let written = self.store().queue(&op, self.clock.now());
        self.clock.sleep_until(written).await;
        let answer = self.store().apply(&op);
        self.clock.sleep(WAY_MICROS).await;
        answer
    }
}

impl Store {
    /// When the partitions of a call are done with it.
    fn queue(&mut self, op: &Op, now: Micros) -> Micros {
        let (partitions, units) = written_by(op);
        self.asked.write_units += units * u64::try_from(partitions.len()).unwrap_or_default();
        self.partitions.write(&partitions, units, now)
    }

    fn apply(&mut self, op: &Op) -> Result<Answer, PortError> {
        self.asked.reads += match op {
            Op::Entries(ids) => u64::try_from(ids.len()).unwrap_or_default(),
            Op::Shard(_) | Op::Budgets => 1,
            _ => 0,
        };
        let answer = self.table.apply(op);
        self.asked.refused += u64::from(matches!(answer, Ok(Answer::Reserved(Reserved::Refused(_)))));
        answer
    }
}

/// The partitions that a call writes to, and the units for each, whether it is refused or not.
fn written_by(op: &Op) -> (Vec<Partition>, u64) {
    let main = Partition::Shard(ShardId::MAIN);
    match op {
        Op::Reserve(shard, _) | Op::Acknowledge(shard, _) | Op::Fence(shard, _) => {
            (vec![Partition::Shard(*shard)], 1)
        }
        Op::GiveBack(_, stamp, _) => (vec![Partition::Shard(stamp.shard())], 1),
        Op::PutEntries(ledger, _) | Op::Complete(ledger, _) => (vec![Partition::Ledger(*ledger)], 1),
        Op::MakeReady | Op::AnnounceSharding | Op::StartSharding(_) | Op::SetShards(_) => (vec![main], 1),
        Op::Rebalance(rebalance) => {
            let from = rebalance.from.iter().map(|(shard, _)| *shard);
            let shards = from.chain([rebalance.to]).map(Partition::Shard);
            (shards.collect(), UNITS_IN_TRANSACTION)
        }
        Op::Resume(resume) => {
            let others = resume.gives.iter().map(|(shard, _)| Partition::Shard(*shard));
            (others.chain([main]).collect(), UNITS_IN_TRANSACTION)
        }
        // With debt, which halts every shard there may be.
        Op::TakeBack(..) => {
            let ledger = Partition::Ledger(ShardId::MAIN);
            let all = ShardId::balances().map(Partition::Shard).chain([ledger]);
            (all.collect(), UNITS_IN_TRANSACTION)
        }
        Op::Reverse(..) => (vec![main, Partition::Ledger(ShardId::MAIN)], UNITS_IN_TRANSACTION),
        Op::Turn(turn) => {
            let main = (!turn.moved.is_empty()).then_some(ShardId::MAIN);
            let shards = std::iter::once(turn.shard).chain(main).map(Partition::Shard);
            (shards.collect(), UNITS_IN_TRANSACTION)
        }
        Op::Allow(allowance) => {
            let from = allowance.from.iter().map(|giver| giver.shard);
            let shards = from.chain([allowance.to]).map(Partition::Shard);
            (shards.collect(), UNITS_IN_TRANSACTION)
        }
        // The item of the budgets lies in the partition of the main shard.
        Op::SetBudgets(..) => {
            (ShardId::balances().map(Partition::Shard).chain([main]).collect(), UNITS_IN_TRANSACTION)
        }
        Op::RememberTold(..) => (vec![main], 1),
        Op::Entries(_) | Op::Shard(_) | Op::Budgets => (Vec::new(), 0),
    }
}
