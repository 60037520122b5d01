//! Debits on their way: which are left, and what became of the others.

use std::collections::BTreeMap;

use saldo_domain::{Credits, Debit, DebitId, MOST_PORTIONS, OrgId, Portion, Split, Tag, Timestamp};

use super::memory::UnderWay;
use super::port::Stored;
use super::spender::{Debited, SpendError};

/// What became of one debit of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done(Debited),
    /// The id is that of another message, or of no debit: nothing was spent under it now.
    Reused,
}

/// Debits of one call.
pub(super) struct Work<'a> {
    pub(super) org: &'a OrgId,
    pub(super) now: Timestamp,
    pub(super) split: Split,
    /// Whose head they all go to; `None` while that is the main one.
    pub(super) home: Option<UnderWay<'a>>,
    /// Not answered yet.
    pub(super) left: Vec<&'a Debit>,
    /// Finished debits that go out of the ring with the next take; `None` to ask the memory for some.
    pub(super) trims: Option<Vec<(DebitId, Tag)>>,
    done: BTreeMap<DebitId, Outcome>,
}

impl<'a> Work<'a> {
    pub(super) fn new(org: &'a OrgId, debits: &'a [Debit], now: Timestamp) -> Result<Work<'a>, SpendError> {
        if debits.iter().any(|debit| Tag::code(debit.credits, debit.channel).is_none()) {
            return Err(SpendError::Unpayable);
        }
        let mut ids: Vec<_> = debits.iter().map(|debit| debit.id).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).any(|pair| matches!(pair, [one, next] if one == next));
        if ids.is_empty() || twice || ids.len() > MOST_PORTIONS {
            return Err(SpendError::NoBatch);
        }
        let (left, split) = (debits.iter().collect(), Split::No);
        let done = BTreeMap::new();
        Ok(Work { org, now, split, home: None, left, trims: None, done })
    }

    /// What is to be taken.
    pub(super) fn portions(&self) -> Vec<Portion> {
        let portion = |debit: &&Debit| {
            let code = Tag::code(debit.credits, debit.channel)?;
            Some(Portion { id: debit.id, credits: debit.credits, code })
        };
        self.left.iter().filter_map(portion).collect()
    }

    pub(super) fn needed(&self) -> Credits {
        self.left.iter().fold(Credits::ZERO, |sum, debit| Credits(sum.0.saturating_add(debit.credits.0)))
    }

    /// What the ledger has under the id of a debit answers it.
    pub(super) fn answer(&mut self, id: DebitId, stored: &Stored, repeated: bool) {
        let Some(at) = self.left.iter().position(|debit| debit.id == id) else { return };
        let debit = self.left.swap_remove(at);
        let outcome = match stored {
            Stored::Debit(entry) if entry.is_of(debit) => {
                Outcome::Done(Debited { id, credits: entry.credits, available: entry.available, repeated })
            }
            Stored::Nothing | Stored::Debit(_) | Stored::Other => Outcome::Reused,
        };
        self.done.insert(id, outcome);
    }

    /// One for each debit, or that it was not possible to get them all into the ring.
    pub(super) fn outcomes(&self, debits: &[Debit]) -> Result<Vec<Outcome>, SpendError> {
        debits.iter().map(|debit| self.done.get(&debit.id).copied().ok_or(SpendError::Busy)).collect()
    }
}
