//! What a process keeps in mind between calls: debits whose entries it has written, so that the next reservation can
//! acknowledge them, and how an organisation's debits are spread.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};

use saldo_domain::{
    Admission, BalanceShard, BalanceShards, Budgets, Day, Debit, DebitId, MOST_IN_BATCH, OrgId, Reached,
    ReservedDebit, ShardId, Sharding, Stamp, Timestamp, to_acknowledge_at_once,
};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::outcome::SpendError;

/// By organisation. Forgetting is harmless: repair acknowledges what is written, and balance shards tell the rest.
#[derive(Debug, Default)]
pub(crate) struct Process(std::sync::Mutex<HashMap<OrgId, Organisation>>);

#[derive(Debug, Default)]
struct Organisation {
    sharding: Sharding,
    /// What the main shard said when it was last seen.
    shards: Option<u8>,
    written: Vec<(DebitId, Stamp)>,
    /// When it was last seen to that its holds are looked for.
    holds_known: Option<Timestamp>,
    /// The epoch of each balance shard when it was last seen.
    epochs: BTreeMap<ShardId, i64>,
    /// What is known of the crowd at each balance shard.
    admissions: BTreeMap<ShardId, Admission>,
    budgets: Arc<Budgets>,
    /// What is known to have been told of soft budgets, by number: in which period, and how far they were.
    told: BTreeMap<i64, (Day, Reached)>,
    /// How many calls are under way at each balance shard.
    under_way: BTreeMap<ShardId, usize>,
    /// The debits that calls of this process work on.
    working: Vec<DebitId>,
    places: Places,
    /// Held by the call that makes room for all.
    clearing: Arc<Mutex<()>>,
}

/// Slots that a process works on at a time for one organisation, so that its own never fill a balance shard: 16 single debits, or
/// eight groups of alike ones, which are 20,000 debits a second when a write takes five milliseconds. A function of Lambda has one call.
const AT_ONCE: usize = 16;
/// How many written debits are remembered that are to be acknowledged: more than a process has under way.
const MOST_WRITTEN: usize = 16 * MOST_IN_BATCH;

#[derive(Clone, Debug)]
struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Places {
        Places(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// Work on the debits of a call, until it is dropped.
pub(crate) struct Working<'a> {
    org: &'a OrgId,
    debits: &'a [Debit],
    process: &'a Process,
    _places: OwnedSemaphorePermit,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.process.with(self.org, |known| {
            for debit in self.debits {
                if let Some(at) = known.working.iter().position(|id| *id == debit.id) {
                    known.working.swap_remove(at);
                }
            }
        });
    }
}

/// A call at a balance shard, until it is dropped.
pub(crate) struct AtShard<'a> {
    pub(crate) shard: ShardId,
    org: &'a OrgId,
    process: &'a Process,
    /// What it is no more then.
    leave: fn(&mut Organisation, ShardId),
}

impl Drop for AtShard<'_> {
    fn drop(&mut self) {
        self.process.with(self.org, |known| (self.leave)(known, self.shard));
    }
}

impl Organisation {
    fn is_under_way_no_more(&mut self, shard: ShardId) {
        if let Some(calls) = self.under_way.get_mut(&shard) {
            *calls = calls.saturating_sub(1);
        }
    }

    fn is_inside_no_more(&mut self, shard: ShardId) {
        self.admissions.entry(shard).or_default().leave();
    }
}

/// For how long it is taken for known that holds are looked for, in seconds: half of how long they are after the last one.
const HOLDS_KNOWN_SECS: i64 = 12 * 3600;

/// With a few KB each, some 30 MB at the most.
const MOST_ORGS: usize = 10_000;

impl Process {
    /// Waits until these debits, which take so many seats, may be worked on: behind others of their organisation, and of no
    /// other one.
    pub(crate) async fn work_on<'a>(
        &'a self,
        org: &'a OrgId,
        debits: &'a [Debit],
        seats: usize,
    ) -> Result<Working<'a>, SpendError> {
        let Places(places) = self.with(org, |known| known.places.clone());
        let needed = u32::try_from(seats.clamp(1, AT_ONCE)).unwrap_or(1);
        let permit = places.acquire_many_owned(needed).await.map_err(|_| SpendError::Busy)?;
        self.with(org, |known| known.working.extend(debits.iter().map(|debit| debit.id)));
        Ok(Working { org, debits, process: self, _places: permit })
    }

    /// Whether a call of this process works on this debit.
    pub(crate) fn works_on(&self, org: &OrgId, id: DebitId) -> bool {
        self.orgs().get(org).is_some_and(|known| known.working.contains(&id))
    }

    /// What one call at a time holds that makes room on the organisation's shards.
    pub(crate) fn clearing(&self, org: &OrgId) -> Arc<Mutex<()>> {
        self.with(org, |known| Arc::clone(&known.clearing))
    }

    /// Whether it was seen to lately that the organisation's holds are looked for.
    pub(crate) fn knows_holds(&self, org: &OrgId, now: Timestamp) -> bool {
        let known = self.orgs().get(org).and_then(|known| known.holds_known);
        known.is_some_and(|at| (0..HOLDS_KNOWN_SECS).contains(&now.secs_since(at)))
    }

    /// It was seen to that the organisation's holds are looked for.
    pub(crate) fn knew_holds(&self, org: &OrgId, now: Timestamp) {
        self.with(org, |known| known.holds_known = Some(now));
    }

    /// The entries of these debits are known to carry these stamps.
    pub(crate) fn wrote(&self, org: &OrgId, written: impl IntoIterator<Item = (DebitId, Stamp)>) {
        self.with(org, |known| {
            for one in written {
                // An id is pending once on a shard: as a hold, or behind it as a debit.
                known
                    .written
                    .retain(|(id, stamp)| *id != one.0 || *stamp == one.1 || stamp.shard() != one.1.shard());
                if !known.written.contains(&one) && known.written.len() < MOST_WRITTEN {
                    known.written.push(one);
                }
            }
        });
    }

    pub(crate) fn has_written(&self, org: &OrgId, id: DebitId) -> bool {
        self.orgs().get(org).is_some_and(|known| known.written.iter().any(|(written, _)| *written == id))
    }

    /// Some written debits of this balance shard other than `debits`, the longest written first, which are forgotten here.
    pub(crate) fn to_acknowledge(
        &self,
        org: &OrgId,
        shard: ShardId,
        debits: &[ReservedDebit],
    ) -> Vec<(DebitId, Stamp)> {
        let mut orgs = self.orgs();
        let Some(known) = orgs.get_mut(org) else { return Vec::new() };
        let fits = |(id, stamp): &(DebitId, Stamp)| {
            stamp.shard() == shard && debits.iter().all(|debit| debit.id != *id)
        };
        let fit: Vec<_> = known.written.iter().copied().filter(fits).collect();
        let some = to_acknowledge_at_once(&fit);
        known.written.retain(|one| !some.contains(one));
        some
    }

    /// Chooses one of the `serving` shards: where the fewest calls of this process are under way, and of these the first
    /// one from `first` on. So a process that has one call at a time stays with one shard, and acknowledges there what it
    /// has written there; and one that has many spreads them.
    pub(crate) fn begin<'a>(&'a self, org: &'a OrgId, serving: &[ShardId], first: usize) -> AtShard<'a> {
        let first = first.checked_rem(serving.len()).unwrap_or_default();
        let (before, from) = serving.split_at(first);
        let shard = self.with(org, |known| {
            let calls = |shard: &&ShardId| known.under_way.get(shard).copied().unwrap_or_default();
            let shard = from.iter().chain(before).min_by_key(calls).copied().unwrap_or_default();
            *known.under_way.entry(shard).or_default() += 1;
            shard
        });
        AtShard { shard, org, process: self, leave: Organisation::is_under_way_no_more }
    }

    pub(crate) fn sharding(&self, org: &OrgId) -> Sharding {
        self.orgs().get(org).map(|known| known.sharding).unwrap_or_default()
    }

    /// What the organisation says about the number of its shards, as far as it was seen.
    pub(crate) fn shards(&self, org: &OrgId) -> Option<u8> {
        self.orgs().get(org).and_then(|known| known.shards)
    }

    /// All balance shards were seen like this.
    pub(crate) fn saw_all(&self, org: &OrgId, all: &BalanceShards) {
        for (id, shard) in all {
            self.saw(org, *id, shard);
        }
        let Some(main) = all.get(&ShardId::MAIN) else { return };
        if let Sharding::Since(_) = main.sharding {
            self.with(org, |known| known.sharding = main.sharding);
        }
    }

    /// One balance shard was seen like this.
    pub(crate) fn saw(&self, org: &OrgId, id: ShardId, shard: &BalanceShard) {
        if self.epoch(org, id) != shard.epoch {
            self.with(org, |known| known.epochs.insert(id, shard.epoch));
        }
        if id == ShardId::MAIN && self.shards(org) != shard.shards {
            self.with(org, |known| known.shards = shard.shards);
        }
    }

    /// Lets a call reserve on a balance shard; an error says in how many milliseconds to look whether there is room.
    pub(crate) fn enter<'a>(
        &'a self,
        org: &'a OrgId,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<AtShard<'a>, i64> {
        self.admission(org, shard, |known| known.enter(now))?;
        Ok(AtShard { shard, org, process: self, leave: Organisation::is_inside_no_more })
    }

    /// What is known of the crowd at a balance shard.
    pub(crate) fn admission<T>(&self, org: &OrgId, id: ShardId, act: impl FnOnce(&mut Admission) -> T) -> T {
        self.with(org, |known| act(known.admissions.entry(id).or_default()))
    }

    /// Forgets what others have acknowledged meanwhile: room is lent for what is to be acknowledged, and what is gone makes
    /// none.
    pub(crate) fn forget_acknowledged(&self, org: &OrgId, id: ShardId, shard: &BalanceShard) {
        self.with(org, |known| {
            known
                .written
                .retain(|(debit, stamp)| stamp.shard() != id || shard.pending.get(debit) == Some(stamp));
        });
    }

    /// The shard without what this process acknowledges with its next reservation. A single debit stays, so that who gave up a
    /// place is no nearer to the next one than those who wait.
    pub(crate) fn others(&self, org: &OrgId, shard: &BalanceShard) -> BalanceShard {
        let mut others = shard.clone();
        self.with(org, |known| {
            let own = |(id, stamp): &(DebitId, Stamp)| shard.pending.get(id) == Some(stamp);
            let own: Vec<_> = known.written.iter().copied().filter(own).collect();
            if own.len() > 1 {
                for (id, _) in to_acknowledge_at_once(&own) {
                    others.pending.remove(&id);
                }
            }
        });
        others
    }

    /// The epoch that a balance shard was last seen in; 0 for one that was not, as most are in that all their life.
    pub(crate) fn epoch(&self, org: &OrgId, id: ShardId) -> i64 {
        self.orgs().get(org).and_then(|known| known.epochs.get(&id).copied()).unwrap_or_default()
    }

    /// The budgets of an organisation as they were last read; none for one whose budgets were not.
    pub(crate) fn budgets(&self, org: &OrgId) -> Arc<Budgets> {
        self.orgs().get(org).map(|known| Arc::clone(&known.budgets)).unwrap_or_default()
    }

    pub(crate) fn keep_budgets(&self, org: &OrgId, budgets: &Arc<Budgets>) {
        self.with(org, |known| {
            // What was told of a budget that has changed since is told anew, and the table knows which one has.
            if known.budgets.version != budgets.version {
                known.told.clear();
            }
            known.budgets = Arc::clone(budgets);
        });
    }

    /// Whether so much or more of this budget is known to have been told in this period.
    pub(crate) fn has_told(&self, org: &OrgId, number: i64, told: (Day, Reached)) -> bool {
        self.orgs().get(org).and_then(|known| known.told.get(&number)).is_some_and(|before| *before >= told)
    }

    pub(crate) fn keep_told(&self, org: &OrgId, number: i64, told: (Day, Reached)) {
        self.with(org, |known| known.told.insert(number, told));
    }

    fn with<T>(&self, org: &OrgId, act: impl FnOnce(&mut Organisation) -> T) -> T {
        let mut orgs = self.orgs();
        if orgs.len() >= MOST_ORGS && !orgs.contains_key(org) {
            orgs.clear();
        }
        act(orgs.entry(org.clone()).or_default())
    }

    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Organisation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::{Channel, Credits};

    use super::*;

    fn debit(id: &str) -> Debit {
        let id = DebitId::parse(id).unwrap();
        Debit::costing(id, Channel::EMAIL, Credits(1))
    }

    /// Whether it is worked on at once; time does not pass.
    fn at_once<'a>(process: &'a Process, org: &'a OrgId, debits: &'a [Debit]) -> Option<Working<'a>> {
        at_once_of(process, org, debits, 1)
    }

    fn at_once_of<'a>(
        process: &'a Process,
        org: &'a OrgId,
        debits: &'a [Debit],
        seats: usize,
    ) -> Option<Working<'a>> {
        let mut work = std::pin::pin!(process.work_on(org, debits, seats));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match work.as_mut().poll(&mut context) {
            std::task::Poll::Ready(working) => working.ok(),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn one_organisation_that_is_full_holds_no_other_up() {
        let process = Process::default();
        let (acme, globex) = (OrgId::parse("acme").unwrap(), OrgId::parse("globex").unwrap());
        let debits = [debit("01936b0c-1c5b-7000-8000-000000000001")];
        let mut places: Vec<_> = (0..AT_ONCE).filter_map(|_| at_once(&process, &acme, &debits)).collect();
        assert_eq!(places.len(), AT_ONCE);
        assert!(at_once(&process, &acme, &debits).is_none(), "its own wait");
        let others: Vec<_> = (0..AT_ONCE).filter_map(|_| at_once(&process, &globex, &debits)).collect();
        assert_eq!(others.len(), AT_ONCE, "another has all its places");
        places.pop();
        assert!(at_once(&process, &acme, &debits).is_some());
    }

    #[test]
    fn a_debit_is_worked_on_until_the_last_call_of_it_is_over() {
        let (process, acme) = (Process::default(), OrgId::parse("acme").unwrap());
        let debits =
            ["01936b0c-1c5b-7000-8000-000000000001", "01936b0c-1c5b-7000-8000-000000000002"].map(debit);
        let works = || debits.each_ref().map(|debit| process.works_on(&acme, debit.id));
        let (one, both) = (at_once(&process, &acme, &debits[..1]), at_once(&process, &acme, &debits));
        assert_eq!(works(), [true, true]);
        drop(both);
        assert_eq!(works(), [true, false], "the other call goes on");
        drop(one);
        assert_eq!(works(), [false, false]);
    }

    #[test]
    fn a_group_takes_the_places_of_its_slots_and_a_large_batch_all() {
        let (process, acme) = (Process::default(), OrgId::parse("acme").unwrap());
        let debits = [debit("01936b0c-1c5b-7000-8000-000000000001")];
        let group = |seats| at_once_of(&process, &acme, &debits, seats);
        let groups: Vec<_> = (0..AT_ONCE).filter_map(|_| group(2)).collect();
        assert_eq!(groups.len(), AT_ONCE / 2);
        drop(groups);
        let batch = group(25);
        assert!(batch.is_some() && group(1).is_none(), "more than there are places go alone");
    }

    #[test]
    fn behind_a_change_of_budgets_what_was_told_is_told_anew() {
        let (process, acme) = (Process::default(), OrgId::parse("acme").unwrap());
        let of_version = |version| Arc::new(Budgets { version, ..Budgets::default() });
        let told = (Day(20_000), Reached::Limit);
        process.keep_budgets(&acme, &of_version(1));
        process.keep_told(&acme, 7, told);
        process.keep_budgets(&acme, &of_version(1));
        assert!(process.has_told(&acme, 7, told));
        process.keep_budgets(&acme, &of_version(2));
        assert!(!process.has_told(&acme, 7, told));
    }
}
