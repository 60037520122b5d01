//! Histories of holds: made, captured, released, extended and ended by processes that die, over a table that goes wrong.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use saldo_credits::test_support::{Bug, Op, Row};
use saldo_credits::{Held, SpendError, Spender};
use saldo_domain::{
    AtEnd, Channel, Credits, Debit, DebitId, HoldEnded, HoldRefused, HoldTerms, HoldUse, HowEnded, Meters,
    OrgId, Reported, ShardCounts, ShardId, Timestamp, Units, total,
};

use super::history::{START_MS, Task, debit, goes_on, machine, wait};
use super::unreliable::{Port, Shared, State, port};
use crate::support::histories;

/// As many as run each time, and as a long run takes.
const PER_TEST: u64 = 50_000;
const LONG_RUN: u64 = 1_000_000;
/// Holds that are read at a time, more than a history has.
const MOST_READ: usize = 4;
/// How many histories each bug is looked for in.
const HISTORIES: u64 = 100_000;

/// What senders were told of their holds.
#[derive(Default)]
struct Told {
    created: BTreeMap<DebitId, u32>,
    ended: BTreeMap<DebitId, HoldEnded>,
    /// What was told to be charged after the end.
    reported: BTreeMap<DebitId, Reported>,
    /// What was told to be taken back.
    reversed: BTreeSet<DebitId>,
    /// Until when each was told to hold at the least, and when that was told.
    ends_at: BTreeMap<DebitId, Timestamp>,
    wrong: Option<String>,
}

impl Told {
    fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The end of a hold is the same whoever is told.
    fn ended(&mut self, id: DebitId, ended: HoldEnded) {
        let before = *self.ended.entry(id).or_insert(ended);
        if before != ended {
            self.wrong(format!("{id} ended as {before:?} and as {ended:?}"));
        }
    }

    /// So is what was reported after it.
    fn reported(&mut self, id: DebitId, reported: Reported) {
        let before = *self.reported.entry(id).or_insert(reported);
        if before != reported {
            self.wrong(format!("{id} was reported as {before:?} and as {reported:?}"));
        }
    }

    fn hear(&mut self, id: DebitId, held: Result<Held, SpendError>) {
        match held {
            Ok(Held { hold, .. }) => match hold.ended {
                Some(ended) => {
                    if let Some(reported) = hold.reported {
                        self.reported(id, reported);
                    }
                    let early = ended.at < self.ends_at.get(&id).copied().unwrap_or(ended.at);
                    if ended.how == HowEnded::Expired && early {
                        self.wrong(format!("{id} ended before its time: {ended:?}"));
                    }
                    let late = ended.at >= hold.terms.ends_at && hold.terms.at_end == AtEnd::Release;
                    if ended.how != HowEnded::Expired && late {
                        self.wrong(format!("{id} was {ended:?} after {:?}", hold.terms));
                    }
                    self.ended(id, ended);
                }
                None => {
                    let ends_at = self.ends_at.entry(id).or_insert(hold.terms.ends_at);
                    *ends_at = (*ends_at).max(hold.terms.ends_at);
                }
            },
            Err(SpendError::Hold(HoldRefused::Captured(ended) | HoldRefused::Released(ended))) => {
                self.ended(id, ended);
            }
            Err(SpendError::Hold(HoldRefused::Reported(reported))) => self.reported(id, reported),
            Err(SpendError::Reused) => self.wrong(format!("{id} is one hold, and was told to be another's")),
            Err(_) => {}
        }
    }
}

struct Play {
    org: OrgId,
    port: Port,
    rng: fastrand::Rng,
    told: Arc<Mutex<Told>>,
    spenders: Vec<Spender<Port>>,
    holds: Vec<Debit>,
    granted: Arc<Mutex<i64>>,
    now: Timestamp,
}

#[test]
fn fifty_thousand_histories_of_holds_keep_the_books() {
    keep_the_books(0..PER_TEST);
}

#[test]
#[ignore = "takes minutes"]
fn a_million_histories_of_holds_keep_the_books() {
    keep_the_books(0..LONG_RUN);
}

fn keep_the_books(seeds: Range<u64>) {
    histories::keep_the_books("spend::hold_histories", seeds, |seed| run(seed, None));
}

#[test]
fn every_bug_planted_in_holds_is_found() {
    histories::find_every(Bug::OF_HOLDS, HISTORIES, run);
}

fn run(seed: u64, bug: Option<Bug>) -> Result<(), String> {
    let mut play = Play::new(seed, bug);
    play.stir();
    play.rest()
}

impl Play {
    fn new(seed: u64, bug: Option<Bug>) -> Play {
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = State::new(seed ^ 0x401d, bug);
        state.failing_percent = [0, 20, 50][rng.usize(..3)];
        let granted = rng.i64(1..=12);
        state.credit(granted);
        state.table.main().ready = true;
        let now = Timestamp::from_ms(START_MS);
        let holds = (0..rng.u8(1..=3)).map(|at| {
            let later = [0, 0, 0, 0, 0, 1_500, 5_000, 100_000][rng.usize(..8)];
            hold(&mut rng, at, now.plus_secs(later))
        });
        let holds = holds.collect();
        state.table.holds.page = [1, 500][rng.usize(..2)];
        let (port, org) = (port(state), OrgId::parse("acme").unwrap());
        let mut play = Play {
            org,
            port,
            rng,
            told: Arc::default(),
            spenders: Vec::new(),
            holds,
            granted: Arc::new(Mutex::new(granted)),
            now,
        };
        play.spenders = (0..2).map(|_| play.spender()).collect();
        play
    }

    fn spender(&mut self) -> Spender<Port> {
        let config = ["{}", "{}", "{\"acme\":2}"][self.rng.usize(..3)];
        let meters = r#"{"email":{"default":1},"whatsapp":{"default":2},"sms":{"default":3}}"#;
        Spender::new(self.port.another())
            .with_meters(Meters::from_json(meters).unwrap())
            .with_shards(ShardCounts::from_json(config).unwrap())
    }

    fn stir(&mut self) {
        let deadly = [0, 2, 6][self.rng.usize(..3)];
        let mut to_come = self.rng.u32(3..=12);
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            if !self.port.state().late.is_empty() && self.rng.u32(..10) == 0 {
                self.port.state().arrive();
            }
            if to_come > 0 && (tasks.is_empty() || self.rng.u32(..5) == 0) {
                to_come -= 1;
                if tasks.is_empty() {
                    let secs = [0, 0, 30, 1_800, 4_000, 0, 30, 1_800, 4_000, 45_000][self.rng.usize(..10)];
                    self.passes(secs);
                }
                let task = self.task();
                tasks.push(task);
            }
            if tasks.is_empty() {
                return;
            }
            if goes_on(&mut tasks, &mut self.rng, deadly) {
                let at = self.rng.usize(..self.spenders.len());
                self.spenders[at] = self.spender();
            }
        }
    }

    /// Nothing that makes a hold is under way for half an hour.
    fn passes(&mut self, secs: i64) {
        self.now = self.now.plus_secs(secs);
        if secs < 1_800 {
            return;
        }
        let state = &mut *self.port.state();
        let making = |op: &mut Op| matches!(op, Op::Reserve(..) | Op::PutEntries(..) | Op::BeginHolds(_));
        for op in state.late.extract_if(.., making) {
            let _ = state.table.apply(&op);
        }
    }

    fn task(&mut self) -> Task {
        let spender = self.spenders[self.rng.usize(..self.spenders.len())].clone();
        let (org, told, now) = (self.org.clone(), Arc::clone(&self.told), self.now);
        let hold = self.holds[self.rng.usize(..self.holds.len())].clone();
        let id = hold.id;
        match self.rng.u32(..15) {
            0..=3 => Box::pin(async move {
                let done = spender.hold(&org, &machine(), &hold, now).await;
                let mut told = told.lock().unwrap();
                match done {
                    Ok(done) if !done.repeated => *told.created.entry(id).or_default() += 1,
                    Ok(_) => {}
                    Err(error) => told.hear(id, Err(error)),
                }
            }),
            4..=6 => {
                let used = used(&mut self.rng, &hold);
                // Also of a sender that was away for long.
                let now = now.plus_secs([0, 0, 9_000][self.rng.usize(..3)]);
                Box::pin(async move {
                    let held = spender.capture(&org, &machine(), id, &used, now).await;
                    told.lock().unwrap().hear(id, held);
                })
            }
            7 => Box::pin(async move {
                let held = spender.release(&org, &machine(), id, now).await;
                told.lock().unwrap().hear(id, held);
            }),
            8 => {
                let ends_at = now.plus_secs(self.rng.i64(60..9_000));
                Box::pin(async move {
                    let held = spender.extend(&org, &machine(), id, ends_at, now).await;
                    told.lock().unwrap().hear(id, held);
                })
            }
            // Also by a clock that is ahead.
            9 => {
                let now = now.plus_secs([0, 4_000][self.rng.usize(..2)]);
                Box::pin(async move {
                    let held = spender.held(&org, id, now).await;
                    told.lock().unwrap().hear(id, held);
                })
            }
            10 if self.rng.u32(..3) == 0 => Box::pin(async move {
                if spender.reverse_hold(&org, &machine(), id, now.plus_secs(9_000)).await.is_ok() {
                    told.lock().unwrap().reversed.insert(id);
                }
            }),
            10 => {
                let (port, granted, credits) =
                    (self.port.another(), Arc::clone(&self.granted), self.rng.i64(1..=6));
                Box::pin(async move {
                    *granted.lock().unwrap() += credits;
                    port.state().credit(credits);
                })
            }
            11 => Box::pin(async move {
                let _ = spender.repair_all(&org, now.plus_secs(600)).await;
            }),
            12 => Box::pin(async move {
                let _ = spender.on_hold(&org, now, MOST_READ).await;
            }),
            // Cleanup, also by a clock that is ahead, and two of it at a time.
            _ => {
                let now = now.plus_secs([0, 300][self.rng.usize(..2)]);
                let due = self.port.state().table.holds.due().is_some_and(|due| due <= now);
                Box::pin(async move {
                    if due {
                        let _ = spender.end_holds(&org, now, MOST_READ).await;
                    }
                })
            }
        }
    }

    /// What is told to be on hold is what open holds took.
    fn is_told(&self, spender: &Spender<Port>, now: Timestamp) -> Result<(), String> {
        let told = wait(spender.on_hold(&self.org, now, MOST_READ)).map_err(|error| error.to_string())?;
        let state = self.port.state();
        let is: i64 = state.table.ledger.values().filter_map(open).map(|held| held.0).sum();
        if told == Some(Credits(is)) {
            Ok(())
        } else {
            Err(format!("{told:?} are told to be on hold, and it is {is}"))
        }
    }

    /// Whenever the list says so, and nobody else looks: by the end all holds have ended.
    fn cleans_up(&self, spender: &Spender<Port>, end: Timestamp) -> Result<(), String> {
        let (mut now, last) = (self.now.plus_secs(3_600), end.plus_secs(14 * 3_600));
        let due = || self.port.state().table.holds.due();
        while let Some(due) = due().filter(|due| *due <= last) {
            now = due.max(now.plus_secs(7_200));
            wait(spender.end_holds(&self.org, now, MOST_READ)).map_err(|error| error.to_string())?;
        }
        match self.port.state().table.ledger.iter().find(|(_, row)| open(row).is_some()) {
            Some((at, _)) => Err(format!("{at:?} was never ended")),
            None => Ok(()),
        }
    }

    /// Everything arrives, every hold ends, and what is left is what was not captured.
    fn rest(&mut self) -> Result<(), String> {
        self.port.comes_to_rest();
        let (spender, org) = (self.spender(), self.org.clone());
        let now = self.now.plus_secs(3_600);
        for _ in 0..3 {
            wait(spender.repair_all(&org, now)).map_err(|error| error.to_string())?;
        }
        self.is_told(&spender, now)?;
        let end = self.now.plus_secs(20 * 3_600);
        if self.rng.bool() {
            self.cleans_up(&spender, end)?;
        }
        let mut captured = 0;
        for hold in &self.holds {
            // As its sender does who does not know what became of it, or what repair made of it.
            let known = self.port.state().table.charged.get(&hold.id).copied().unwrap_or_default();
            let held = wait(spender.held(&org, hold.id, end.plus_secs(10 * 3_600)));
            match (&held, known) {
                (Ok(held), 1) => {
                    let ended = held.hold.ended.ok_or_else(|| format!("{} did not end", hold.id))?;
                    let told = self.told.lock().unwrap().reversed.contains(&hold.id);
                    if told && held.reversed.is_none() {
                        return Err(format!("{} was told to be taken back, and is not", hold.id));
                    }
                    if held.reversed.is_none() {
                        captured += ended.captured.credits.0;
                        captured += held.hold.reported.map_or(0, |reported| reported.charge.credits.0);
                    }
                }
                (Err(SpendError::NotFound), 0) => {}
                _ => return Err(format!("{} is charged {known} times and {held:?}", hold.id)),
            }
            self.told.lock().unwrap().hear(hold.id, held);
        }
        let state = self.port.state();
        let told = self.told.lock().unwrap();
        if let Some(wrong) = told.wrong.clone().or_else(|| state.table.wrong.clone()) {
            return Err(wrong);
        }
        if let Some((id, times)) = told.created.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{id} was new {times} times"));
        }
        for id in told.created.keys() {
            let row = state.table.ledger.get(&(ShardId::HOLDS, id.entry()));
            if !matches!(row, Some(Row::Debit(entry)) if entry.hold.is_some()) {
                return Err(format!("{id} was told to be held, and is {row:?}"));
            }
        }
        let (left, granted) = (total(&state.table.shards).0, *self.granted.lock().unwrap());
        if left != granted - captured {
            return Err(format!("{granted} were granted, {captured} captured, and {left} are left"));
        }
        Ok(())
    }
}

/// What an open hold took; `None` of what is no open hold.
fn open(row: &Row) -> Option<Credits> {
    let Row::Debit(entry) = row else { return None };
    entry.hold.filter(|hold| hold.ended.is_none()).map(|hold| hold.held)
}

/// All of it, some of it, or what was sent otherwise.
fn used(rng: &mut fastrand::Rng, hold: &Debit) -> HoldUse {
    let units = Units::new(rng.i64(1..=hold.details.units.get())).filter(|_| rng.bool());
    let channel = units.and_then(|_| [None, Some(Channel::EMAIL), Some(Channel::WHATSAPP)][rng.usize(..3)]);
    HoldUse { units, channel, ..HoldUse::default() }
}

/// A hold with the id that is number `at`.
fn hold(rng: &mut fastrand::Rng, at: u8, made: Timestamp) -> Debit {
    let of = debit(rng, at, made);
    let at_end = if rng.u32(..3) == 0 { AtEnd::Capture } else { AtEnd::Release };
    let longest = [400, 4_000][rng.usize(..2)];
    let ends_at = made.plus_secs(rng.i64(60..longest)).whole_secs();
    let valid_until = Some(made.whole_secs()).filter(|_| rng.bool());
    Debit { hold: Some(HoldTerms { ends_at, at_end, valid_until }), credits: Credits(of.credits.0), ..of }
}
