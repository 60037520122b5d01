//! Histories of holds: made, captured, released, extended and ended by processes that die, over a table that goes wrong.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use saldo_credits::test_support::{Bug, Row};
use saldo_credits::{Held, SpendError, Spender};
use saldo_domain::{
    AtEnd, Channel, Credits, Debit, DebitId, HoldEnded, HoldRefused, HoldTerms, HoldUse, HowEnded, Meters,
    OrgId, ShardCounts, ShardId, Timestamp, Units, total,
};

use super::history::{START_MS, Task, debit, goes_on, machine, wait};
use super::unreliable::{Port, Shared, State, port};

const PER_TEST: u64 = 20_000;
/// How many histories each bug is looked for in.
const HISTORIES: u64 = 100_000;

/// What senders were told of their holds.
#[derive(Default)]
struct Told {
    created: BTreeMap<DebitId, u32>,
    ended: BTreeMap<DebitId, HoldEnded>,
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

    fn hear(&mut self, id: DebitId, held: Result<Held, SpendError>) {
        match held {
            Ok(Held { hold, .. }) => match hold.ended {
                Some(ended) => {
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
fn twenty_thousand_histories_of_holds_keep_the_books() {
    for seed in 0..PER_TEST {
        if let Err(wrong) = run(seed, None) {
            panic!("run({seed}, None): {wrong}");
        }
    }
}

#[test]
fn every_bug_planted_in_holds_is_found() {
    for bug in Bug::OF_HOLDS {
        let found = (0..HISTORIES).find(|seed| run(*seed, Some(bug)).is_err());
        println!("{bug:?}: {found:?}");
        assert!(found.is_some(), "{bug:?} was not found in {HISTORIES} histories");
    }
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
        let holds = (0..rng.u8(1..=3)).map(|at| hold(&mut rng, at, now)).collect();
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
                    self.now = self.now.plus_secs([0, 0, 30, 1_800, 4_000][self.rng.usize(..5)]);
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

    fn task(&mut self) -> Task {
        let spender = self.spenders[self.rng.usize(..self.spenders.len())].clone();
        let (org, told, now) = (self.org.clone(), Arc::clone(&self.told), self.now);
        let hold = self.holds[self.rng.usize(..self.holds.len())].clone();
        let id = hold.id;
        match self.rng.u32(..12) {
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
            10 => {
                let (port, granted, credits) =
                    (self.port.another(), Arc::clone(&self.granted), self.rng.i64(1..=6));
                Box::pin(async move {
                    *granted.lock().unwrap() += credits;
                    port.state().credit(credits);
                })
            }
            _ => Box::pin(async move {
                let _ = spender.repair_all(&org, now.plus_secs(600)).await;
            }),
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
        // In its month, so that all of it is in the lines of the holds.
        let end = self.now.plus_secs(20 * 3_600);
        let mut captured = 0;
        for hold in &self.holds {
            // As its sender does who does not know what became of it, or what repair made of it.
            let known = self.port.state().table.charged.get(&hold.id).copied().unwrap_or_default();
            let held = wait(spender.held(&org, hold.id, end.plus_secs(10 * 3_600)));
            match (&held, known) {
                (Ok(held), 1) => {
                    let ended = held.hold.ended.ok_or_else(|| format!("{} did not end", hold.id))?;
                    captured += ended.captured.credits.0;
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
    let ends_at = made.plus_secs(rng.i64(60..4_000)).whole_secs();
    Debit { hold: Some(HoldTerms { ends_at, at_end }), credits: Credits(of.credits.0), ..of }
}
