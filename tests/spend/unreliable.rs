//! The way to a table in memory on which calls are lost, delayed, doubled, and applied without an answer, by a seed.
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use saldo_credits::test_support::{Answer, Bug, InMemory, Op, Table, Way};
use saldo_domain::{Actor, Credits, EntryId, PortError, Subject, Timestamp, TopUpId};

/// A table and everything that may still reach it.
pub(crate) struct State {
    pub(crate) table: Table,
    pub(crate) rng: fastrand::Rng,
    /// Of 100 calls, how many go wrong.
    pub(crate) failing_percent: u32,
    /// Writes that were given up and are still under way.
    pub(crate) late: Vec<Op>,
    /// Whether the next reservation is given up and still under way.
    pub(crate) delay_next_reservation: bool,
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
pub(crate) struct Unreliable {
    state: Arc<Mutex<State>>,
    refused: Arc<Mutex<bool>>,
}

pub(crate) type Port = InMemory<Unreliable>;

pub(crate) fn port(state: State) -> Port {
    InMemory(Unreliable { state: Arc::new(Mutex::new(state)), refused: Arc::default() })
}

/// What the histories ask of a port.
pub(crate) trait Shared {
    /// The same table for someone else.
    fn another(&self) -> Port;
    fn state(&self) -> MutexGuard<'_, State>;
    /// Whatever is still under way arrives, and nothing goes wrong any more.
    fn comes_to_rest(&self);
}

impl Shared for Port {
    fn another(&self) -> Port {
        InMemory(Unreliable { state: Arc::clone(&self.0.state), refused: Arc::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn comes_to_rest(&self) {
        let mut state = self.state();
        state.failing_percent = 0;
        while !state.late.is_empty() {
            state.arrive();
        }
    }
}

impl Way for Unreliable {
    async fn call(&self, op: Op) -> Result<Answer, PortError> {
        Step::default().await;
        let answer = {
            let mut state = self.state.lock().unwrap();
            let blind = state.table.bug == Some(Bug::NoLedgerReadOnRefusal) && *self.refused.lock().unwrap();
            if let Op::Entries(ids) = &op
                && blind
            {
                Ok(Answer::Entries(vec![saldo_credits::Stored::Nothing; ids.len()]))
            } else {
                state.send(op)
            }
        };
        if let Ok(Answer::Reserved(reserved)) = &answer {
            *self.refused.lock().unwrap() = matches!(reserved, saldo_credits::Reserved::Refused(_));
        }
        Step::default().await;
        answer
    }
}

impl State {
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> State {
        let rng = fastrand::Rng::with_seed(seed);
        State {
            table: Table::new(bug),
            rng,
            failing_percent: 0,
            late: Vec::new(),
            delay_next_reservation: false,
        }
    }

    /// What the transaction of a paid top-up does.
    pub(crate) fn credit(&mut self, credits: i64) {
        let id = self.entry();
        self.table.credit(id, Credits(credits));
    }

    /// What the transaction does that takes credits back with their money.
    pub(crate) fn take_back(&mut self, credits: i64) {
        let id = self.entry();
        self.table.apply(&Op::TakeBack(id, Credits(credits))).unwrap();
    }

    fn entry(&mut self) -> EntryId {
        let mut random = [0; 16];
        self.rng.fill(&mut random);
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let top_up = TopUpId::parse(&format!("top_{}7{}8{}", &hex[..12], &hex[13..16], &hex[17..])).unwrap();
        EntryId::of_top_up(&top_up, Timestamp::from_ms(self.rng.i64(1..1_000_000)))
    }

    /// One of the writes that are still under way arrives.
    pub(crate) fn arrive(&mut self) {
        let at = self.rng.usize(..self.late.len());
        let op = self.late.swap_remove(at);
        let _ = self.table.apply(&op);
    }

    fn send(&mut self, op: Op) -> Result<Answer, PortError> {
        let lost = || Err(PortError::Unavailable("no answer".to_owned()));
        if matches!(op, Op::Reserve(..)) && std::mem::take(&mut self.delay_next_reservation) {
            self.late.push(op);
            return lost();
        }
        match self.fate() {
            Fate::Fine => self.table.apply(&op),
            Fate::Lost => lost(),
            Fate::Late => {
                self.late.push(op);
                lost()
            }
            Fate::Unanswered => {
                let _ = self.table.apply(&op);
                lost()
            }
            Fate::Twice => {
                let _ = self.table.apply(&op);
                self.table.apply(&op)
            }
            Fate::LateTwice => {
                self.late.push(op.clone());
                self.table.apply(&op)
            }
        }
    }

    fn fate(&mut self) -> Fate {
        if self.rng.u32(..100) >= self.failing_percent {
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

/// Who sends in every history.
pub(crate) fn machine() -> Actor {
    Actor::Machine(Subject::parse("sender-1").unwrap())
}

/// Runs something with nothing beside it.
pub(crate) fn wait<T>(act: impl Future<Output = T>) -> T {
    let mut act = std::pin::pin!(act);
    loop {
        let polled = act.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let std::task::Poll::Ready(done) = polled {
            return done;
        }
    }
}
