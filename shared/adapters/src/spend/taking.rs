//! The way of a debit: looked up if it may be a repeat, taken from a head, written into the ledger.

use std::collections::BTreeMap;

use saldo_domain::{
    Credits, Debit, DebitId, Funds, Head, MOST_TRIMS, OrgId, Refusal, Shard, Split, Tag, Take, gather,
    refusal, total,
};

use tracing::warn;

use super::finishing::nameless;
use super::port::{Heads, Stored, Taken};
use super::spender::{SpendError, Spender, broken};
use super::work::Work;
use crate::PortError;

/// Whether a head has, or has now, what is needed.
enum Cover {
    Perhaps,
    /// All heads together had only so much at one moment.
    Lacking(Credits, Funds),
}

impl<H: Heads> Spender<H> {
    /// Answers what may have been done before, and refuses ids that may not be used for the first time.
    pub(super) async fn answer_from_before(&self, work: &mut Work<'_>) -> Result<(), SpendError> {
        let suspects: Vec<DebitId> = work
            .left
            .iter()
            .map(|debit| debit.id)
            .filter(|id| id.maybe_repeated(work.now) || self.memory.has(work.org, *id))
            .collect();
        self.answer_from_ledger(work, suspects).await?;
        let untimely = |work: &Work<'_>| -> Vec<DebitId> {
            work.left.iter().map(|debit| debit.id).filter(|id| !id.is_timely(work.now)).collect()
        };
        if untimely(work).is_empty() {
            return Ok(());
        }
        let (split, funds) = self.all_heads(work.org, work.now).await?;
        work.split = split;
        self.answer_from_rings(work, &funds).await?;
        // It may have been finished, and left the ring, since the ledger was read.
        self.answer_from_ledger(work, untimely(work)).await?;
        untimely(work).first().map_or(Ok(()), |id| Err(SpendError::Untimely(*id)))
    }

    /// One attempt to get all that is left into the ring of its head; whatever is found to be there already is answered.
    pub(super) async fn take<'a>(&'a self, work: &mut Work<'a>) -> Result<(), SpendError> {
        let (org, home) = (work.org, self.home(work));
        let portions = work.portions();
        let trims = work.trims.take().unwrap_or_else(|| self.memory.some(org, home, &portions));
        let take = Take { portions, trims, unsplit: work.split == Split::No };
        let head = match self.heads.take(org, home, &take).await? {
            Taken::Given(head) => {
                let available = self.memory.saw(org, home, &head);
                self.finish_from_ring(work, &head.ring, available, true).await?;
                if !work.left.is_empty() {
                    return Err(broken("a taken debit is not there").into());
                }
                self.look_after_one(org, work.split, &head, work.now).await;
                if head.is_crowded_beside(take.portions.len()) {
                    self.clear(org, home).await;
                }
                return Ok(());
            }
            Taken::Refused(head) => head,
        };
        let why = refusal(head.as_ref(), &take);
        match (why, head) {
            (Refusal::Split, Some(_)) => {
                self.memory.finished(org, take.trims);
                // What was looked up before may have been looked for in the wrong place: the entries tell in the end.
                work.split = self.make_split(org, work.now).await?;
                Ok(())
            }
            (Refusal::Taken, Some(head)) => {
                self.memory.finished(org, take.trims);
                self.finish_from_ring(work, &head.ring, head.credits, false).await
            }
            (Refusal::NotEnough(available), _) => {
                self.memory.finished(org, take.trims);
                self.cover(work, home, available).await
            }
            (Refusal::NotReady, _) => {
                work.trims = Some(take.trims);
                Ok(self.heads.make_ready(org).await?)
            }
            (Refusal::Full, Some(head)) => self.make_room(work, home, &head, take).await,
            (Refusal::Full, None) => Err(SpendError::Busy),
            (Refusal::Trims | Refusal::Split | Refusal::Taken, _) => {
                work.trims = Some(Vec::new());
                Ok(())
            }
        }
    }

    /// Finds finished debits in a full ring, for the next attempt to take out; at once, where that would not be enough.
    async fn make_room(
        &self,
        work: &mut Work<'_>,
        home: Shard,
        head: &Head,
        take: Take,
    ) -> Result<(), SpendError> {
        let mut oldest = head.by_age();
        oldest.truncate(MOST_TRIMS);
        let trims = self.look_after(work.org, work.split, head.credits, &oldest, work.now).await?;
        if trims.is_empty() {
            return Err(SpendError::Busy);
        }
        let next = Take { trims, ..take };
        if head.ring.len() < next.room() {
            work.trims = Some(next.trims);
            return Ok(());
        }
        match self.heads.trim(work.org, home, &next.trims).await {
            // One of them was applied again just now: the next attempt sees it.
            Ok(()) | Err(PortError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whose head all debits of a call go to. Any will do, since the entries decide: see [`super::memory::Memory::begin`].
    fn home<'a>(&'a self, work: &mut Work<'a>) -> Shard {
        let Split::Since(_) = work.split else { return Shard::MAIN };
        let chosen = work.home.get_or_insert_with(|| {
            let homes: Vec<_> = self.shards.homes(work.org).collect();
            self.memory.begin(work.org, &homes, self.first)
        });
        chosen.home
    }

    /// Takes what this process has finished out of a ring. Others do it when this fails.
    async fn clear(&self, org: &OrgId, home: Shard) {
        let done = self.memory.some(org, home, &[]);
        if !done.is_empty()
            && let Err(error) = self.heads.trim(org, home, &done).await
        {
            warn!(org = org.as_str(), %error, "finished debits stay in a ring");
        }
    }

    /// Brings credits to a head that has too few, or refuses when there are too few in all.
    async fn cover(&self, work: &mut Work<'_>, home: Shard, available: Credits) -> Result<(), SpendError> {
        let before = work.left.len();
        let mut available = available;
        if let Split::Since(_) = work.split {
            match self.gather(work, home).await? {
                Cover::Perhaps => return Ok(()),
                Cover::Lacking(all, funds) => {
                    available = all;
                    self.answer_from_rings(work, &funds).await?;
                }
            }
        }
        let left = work.left.iter().map(|debit| debit.id).collect();
        self.answer_from_ledger(work, left).await?;
        if work.left.len() < before {
            return Ok(());
        }
        Err(SpendError::NotEnough { needed: work.needed(), available })
    }

    async fn gather(&self, work: &Work<'_>, home: Shard) -> Result<Cover, PortError> {
        let (org, needed) = (work.org, work.needed());
        let funds = self.heads.heads(org).await?;
        self.memory.saw_all(org, &funds);
        let shards = self.shards.of(org).unwrap_or_default();
        if let Some(gain) = gather(&funds, home, shards, needed) {
            if !gain.from.is_empty() {
                match self.heads.shift(org, &gain).await {
                    // What was read is not so any more: the next attempt reads again.
                    Ok(()) | Err(PortError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(Cover::Perhaps);
        }
        // The heads were read one after the other, and credits may have moved behind the reader's back. If between this
        // reading and another one no head gained any, then no head had more than was read when the first one ended.
        let again = self.heads.heads(org).await?;
        let gains =
            |funds: &Funds| funds.iter().map(|(shard, head)| (*shard, head.gains)).collect::<Vec<_>>();
        if gains(&funds) == gains(&again) {
            let lacking = total(&again).min(total(&funds));
            return Ok(Cover::Lacking(lacking, again));
        }
        Ok(Cover::Perhaps)
    }

    async fn answer_from_ledger(&self, work: &mut Work<'_>, ids: Vec<DebitId>) -> Result<(), PortError> {
        if ids.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = ids.into_iter().map(|id| (work.split.ledger(id), id)).collect();
        let stored = self.heads.entries(work.org, &asked).await?;
        for ((_, id), stored) in asked.iter().zip(&stored) {
            if *stored != Stored::Nothing {
                work.answer(*id, stored, true);
            }
        }
        Ok(())
    }

    /// Finishes what is left of a call and in a ring.
    async fn answer_from_rings(&self, work: &mut Work<'_>, funds: &Funds) -> Result<(), SpendError> {
        for head in funds.values() {
            self.finish_from_ring(work, &head.ring, head.credits, false).await?;
        }
        Ok(())
    }

    /// Writes the entries of what is left and in this ring, with all that its sender said, and answers.
    async fn finish_from_ring(
        &self,
        work: &mut Work<'_>,
        ring: &BTreeMap<DebitId, Tag>,
        available: Credits,
        ours: bool,
    ) -> Result<(), SpendError> {
        let in_ring = |debit: &&Debit| Some((*ring.get(&debit.id)?, (*debit).clone()));
        let applied: Vec<_> = work.left.iter().filter_map(in_ring).collect();
        let mut entries = Vec::new();
        for (tag, debit) in applied {
            let mut entry = nameless(debit.id, tag, available)?;
            // What another attempt took may have been for another message: then it is not for us to say which.
            let same = (entry.credits, entry.channel) == (debit.credits, debit.channel);
            if ours || same {
                entry.details = Some(debit.details);
            }
            entries.push(entry);
        }
        for (id, stored, new) in self.finish(work.org, work.split, entries).await? {
            work.answer(id, &stored, !new);
        }
        Ok(())
    }
}
