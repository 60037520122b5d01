//! From the ring to the ledger: entries are written, late duplicates given back, and what others left half done is ended.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use saldo_domain::{Credits, DebitEntry, DebitId, OrgId, RunId, Split, Tag, Timestamp};
use tracing::warn;

use super::port::{Heads, Stored, Written};
use super::spender::{Spender, broken};
use crate::PortError;

impl<H: Heads> Spender<H> {
    /// Writes the entries of applications, or undoes an application when the entry is of another one. Gives the entry
    /// that each debit has then, and whether it is new.
    pub(super) async fn finish(
        &self,
        org: &OrgId,
        split: Split,
        entries: Vec<DebitEntry>,
    ) -> Result<Vec<(DebitId, Stored, bool)>, PortError> {
        let mut runs: BTreeMap<RunId, Vec<DebitEntry>> = BTreeMap::new();
        for entry in entries {
            runs.entry(entry.id.run()).or_default().push(entry);
        }
        let written = try_join_all(runs.into_values().map(|run| self.write_run(org, split, run))).await?;
        let mut finished = Vec::new();
        for (entry, stored, new) in written.into_iter().flatten() {
            match &stored {
                Stored::Debit(found) if found.tag == entry.tag => {
                    self.memory.finished(org, [(entry.id, entry.tag)]);
                }
                Stored::Nothing | Stored::Debit(_) | Stored::Other => {
                    self.heads.give_back(org, entry.id, entry.tag).await?;
                }
            }
            finished.push((entry.id, stored, new));
        }
        Ok(finished)
    }

    async fn write_run(
        &self,
        org: &OrgId,
        split: Split,
        mut entries: Vec<DebitEntry>,
    ) -> Result<Vec<(DebitEntry, Stored, bool)>, PortError> {
        let mut found = Vec::new();
        while let Some(first) = entries.first() {
            let ledger = split.ledger(first.id);
            match self.heads.put_entries(org, ledger, &entries).await? {
                Written::New => {
                    found
                        .extend(entries.into_iter().map(|entry| (entry.clone(), Stored::Debit(entry), true)));
                    break;
                }
                Written::Before(there) => {
                    let pairs: Vec<_> = entries.into_iter().zip(there).collect();
                    if pairs.iter().all(|(_, stored)| *stored == Stored::Nothing) {
                        return Err(broken("entries were refused though none is there"));
                    }
                    let (absent, there): (Vec<_>, Vec<_>) =
                        pairs.into_iter().partition(|(_, stored)| *stored == Stored::Nothing);
                    found.extend(there.into_iter().map(|(entry, stored)| (entry, stored, false)));
                    entries = absent.into_iter().map(|(entry, _)| entry).collect();
                }
            }
        }
        Ok(found)
    }

    /// Finishes a debit of which only the tag is known.
    pub(super) async fn finish_by_tag(
        &self,
        org: &OrgId,
        split: Split,
        id: DebitId,
        tag: Tag,
        available: Credits,
    ) -> Result<Stored, PortError> {
        let finished = self.finish(org, split, vec![nameless(id, tag, available)?]).await?;
        Ok(finished.into_iter().next().map_or(Stored::Nothing, |(_, stored, _)| stored))
    }

    /// Looks after debits of a ring; gives those whose entry carries their tag.
    pub(super) async fn look_after(
        &self,
        org: &OrgId,
        split: Split,
        available: Credits,
        ring: &[(DebitId, Tag)],
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Tag)>, PortError> {
        let asked: Vec<_> = ring.iter().map(|(id, _)| (split.ledger(*id), *id)).collect();
        let stored = self.heads.entries(org, &asked).await?;
        let mut done = Vec::new();
        for ((id, tag), stored) in ring.iter().copied().zip(stored) {
            let carries = |stored: &Stored| matches!(stored, Stored::Debit(entry) if entry.tag == tag);
            let fine = match &stored {
                stored if carries(stored) => true,
                // Its sender is probably about to write the entry, and knows more about the message.
                Stored::Nothing if !id.is_left_alone(now) => false,
                Stored::Nothing | Stored::Debit(_) | Stored::Other => {
                    warn!(org = org.as_str(), debit = %id, "a debit was left half done");
                    carries(&self.finish_by_tag(org, split, id, tag, available).await?)
                }
            };
            if fine {
                done.push((id, tag));
            }
        }
        Ok(done)
    }

    pub(super) async fn entry(&self, org: &OrgId, split: Split, id: DebitId) -> Result<Stored, PortError> {
        let mut stored = self.heads.entries(org, &[(split.ledger(id), id)]).await?;
        Ok(stored.pop().unwrap_or(Stored::Nothing))
    }
}

/// The entry of an application, as far as its tag tells.
pub(super) fn nameless(id: DebitId, tag: Tag, available: Credits) -> Result<DebitEntry, PortError> {
    let channel = tag.channel().ok_or_else(|| broken("a tag has no channel"))?;
    Ok(DebitEntry { id, tag, credits: tag.credits(), channel, details: None, available })
}
