//! Histories of keys: sent again at once and days later by processes that die, with other messages under them, debits of their
//! ids, reversals and top-ups beside them, over a table that goes wrong.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use saldo_credits::test_support::Bug;
use saldo_credits::{Debited, NotKeyed, SpendError, Spender};
use saldo_domain::{
    Channel, Country, Credits, Debit, DebitId, Details, IdempotencyKey, OrgId, ShardCounts, Timestamp, Units,
};

use super::history::{START_MS, Task, goes_on, machine, wait};
use super::unreliable::{Port, Shared, State, port};
use crate::support::histories;

const PER_TEST: u64 = 10_000;
/// How many histories each bug is looked for in.
const HISTORIES: u64 = 50_000;

type Answered = Result<Debited, NotKeyed<()>>;

/// What senders were told of their keys.
#[derive(Clone, Default)]
struct Told {
    /// The debit of each key, and of which message it was.
    debits: BTreeMap<u8, (Debited, Details)>,
    created: BTreeMap<u8, u32>,
    /// Every id that a key was seen to stand for.
    stood_for: BTreeMap<u8, BTreeSet<DebitId>>,
    reversed: BTreeSet<DebitId>,
    wrong: Option<String>,
}

impl Told {
    fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// `before` is what was told when it was sent.
    fn hear(&mut self, key: u8, details: &Details, before: &Told, answer: Answered) {
        match answer {
            Ok(done) => {
                *self.created.entry(key).or_default() += u32::from(!done.repeated);
                let told = (Debited { repeated: false, ..done }, details.clone());
                let first = self.debits.entry(key).or_insert_with(|| told.clone()).clone();
                if first != told {
                    self.wrong(format!("{key} was {first:?} and is {told:?}"));
                }
                if before.reversed.contains(&done.id) {
                    self.wrong(format!("{key} was reversed and then a success"));
                }
            }
            Err(NotKeyed::Spend(SpendError::Reused)) => {
                if self.debits.get(&key).is_some_and(|(_, message)| message == details) {
                    self.wrong(format!("{key} was acknowledged and is another message's"));
                }
            }
            Err(NotKeyed::Spend(SpendError::NotEnough { .. })) => {
                if before.debits.contains_key(&key) {
                    self.wrong(format!("{key} was acknowledged and then refused"));
                }
            }
            Err(NotKeyed::Spend(SpendError::Untimely(id))) => self.wrong(format!("{key} is too old: {id}")),
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
    now: Timestamp,
}

#[test]
fn ten_thousand_histories_of_keys_keep_the_books() {
    histories::keep_the_books("spend::keyed_histories", 0..PER_TEST, |seed| run(seed, None));
}

#[test]
fn every_bug_planted_in_keys_is_found() {
    histories::find_every(Bug::OF_KEYS, HISTORIES, run);
}

fn run(seed: u64, bug: Option<Bug>) -> Result<(), String> {
    let mut play = Play::new(seed, bug);
    play.stir();
    play.rest()
}

fn message(id: DebitId, details: &Details) -> Debit {
    let credits = Credits(details.units.get());
    Debit { details: details.clone(), ..Debit::costing(id, Channel::SMS, credits) }
}

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey::parse(&format!("order-{number}")).unwrap()
}

impl Play {
    fn new(seed: u64, bug: Option<Bug>) -> Play {
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = State::new(seed ^ 0x6e4, bug);
        state.failing_percent = [0, 10, 30][rng.usize(..3)];
        state.credit(rng.i64(1..=4));
        state.table.main().ready = true;
        let (port, org) = (port(state), OrgId::parse("acme").unwrap());
        let now = Timestamp::from_ms(START_MS);
        let mut play = Play { org, port, rng, told: Arc::default(), spenders: Vec::new(), now };
        play.spenders = (0..2).map(|_| play.spender()).collect();
        play
    }

    fn spender(&mut self) -> Spender<Port> {
        let config = ["{}", "{}", "{\"acme\":2}"][self.rng.usize(..3)];
        Spender::new(self.port.another()).with_shards(ShardCounts::from_json(config).unwrap())
    }

    fn stir(&mut self) {
        let deadly = [0, 2, 6][self.rng.usize(..3)];
        let mut to_come = self.rng.u32(3..=10);
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            if !self.port.state().late.is_empty() && self.rng.u32(..10) == 0 {
                self.port.state().arrive();
            }
            if to_come > 0 && (tasks.is_empty() || self.rng.u32(..5) == 0) {
                to_come -= 1;
                if tasks.is_empty() {
                    self.now = self.now.plus_secs([0, 0, 3, 86_390, 86_402, 200_000][self.rng.usize(..6)]);
                }
                tasks.push(self.task());
            }
            self.look();
            if tasks.is_empty() {
                return;
            }
            if goes_on(&mut tasks, &mut self.rng, deadly) && self.rng.bool() {
                let at = self.rng.usize(..self.spenders.len());
                self.spenders[at] = self.spender();
            }
        }
    }

    /// Notes what keys stand for.
    fn look(&self) {
        let state = self.port.state();
        let mut told = self.told.lock().unwrap();
        for number in 0..2 {
            if let Some(id) = state.table.keys.get(key(number).as_str()) {
                told.stood_for.entry(number).or_default().insert(*id);
            }
        }
    }

    fn task(&mut self) -> Task {
        let spender = self.spenders[self.rng.usize(..self.spenders.len())].clone();
        let (org, told, port) = (self.org.clone(), Arc::clone(&self.told), self.port.another());
        let number = self.rng.u8(..2);
        // Clocks differ.
        let now = self.now.plus_secs(self.rng.i64(-10..=10));
        let country = Country::parse(["ID", "ID", "ID", "US"][self.rng.usize(..4)]);
        let units = Units::new([2, 2, 2, 3][self.rng.usize(..4)]).unwrap();
        let details = Details { units, country, ..Details::default() };
        let id = self.port.state().table.keys.get(key(number).as_str()).copied();
        match (self.rng.u32(..10), id) {
            (0, _) => Box::pin(async move { port.state().credit(3) }),
            (1, Some(id)) => Box::pin(async move {
                if spender.reverse(&org, &machine(), id, now).await.is_ok() {
                    told.lock().unwrap().reversed.insert(id);
                }
            }),
            // Somebody knows the id.
            (2, Some(id)) => Box::pin(async move {
                let _ = spender.debit(&org, &machine(), &message(id, &details), now).await;
            }),
            (3, _) => Box::pin(async move {
                let _ = spender.repair_all(&org, now).await;
            }),
            _ => Box::pin(async move {
                let before = told.lock().unwrap().clone();
                let debit_of = |id| Ok(message(id, &details));
                let answer = spender.debit_by_key(&org, &machine(), &key(number), debit_of, now).await;
                told.lock().unwrap().hear(number, &details, &before, answer);
            }),
        }
    }

    /// Everything under way arrives, repair runs, and each key has charged once, or never.
    fn rest(&mut self) -> Result<(), String> {
        self.look();
        self.port.comes_to_rest();
        let now = self.now.plus_secs(3_600);
        for _ in 0..4 {
            let spender = self.spender();
            wait(spender.repair_all(&self.org, now)).map_err(|error| error.to_string())?;
        }
        let spender = self.spender();
        let debits = self.told.lock().unwrap().debits.clone();
        for (number, (done, details)) in debits {
            let debit_of = |id| Ok(message(id, &details));
            let again = wait(spender.debit_by_key(&self.org, &machine(), &key(number), debit_of, now));
            let reversed = self.port.state().table.reversals.keys().any(|(_, id)| *id == done.id);
            let expected = if reversed {
                Err(NotKeyed::<()>::Spend(SpendError::Reversed))
            } else {
                Ok(Debited { repeated: true, ..done })
            };
            if again != expected {
                return Err(format!("{number} was {done:?} and is {again:?} at rest"));
            }
        }
        let told = self.told.lock().unwrap();
        let state = self.port.state();
        for (number, ids) in &told.stood_for {
            let of = |id: &DebitId| state.table.charged.get(id).copied().unwrap_or_default();
            let charged: i64 = ids.iter().map(of).sum();
            if charged > 1 || (told.debits.contains_key(number) && charged == 0) {
                return Err(format!("{number} was charged {charged} times as {ids:?}"));
            }
        }
        if let Some((number, times)) = told.created.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{number} was new {times} times"));
        }
        let wrong = told.wrong.clone().or_else(|| state.table.wrong.clone());
        wrong.map_or(Ok(()), Err)
    }
}
