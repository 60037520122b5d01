//! Single cases of the protocol that random histories let pass as a failed call.
use std::future::Future;
use std::task::{Context, Poll, Waker};

use saldo_credits::{Outcome, Reserved, SpendError, Spender};
use saldo_domain::{
    Channel, Counted, Counting, Country, Credits, Debit, DebitEntry, Details, Known, OrgId, PENDING_ROOM,
    Rebalance, Reservation, ReservedDebit, SEQUENCE_STEP, ShardCounts, ShardId, Sharding, Stamp, Timestamp,
};

use saldo_credits::test_support::{Answer, Bug, Op, Row};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

fn port() -> (OrgId, Port, Timestamp) {
    let mut state = State::new(1, None);
    state.credit(1000);
    state.table.main().ready = true;
    (OrgId::parse("acme").unwrap(), unreliable::port(state), Timestamp::from_ms(history::START_MS))
}

fn debit(at: u8) -> Debit {
    let made = Timestamp::from_ms(history::START_MS);
    let debit = history::debit(&mut fastrand::Rng::with_seed(u64::from(at)), at, made);
    let one = history::with_units(debit, 1);
    Debit { credits: one.credits.max(Credits(1)), ..one }
}

#[test]
fn a_late_duplicate_of_what_is_to_be_forgotten_stops_no_debit() {
    let (org, port, now) = port();
    let sender = Spender::new(port.another());
    let first = debit(1);
    wait(sender.debit(&org, &machine(), &first, now)).unwrap();
    {
        let mut state = port.state();
        let main = state.table.main();
        let stamp = main.pending.get_mut(&first.id).unwrap();
        stamp.0 += i128::from(SEQUENCE_STEP);
        main.sequence += SEQUENCE_STEP;
        main.credits.0 -= first.credits.0;
    }
    let done = wait(sender.debit(&org, &machine(), &debit(2), now)).unwrap();
    assert!(!done.repeated);
}

/// A process that writes all entries of some debits and never comes back to acknowledge them.
fn dies_when_written(port: &Port, debits: &[Debit]) {
    let (spender, org) = (Spender::new(port.another()), OrgId::parse("acme").unwrap());
    let sender = machine();
    let mut dying = Box::pin(spender.debit_all(&org, &sender, debits, Timestamp::from_ms(history::START_MS)));
    let written = |debit: &Debit| port.state().table.ledger.contains_key(&(ShardId::MAIN, debit.id.entry()));
    while !debits.iter().all(written) {
        assert!(dying.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}

#[test]
fn a_crowded_shard_keeps_nothing_pending_that_is_written() {
    let (org, port, now) = port();
    for at in 0..100 {
        // Each from a process that may never come back.
        wait(Spender::new(port.another()).debit(&org, &machine(), &debit(at), now)).unwrap();
        assert!(port.state().table.main().pending.len() < 22);
    }
}

#[test]
fn a_full_shard_of_written_debits_stops_no_debit() {
    let (org, port, now) = port();
    for at in 0..u8::try_from(PENDING_ROOM).unwrap() {
        dies_when_written(&port, &[debit(at)]);
    }
    assert_eq!(port.state().table.main().pending.len(), PENDING_ROOM);
    let done = wait(Spender::new(port.another()).debit(&org, &machine(), &debit(100), now)).unwrap();
    assert!(!done.repeated);
    assert!(port.state().table.main().pending.len() < PENDING_ROOM, "some were forgotten");
}

#[test]
fn who_finishes_another_attempts_debit_says_what_it_was_for_and_pays_what_was_reserved() {
    let (org, port, now) = port();
    let (id, channel) = (debit(1).id, Channel::WHATSAPP);
    let stamp = Stamp(Stamp::code_of_before(Credits(5), channel));
    {
        let mut state = port.state();
        let main = state.table.main();
        main.pending.insert(id, stamp);
        (main.sequence, main.credits.0) = (SEQUENCE_STEP, main.credits.0 - 5);
    }
    let details = Details { country: Country::parse("ID"), ..Details::default() };
    let cheaper = Debit { id, credits: Credits(2), channel, details: details.clone(), ..debit(1) };
    let done = wait(Spender::new(port.another()).debit(&org, &machine(), &cheaper, now)).unwrap();
    assert_eq!((done.credits, done.available), (Credits(5), Credits(995)), "as it was taken");
    let entry = DebitEntry {
        id,
        stamp,
        credits: Credits(5),
        channel,
        version: None,
        details,
        known: Known::Everything,
        available: Credits(995),
        actor: machine(),
        booked_at: now.whole_secs(),
        shown: Known::Everything,
        hold: None,
        counted: Counted::default(),
    };
    assert_eq!(
        port.state().table.ledger.get(&(ShardId::MAIN, id.entry())),
        Some(&Row::Debit(Box::new(entry)))
    );
}

/// A process that likes head `first` + 1 of `number` best.
fn liking(first: usize, number: usize, port: &Port) -> Spender<Port> {
    let likes = |seed: &u64| {
        fastrand::seed(*seed);
        fastrand::usize(..) % number == first
    };
    fastrand::seed((0..).find(likes).unwrap());
    let shards = ShardCounts::from_json(&format!("{{\"acme\":{number}}}")).unwrap();
    Spender::new(port.another()).with_shards(shards)
}

/// Three balance shards, of which one has five credits that move to another one after so many steps of a debit that needs them
/// all in the third.
fn moving(steps: usize, bug: Option<Bug>) -> Result<bool, SpendError> {
    let mut state = State::new(1, bug);
    state.credit(5);
    let now = Timestamp::from_ms(history::START_MS);
    let main = state.table.main();
    (main.ready, main.sharding) = (true, Sharding::Since(now));
    let shard = |number| ShardId::balances().nth(number).unwrap();
    let all = |from, to| Rebalance { to, from: vec![(from, Credits(5))] };
    for (from, to) in [(ShardId::MAIN, shard(1)), (shard(1), shard(2))] {
        state.table.apply(&Op::Rebalance(all(from, to))).unwrap();
    }
    let port = unreliable::port(state);
    let org = OrgId::parse("acme").unwrap();
    let spender = liking(2, 3, &port);
    let debit = Debit { credits: Credits(5), ..debit(1) };
    let sender = machine();
    let mut spending = std::pin::pin!(spender.debit(&org, &sender, &debit, now));
    for _ in 0..steps {
        if let Poll::Ready(done) = spending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done.map(|_| false);
        }
    }
    // Fails when the debit was faster.
    let moved = port.state().table.apply(&Op::Rebalance(all(shard(2), shard(1)))).is_ok();
    wait(spending).map(|_| moved)
}

#[test]
fn credits_that_move_while_they_are_counted_are_not_missed() {
    let outcomes: Vec<_> = (0..100).map(|steps| moving(steps, None)).collect();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(outcomes.iter().filter(|moved| **moved == Ok(true)).count() > 20, "{outcomes:?}");
    let missed = (0..100).filter(|steps| moving(*steps, Some(Bug::MovementsNotCounted)).is_err());
    assert!(missed.count() > 0, "without the counter they would be");
}

/// What is taken is charged when it is finished: nobody may be told that it was refused.
#[test]
fn a_debit_that_another_shard_reserved_is_not_refused_for_lack_of_credits() {
    let (org, port, now) = port();
    let debit = Debit { credits: Credits(1000), ..debit(1) };
    let mut dying = Box::pin({
        let spender = liking(0, 2, &port);
        let (org, debit) = (org.clone(), debit.clone());
        async move { spender.debit(&org, &machine(), &debit, now).await.map(drop) }
    });
    while port.state().table.charged.is_empty() {
        assert!(dying.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(dying);
    assert!(port.state().table.ledger.len() < 2, "it died between its writes");
    let other = liking(1, 2, &port);
    let done = wait(other.debit(&org, &machine(), &debit, now)).unwrap();
    assert_eq!((done.credits, done.available), (Credits(1000), Credits(0)));
}

#[test]
fn a_batch_that_finds_some_of_it_done_takes_the_rest() {
    let (org, port, now) = port();
    let all: Vec<_> = (1..=5).map(debit).collect();
    let (sender, other) = (Spender::new(port.another()), Spender::new(port.another()));
    wait(sender.debit(&org, &machine(), &all[1], now)).unwrap();
    wait(sender.debit_all(&org, &machine(), &all[3..], now)).unwrap();
    let outcomes = wait(other.debit_all(&org, &machine(), &all, now)).unwrap();
    let repeated: Vec<_> =
        outcomes.iter().map(|outcome| matches!(outcome, Outcome::Done(done) if done.repeated)).collect();
    assert_eq!(repeated, [false, true, false, true, true]);
    let spent: i64 = all.iter().map(|debit| debit.credits.0).sum();
    wait(other.repair_all(&org, now.plus_secs(120))).unwrap();
    assert_eq!(port.state().table.main().credits, Credits(1000 - spent));
}

#[test]
fn a_batch_is_not_debited_in_part() {
    let (org, port, now) = port();
    let all: Vec<_> = (1..=5).map(|at| Debit { credits: Credits(300), ..debit(at) }).collect();
    let sender = Spender::new(port.another());
    let refused = SpendError::NotEnough { needed: Credits(1500), available: Credits(1000) };
    assert_eq!(wait(sender.debit_all(&org, &machine(), &all, now)), Err(refused));
    assert_eq!(port.state().table.main().credits, Credits(1000));
    assert!(port.state().table.main().pending.is_empty());
    let twice = [all[0].clone(), all[0].clone()];
    assert_eq!(wait(sender.debit_all(&org, &machine(), &twice, now)), Err(SpendError::NoBatch));
    assert_eq!(wait(sender.debit_all(&org, &machine(), &[], now)), Err(SpendError::NoBatch));
}

#[test]
fn batches_of_many_processes_never_fill_a_shard_for_good() {
    let (org, port, now) = port();
    for batch in 0..9_u8 {
        // Each from a process that never comes back.
        let all: Vec<_> = (0..25).map(|at| Debit { credits: Credits(1), ..debit(batch * 25 + at) }).collect();
        wait(Spender::new(port.another()).debit_all(&org, &machine(), &all, now)).unwrap();
    }
    wait(Spender::new(port.another()).debit(&org, &machine(), &debit(250), now)).unwrap();
}

/// Credits that were on their way to a shard that is not there yet arrive when something is owed already.
#[test]
fn a_shard_that_comes_to_be_while_something_is_owed_serves_nothing() {
    let serves = |bug: Option<Bug>| {
        let mut state = State::new(1, bug);
        state.credit(10);
        let main = state.table.main();
        (main.ready, main.sharding) = (true, Sharding::Since(Timestamp::from_ms(0)));
        let [first, second] = [1, 2].map(|number| ShardId::balances().nth(number).unwrap());
        let moves = |from, to, credits| Op::Rebalance(Rebalance { to, from: vec![(from, Credits(credits))] });
        state.table.apply(&moves(ShardId::MAIN, first, 10)).unwrap();
        state.take_back(6);
        state.table.apply(&moves(first, second, 5)).unwrap();
        let (id, credits) = (debit(1).id, Credits(5));
        let code = Stamp::code(credits, Channel::EMAIL, &Details::default()).unwrap();
        let reservation = Reservation {
            debits: vec![ReservedDebit { id, credits, code }],
            acknowledged: Vec::new(),
            unsharded: false,
            epoch: state.table.shards[&second].epoch,
            counting: Counting::default(),
            at: Timestamp::from_ms(history::START_MS),
        };
        let answer = state.table.apply(&Op::Reserve(second, reservation)).unwrap();
        matches!(answer, Answer::Reserved(Reserved::Done(_)))
    };
    assert!(!serves(None), "6 of 10 are owed, and 5 would be spent");
    assert!(serves(Some(Bug::NewShardNotHalted)), "and would be, were only those halted that there are");
}

/// A reservation that is still under way when its debit is refused for what is owed, and arrives once that is paid.
#[test]
fn a_debit_that_was_refused_for_what_is_owed_is_not_charged_once_it_is_paid() {
    let charged = |bug: Option<Bug>| {
        let mut state = State::new(1, bug);
        state.credit(10);
        let main = state.table.main();
        (main.ready, main.sharding) = (true, Sharding::Since(Timestamp::from_ms(0)));
        let (org, now) = (OrgId::parse("acme").unwrap(), Timestamp::from_ms(history::START_MS));
        let port = unreliable::port(state);
        let spender = liking(0, 1, &port);
        let [first, refused, last] = [1, 2, 3].map(|at| Debit { credits: Credits(2), ..debit(at) });
        wait(spender.debit(&org, &machine(), &first, now)).unwrap();
        port.state().delay_next_reservation = true;
        wait(spender.debit(&org, &machine(), &refused, now)).unwrap_err();
        port.state().take_back(12);
        let lacking = SpendError::NotEnough { needed: Credits(2), available: Credits(-4) };
        assert_eq!(wait(spender.debit(&org, &machine(), &refused, now)), Err(lacking));
        port.state().credit(20);
        wait(liking(0, 1, &port).debit(&org, &machine(), &last, now)).unwrap();
        port.state().arrive();
        port.state().table.charged.get(&refused.id).is_some_and(|times| *times > 0)
    };
    assert!(!charged(None), "the refusal is for good");
    assert!(charged(Some(Bug::ResumedInSameEpoch)), "and would not be in the epoch of before");
}
