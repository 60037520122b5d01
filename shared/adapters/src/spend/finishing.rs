//! From the ring to the ledger: entries are written, late duplicates given back, and what others left half done is ended.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use saldo_domain::{Credits, DebitEntry, DebitId, Funds, OrgId, RunId, Split, Tag, Timestamp};
use tracing::warn;

use super::port::{Heads, Stored, Written};
use super::spender::{Spender, broken};
use crate::PortError;

/// How long before entries go to the shards' ledgers this is decided, in seconds: longer than an id may be ahead of our
/// clock when it is used first, and our clocks of each other.
const SPLIT_AHEAD_SECS: i64 = 600;
/// How often the main head is asked to split.
const TRIES: usize = 4;

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

    /// All heads, and what the main one says of a split: where one is about to come, it is there now.
    pub async fn all_heads(&self, org: &OrgId, now: Timestamp) -> Result<(Split, Funds), PortError> {
        let mut main = self.heads.head(org).await?;
        if main.split == Split::Coming {
            main.split = self.make_split(org, now).await?;
        }
        let split = main.split;
        Ok((split, self.heads_beside(org, main).await?))
    }

    /// How the organisation is split, as far as it is known; one that is to be split is.
    pub(super) async fn known_split(&self, org: &OrgId, now: Timestamp) -> Result<Split, PortError> {
        match self.memory.split(org) {
            Split::No | Split::Coming if self.shards.of(org).is_some() => self.make_split(org, now).await,
            known => Ok(known),
        }
    }

    /// Splits an organisation that has a head. In two steps: after the first one nobody takes who does not know of it, so
    /// that all ids that were taken by others are older than the moment that the second one names.
    pub(super) async fn make_split(&self, org: &OrgId, now: Timestamp) -> Result<Split, PortError> {
        for _ in 0..TRIES {
            let main = self.heads.head(org).await?;
            let step = match main.split {
                Split::Since(_) => {
                    let split = main.split;
                    self.heads_beside(org, main).await?;
                    return Ok(split);
                }
                Split::No if !main.ready => self.heads.make_ready(org).await,
                Split::No => self.heads.announce_split(org).await,
                Split::Coming => self.heads.split(org, now.plus_secs(SPLIT_AHEAD_SECS)).await,
            };
            match step {
                // Someone else was faster, or there is no head.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        // Without a head there is nothing to spend.
        Ok(Split::No)
    }
}

/// The entry of an application, as far as its tag tells.
pub(super) fn nameless(id: DebitId, tag: Tag, available: Credits) -> Result<DebitEntry, PortError> {
    let channel = tag.channel().ok_or_else(|| broken("a tag has no channel"))?;
    Ok(DebitEntry { id, tag, credits: tag.credits(), channel, details: None, available })
}

#[cfg(test)]
mod tests {
    use saldo_domain::Shard;

    use super::*;

    #[test]
    fn entries_move_later_than_any_id_that_was_taken_before() {
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let latest_taker = id.at().plus_secs(-300);
        assert!(id.is_timely(latest_taker));
        let since = Split::Since(latest_taker.plus_secs(SPLIT_AHEAD_SECS));
        assert_eq!(since.ledger(id), Shard::MAIN);
    }
}
