//! Spending and taking back: the calls, each of which may be repeated at any time.

use std::fmt;
use std::sync::Arc;

use saldo_domain::{
    Credits, Debit, DebitId, Funds, Head, MOST_TRIMS, OrgId, Reversal, Shard, Shards, Split, Timestamp,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use super::memory::Memory;
use super::port::{Heads, Reversed, Stored};
use super::work::{Outcome, Work};
use crate::PortError;

/// Spends credits of organisations; clones are one spender.
#[derive(Debug)]
pub struct Spender<H> {
    pub(super) heads: H,
    pub(super) shards: Arc<Shards>,
    pub(super) memory: Arc<Memory>,
    /// The head that this process likes best, any number: others like others.
    pub(super) first: usize,
    turns: Arc<Semaphore>,
}

/// A debit that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debited {
    pub id: DebitId,
    pub credits: Credits,
    /// What could be spent after it; the same for every repeat. Of an organisation that is split: as far as this process
    /// has seen the shards.
    pub available: Credits,
    /// Whether it was done before.
    pub repeated: bool,
}

/// Why nothing was spent, or it is not known whether it was: repeating with the same ids is always safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendError {
    /// Not covered. Not remembered: the same id may do after a top-up.
    NotEnough {
        needed: Credits,
        available: Credits,
    },
    /// The id is that of another message, or of no debit.
    Reused,
    /// The id is used for the first time and not of these 24 hours.
    Untimely(DebitId),
    /// There is no such debit.
    NotFound,
    /// What a message may cost: 1 to 4,095 credits.
    Unpayable,
    /// A batch is 1 to 25 debits, each with an id of its own.
    NoBatch,
    /// More debits of this organisation are under way than its head holds.
    Busy,
    Port(PortError),
}

/// Debits that a process works on at a time, so that its own never fill a ring. A function of Lambda has one call.
const AT_ONCE: usize = 16;
/// How often a head is asked: it may have to be made ready, looked through, given credits, and asked without trims.
const TRIES: usize = 8;

impl<H: Clone> Clone for Spender<H> {
    fn clone(&self) -> Spender<H> {
        Spender {
            heads: self.heads.clone(),
            shards: Arc::clone(&self.shards),
            memory: Arc::clone(&self.memory),
            first: self.first,
            turns: Arc::clone(&self.turns),
        }
    }
}

impl<H: Heads> Spender<H> {
    #[must_use]
    pub fn new(heads: H) -> Spender<H> {
        let (memory, turns) = (Arc::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Spender { heads, shards: Arc::default(), memory, first: fastrand::usize(..), turns }
    }

    /// Spreads the debits of some organisations over several heads.
    #[must_use]
    pub fn with_shards(self, shards: Shards) -> Spender<H> {
        Spender { shards: Arc::new(shards), ..self }
    }

    /// Spends the credits of one message, once for its id however often it is called.
    pub async fn debit(&self, org: &OrgId, debit: &Debit, now: Timestamp) -> Result<Debited, SpendError> {
        let outcomes = self.debit_all(org, std::slice::from_ref(debit), now).await?;
        match outcomes.as_slice() {
            [Outcome::Done(debited)] => Ok(*debited),
            [] | [Outcome::Reused, ..] | [Outcome::Done(_), ..] => Err(SpendError::Reused),
        }
    }

    /// Spends the credits of up to [`saldo_domain::MOST_PORTIONS`] messages, each once for its id however often and in
    /// whatever company it comes. Those that were not done before are all done or, with an error, none of them; only one
    /// whose id turns out to be another message's is left out.
    ///
    /// Gives one outcome for each debit, in their order.
    pub async fn debit_all(
        &self,
        org: &OrgId,
        debits: &[Debit],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, SpendError> {
        let mut work = Work::new(org, debits, now)?;
        let _turn = self.turn(debits.len()).await?;
        work.split = self.known_split(org, now).await?;
        self.answer_from_before(&mut work).await?;
        for _ in 0..TRIES {
            if work.left.is_empty() {
                break;
            }
            self.take(&mut work).await?;
        }
        work.outcomes(debits)
    }

    /// Takes a debit back, once however often it is called.
    pub async fn reverse(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<Reversal, SpendError> {
        if let Some(reversal) = self.heads.reversal(org, id).await? {
            return Ok(reversal);
        }
        let mut stored = self.entry(org, self.memory.split(org), id).await?;
        if stored == Stored::Nothing {
            let (split, funds) = self.all_heads(org, now).await?;
            let in_a_ring = funds.iter().find_map(|(_, head)| Some((*head.ring.get(&id)?, head.credits)));
            stored = match in_a_ring {
                Some((tag, available)) => self.finish_by_tag(org, split, id, tag, available).await?,
                // Not in a ring either: it may have been finished, and left the ring, since the ledger was read.
                None => self.entry(org, split, id).await?,
            };
        }
        let Stored::Debit(debit) = stored else { return Err(SpendError::NotFound) };
        let reversal = Reversal::of(&debit, now);
        match self.heads.reverse(org, &reversal).await? {
            Reversed::New => Ok(reversal),
            Reversed::Before(before) => Ok(before),
        }
    }

    /// Reads the heads and finishes the debits that were left half done.
    pub async fn finish_all(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let funds = self.heads_beside(org, self.heads.head(org).await?).await?;
        self.repair(org, &funds, now).await.map(drop)
    }

    /// Finishes the debits that were left half done, as all heads show them. Says whether the heads are others now.
    pub async fn repair(&self, org: &OrgId, funds: &Funds, now: Timestamp) -> Result<bool, PortError> {
        let split = funds.get(&Shard::MAIN).map(|main| main.split).unwrap_or_default();
        let mut any = false;
        for (shard, head) in funds {
            let left = head.left_alone(now);
            any |= !left.is_empty();
            for some in left.chunks(MOST_TRIMS) {
                let done = self.look_after(org, split, head.credits, some, now).await?;
                if done.is_empty() {
                    continue;
                }
                match self.heads.trim(org, *shard, &done).await {
                    // One of them was applied again just now: the next repair sees it.
                    Ok(()) | Err(PortError::Conflict) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(any)
    }

    /// In passing; the debit at hand is done whatever comes of it.
    pub(super) async fn look_after_one(&self, org: &OrgId, split: Split, head: &Head, now: Timestamp) {
        let Some((id, tag)) = head.to_look_after(now) else { return };
        match self.look_after(org, split, head.credits, &[(id, tag)], now).await {
            Ok(done) => self.memory.finished(org, done),
            Err(error) => warn!(org = org.as_str(), debit = %id, %error, "not looked after"),
        }
    }

    async fn turn(&self, debits: usize) -> Result<SemaphorePermit<'_>, SpendError> {
        let turns = u32::try_from(debits.min(AT_ONCE)).unwrap_or(1);
        self.turns.acquire_many(turns).await.map_err(|_| SpendError::Busy)
    }
}

pub(super) fn broken(what: &str) -> PortError {
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
            SpendError::NotEnough { needed, available } => {
                write!(f, "not enough credits: {available} of {needed}")
            }
            SpendError::Reused => f.write_str("the id is of another message"),
            SpendError::Untimely(id) => write!(f, "the id {id} is not of these 24 hours"),
            SpendError::NotFound => f.write_str("no such debit"),
            SpendError::Unpayable => f.write_str("a message costs 1 to 4,095 credits"),
            SpendError::NoBatch => f.write_str("a batch is 1 to 25 debits, each with an id of its own"),
            SpendError::Busy => f.write_str("too many debits at once"),
            SpendError::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SpendError {}
