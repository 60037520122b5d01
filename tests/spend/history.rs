//! One history: some debits, each attempted several times, with top-ups, reversals and repair beside them.
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use saldo_adapters::spend::{Debited, Heads, SpendError, Spender};
use saldo_domain::{
    Channel, Country, Credits, Debit, DebitEntry, DebitId, Details, Head, MOST_TRIMS, OrgId, RING_ROOM,
    Reversal, TURN, Tag, Timestamp,
};

use super::bugs::Bug;
use super::store::{Port, Row, State};

/// The moment all ids are made at.
pub(crate) const START_MS: i64 = 1_795_441_928_000;

type Actor = Pin<Box<dyn Future<Output = ()>>>;

/// What one history has been told so far.
#[derive(Default)]
struct Told {
    debits: BTreeMap<DebitId, Debited>,
    created: BTreeMap<DebitId, u32>,
    reversals: BTreeMap<DebitId, Reversal>,
    wrong: Option<String>,
}

struct Play {
    org: OrgId,
    port: Port,
    rng: fastrand::Rng,
    told: Arc<Mutex<Told>>,
    /// Each is a process with a memory of its own.
    spenders: Vec<Spender<Port>>,
    debits: Vec<Debit>,
}

/// Plays the history of `seed`; what is wrong with it, if anything.
pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Result<(), String> {
    let mut play = Play::new(seed, bug);
    play.stir();
    play.rest()
}

impl Play {
    fn new(seed: u64, bug: Option<Bug>) -> Play {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut state = State::new(seed ^ 0x5a1d0, bug);
        state.trouble = [0, 20, 20, 50][rng.usize(..4)];
        if rng.u32(..20) > 0 {
            state.credit(rng.i64(1..=12));
            state.head.as_mut().unwrap().ready = rng.u32(..10) > 0;
        }
        if rng.u32(..20) == 0 {
            fill_ring(&mut state, &mut rng);
        }
        let debits = (0..rng.u8(1..=4)).map(|at| debit(&mut rng, at)).collect();
        let port = Port::new(state);
        let spenders = (0..rng.u32(1..=3)).map(|_| Spender::new(port.another())).collect();
        let org = OrgId::parse("acme").unwrap();
        Play { org, port, rng, told: Arc::default(), spenders, debits }
    }

    /// Everything happens in an order that the seed gives; some of it dies on the way.
    fn stir(&mut self) {
        let deadly = [0, 0, 2, 6][self.rng.usize(..4)];
        let mut to_come = self.rng.u32(2..=8);
        let mut actors: Vec<Actor> = Vec::new();
        loop {
            let late = self.port.state().late.len();
            if late > 0 && self.rng.u32(..10) == 0 {
                self.port.state().arrive();
            }
            if to_come > 0 && (actors.is_empty() || self.rng.u32(..6) == 0) {
                to_come -= 1;
                let actor = self.actor();
                actors.push(actor);
            }
            if actors.is_empty() {
                return;
            }
            let at = self.rng.usize(..actors.len());
            let died = self.rng.u32(..100) < deadly;
            if died || actors[at].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                drop(actors.swap_remove(at));
            }
            if died && self.rng.bool() {
                // The whole process died, and with it what it remembered.
                let at = self.rng.usize(..self.spenders.len());
                self.spenders[at] = Spender::new(self.port.another());
            }
        }
    }

    fn actor(&mut self) -> Actor {
        let at = self.rng.usize(..self.spenders.len());
        let spender = self.spenders[at].clone();
        let debit = self.debits[self.rng.usize(..self.debits.len())].clone();
        let later = [0, 0, 0, 3, 120, 90_000][self.rng.usize(..6)];
        let now = Timestamp::from_ms(START_MS).plus_secs(later);
        let (org, told, port) = (self.org.clone(), Arc::clone(&self.told), self.port.another());
        match self.rng.u32(..20) {
            0..=1 => {
                self.port.state().credit(self.rng.i64(1..=6));
                Box::pin(async {})
            }
            2..=3 => Box::pin(async move {
                let before = told.lock().unwrap().debits.contains_key(&debit.id);
                let reversed = spender.reverse(&org, debit.id, now).await;
                told.lock().unwrap().reversed(&debit, before, reversed);
            }),
            4..=5 => Box::pin(async move {
                if let Ok(head) = port.head(&org).await {
                    let _ = spender.repair(&org, &head, now).await;
                }
            }),
            6 => Box::pin(async move {
                let mut other = debit.clone();
                let far = if debit.channel == Channel::Sms { Channel::Email } else { Channel::Sms };
                (other.channel, other.credits) = (far, Credits(3));
                let before = told.lock().unwrap().debits.contains_key(&debit.id);
                let answer = spender.debit(&org, &other, now).await;
                told.lock().unwrap().other(&other, before, answer);
            }),
            _ => Box::pin(async move {
                let before = told.lock().unwrap().debits.contains_key(&debit.id);
                let taken = port.state().charged.get(&debit.id).is_some_and(|times| *times > 0);
                let answer = spender.debit(&org, &debit, now).await;
                told.lock().unwrap().debited(&debit, before, taken, answer);
            }),
        }
    }

    /// Everything under way arrives, repair runs, and then the books are looked at.
    fn rest(&mut self) -> Result<(), String> {
        loop {
            let mut state = self.port.state();
            state.trouble = 0;
            if state.late.is_empty() {
                break;
            }
            state.arrive();
        }
        let (org, port) = (self.org.clone(), self.port.another());
        let spender = Spender::new(self.port.another());
        let now = Timestamp::from_ms(START_MS).plus_secs(3_600);
        for _ in 0..4 {
            wait(async {
                let head = port.head(&org).await.unwrap();
                spender.repair(&org, &head, now).await.unwrap();
            });
        }
        self.books()?;
        let acknowledged: Vec<_> = self.told.lock().unwrap().debits.values().copied().collect();
        for told in acknowledged {
            let debit = self.debits.iter().find(|debit| debit.id == told.id).unwrap().clone();
            let again = wait(spender.debit(&org, &debit, now));
            if again != Ok(Debited { repeated: true, ..told }) {
                return Err(format!("{} was {told:?} and repeated at rest {again:?}", debit.id));
            }
        }
        let reversed: Vec<_> = self.told.lock().unwrap().reversals.values().copied().collect();
        for told in reversed {
            let again = wait(spender.reverse(&org, told.debit, now.plus_secs(60)));
            if again != Ok(told) {
                return Err(format!("{told:?} is repeated at rest {again:?}"));
            }
        }
        self.port.state().credit(10);
        let fresh = debit(&mut self.rng, 200);
        let done = wait(spender.debit(&org, &fresh, now));
        if done.as_ref().map(|done| done.repeated) != Ok(false) {
            return Err(format!("a covered debit at rest: {done:?}"));
        }
        self.verdict()
    }

    fn books(&self) -> Result<(), String> {
        let state = self.port.state();
        if let Some(head) = state.head.as_ref().filter(|head| !head.ring.is_empty()) {
            return Err(format!("repair left {:?} in the ring", head.ring));
        }
        for (id, charged) in &state.charged {
            let entry = i64::from(state.ledger.contains_key(&id.entry()));
            if *charged != entry {
                return Err(format!("{id} is charged {charged} times and has {entry} entries"));
            }
        }
        let told = self.told.lock().unwrap();
        for (id, debited) in &told.debits {
            match state.ledger.get(&id.entry()) {
                Some(Row::Debit(entry)) if entry.credits == debited.credits => {}
                other => return Err(format!("{id} was acknowledged, its entry is {other:?}")),
            }
            if told.created.get(id).is_some_and(|times| *times > 1) {
                return Err(format!("{id} was new more than once"));
            }
        }
        for (id, reversal) in &told.reversals {
            let entry = state.ledger.get(&reversal.entry);
            if entry != Some(&Row::Reversal(reversal.credits)) {
                return Err(format!("the reversal of {id} was acknowledged, its entry is {entry:?}"));
            }
        }
        drop((state, told));
        self.verdict()
    }

    fn verdict(&self) -> Result<(), String> {
        let wrong = self.told.lock().unwrap().wrong.clone();
        match wrong.or_else(|| self.port.state().wrong.clone()) {
            Some(wrong) => Err(wrong),
            None => Ok(()),
        }
    }
}

impl Told {
    /// `before` and `taken` say what was true when the attempt began: acknowledged, and in the ring or the ledger.
    fn debited(&mut self, debit: &Debit, before: bool, taken: bool, answer: Result<Debited, SpendError>) {
        match answer {
            Ok(done) => {
                let first = *self.debits.entry(debit.id).or_insert(done);
                *self.created.entry(debit.id).or_default() += u32::from(!done.repeated);
                if (first.credits, first.available) != (done.credits, done.available) {
                    self.wrong.get_or_insert(format!("{} was {first:?} and then {done:?}", debit.id));
                }
            }
            // Nothing is known: it has to be repeated.
            Err(SpendError::Port(_) | SpendError::Busy) => {}
            Err(error) if before => {
                self.wrong.get_or_insert(format!("{} was acknowledged and then refused: {error}", debit.id));
            }
            Err(SpendError::NotEnough(_) | SpendError::Untimely) if taken => {
                self.wrong.get_or_insert(format!("{} was taken and then refused", debit.id));
            }
            // The message with other content that came first.
            Err(SpendError::Reused | SpendError::NotEnough(_) | SpendError::Untimely) => {}
            Err(error) => {
                self.wrong.get_or_insert(format!("{}: {error}", debit.id));
            }
        }
    }

    /// A message of another channel under the same id.
    fn other(&mut self, debit: &Debit, acknowledged: bool, answer: Result<Debited, SpendError>) {
        if acknowledged && answer.is_ok() {
            self.wrong.get_or_insert(format!("{} was given to another message", debit.id));
        }
    }

    fn reversed(&mut self, debit: &Debit, acknowledged: bool, answer: Result<Reversal, SpendError>) {
        match answer {
            Ok(reversal) => {
                let first = *self.reversals.entry(debit.id).or_insert(reversal);
                if first != reversal {
                    self.wrong.get_or_insert(format!("{} was reversed twice", debit.id));
                }
            }
            Err(SpendError::NotFound) if acknowledged => {
                self.wrong.get_or_insert(format!("{} was acknowledged and is not found", debit.id));
            }
            Err(_) => {}
        }
    }
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

pub(crate) fn debit(rng: &mut fastrand::Rng, at: u8) -> Debit {
    let channel = Channel::ALL[rng.usize(..3)];
    let country = rng.bool().then(|| Country::parse("ID").unwrap());
    let credits = Credits(rng.i64(1..=4));
    Debit { id: id(at), credits, channel, details: Details { country, reference: None } }
}

fn id(at: u8) -> DebitId {
    let ms = u64::try_from(START_MS).unwrap().to_be_bytes();
    let mut bytes = [0x80; 16];
    bytes[..6].copy_from_slice(&ms[2..]);
    (bytes[6], bytes[15]) = (0x70, at);
    DebitId::from_bytes(bytes).unwrap()
}

/// Debits of others: finished, left half done, or applied again after they were finished.
fn fill_ring(state: &mut State, rng: &mut fastrand::Rng) {
    let Some(mut head) = state.head.take() else { return };
    head.ready = true;
    for at in 0..rng.usize(RING_ROOM - 2..=RING_ROOM + MOST_TRIMS) {
        let id = id(u8::try_from(100 + at).unwrap());
        let credits = Credits(1);
        let code = Tag::code(credits, Channel::Email).unwrap();
        let tag = Tag(head.turns + code);
        head.turns += TURN;
        head.ring.insert(id, tag);
        let entry_tag = match rng.u32(..6) {
            0 => None,
            1 => Some(Tag(tag.0 - TURN)),
            _ => Some(tag),
        };
        state.charged.insert(id, if entry_tag == Some(tag) || entry_tag.is_none() { 1 } else { 2 });
        if let Some(tag) = entry_tag {
            let channel = Channel::Email;
            let details = Some(Details::default());
            let entry = DebitEntry { id, tag, credits, channel, details, available: Credits(1) };
            state.ledger.insert(id.entry(), Row::Debit(entry));
        }
    }
    state.head = Some(Head { credits: Credits(0), ..head });
    let spent: i64 = state.charged.values().sum();
    // The balance that such a past would have left.
    let granted: i64 =
        state.ledger.values().map(|row| if let Row::TopUp(credits) = row { credits.0 } else { 0 }).sum();
    if let Some(head) = &mut state.head {
        head.credits = Credits(granted - spent);
    }
    state.credit(40);
}
