//! Groups: those of one organisation that wait for one, in line, and the ids that are chosen for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saldo_domain::{
    Actor, Channel, Credits, Debit, DebitId, Details, MOST_IN_BATCH, Meters, OrgId, PriceError, RateVersion,
    RunId, Timestamp,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::outcome::{Debited, SpendError};

/// What is to be debited, whatever its id.
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
        Debit { version: Some(version), max_credits, details, ..Debit::costing(id, channel, credits) }
    }
}

/// Why an order was not debited, or it is not known whether it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    pub error: SpendError,
    /// What to repeat, by [`crate::Spender::debit`].
    pub debit: Debit,
}

/// Groups of each organisation; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    lines: Arc<Mutex<HashMap<OrgId, Line>>>,
    chosen: Arc<Mutex<HashMap<(OrgId, Actor), DebitId>>>,
}

#[derive(Debug)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Groups that may be under way at the same time.
    places: Arc<Semaphore>,
}

/// Of one organisation: who comes second need not wait for the first one's answer. More would be smaller ones,
/// each of which pays for two writes: a process that has 64 under way sends 4,500 a second by two.
const AT_ONCE: usize = 2;

/// For how long ids of one run are chosen, in milliseconds: none may be old when it is used.
const RUN_MS: i64 = 500;
/// How many callers have a run that ids are chosen of. Forgetting one is harmless: then another run begins.
const MOST_RUNS: usize = 10_000;

impl Default for Line {
    fn default() -> Line {
        Line { waiting: VecDeque::new(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// Somebody who waits for a group.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) debit: Debit,
    pub(crate) actor: Actor,
    /// When it came.
    pub(crate) now: Timestamp,
    pub(crate) answer: oneshot::Sender<Result<Debited, SpendError>>,
}

impl Groups {
    /// An id that nobody has used. Those that a caller is given at the same moment are of one run, as many as go into a group
    /// that none has gone into yet.
    pub(crate) fn choose(&self, org: &OrgId, actor: &Actor, now: Timestamp) -> DebitId {
        let mut chosen = locked(&self.chosen);
        if chosen.len() >= MOST_RUNS {
            chosen.clear();
        }
        let whose = (org.clone(), actor.clone());
        let fresh = |last: &&DebitId| (0..RUN_MS).contains(&(now.ms() - last.at().ms()));
        let of_group = |id: &DebitId| usize::from(id.place()) < MOST_IN_BATCH;
        let last = chosen.get(&whose).filter(fresh);
        let next = last.and_then(|last| last.next_of_run()).filter(of_group).unwrap_or_else(|| {
            let mut random = [0; 10];
            random.iter_mut().for_each(|byte| *byte = fastrand::u8(..));
            DebitId::made_at(now, &random)
        });
        chosen.insert(whose, next);
        next
    }

    /// Gets in line.
    pub(crate) fn join<'a>(&'a self, org: &'a OrgId, waiting: Waiting) -> InLine<'a> {
        let mut lines = locked(&self.lines);
        let line = lines.entry(org.clone()).or_default();
        line.waiting.push_back(waiting);
        InLine { groups: self, org, places: Some(Arc::clone(&line.places)) }
    }

    /// The next group: the first of those who wait, and others of the same actor, each with an id of its own. Of a
    /// run all that wait go or none, so that a balance shard keeps few bytes of each. Who is passed by stays in line. Ids that are
    /// chosen from now on are not of a run that goes.
    pub(crate) fn next(&self, org: &OrgId) -> Vec<Waiting> {
        let mut lines = locked(&self.lines);
        let Some(line) = lines.get_mut(org) else { return Vec::new() };
        let Some(actor) = line.waiting.front().map(|first| first.actor.clone()) else { return Vec::new() };
        let mut of_run: HashMap<RunId, usize> = HashMap::new();
        for waiting in line.waiting.iter().filter(|waiting| waiting.actor == actor) {
            *of_run.entry(waiting.debit.id.run()).or_default() += 1;
        }
        let (mut group, mut passed): (Vec<Waiting>, VecDeque<Waiting>) = Default::default();
        let (mut goes, mut left) = (HashMap::new(), MOST_IN_BATCH);
        for waiting in std::mem::take(&mut line.waiting) {
            let run = waiting.debit.id.run();
            let its = of_run.get(&run).copied().unwrap_or_default().min(MOST_IN_BATCH);
            let same_id = |one: &Waiting| one.debit.id == waiting.debit.id;
            let fits = waiting.actor == actor
                && *goes.entry(run).or_insert_with(|| {
                    let fits = its <= left;
                    left -= if fits { its } else { 0 };
                    fits
                });
            if fits && group.len() < MOST_IN_BATCH && !group.iter().any(same_id) {
                group.push(waiting);
            } else {
                passed.push_back(waiting);
            }
        }
        line.waiting = passed;
        let mut chosen = locked(&self.chosen);
        let whose = (org.clone(), actor);
        if chosen.get(&whose).is_some_and(|last| goes.get(&last.run()) == Some(&true)) {
            chosen.remove(&whose);
        }
        group
    }
}

/// Somebody in line, or in a group, until it is dropped.
pub(crate) struct InLine<'a> {
    groups: &'a Groups,
    org: &'a OrgId,
    places: Option<Arc<Semaphore>>,
}

impl InLine<'_> {
    /// Waits until a group may begin; `None` for never.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.places.as_ref()?).acquire_owned().await.ok()
    }
}

/// Forgets who wants no answer any more, and a line in which nobody is.
impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.places = None;
        let mut lines = locked(&self.groups.lines);
        let Some(line) = lines.get_mut(self.org) else { return };
        line.waiting.retain(|waiting| !waiting.answer.is_closed());
        if line.waiting.is_empty() && Arc::strong_count(&line.places) == 1 {
            lines.remove(self.org);
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
