//! One history: some debits, alone and in batches, each attempted several times by processes that may disagree about
//! shards, with top-ups, reversals and repair beside them.
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use saldo_credits::test_support::{Bug, Op, Row};
use saldo_credits::{Balances as _, Debited, NotSent, Order, Outcome, SpendError, Spender};
use saldo_domain::{
    BalanceShards, Channel, Class, Counted, Country, Credits, Debit, DebitEntry, DebitId, Details, Entry,
    EntryId, Known, Meters, Month, OrgId, PENDING_ROOM, Rebalance, Reference, SEQUENCE_STEP, ShardCounts,
    ShardId, Sharding, Stamp, Timestamp, Units,
};

use super::answers::{self, Answers, Before};
use super::budgeted;
use super::unreliable::{Port, Shared, State, port};
pub(crate) use super::unreliable::{machine, wait};

/// The moment a history begins.
pub(crate) const START_MS: i64 = 1_795_441_928_000;

/// What is sold besides what was always sold.
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2,"class":{"utility":0}},"sms":{"default":1},"voice":{"default":2}}"#;

/// Debits whose ids were chosen for them.
type Sent = Arc<Mutex<Vec<Debit>>>;

pub(super) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What a history has most of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Everything,
    /// Calls that arrive long after, and repair beside them.
    Late,
    /// A few credits that lie in several shards, and debits that need nearly all of them.
    Short,
    /// The same, and much is taken back.
    Owing,
}

struct Play {
    mood: Mood,
    org: OrgId,
    port: Port,
    rng: fastrand::Rng,
    answers: Arc<Mutex<Answers>>,
    /// Each is a process with a memory and a configuration of its own.
    spenders: Vec<Spender<Port>>,
    debits: Vec<Debit>,
    /// What was sent under ids that were chosen for it: any of it may be repeated.
    sent: Sent,
    now: Timestamp,
    /// What some processes know to be sold; what others do not know, they cannot name.
    meters: Meters,
    /// Over how many shards processes may believe that debits are spread; the first is none.
    numbers: Vec<u8>,
    /// Whether processes have several debits at a time, with a chance of its own too.
    crowded: bool,
    /// Whether budgets change, with a chance of their own, so that other histories are what they are without.
    budgeted: Option<fastrand::Rng>,
}

/// Plays the history of `seed`; what is wrong with it, if anything.
pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Result<(), String> {
    let mut play = Play::new(seed, bug);
    play.stir();
    play.rest()
}

impl Play {
    fn new(seed: u64, bug: Option<Bug>) -> Play {
        // What the code itself leaves to chance is the history's too.
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = State::new(seed ^ 0x5a1d0, bug);
        let moods = [Mood::Everything, Mood::Everything, Mood::Late, Mood::Short, Mood::Owing];
        let mood = moods[rng.usize(..moods.len())];
        state.failing_percent = match mood {
            Mood::Everything => [0, 20, 20, 50][rng.usize(..4)],
            Mood::Late => 50,
            Mood::Short => [0, 0, 5][rng.usize(..3)],
            Mood::Owing => [0, 10, 30][rng.usize(..3)],
        };
        if rng.u32(..20) > 0 {
            state.credit(rng.i64(1..=if in_shards(mood) { 6 } else { 12 }));
            state.table.main().ready = rng.u32(..10) > 0;
        }
        let now = Timestamp::from_ms(START_MS);
        match mood {
            Mood::Everything if rng.u32(..20) == 0 => fill_shard(&mut state, &mut rng),
            Mood::Everything | Mood::Late => {}
            Mood::Short => spread(&mut state, &mut rng, 3, now),
            // The others come to be while much is taken back.
            Mood::Owing => spread(&mut state, &mut rng, 1, now),
        }
        let count = if mood == Mood::Late { rng.u8(1..=2) } else { rng.u8(1..=4) };
        let debits = (0..count).map(|at| debit(&mut rng, at, now)).collect();
        let numbers = match mood {
            Mood::Short | Mood::Owing => vec![3],
            Mood::Everything | Mood::Late => {
                vec![vec![0], vec![0, 2], vec![2, 3], vec![0, 1, 8]].swap_remove(rng.usize(..4))
            }
        };
        let mut chance = fastrand::Rng::with_seed(seed ^ 0xb0d6e7);
        let crowded = chance.u32(..4) == 0;
        let budgeted = budgeted::begin(&mut chance, &mut state, now).then_some(chance);
        let (port, answers) = (port(state), Arc::default());
        let org = OrgId::parse("acme").unwrap();
        let count = rng.u32(if in_shards(mood) { 3..=3 } else { 1..=3 });
        let (spenders, sent, meters) = (Vec::new(), Arc::default(), Meters::from_json(METERS).unwrap());
        let mut play = Play {
            mood,
            org,
            port,
            rng,
            answers,
            spenders,
            debits,
            sent,
            now,
            meters,
            numbers,
            crowded,
            budgeted,
        };
        for _ in 0..count {
            let spender = play.spender();
            play.spenders.push(spender);
        }
        play
    }

    /// A process that has just started, with the configuration of some moment.
    fn spender(&mut self) -> Spender<Port> {
        let number = self.numbers[self.rng.usize(..self.numbers.len())];
        let config = if number == 0 { "{}".to_owned() } else { format!("{{\"acme\":{number}}}") };
        let spender = Spender::new(self.port.another()).with_shards(ShardCounts::from_json(&config).unwrap());
        if self.rng.bool() { spender.with_meters(self.meters.clone()) } else { spender }
    }

    /// Everything happens in an order that the seed gives; some of it dies on the way.
    fn stir(&mut self) {
        let deadly = [0, 0, 2, 6][self.rng.usize(..4)];
        let mut to_come = self.rng.u32(2..=9);
        let mut tasks: Vec<Task> = Vec::new();
        loop {
            let late = self.port.state().late.len();
            if late > 0 && self.rng.u32(..10) == 0 {
                self.port.state().arrive();
            }
            if to_come > 0 && (tasks.is_empty() || self.rng.u32(..6) == 0) {
                to_come -= 1;
                self.pass_time(tasks.is_empty());
                let more = self.tasks();
                tasks.extend(more);
            }
            if tasks.is_empty() {
                return;
            }
            let died = goes_on(&mut tasks, &mut self.rng, deadly);
            if died && self.rng.bool() {
                // The whole process died, and with it what it remembered.
                let at = self.rng.usize(..self.spenders.len());
                self.spenders[at] = self.spender();
            }
        }
    }

    /// Much time only when nobody is at work: a call takes seconds. Then new messages may come too.
    fn pass_time(&mut self, quiet: bool) {
        let secs = match self.mood {
            _ if !quiet => 0,
            Mood::Everything => [0, 0, 3, 120, 700, 90_000, 200_000][self.rng.usize(..7)],
            Mood::Late | Mood::Owing => [0, 120][self.rng.usize(..2)],
            Mood::Short => 0,
        };
        self.now = self.now.plus_secs(secs);
        if secs > 0 && self.debits.len() < 8 && self.rng.bool() {
            let at = u8::try_from(self.debits.len()).unwrap();
            let ahead = [0, 0, 290][self.rng.usize(..3)];
            let debit = debit(&mut self.rng, at, self.now.plus_secs(ahead));
            self.debits.push(debit);
        }
    }

    /// What comes next: now and then a crowd at one process.
    fn tasks(&mut self) -> Vec<Task> {
        if !self.crowded || self.rng.u32(..3) > 0 {
            return vec![self.task()];
        }
        let (at, now) = (self.rng.usize(..self.spenders.len()), self.now);
        let mut one = || {
            let mut debit = self.debits[self.rng.usize(..self.debits.len())].clone();
            if self.rng.u32(..8) == 0 {
                debit.max_credits = Some(Credits(debit.credits.0 - 1));
            }
            let (spender, org, answers) =
                (self.spenders[at].clone(), self.org.clone(), Arc::clone(&self.answers));
            Box::pin(try_one(spender, org, debit, now, answers, self.port.another())) as Task
        };
        (0..5).map(|_| one()).collect()
    }

    fn task(&mut self) -> Task {
        let at = self.rng.usize(..self.spenders.len());
        let (spender, now) = (self.spenders[at].clone(), self.now);
        if let Some(chance) = &mut self.budgeted
            && chance.u32(..6) == 0
        {
            return Box::pin(budgeted::change(spender, self.org.clone(), budgeted::wish(chance), now));
        }
        let mut debit = self.debits[self.rng.usize(..self.debits.len())].clone();
        // Rates may have changed since it was tried first.
        if self.rng.u32(..8) == 0 {
            debit.credits.0 += debit.details.units.get();
        }
        // Or its sender thinks it too dear.
        if self.rng.u32(..12) == 0 {
            debit.max_credits = Some(Credits(debit.credits.0 - 1));
        }
        let (org, answers, port) = (self.org.clone(), Arc::clone(&self.answers), self.port.another());
        let kind = match self.mood {
            Mood::Everything => self.rng.u32(..24),
            Mood::Late => [0, 4, 4, 8, 20][self.rng.usize(..5)],
            Mood::Short => [8, 20][self.rng.usize(..2)],
            Mood::Owing => [0, 4, 8, 20, 20, 20, 22, 22][self.rng.usize(..8)],
        };
        match kind {
            0..=1 => {
                let credits = self.rng.i64(1..=6);
                Box::pin(async move { port.state().credit(credits) })
            }
            2..=3 => Box::pin(async move {
                let before = answers.lock().unwrap().debits.contains_key(&debit.id);
                let reversed = spender.reverse(&org, &machine(), debit.id, now).await;
                answers.lock().unwrap().reversed(&debit, before, now, reversed);
            }),
            12..=13 if self.mood == Mood::Everything => {
                let Debit { channel, details, max_credits, .. } = debit;
                let order = Order::new(&self.meters, channel, details, max_credits, now).unwrap();
                let sent = Arc::clone(&self.sent);
                Box::pin(send_one(spender, org, order, now, (answers, port, sent)))
            }
            14..=15 if self.mood == Mood::Everything && !self.sent.lock().unwrap().is_empty() => {
                let again = self.rng.choice(self.sent.lock().unwrap().iter()).unwrap().clone();
                Box::pin(try_one(spender, org, again, now, answers, port))
            }
            4..=5 => Box::pin(async move {
                let _ = spender.repair_all(&org, now).await;
            }),
            6 => {
                let mut other = debit;
                if self.rng.bool() {
                    let far = if other.channel == Channel::SMS { Channel::EMAIL } else { Channel::SMS };
                    other = as_new(other, far);
                } else if self.rng.bool() {
                    other = with_units(other.clone(), other.details.units.get() + 1);
                } else {
                    other.details.reference = Reference::parse("order 18").ok();
                }
                Box::pin(try_one(spender, org, other, now, answers, port))
            }
            22..=23 => {
                let credits = self.rng.i64(1..=6);
                Box::pin(async move { port.state().take_back(credits) })
            }
            7..=11 => {
                let mut batch = self.debits.clone();
                self.rng.shuffle(&mut batch);
                batch.truncate(self.rng.usize(1..=4));
                Box::pin(async move {
                    let before = Before::of(&answers, &port, &batch);
                    let outcomes = spender.debit_all(&org, &machine(), &batch, now).await;
                    answers.lock().unwrap().answered(&batch, &before, &port, outcomes);
                })
            }
            _ => Box::pin(try_one(spender, org, debit, now, answers, port)),
        }
    }

    /// Everything under way arrives, repair runs, and then the books are looked at.
    fn rest(&mut self) -> Result<(), String> {
        self.port.comes_to_rest();
        let org = self.org.clone();
        let now = self.now.plus_secs(3_600);
        let repairer = self.spender();
        for _ in 0..4 {
            wait(repairer.repair_all(&org, now)).map_err(|error| error.to_string())?;
        }
        self.books()?;
        let spender = self.spender();
        let acknowledged: Vec<_> = self.answers.lock().unwrap().debits.values().copied().collect();
        for told in acknowledged {
            let debit = self.answers.lock().unwrap().messages[&told.id].clone();
            let reversed = self.port.state().table.reversals.keys().any(|(_, id)| *id == told.id);
            let expected =
                if reversed { Err(SpendError::Reversed) } else { Ok(Debited { repeated: true, ..told }) };
            let again = wait(spender.debit(&org, &machine(), &debit, now));
            if again != expected {
                return Err(format!("{} was {told:?} and repeated at rest {again:?}", debit.id));
            }
        }
        let reversed: Vec<_> = self.answers.lock().unwrap().reversals.values().copied().collect();
        for told in reversed {
            let again = wait(spender.reverse(&org, &machine(), told.debit, now.plus_secs(60)));
            if again.as_ref().map(answers::told) != Ok(answers::told(&told)) {
                return Err(format!("{told:?} is repeated at rest {again:?}"));
            }
        }
        if self.budgeted.is_some() {
            let owed = -saldo_domain::total(&self.port.state().table.shards).0.min(0);
            self.port.state().credit(20 + owed);
            let debits = (204..208).map(|at| debit(&mut self.rng, at, now)).collect();
            budgeted::at_rest(&self.port, &spender, &self.org, debits, now)?;
        }
        self.spend_the_rest(&spender, now)?;
        self.verdict()?;
        self.finality()
    }

    /// From its final moment on, a month stays as it is then, whatever senders still say of it.
    fn finality(&mut self) -> Result<(), String> {
        let last = self.debits.iter().map(|debit| debit.id.entry().month()).max().unwrap();
        let now = last.final_from();
        let spender = self.spender();
        wait(spender.repair_all(&self.org, now)).map_err(|error| error.to_string())?;
        let before = self.shown_until(last);
        for debit in self.debits.clone() {
            let other = as_new(debit.clone(), Channel::SMS);
            for message in [other, debit] {
                let _ = wait(spender.debit(&self.org, &machine(), &message, now));
                let _ = wait(spender.reverse(&self.org, &machine(), message.id, now));
            }
        }
        let late = debit(&mut self.rng, 203, last.next().start().plus_secs(-30));
        let told = wait(spender.debit(&self.org, &machine(), &late, now));
        if told != Err(SpendError::Untimely(late.id)) {
            return Err(format!("an id of a month that is final: {told:?}"));
        }
        wait(spender.repair_all(&self.org, now.plus_secs(120))).map_err(|error| error.to_string())?;
        if self.shown_until(last) != before {
            return Err(format!("a final month was {before:?} and is {:?}", self.shown_until(last)));
        }
        self.verdict()
    }

    /// What the history shows of this month and those before it.
    fn shown_until(&self, month: Month) -> Vec<(EntryId, Option<Entry>)> {
        let state = self.port.state();
        let of = state.table.ledger.iter().filter(|((_, id), _)| id.month() <= month);
        let shown = |row: &Row| match row {
            Row::Debit(debit) => Some(Entry::of_debit(debit)),
            Row::Reversal(_) | Row::TopUp(_) | Row::Reported(_) | Row::TakenBack(_) | Row::Closed => None,
        };
        of.map(|((_, id), row)| (*id, shown(row))).collect()
    }

    /// With new credits, all that there is can be spent, to the last one, and no more.
    fn spend_the_rest(&mut self, spender: &Spender<Port>, now: Timestamp) -> Result<(), String> {
        let owed = -saldo_domain::total(&self.port.state().table.shards).0.min(0);
        self.port.state().credit(10 + owed);
        let mut fresh = debit(&mut self.rng, 200, now);
        let done = wait(spender.debit(&self.org, &machine(), &fresh, now));
        if done.as_ref().map(|done| done.repeated) != Ok(false) {
            return Err(format!("a covered debit at rest: {done:?}"));
        }
        let left = wait(self.port.all_shards(&self.org)).unwrap();
        let left = saldo_domain::total(&left);
        for (at, credits) in [(201, left), (202, Credits(1))] {
            fresh = Debit { credits, ..with_units(debit(&mut self.rng, at, now), 1) };
            let done = wait(spender.debit(&self.org, &machine(), &fresh, now));
            match done {
                Ok(_) if at == 201 => {}
                Err(SpendError::NotEnough { available: Credits(0), .. }) if at == 202 => {}
                other => return Err(format!("{credits} of {left} at rest: {other:?}")),
            }
        }
        Ok(())
    }

    fn books(&self) -> Result<(), String> {
        let state = self.port.state();
        let table = &state.table;
        if let Some((id, shard)) = table.shards.iter().find(|(_, shard)| !shard.pending.is_empty()) {
            return Err(format!("repair left {:?} pending on {id:?}", shard.pending));
        }
        let entries = |id: DebitId| {
            let of = |((_, entry), _): &(&(ShardId, saldo_domain::EntryId), &Row)| *entry == id.entry();
            table.ledger.iter().filter(of).map(|(_, row)| row).collect::<Vec<_>>()
        };
        for (id, charged) in &table.charged {
            let entries = i64::try_from(entries(*id).len()).unwrap();
            if *charged != entries || entries > 1 {
                return Err(format!("{id} is charged {charged} times and has {entries} entries"));
            }
        }
        let answers = self.answers.lock().unwrap();
        for (id, debited) in &answers.debits {
            match entries(*id).as_slice() {
                [Row::Debit(entry)]
                    if entry.credits == debited.credits && entry.is_of(&answers.messages[id]) => {}
                other => return Err(format!("{id} was acknowledged, its entry is {other:?}")),
            }
            if answers.created.get(id).is_some_and(|times| *times > 1) {
                return Err(format!("{id} was new more than once"));
            }
        }
        for id in &answers.refused {
            if table.charged.get(id).is_some_and(|charged| *charged != 0) {
                return Err(format!("{id} was refused for good and charged"));
            }
        }
        for (id, reversal) in &answers.reversals {
            let entry = table.ledger.get(&(ShardId::MAIN, reversal.entry));
            if entry != Some(&Row::Reversal(reversal.credits)) {
                return Err(format!("the reversal of {id} was acknowledged, its entry is {entry:?}"));
            }
        }
        drop((state, answers));
        self.verdict()
    }

    fn verdict(&self) -> Result<(), String> {
        let wrong = self.answers.lock().unwrap().wrong.clone();
        match wrong.or_else(|| self.port.state().table.wrong.clone()) {
            Some(wrong) => Err(wrong),
            None => Ok(()),
        }
    }
}

/// One of them goes on, or dies as `deadly` of a hundred times; whether it died.
pub(super) fn goes_on(tasks: &mut Vec<Task>, rng: &mut fastrand::Rng, deadly: u32) -> bool {
    let at = rng.usize(..tasks.len());
    let died = rng.u32(..100) < deadly;
    if died || tasks[at].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
        drop(tasks.swap_remove(at));
    }
    died
}

/// Whether the debits have been spread for long when the history begins.
fn in_shards(mood: Mood) -> bool {
    match mood {
        Mood::Short | Mood::Owing => true,
        Mood::Everything | Mood::Late => false,
    }
}

/// One message under an id that is chosen for it, together with what else its process sends.
async fn send_one(
    spender: Spender<Port>,
    org: OrgId,
    order: Order,
    now: Timestamp,
    (answers, port, sent): (Arc<Mutex<Answers>>, Port, Sent),
) {
    let before = Before::of(&answers, &port, &[]);
    let (debit, answer) = match spender.send(&org, &machine(), &order, now).await {
        Ok(done) => (order.under(done.id), Ok(vec![Outcome::Done(done)])),
        Err(NotSent { error, debit }) => (debit, Err(error)),
    };
    if let Err(SpendError::Port(_) | SpendError::Busy) = answer {
        sent.lock().unwrap().push(debit.clone());
    }
    answers.lock().unwrap().answered(&[debit], &before, &port, answer);
}

/// One attempt of one message.
async fn try_one(
    spender: Spender<Port>,
    org: OrgId,
    debit: Debit,
    now: Timestamp,
    answers: Arc<Mutex<Answers>>,
    port: Port,
) {
    let before = Before::of(&answers, &port, std::slice::from_ref(&debit));
    let outcome = match spender.debit(&org, &machine(), &debit, now).await {
        Ok(done) => Ok(vec![Outcome::Done(done)]),
        Err(SpendError::Reused) => Ok(vec![Outcome::Reused]),
        Err(SpendError::Reversed) => Ok(vec![Outcome::Reversed]),
        Err(error) => Err(error),
    };
    answers.lock().unwrap().answered(&[debit], &before, &port, outcome);
}

/// A message with the id that is number `at`, in one of a few runs.
pub(crate) fn debit(rng: &mut fastrand::Rng, at: u8, made: Timestamp) -> Debit {
    let voice = Channel::parse("voice").unwrap();
    let channel = [Channel::EMAIL, Channel::WHATSAPP, Channel::SMS, voice][rng.usize(..4)];
    let class = Class::parse("utility").filter(|_| channel == Channel::WHATSAPP && rng.bool());
    let country = Country::parse("ID").filter(|_| rng.bool());
    let (units, rate) =
        [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (3, 1), (1, 0), (2, 0)][rng.usize(..9)];
    let details = Details { units: Units::new(units).unwrap(), class, country, reference: None };
    let (id, credits) = (id(rng.u8(..3), at, made), Credits(units * rate));
    Debit { details, ..Debit::costing(id, channel, credits) }
}

/// Another message under the same id: of this channel, at its rate.
fn as_new(debit: Debit, channel: Channel) -> Debit {
    let details = Details { class: None, ..debit.details };
    let credits = Credits(3 * details.units.get());
    Debit { channel, credits, details, ..debit }
}

/// The same at the same rate, of so many units.
pub(crate) fn with_units(debit: Debit, units: i64) -> Debit {
    let credits = Credits(debit.credits.0 / debit.details.units.get() * units);
    let details = Details { units: Units::new(units).unwrap(), ..debit.details };
    Debit { credits, details, ..debit }
}

fn id(run: u8, at: u8, made: Timestamp) -> DebitId {
    let ms = u64::try_from(made.ms()).unwrap().to_be_bytes();
    let mut bytes = [0x80; 16];
    bytes[..6].copy_from_slice(&ms[2..]);
    (bytes[6], bytes[9], bytes[15]) = (0x70, run, at);
    DebitId::from_bytes(bytes).unwrap()
}

/// Credits of an organisation whose debits have been spread for long.
fn spread(state: &mut State, rng: &mut fastrand::Rng, shards: usize, now: Timestamp) {
    if !state.table.shards.contains_key(&ShardId::MAIN) {
        return;
    }
    state.table.main().ready = true;
    state.table.main().sharding = Sharding::Since(now.plus_secs(-1_000));
    for shard in ShardId::balances().skip(1).take(shards) {
        let given = Credits(rng.i64(0..=4).min(state.table.main().credits.0));
        let rebalance = Rebalance { to: shard, from: vec![(ShardId::MAIN, given)] };
        state.table.apply(&Op::Rebalance(rebalance)).unwrap();
    }
}

/// Debits of others: finished, left half done, or applied again after they were finished.
fn fill_shard(state: &mut State, rng: &mut fastrand::Rng) {
    let table = &mut state.table;
    let Some(mut main) = table.shards.remove(&ShardId::MAIN) else { return };
    main.ready = true;
    for at in 0..rng.usize(PENDING_ROOM - 2..=PENDING_ROOM + 4) {
        let id = id(0, u8::try_from(100 + at).unwrap(), Timestamp::from_ms(START_MS));
        let credits = Credits(1);
        let code = if rng.bool() {
            Stamp::code(credits, Channel::EMAIL, &Details::default()).unwrap()
        } else {
            Stamp::code_of_before(credits, Channel::EMAIL)
        };
        let stamp = Stamp::given(main.sequence, code);
        main.sequence += SEQUENCE_STEP;
        main.pending.insert(id, stamp);
        let entry_stamp = match rng.u32(..6) {
            0 => None,
            1 => Some(Stamp(stamp.0 - i128::from(SEQUENCE_STEP))),
            _ => Some(stamp),
        };
        table.charged.insert(id, if entry_stamp == Some(stamp) || entry_stamp.is_none() { 1 } else { 2 });
        if let Some(stamp) = entry_stamp {
            let entry = DebitEntry {
                id,
                stamp,
                credits,
                channel: Channel::EMAIL,
                version: None,
                details: Details::default(),
                known: Known::Everything,
                available: Credits(1),
                actor: machine(),
                booked_at: Timestamp::from_ms(START_MS),
                shown: Known::Everything,
                hold: None,
                counted: Counted::default(),
            };
            table.ledger.insert((ShardId::MAIN, id.entry()), Row::Debit(Box::new(entry)));
        }
    }
    let spent: i64 = table.charged.values().sum();
    // The balance that such a past would have left.
    let granted: i64 =
        table.ledger.values().map(|row| if let Row::TopUp(credits) = row { credits.0 } else { 0 }).sum();
    main.credits = Credits(granted - spent);
    table.shards = BalanceShards::from([(ShardId::MAIN, main)]);
    // More than all of them can have cost.
    state.credit(100);
}
