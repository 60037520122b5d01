//! What a process remembers of the debits it has finished, so that the next one can take them out of the ring.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use saldo_domain::{DebitId, MOST_TRIMS, OrgId, RING_ROOM, Tag};

/// Finished debits by organisation. Forgetting some is harmless: repair takes them out of the ring.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<OrgId, Vec<(DebitId, Tag)>>>);

/// With about 1 KB each, 10 MB at the most.
const MOST_ORGS: usize = 10_000;

impl Memory {
    /// The entry of this debit is known to carry this tag.
    pub(super) fn finished(&self, org: &OrgId, done: impl IntoIterator<Item = (DebitId, Tag)>) {
        let mut orgs = self.orgs();
        if orgs.len() >= MOST_ORGS && !orgs.contains_key(org) {
            orgs.clear();
        }
        let list = orgs.entry(org.clone()).or_default();
        for one in done {
            if !list.contains(&one) && list.len() < RING_ROOM + MOST_TRIMS {
                list.push(one);
            }
        }
    }

    pub(super) fn has(&self, org: &OrgId, id: DebitId) -> bool {
        self.orgs().get(org).is_some_and(|list| list.iter().any(|(done, _)| *done == id))
    }

    /// Some finished debits other than `id`, the longest finished first, which are forgotten here.
    pub(super) fn some(&self, org: &OrgId, id: DebitId) -> Vec<(DebitId, Tag)> {
        let mut orgs = self.orgs();
        let Some(list) = orgs.get_mut(org) else { return Vec::new() };
        let some: Vec<_> = list.iter().copied().filter(|(done, _)| *done != id).take(MOST_TRIMS).collect();
        list.retain(|one| !some.contains(one));
        some
    }

    fn orgs(&self) -> MutexGuard<'_, HashMap<OrgId, Vec<(DebitId, Tag)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
