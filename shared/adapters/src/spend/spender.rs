//! The debit: take, write the entry, or finish and undo what others left behind.

use std::fmt;
use std::sync::Arc;

use saldo_domain::{
    Credits, Debit, DebitEntry, DebitId, Details, Head, MOST_TRIMS, OrgId, Refusal, Reversal, Tag, Take,
    Timestamp, refusal,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use super::memory::Memory;
use super::port::{Heads, Reversed, Stored, Taken, Written};
use crate::PortError;

/// Spends credits of organisations; clones are one spender.
#[derive(Debug)]
pub struct Spender<H> {
    heads: H,
    memory: Arc<Memory>,
    turns: Arc<Semaphore>,
}

/// A debit that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debited {
    pub id: DebitId,
    pub credits: Credits,
    /// What could be spent after it; the same for every repeat.
    pub available: Credits,
    /// Whether it was done before.
    pub repeated: bool,
}

/// Why nothing was spent, or it is not known whether it was: repeating with the same id is always safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendError {
    /// Not covered. Not remembered: the same id may do after a top-up.
    NotEnough(Credits),
    /// The id is that of another message, or of no debit.
    Reused,
    /// The id is used for the first time and not of these 24 hours.
    Untimely,
    /// There is no such debit.
    NotFound,
    /// What a message may cost: 1 to 4,095 credits.
    Unpayable,
    /// More debits of this organisation are under way than its head holds.
    Busy,
    Port(PortError),
}

/// Debits that a process works on at a time, so that its own never fill a ring. A function of Lambda has one.
const AT_ONCE: usize = 16;
/// How often a head is asked: it may have to be made ready, looked through, and asked without trims.
const TRIES: usize = 5;

/// A debit as it stands in the ring.
struct Applied {
    tag: Tag,
    head: Head,
    /// Whether the attempt itself took the credits.
    ours: bool,
}

impl<H: Clone> Clone for Spender<H> {
    fn clone(&self) -> Spender<H> {
        let (memory, turns) = (Arc::clone(&self.memory), Arc::clone(&self.turns));
        Spender { heads: self.heads.clone(), memory, turns }
    }
}

impl<H: Heads> Spender<H> {
    #[must_use]
    pub fn new(heads: H) -> Spender<H> {
        Spender { heads, memory: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Spends the credits of one message, once for its id however often it is called.
    pub async fn debit(&self, org: &OrgId, debit: &Debit, now: Timestamp) -> Result<Debited, SpendError> {
        let _turn = self.turn().await?;
        if debit.id.maybe_repeated(now) || self.memory.has(org, debit.id) {
            match self.heads.entry(org, debit.id).await? {
                Stored::Nothing if debit.id.is_timely(now) => {}
                Stored::Nothing => return self.untimely(org, debit).await,
                stored => return answer(stored, debit, true),
            }
        }
        match self.take(org, debit, now).await? {
            Ok(applied) => {
                let done = self.finish_own(org, debit, &applied).await?;
                self.look_after_one(org, &applied.head, now).await;
                Ok(done)
            }
            Err(available) => match self.heads.entry(org, debit.id).await? {
                Stored::Nothing => Err(SpendError::NotEnough(available)),
                stored => answer(stored, debit, true),
            },
        }
    }

    /// Takes a debit back, once however often it is called.
    pub async fn reverse(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<Reversal, SpendError> {
        if let Some(reversal) = self.heads.reversal(org, id).await? {
            return Ok(reversal);
        }
        let mut stored = self.heads.entry(org, id).await?;
        if stored == Stored::Nothing {
            let head = self.heads.head(org).await?;
            // Not in the ring either: it may have been finished, and left the ring, since the ledger was read.
            stored = match head.ring.get(&id) {
                Some(tag) => self.finish(org, &nameless(id, *tag, head.credits)?).await?.0,
                None => self.heads.entry(org, id).await?,
            };
        }
        let Stored::Debit(debit) = stored else { return Err(SpendError::NotFound) };
        let reversal = Reversal::of(&debit, now);
        match self.heads.reverse(org, &reversal).await? {
            Reversed::New => Ok(reversal),
            Reversed::Before(before) => Ok(before),
        }
    }

    /// Reads the head and finishes the debits that were left half done.
    pub async fn finish_all(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let head = self.heads.head(org).await?;
        self.repair(org, &head, now).await.map(drop)
    }

    /// Finishes the debits that were left half done, as `head` shows them. Says whether the head is another one now.
    pub async fn repair(&self, org: &OrgId, head: &Head, now: Timestamp) -> Result<bool, PortError> {
        let left = head.left_alone(now);
        let mut done = Vec::new();
        for (id, tag) in &left {
            if self.look_after(org, head, *id, *tag, now).await? {
                done.push((*id, *tag));
            }
        }
        for some in done.chunks(MOST_TRIMS) {
            match self.heads.trim(org, some).await {
                // One of them was applied again just now: the next repair sees it.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(!left.is_empty())
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, SpendError> {
        self.turns.acquire().await.map_err(|_| SpendError::Busy)
    }

    /// An id that may not be used for the first time: it is answered if it was begun before.
    async fn untimely(&self, org: &OrgId, debit: &Debit) -> Result<Debited, SpendError> {
        let head = self.heads.head(org).await?;
        let stored = match head.ring.get(&debit.id).copied() {
            Some(tag) => {
                let applied = Applied { tag, head, ours: false };
                return self.finish_own(org, debit, &applied).await;
            }
            // It may have been finished, and left the ring, since the ledger was read.
            None => self.heads.entry(org, debit.id).await?,
        };
        match stored {
            Stored::Nothing => Err(SpendError::Untimely),
            stored => answer(stored, debit, true),
        }
    }

    /// Gets the debit into the ring, or tells how many credits there are.
    async fn take(
        &self,
        org: &OrgId,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Result<Applied, Credits>, SpendError> {
        let code = Tag::code(debit.credits, debit.channel).ok_or(SpendError::Unpayable)?;
        let trims = self.memory.some(org, debit.id);
        let mut take = Take { id: debit.id, credits: debit.credits, code, trims };
        let mut looked_through = false;
        for _ in 0..TRIES {
            let head = match self.heads.take(org, &take).await? {
                Taken::Given(head) => {
                    let tag = *head.ring.get(&take.id).ok_or_else(|| broken("a taken debit is not there"))?;
                    return Ok(Ok(Applied { tag, head, ours: true }));
                }
                Taken::Refused(head) => head,
            };
            match (refusal(head.as_ref(), &take), head) {
                (Refusal::Taken(tag), Some(head)) => {
                    self.memory.finished(org, take.trims);
                    return Ok(Ok(Applied { tag, head, ours: false }));
                }
                (Refusal::NotEnough(available), _) => {
                    self.memory.finished(org, take.trims);
                    return Ok(Err(available));
                }
                (Refusal::NotReady, _) => self.heads.make_ready(org).await?,
                (Refusal::Full, Some(head)) if !looked_through => {
                    looked_through = true;
                    take.trims = self.look_through(org, &head, now).await?;
                }
                (Refusal::Full, _) => return Err(SpendError::Busy),
                (Refusal::Trims | Refusal::Taken(_), _) => take.trims.clear(),
            }
        }
        Err(SpendError::Busy)
    }

    /// Writes the entry of a debit in the ring, with all that its sender said, and answers.
    async fn finish_own(&self, org: &OrgId, debit: &Debit, applied: &Applied) -> Result<Debited, SpendError> {
        let mut entry = nameless(debit.id, applied.tag, applied.head.credits)?;
        // What another attempt took may have been for another message: then it is not for us to say which.
        let same = (entry.credits, entry.channel) == (debit.credits, debit.channel);
        if applied.ours || same {
            entry.details = Some(debit.details.clone());
        }
        let (stored, new) = self.finish(org, &entry).await?;
        answer(stored, debit, !new)
    }

    /// Writes the entry of an application, or undoes the application when the entry is of another one. Gives the entry
    /// there is then, and whether it is new.
    async fn finish(&self, org: &OrgId, entry: &DebitEntry) -> Result<(Stored, bool), PortError> {
        let (stored, new) = match self.heads.put_entry(org, entry).await? {
            Written::New => (Stored::Debit(entry.clone()), true),
            Written::Before(stored) => (stored, false),
        };
        match &stored {
            Stored::Debit(found) if found.tag == entry.tag => {
                self.memory.finished(org, [(entry.id, entry.tag)]);
            }
            Stored::Nothing | Stored::Debit(_) | Stored::Other => {
                self.heads.give_back(org, entry.id, entry.tag).await?;
            }
        }
        Ok((stored, new))
    }

    /// Looks after one debit of the ring; true when its entry carries its tag.
    async fn look_after(
        &self,
        org: &OrgId,
        head: &Head,
        id: DebitId,
        tag: Tag,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        match self.heads.entry(org, id).await? {
            Stored::Debit(entry) if entry.tag == tag => Ok(true),
            // Its sender is probably about to write the entry, and knows more about the message.
            Stored::Nothing if !id.is_left_alone(now) => Ok(false),
            Stored::Nothing | Stored::Debit(_) | Stored::Other => {
                warn!(org = org.as_str(), debit = %id, "a debit was left half done");
                let (stored, _) = self.finish(org, &nameless(id, tag, head.credits)?).await?;
                Ok(matches!(stored, Stored::Debit(entry) if entry.tag == tag))
            }
        }
    }

    /// Finished debits of a full ring, of those that are in it for longest.
    async fn look_through(
        &self,
        org: &OrgId,
        head: &Head,
        now: Timestamp,
    ) -> Result<Vec<(DebitId, Tag)>, PortError> {
        let mut done = Vec::new();
        for (id, tag) in head.by_age() {
            if done.len() == MOST_TRIMS {
                break;
            }
            if self.look_after(org, head, id, tag, now).await? {
                done.push((id, tag));
            }
        }
        Ok(done)
    }

    /// In passing; the debit at hand is done whatever comes of it.
    async fn look_after_one(&self, org: &OrgId, head: &Head, now: Timestamp) {
        let Some((id, tag)) = head.to_look_after(now) else { return };
        match self.look_after(org, head, id, tag, now).await {
            Ok(true) => self.memory.finished(org, [(id, tag)]),
            Ok(false) => {}
            Err(error) => warn!(org = org.as_str(), debit = %id, %error, "not looked after"),
        }
    }
}

/// The entry of an application, as far as its tag tells.
fn nameless(id: DebitId, tag: Tag, available: Credits) -> Result<DebitEntry, PortError> {
    let channel = tag.channel().ok_or_else(|| broken("a tag has no channel"))?;
    Ok(DebitEntry { id, tag, credits: tag.credits(), channel, details: None::<Details>, available })
}

fn answer(stored: Stored, debit: &Debit, repeated: bool) -> Result<Debited, SpendError> {
    match stored {
        Stored::Debit(entry) if entry.is_of(debit) => {
            Ok(Debited { id: entry.id, credits: entry.credits, available: entry.available, repeated })
        }
        Stored::Nothing | Stored::Debit(_) | Stored::Other => Err(SpendError::Reused),
    }
}

fn broken(what: &str) -> PortError {
    PortError::Broken(what.to_owned())
}

impl From<PortError> for SpendError {
    fn from(error: PortError) -> SpendError {
        SpendError::Port(error)
    }
}

impl fmt::Display for SpendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpendError::NotEnough(available) => write!(f, "not enough credits: {available}"),
            SpendError::Reused => f.write_str("the id is of another message"),
            SpendError::Untimely => f.write_str("the id is not of these 24 hours"),
            SpendError::NotFound => f.write_str("no such debit"),
            SpendError::Unpayable => f.write_str("a message costs 1 to 4,095 credits"),
            SpendError::Busy => f.write_str("too many debits at once"),
            SpendError::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SpendError {}
