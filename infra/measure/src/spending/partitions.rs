//! The table in memory behind partitions that serve 1,000 write units a second each, and a network that takes its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use saldo_credits::Reserved;
use saldo_credits::test_support::{Answer, Op, Row, Table, Way};
use saldo_domain::{
    Credits, DebitEntry, DebitId, EntryId, Group, OrgId, PortError, ReservedDebit, RunId, ShardId, Stamp,
    Timestamp, TopUpId, total,
};

use super::sizes;
use super::virtual_time::{Clock, Micros, locked};

/// How long a call is on its way to the table, and its answer back.
pub(crate) const WAY_MICROS: Micros = 2_000;
pub(crate) const MILLISECOND: Micros = 1_000;
/// How long a partition is busy with a write unit: 1,000 a second.
pub(crate) const UNIT_MICROS: Micros = 1_000;
/// How often a transaction pays for each item.
pub(crate) const IN_TRANSACTION: u64 = 2;

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
    /// Queues these units for their partitions, which have to be free at the same time; gives when all are written.
    pub(crate) fn write(&mut self, writes: &[(Partition, u64)], now: Micros) -> Micros {
        let free_at = |(partition, _): &(Partition, u64)| self.0.get(partition).copied().unwrap_or_default();
        let begins = writes.iter().map(free_at).fold(now, Micros::max);
        let ends = writes.iter().map(|(_, units)| begins + units * UNIT_MICROS);
        self.0.extend(writes.iter().map(|(partition, _)| *partition).zip(ends.clone()));
        ends.fold(begins, Micros::max)
    }
}

/// The table, and what was asked of it.
pub(crate) struct Store {
    org: OrgId,
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
    pub(crate) fn new(clock: &Clock, org: &OrgId) -> Link {
        let mut table = Table::new(None);
        table.unchecked = true;
        let store =
            Store { org: org.clone(), table, partitions: Partitions::default(), asked: Asked::default() };
        Link { clock: clock.clone(), store: Arc::new(Mutex::new(store)) }
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// A paid top-up: a transaction on the main shard and the main ledger, among others.
    pub(crate) async fn top_up(&self, top_up: &TopUpId, credits: Credits) {
        self.clock.sleep(WAY_MICROS).await;
        let main = self.store().units(Item::Shard(ShardId::MAIN), 0) * IN_TRANSACTION;
        let both =
            [(Partition::Shard(ShardId::MAIN), main), (Partition::Ledger(ShardId::MAIN), IN_TRANSACTION)];
        let written = self.store().partitions.write(&both, self.clock.now());
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
    async fn pause(&self, ms: i64) {
        self.clock.sleep(ms.unsigned_abs() * MILLISECOND).await;
    }

    async fn call(&self, op: Op) -> Result<Answer, PortError> {
        self.clock.sleep(WAY_MICROS).await;
        let (written, queued) = self.store().queue(&op, self.clock.now());
        self.clock.sleep_until(written).await;
        let answer = self.store().apply(&op, &queued, self.clock.now());
        self.clock.sleep(WAY_MICROS).await;
        answer
    }
}

/// An item that calls write.
#[derive(Clone, Copy)]
enum Item {
    Shard(ShardId),
    Run(ShardId, RunId),
    /// The entry of something that is no debit.
    Entry,
}

impl Item {
    fn partition(self) -> Partition {
        match self {
            Item::Shard(id) => Partition::Shard(id),
            Item::Run(ledger, _) => Partition::Ledger(ledger),
            Item::Entry => Partition::Ledger(ShardId::MAIN),
        }
    }
}

impl Store {
    /// When the partitions of a call are done with it, and what it is to cost by what is there now.
    fn queue(&mut self, op: &Op, now: Micros) -> (Micros, Vec<u64>) {
        let (items, times) = written_by(op);
        let more = self.adds(op);
        let units: Vec<_> = items.iter().map(|item| self.units(*item, more) * times).collect();
        let writes: Vec<_> = items.iter().map(|item| item.partition()).zip(units.iter().copied()).collect();
        (self.partitions.write(&writes, now), units)
    }

    /// Does it. It costs what the larger of before and after costs; where that is more than was queued, the rest is queued.
    fn apply(&mut self, op: &Op, queued: &[u64], now: Micros) -> Result<Answer, PortError> {
        self.asked.reads += match op {
            Op::Entries(ids) => u64::try_from(ids.len()).unwrap_or_default(),
            Op::Shard(_) | Op::Budgets | Op::OpenHolds | Op::Holds(..) => 1,
            _ => 0,
        };
        let (items, times) = written_by(op);
        let before: Vec<_> = items.iter().map(|item| self.units(*item, 0)).collect();
        let answer = self.table.apply(op);
        for ((item, before), queued) in items.into_iter().zip(before).zip(queued) {
            let units = self.units(item, 0).max(before) * times;
            self.asked.write_units += units;
            self.partitions.write(&[(item.partition(), units.saturating_sub(*queued))], now);
        }
        self.asked.refused += u64::from(matches!(answer, Ok(Answer::Reserved(Reserved::Refused(_)))));
        answer
    }

    /// What an item costs that is so many bytes larger than now.
    fn units(&self, item: Item, more: usize) -> u64 {
        let org = &self.org;
        let bytes = match item {
            Item::Shard(id) => self.table.shards.get(&id).map_or(0, |shard| sizes::shard(org, id, shard)),
            Item::Run(ledger, run) => {
                let debits: Vec<_> = self.debits(ledger, run).collect();
                let item = debits.first().map_or(0, |first| sizes::run(org, ledger, run, first));
                item + debits.into_iter().map(sizes::debit).sum::<usize>()
            }
            Item::Entry => 0,
        };
        sizes::units(bytes + more)
    }

    fn debits(&self, ledger: ShardId, run: RunId) -> impl Iterator<Item = &DebitEntry> {
        let places = (0..32).filter_map(move |place| run.id(place).ok());
        let rows = places.filter_map(move |id| self.table.ledger.get(&(ledger, id.entry())));
        rows.filter_map(|row| match row {
            Row::Debit(entry) => Some(entry.as_ref()),
            Row::Reversal(_) | Row::TopUp(_) | Row::Reported(_) | Row::TakenBack(_) | Row::Closed => None,
        })
    }

    /// By how many bytes the item of a call grows, if it does what it is to do.
    fn adds(&self, op: &Op) -> usize {
        match op {
            Op::Reserve(id, reservation) => {
                let shard = self.table.shards.get(id);
                let (change, sequence) = (reservation.change(shard), shard.map_or(0, |shard| shard.sequence));
                let stamp = |debit: &ReservedDebit| Stamp::given(sequence, debit.code);
                let alone = change.alone.iter().map(|debit| sizes::alone(stamp(debit))).sum::<usize>();
                let groups =
                    change.groups.iter().map(|(_, codes)| sizes::group(sequence, codes)).sum::<usize>();
                let there = |id: &DebitId| shard.and_then(|shard| shard.pending.get(id));
                let gone =
                    change.gone.iter().filter_map(there).map(|stamp| sizes::alone(*stamp)).sum::<usize>();
                let size = |of: &Group, codes| sizes::group(of.sequence, codes);
                let less =
                    change.left.iter().map(|(of, left)| size(of, &of.codes) - size(of, left)).sum::<usize>();
                (alone + groups).saturating_sub(gone + less)
            }
            Op::PutEntries(_, entries) => entries.iter().map(sizes::debit).sum(),
            _ => 0,
        }
    }
}

/// The items that a call writes, whether it is refused or not, and how often it pays for each.
fn written_by(op: &Op) -> (Vec<Item>, u64) {
    let main = Item::Shard(ShardId::MAIN);
    match op {
        Op::Reserve(shard, _) | Op::Acknowledge(shard, _) | Op::Fence(shard, _) => {
            (vec![Item::Shard(*shard)], 1)
        }
        Op::GiveBack(_, stamp, _) => (vec![Item::Shard(stamp.shard())], 1),
        Op::PutEntries(ledger, entries) => {
            (entries.first().map(|first| Item::Run(*ledger, first.id.run())).into_iter().collect(), 1)
        }
        Op::Complete(ledger, entry) => (vec![Item::Run(*ledger, entry.id.run())], 1),
        Op::MakeReady
        | Op::AnnounceSharding
        | Op::StartSharding(_)
        | Op::SetShards(_)
        | Op::BeginHolds(_) => (vec![main], 1),
        Op::ChangeHold(change, _) => {
            let hold = Item::Run(ShardId::HOLDS, change.id.run());
            let moves = change.returned > Credits::ZERO;
            if moves { (vec![main, hold], IN_TRANSACTION) } else { (vec![hold], 1) }
        }
        Op::ReportLate(report) => {
            (vec![main, Item::Run(ShardId::HOLDS, report.id.run()), Item::Entry], IN_TRANSACTION)
        }
        Op::Rebalance(rebalance) => {
            let from = rebalance.from.iter().map(|(shard, _)| *shard);
            (from.chain([rebalance.to]).map(Item::Shard).collect(), IN_TRANSACTION)
        }
        Op::Resume(resume) => {
            let others = resume.gives.iter().map(|(shard, _)| Item::Shard(*shard));
            (others.chain([main]).collect(), IN_TRANSACTION)
        }
        // With debt, which halts every shard there may be.
        Op::TakeBack(..) => {
            (ShardId::balances().map(Item::Shard).chain([Item::Entry]).collect(), IN_TRANSACTION)
        }
        Op::Reverse(ledger, reversal, _) => {
            (vec![main, Item::Run(*ledger, reversal.debit.run()), Item::Entry], IN_TRANSACTION)
        }
        Op::Turn(turn) => {
            let main = (!turn.moved.is_empty()).then_some(ShardId::MAIN);
            let shards = std::iter::once(turn.shard).chain(main).map(Item::Shard);
            (shards.collect(), IN_TRANSACTION)
        }
        Op::Allow(allowance) => {
            let from = allowance.from.iter().map(|giver| giver.shard);
            (from.chain([allowance.to]).map(Item::Shard).collect(), IN_TRANSACTION)
        }
        // The item of the budgets lies in the partition of the main shard.
        Op::SetBudgets(..) => (ShardId::balances().map(Item::Shard).chain([main]).collect(), IN_TRANSACTION),
        Op::RememberTold(..) => (vec![main], 1),
        Op::Claim(..) | Op::Replace(..) => (vec![Item::Entry], 1),
        Op::Close(ledger, id) => (vec![Item::Run(*ledger, id.run())], 1),
        // So does the item of open holds.
        Op::KeepOpenHolds(..) => (vec![main], 1),
        Op::Entries(_) | Op::Shard(_) | Op::Budgets | Op::Claimed(_) | Op::OpenHolds | Op::Holds(..) => {
            (Vec::new(), 0)
        }
    }
}
