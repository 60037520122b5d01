//! Those of one organisation that wait for a group, in line, and what became of each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use saldo_domain::{
    Actor, Channel, Credits, Debit, DebitId, Details, MOST_IN_BATCH, Meters, OrgId, PriceError, RateVersion,
    Timestamp,
};
use tokio::sync::{Semaphore, oneshot};

use crate::outcome::{Debited, SpendError};

/// What is to be debited, under an id that is chosen with its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    channel: Channel,
    details: Details,
    credits: Credits,
    version: RateVersion,
    max_credits: Option<Credits>,
}

impl Order {
    /// At the rates of `now`; refused beyond `max_credits`.
    ///
    /// # Errors
    /// When there is no such meter or class, or when it would cost more than a debit may.
    pub fn new(
        meters: &Meters,
        channel: Channel,
        details: Details,
        max_credits: Option<Credits>,
        now: Timestamp,
    ) -> Result<Order, PriceError> {
        let price = meters.price(channel, details.class, details.country, details.units, now)?;
        Ok(Order { channel, details, credits: price.credits, version: price.version, max_credits })
    }

    /// The debit that it is under this id.
    #[must_use]
    pub fn under(&self, id: DebitId) -> Debit {
        let Order { channel, details, credits, version, max_credits } = self.clone();
        Debit { id, credits, version: Some(version), max_credits, channel, details, hold: None }
    }
}

/// Why an order was not debited, or it is not known whether it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    pub error: SpendError,
    /// What to repeat, by [`Spender::debit`]; `None` where nothing was tried, so that a new order is right.
    pub debit: Option<Debit>,
}

/// Groups of each organisation; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(Arc<std::sync::Mutex<HashMap<OrgId, Line>>>);

#[derive(Debug)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Groups that may be under way at the same time.
    places: Arc<Semaphore>,
}

/// Of one organisation: who comes second need not wait for the first one's answer. Larger ones go one after the other, as
/// a process works on no more debits at a time than its places are.
const AT_ONCE: usize = 2;

impl Default for Line {
    fn default() -> Line {
        Line { waiting: VecDeque::new(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Somebody who waits for a group.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) order: Order,
    pub(crate) actor: Actor,
    /// What it becomes, for whoever has to go on with it alone.
    pub(crate) debit: Arc<OnceLock<Debit>>,
    pub(crate) answer: oneshot::Sender<Result<Debited, SpendError>>,
}

impl Groups {
    /// Gets in line; gives what lets its organisation's groups begin.
    pub(crate) fn join(&self, org: &OrgId, waiting: Waiting) -> Arc<Semaphore> {
        let mut lines = self.lines();
        let line = lines.entry(org.clone()).or_default();
        line.waiting.push_back(waiting);
        Arc::clone(&line.places)
    }

    /// The next group: of those who still want an answer, the first, and those behind it of the same actor.
    pub(crate) fn next(&self, org: &OrgId) -> Vec<Waiting> {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(org) else { return Vec::new() };
        let mut group: Vec<Waiting> = Vec::new();
        while let Some(waiting) = line.waiting.pop_front() {
            if waiting.answer.is_closed() {
                continue;
            }
            let is_of_it = group.first().is_none_or(|first| first.actor == waiting.actor);
            if !is_of_it || group.len() == MOST_IN_BATCH {
                line.waiting.push_front(waiting);
                break;
            }
            group.push(waiting);
        }
        group
    }

    /// Forgets a line in which nobody is any more.
    pub(crate) fn leave(&self, org: &OrgId, places: Arc<Semaphore>) {
        drop(places);
        let mut lines = self.lines();
        let is_over = |line: &Line| line.waiting.is_empty() && Arc::strong_count(&line.places) == 1;
        if lines.get(org).is_some_and(is_over) {
            lines.remove(org);
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<OrgId, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
