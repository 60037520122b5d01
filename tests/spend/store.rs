//! A table in memory that loses, delays, duplicates and applies without an answer, by a seed.
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use saldo_adapters::PortError;
use saldo_adapters::spend::{Heads, Reversed, Stored, Taken, Written};
use saldo_domain::{
    Credits, DebitEntry, DebitId, EntryId, Head, OrgId, Reversal, TURN, Tag, Take, Timestamp,
};

use super::bugs::Bug;

/// One organisation's items and everything that may still reach them.
pub(crate) struct State {
    pub(crate) rng: fastrand::Rng,
    pub(crate) bug: Option<Bug>,
    /// Of 100 calls, how many go wrong.
    pub(crate) trouble: u32,
    pub(crate) head: Option<Head>,
    pub(crate) ledger: BTreeMap<EntryId, Row>,
    pub(crate) reversals: BTreeMap<DebitId, Reversal>,
    /// Writes that were given up and are still under way.
    pub(crate) late: Vec<Op>,
    /// Applications of each debit that were not given back.
    pub(crate) charged: BTreeMap<DebitId, i64>,
    pub(crate) wrong: Option<String>,
    /// Debits by when their entry came, in writes: what a read that is not consistent misses.
    written_at: BTreeMap<DebitId, u64>,
    writes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Debit(DebitEntry),
    Reversal(Credits),
    TopUp(Credits),
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Take(Take),
    Ready,
    Put(DebitEntry),
    GiveBack(DebitId, Tag),
    Trim(Vec<(DebitId, Tag)>),
    Entry(DebitId),
    Head,
    Reversal(DebitId),
    Reverse(Reversal),
}

enum Answer {
    Taken(Taken),
    Done,
    Written(Written),
    Stored(Stored),
    Head(Head),
    Reversal(Option<Reversal>),
    Reversed(Reversed),
}

/// What becomes of a call.
enum Fate {
    Fine,
    Lost,
    /// It has its effect later; the caller is told that it failed.
    Late,
    Unanswered,
    /// It was sent again and both had their effect; the caller hears of the second.
    Twice,
    /// It was sent again and answered; the first one has its effect later.
    LateTwice,
}

/// The table as one attempt sees it.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) state: Arc<Mutex<State>>,
    refused: Arc<Mutex<bool>>,
}

impl Port {
    pub(crate) fn new(state: State) -> Port {
        Port { state: Arc::new(Mutex::new(state)), refused: Arc::default() }
    }

    /// The same table for someone else.
    pub(crate) fn another(&self) -> Port {
        Port { state: Arc::clone(&self.state), refused: Arc::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn call(&self, op: Op) -> Result<Answer, PortError> {
        Step::default().await;
        let answer = {
            let mut state = self.state();
            let lost = || Err(PortError::Unavailable("no answer".to_owned()));
            match state.fate() {
                Fate::Fine => state.apply(&op),
                Fate::Lost => lost(),
                Fate::Late => {
                    state.late.push(op);
                    lost()
                }
                Fate::Unanswered => {
                    let _ = state.apply(&op);
                    lost()
                }
                Fate::Twice => {
                    let _ = state.apply(&op);
                    state.apply(&op)
                }
                Fate::LateTwice => {
                    state.late.push(op.clone());
                    state.apply(&op)
                }
            }
        };
        Step::default().await;
        answer
    }
}

/// Lets someone else go on first.
#[derive(Default)]
struct Step(bool);

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

macro_rules! answered {
    ($port:expr, $op:expr, $kind:ident) => {
        match $port.call($op).await? {
            Answer::$kind(answer) => Ok(answer),
            _ => unreachable!("the answer is of the call's kind"),
        }
    };
}

impl Heads for Port {
    async fn take(&self, _: &OrgId, take: &Take) -> Result<Taken, PortError> {
        let taken: Result<Taken, PortError> = answered!(self, Op::Take(take.clone()), Taken);
        *self.refused.lock().unwrap() = matches!(taken, Ok(Taken::Refused(_)));
        taken
    }

    async fn make_ready(&self, _: &OrgId) -> Result<(), PortError> {
        self.call(Op::Ready).await.map(drop)
    }

    async fn put_entry(&self, _: &OrgId, entry: &DebitEntry) -> Result<Written, PortError> {
        answered!(self, Op::Put(entry.clone()), Written)
    }

    async fn give_back(&self, _: &OrgId, id: DebitId, tag: Tag) -> Result<(), PortError> {
        self.call(Op::GiveBack(id, tag)).await.map(drop)
    }

    async fn trim(&self, _: &OrgId, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        self.call(Op::Trim(done.to_vec())).await.map(drop)
    }

    async fn entry(&self, _: &OrgId, id: DebitId) -> Result<Stored, PortError> {
        let blind = self.state().bug == Some(Bug::NoLedgerReadOnRefusal) && *self.refused.lock().unwrap();
        if blind {
            return Ok(Stored::Nothing);
        }
        answered!(self, Op::Entry(id), Stored)
    }

    async fn head(&self, _: &OrgId) -> Result<Head, PortError> {
        answered!(self, Op::Head, Head)
    }

    async fn reversal(&self, _: &OrgId, id: DebitId) -> Result<Option<Reversal>, PortError> {
        answered!(self, Op::Reversal(id), Reversal)
    }

    async fn reverse(&self, _: &OrgId, reversal: &Reversal) -> Result<Reversed, PortError> {
        answered!(self, Op::Reverse(*reversal), Reversed)
    }
}

impl State {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> State {
        State {
            rng: fastrand::Rng::with_seed(seed),
            bug,
            trouble: 0,
            head: None,
            ledger: BTreeMap::new(),
            reversals: BTreeMap::new(),
            late: Vec::new(),
            charged: BTreeMap::new(),
            wrong: None,
            written_at: BTreeMap::new(),
            writes: 0,
        }
    }

    fn fate(&mut self) -> Fate {
        if self.rng.u32(..100) >= self.trouble {
            return Fate::Fine;
        }
        match self.rng.u32(..5) {
            0 => Fate::Lost,
            1 => Fate::Late,
            2 => Fate::Unanswered,
            3 => Fate::Twice,
            _ => Fate::LateTwice,
        }
    }

    /// One of the writes that are still under way arrives.
    pub(crate) fn arrive(&mut self) {
        let at = self.rng.usize(..self.late.len());
        let op = self.late.swap_remove(at);
        let _ = self.apply(&op);
    }

    /// What the transaction of a paid top-up does.
    pub(crate) fn credit(&mut self, credits: i64) {
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        let id = EntryId::of_top_up(
            &saldo_domain::TopUpId::new(Timestamp::from_ms(1)),
            Timestamp::from_ms(self.rng.i64(1..1_000_000)),
        );
        self.ledger.insert(id, Row::TopUp(Credits(credits)));
        let head = self.head.get_or_insert_default();
        head.credits.0 += credits;
        if self.bug == Some(Bug::TopUpForgetsRing) {
            head.ring.clear();
        }
        self.check();
    }

    fn apply(&mut self, op: &Op) -> Result<Answer, PortError> {
        self.writes += 1;
        let answer = match op {
            Op::Take(take) => Ok(Answer::Taken(self.take(take))),
            Op::Ready => {
                if let Some(head) = &mut self.head {
                    head.ready = true;
                }
                Ok(Answer::Done)
            }
            Op::Put(entry) => Ok(Answer::Written(self.put(entry))),
            Op::GiveBack(id, tag) => {
                self.give_back(*id, *tag);
                Ok(Answer::Done)
            }
            Op::Trim(done) => self.trim(done).map(|()| Answer::Done),
            Op::Entry(id) => Ok(Answer::Stored(self.entry(*id))),
            Op::Head => Ok(Answer::Head(self.head.clone().unwrap_or_default())),
            Op::Reversal(id) => Ok(Answer::Reversal(self.reversals.get(id).copied())),
            Op::Reverse(reversal) => Ok(Answer::Reversed(self.reverse(*reversal))),
        };
        self.check();
        answer
    }

    fn take(&mut self, take: &Take) -> Taken {
        let bug = self.bug;
        if take.trims.iter().any(|(id, _)| *id == take.id) {
            self.wrong
                .get_or_insert("a debit writes and removes the same path, which DynamoDB refuses".to_owned());
        }
        let Some(head) = &mut self.head else { return Taken::Refused(None) };
        let trims = take.trims.iter().all(|(id, tag)| head.ring.get(id).is_none_or(|there| there == tag));
        let gives = head.ready
            && (head.credits >= take.credits || bug == Some(Bug::NoBalanceCheck))
            && (!head.ring.contains_key(&take.id) || bug == Some(Bug::NoRingCheck))
            && head.ring.len() < take.room()
            && (trims || bug == Some(Bug::UnguardedTrim));
        if !gives {
            return Taken::Refused(Some(head.clone()));
        }
        let tag = match bug {
            Some(Bug::ClientTag) => Tag(TURN * i64::from(take.id.bytes()[15]) + take.code),
            _ => Tag(head.turns + take.code),
        };
        head.credits.0 -= take.credits.0;
        if bug != Some(Bug::CounterStands) {
            head.turns += TURN;
        }
        for (id, _) in &take.trims {
            head.ring.remove(id);
        }
        if bug == Some(Bug::TrimUnfinished) {
            head.ring.pop_first();
        }
        head.ring.insert(take.id, tag);
        *self.charged.entry(take.id).or_default() += 1;
        Taken::Given(head.clone())
    }

    fn put(&mut self, entry: &DebitEntry) -> Written {
        let key = entry.id.entry();
        if self.bug == Some(Bug::EntryNotWritten) {
            return Written::New;
        }
        match self.ledger.get(&key) {
            Some(Row::Debit(there)) if self.bug != Some(Bug::EntryOverwritten) => {
                let tag = if self.bug == Some(Bug::AnyTagFits) { entry.tag } else { there.tag };
                Written::Before(Stored::Debit(DebitEntry { tag, ..there.clone() }))
            }
            Some(Row::Reversal(_) | Row::TopUp(_)) => Written::Before(Stored::Other),
            Some(Row::Debit(_)) | None => {
                self.ledger.insert(key, Row::Debit(entry.clone()));
                self.written_at.insert(entry.id, self.writes);
                Written::New
            }
        }
    }

    fn give_back(&mut self, id: DebitId, tag: Tag) {
        let bug = self.bug;
        let Some(head) = &mut self.head else { return };
        let there = head.ring.get(&id) == Some(&tag);
        if bug == Some(Bug::NoGiveBack) || (!there && bug != Some(Bug::UnguardedGiveBack)) {
            return;
        }
        head.credits.0 += tag.credits().0;
        if bug != Some(Bug::GiveBackKeepsRing) {
            head.ring.remove(&id);
        }
        *self.charged.entry(id).or_default() -= 1;
    }

    fn trim(&mut self, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        let unguarded = self.bug == Some(Bug::UnguardedRepair);
        let Some(head) = &mut self.head else { return Ok(()) };
        if !unguarded && !done.iter().all(|(id, tag)| head.ring.get(id).is_none_or(|there| there == tag)) {
            return Err(PortError::Conflict);
        }
        for (id, _) in done {
            head.ring.remove(id);
        }
        Ok(())
    }

    fn entry(&mut self, id: DebitId) -> Stored {
        let fresh = self.written_at.get(&id).is_some_and(|at| self.writes - at < 6);
        match self.ledger.get(&id.entry()) {
            Some(_) if fresh && self.bug == Some(Bug::StaleReads) => Stored::Nothing,
            Some(Row::Debit(entry)) => Stored::Debit(entry.clone()),
            Some(Row::Reversal(_) | Row::TopUp(_)) => Stored::Other,
            None => Stored::Nothing,
        }
    }

    fn reverse(&mut self, reversal: Reversal) -> Reversed {
        if let Some(before) = self.reversals.get(&reversal.debit)
            && self.bug != Some(Bug::ReversedTwice)
        {
            return Reversed::Before(*before);
        }
        self.reversals.insert(reversal.debit, reversal);
        if self.bug != Some(Bug::ReversalWithoutEntry) {
            self.ledger.insert(reversal.entry, Row::Reversal(reversal.credits));
        }
        if let Some(head) = &mut self.head {
            head.credits.0 += reversal.credits.0;
        }
        Reversed::New
    }

    /// What may not be false for a moment: no debt, and the balance is the sum of the entries less what is in the ring
    /// under a tag that no entry carries.
    fn check(&mut self) {
        let Some(head) = &self.head else { return };
        let mut expected = 0;
        for row in self.ledger.values() {
            expected += match row {
                Row::Debit(entry) => -entry.credits.0,
                Row::Reversal(credits) | Row::TopUp(credits) => credits.0,
            };
        }
        for (id, tag) in &head.ring {
            let own = matches!(self.ledger.get(&id.entry()), Some(Row::Debit(entry)) if entry.tag == *tag);
            if !own {
                expected -= tag.credits().0;
            }
        }
        let wrong = if head.credits.0 < 0 {
            format!("the balance is {}", head.credits)
        } else if head.credits.0 != expected {
            format!("the balance is {}, entries and ring make {expected}", head.credits)
        } else {
            return;
        };
        self.wrong.get_or_insert(wrong);
    }
}
