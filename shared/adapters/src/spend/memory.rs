//! What a process remembers: debits it has finished, so that the next one can take them out of the ring, and how an
//! organisation is split.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use saldo_domain::{Credits, DebitId, Funds, Head, MOST_TRIMS, OrgId, Portion, RING_MOST, Shard, Split, Tag};

/// By organisation. Forgetting is harmless: repair takes finished debits out of the ring, and heads tell of splits.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<OrgId, Known>>);

#[derive(Debug, Default)]
struct Known {
    split: Split,
    done: Vec<(DebitId, Tag)>,
    /// The credits of each head when it was last seen; of organisations that are split.
    seen: BTreeMap<Shard, Credits>,
    /// How many calls are under way at each head.
    under_way: BTreeMap<Shard, usize>,
}

/// A call at a head, until it is dropped.
pub(super) struct UnderWay<'a> {
    pub(super) home: Shard,
    org: &'a OrgId,
    memory: &'a Memory,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.memory.with(self.org, |known| {
            if let Some(calls) = known.under_way.get_mut(&self.home) {
                *calls = calls.saturating_sub(1);
            }
        });
    }
}

/// With a few KB each, some 30 MB at the most.
const MOST_ORGS: usize = 10_000;

impl Memory {
    /// The entry of this debit is known to carry this tag.
    pub(super) fn finished(&self, org: &OrgId, done: impl IntoIterator<Item = (DebitId, Tag)>) {
        self.with(org, |known| {
            for one in done {
                if !known.done.contains(&one) && known.done.len() < RING_MOST {
                    known.done.push(one);
                }
            }
        });
    }

    pub(super) fn has(&self, org: &OrgId, id: DebitId) -> bool {
        self.orgs().get(org).is_some_and(|known| known.done.iter().any(|(done, _)| *done == id))
    }

    /// Some finished debits of this shard other than those of `portions`, the longest finished first, which are forgotten
    /// here.
    pub(super) fn some(&self, org: &OrgId, shard: Shard, portions: &[Portion]) -> Vec<(DebitId, Tag)> {
        let mut orgs = self.orgs();
        let Some(known) = orgs.get_mut(org) else { return Vec::new() };
        let fits = |(id, tag): &(DebitId, Tag)| {
            tag.shard() == shard && portions.iter().all(|portion| portion.id != *id)
        };
        let some: Vec<_> = known.done.iter().copied().filter(fits).take(MOST_TRIMS).collect();
        known.done.retain(|one| !some.contains(one));
        some
    }

    /// Chooses one of `homes`: where the fewest calls of this process are under way, and of these the first one from
    /// `first` on. So a process that has one call at a time stays with one head, and forgets there what it has finished
    /// there; and one that has many spreads them.
    pub(super) fn begin<'a>(&'a self, org: &'a OrgId, homes: &[Shard], first: usize) -> UnderWay<'a> {
        let first = first.checked_rem(homes.len()).unwrap_or_default();
        let (before, from) = homes.split_at(first);
        let home = self.with(org, |known| {
            let calls = |shard: &&Shard| known.under_way.get(shard).copied().unwrap_or_default();
            let home = from.iter().chain(before).min_by_key(calls).copied().unwrap_or_default();
            *known.under_way.entry(home).or_default() += 1;
            home
        });
        UnderWay { home, org, memory: self }
    }

    pub(super) fn split(&self, org: &OrgId) -> Split {
        self.orgs().get(org).map(|known| known.split).unwrap_or_default()
    }

    /// All heads were seen like this.
    pub(super) fn saw_all(&self, org: &OrgId, funds: &Funds) {
        let main = funds.get(&Shard::MAIN).map(|head| head.split).unwrap_or_default();
        if let Split::Since(_) = main {
            self.with(org, |known| {
                known.split = main;
                known.seen = funds.iter().map(|(shard, head)| (*shard, head.credits)).collect();
            });
        }
    }

    /// One head was seen like this. What all heads have together, as far as they were seen.
    pub(super) fn saw(&self, org: &OrgId, shard: Shard, head: &Head) -> Credits {
        if let Split::No | Split::Coming = self.split(org) {
            return head.credits;
        }
        self.with(org, |known| {
            known.seen.insert(shard, head.credits);
            known.seen.values().fold(Credits::ZERO, |sum, credits| Credits(sum.0.saturating_add(credits.0)))
        })
    }

    fn with<T>(&self, org: &OrgId, act: impl FnOnce(&mut Known) -> T) -> T {
        let mut orgs = self.orgs();
        if orgs.len() >= MOST_ORGS && !orgs.contains_key(org) {
            orgs.clear();
        }
        act(orgs.entry(org.clone()).or_default())
    }

    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
