//! Debits under keys: one debit for a key, whoever sends it again, when, and whatever goes wrong on the way.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use saldo_credits::test_support::{Bug, Row};
use saldo_credits::{Debited, NotKeyed, SpendError, Spender};
use saldo_domain::{
    Channel, Country, Credits, Debit, DebitId, Details, IdempotencyKey, OrgId, ShardCounts, Timestamp, total,
};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

type Answered = Result<Debited, NotKeyed<()>>;
type Act<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A key whose debit was refused is sent again two days later.
const LATER_SECS: i64 = 2 * 86_400;

fn now() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("order-17").unwrap()
}

fn port(credits: i64, bug: Option<Bug>) -> Port {
    fastrand::seed(5);
    let mut state = State::new(1, bug);
    state.credit(credits);
    state.table.main().ready = true;
    unreliable::port(state)
}

fn spender(port: &Port, shards: u8) -> Spender<Port> {
    let config = if shards == 0 { "{}".to_owned() } else { format!("{{\"acme\":{shards}}}") };
    Spender::new(port.another()).with_shards(ShardCounts::from_json(&config).unwrap())
}

/// A message of two credits; each country is another one.
fn message(country: &str, id: DebitId) -> Result<Debit, ()> {
    let details = Details { country: Country::parse(country), ..Details::default() };
    Ok(Debit { details, ..Debit::costing(id, Channel::SMS, Credits(2)) })
}

async fn posting(spender: &Spender<Port>, country: &str, at: Timestamp) -> Answered {
    spender.debit_by_key(&acme(), &machine(), &key(), |id| message(country, id), at).await
}

fn post(port: &Port, country: &str, at: Timestamp) -> Answered {
    wait(posting(&Spender::new(port.another()), country, at))
}

fn refused(answer: &Answered) -> bool {
    matches!(answer, Err(NotKeyed::Spend(SpendError::NotEnough { .. })))
}

/// How often anything is charged when all has come to rest.
fn charges(port: &Port, at: Timestamp) -> i64 {
    port.comes_to_rest();
    for _ in 0..3 {
        wait(Spender::new(port.another()).repair_all(&acme(), at.plus_secs(3_600))).unwrap();
    }
    let state = port.state();
    assert_eq!(state.table.wrong, None);
    let entries = state.table.ledger.values().filter(|row| matches!(row, Row::Debit(_))).count();
    let charged: i64 = state.table.charged.values().sum();
    assert_eq!(charged, i64::try_from(entries).unwrap());
    charged
}

fn calls(port: &Port) -> usize {
    port.state().table.totals.len()
}

#[test]
fn a_key_is_one_debit_and_the_same_answer_for_ever() {
    let port = port(100, None);
    let before = calls(&port);
    let first = post(&port, "ID", now()).unwrap();
    assert_eq!((first.credits, first.available, first.repeated), (Credits(2), Credits(98), false));
    assert_eq!(calls(&port) - before, 3, "the claim, the reservation and the entry");
    for secs in [0, 1, 60, 90_000, 400 * 86_400] {
        let before = calls(&port);
        let again = post(&port, "ID", now().plus_secs(secs)).unwrap();
        assert_eq!(again, Debited { repeated: true, ..first }, "after {secs} s");
        assert_eq!(calls(&port) - before, 2, "the claim that is there, and a look");
    }
    let other = post(&port, "US", now().plus_secs(60));
    assert_eq!(other, Err(NotKeyed::Spend(SpendError::Reused)));
    let by_id = message("ID", first.id).unwrap();
    let again = wait(Spender::new(port.another()).debit(&acme(), &machine(), &by_id, now().plus_secs(9)));
    assert_eq!(again, Ok(Debited { repeated: true, ..first }), "it is a debit like any other");
    wait(Spender::new(port.another()).reverse(&acme(), &machine(), first.id, now().plus_secs(60))).unwrap();
    let over = post(&port, "ID", now().plus_secs(90_000));
    assert_eq!(over, Err(NotKeyed::Spend(SpendError::Reversed)));
    assert_eq!(port.state().table.keys.len(), 1);
}

#[test]
fn what_is_refused_whatever_goes_beside_it_claims_nothing() {
    let port = port(100, None);
    let dear = |id| message("ID", id).map(|debit| Debit { max_credits: Some(Credits(1)), ..debit });
    let spender = Spender::new(port.another());
    let post = |of: &dyn Fn(DebitId) -> Result<Debit, ()>| {
        wait(spender.debit_by_key(&acme(), &machine(), &key(), of, now()))
    };
    assert!(matches!(post(&dear), Err(NotKeyed::Spend(SpendError::OverMaximum { .. }))));
    assert_eq!(post(&|_| Err(())), Err(NotKeyed::NoDebit(())));
    let unpayable = |id| message("ID", id).map(|debit| Debit { credits: Credits(-1), ..debit });
    assert_eq!(post(&unpayable), Err(NotKeyed::Spend(SpendError::Unpayable)));
    assert!(port.state().table.keys.is_empty());
    let done = post(&|id| message("ID", id)).unwrap();
    assert_eq!(post(&dear), Ok(Debited { repeated: true, ..done }), "what was done is answered as it was");
}

#[test]
fn a_key_whose_debit_was_refused_may_be_used_again_also_days_later() {
    for later in [1, 60, LATER_SECS] {
        let port = port(1, None);
        assert!(refused(&post(&port, "ID", now())));
        let first = port.state().table.keys["order-17"];
        assert!(refused(&post(&port, "ID", now().plus_secs(later))), "still too few");
        port.state().credit(10);
        let at = now().plus_secs(later + 10);
        let done = post(&port, "ID", at).unwrap();
        assert_eq!((done.repeated, done.id == first), (false, later < LATER_SECS), "after {later} s");
        assert_eq!(post(&port, "ID", at.plus_secs(LATER_SECS)), Ok(Debited { repeated: true, ..done }));
        let by_id = message("ID", first).unwrap();
        let told = wait(Spender::new(port.another()).debit(&acme(), &machine(), &by_id, now().plus_secs(9)));
        assert_eq!(told.is_ok(), later < LATER_SECS, "a closed id is of no debit: {told:?}");
        assert_eq!(charges(&port, at), 1);
    }
}

/// Every call of a key's debit goes wrong in every way once; the sender repeats until it is answered.
#[test]
fn whatever_goes_wrong_a_key_is_one_debit() {
    for (shards, later) in [(0, 0), (2, 0), (0, LATER_SECS), (2, LATER_SECS)] {
        for seed in 0..200 {
            let port = port(1, None);
            assert!(later == 0 || refused(&post(&port, "ID", now())));
            port.state().credit(9);
            (port.state().rng, port.state().failing_percent) =
                (fastrand::Rng::with_seed(seed), if shards == 0 { 30 } else { 8 });
            let at = now().plus_secs(later);
            let (mut told, mut tries) = (None, 0);
            while told.is_none() && tries < 300 {
                tries += 1;
                let spender = spender(&port, shards);
                told = Some(wait(posting(&spender, "ID", at.plus_secs(tries * 3))));
                let unknown = |told: &Answered| matches!(told, Err(NotKeyed::Spend(SpendError::Port(_))));
                told = told.filter(|told| !unknown(told));
            }
            let told = told.unwrap_or_else(|| panic!("{seed}: never answered")).unwrap();
            assert_eq!(charges(&port, at.plus_secs(600)), 1, "{shards} shards, seed {seed}");
            let again = post(&port, "ID", at.plus_secs(7_000)).unwrap();
            assert_eq!((again.id, again.repeated), (told.id, true));
            assert_eq!(total(&port.state().table.shards), Credits(8));
        }
    }
}

/// The process dies behind every one of its steps, and another one is asked for the same.
#[test]
fn a_process_may_die_at_any_call() {
    for later in [0, LATER_SECS] {
        for steps in 0..40 {
            let port = port(1, None);
            assert!(later == 0 || refused(&post(&port, "ID", now())));
            port.state().credit(9);
            let at = now().plus_secs(later);
            let spender = Spender::new(port.another());
            let mut dying: Act<'_> = Box::pin(async { drop(posting(&spender, "ID", at).await) });
            for _ in 0..steps {
                if poll(&mut dying) {
                    break;
                }
            }
            drop(dying);
            post(&port, "ID", at.plus_secs(1)).unwrap();
            assert_eq!(charges(&port, at), 1, "after {steps} steps");
        }
    }
}

fn poll(act: &mut Act<'_>) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// What two processes are told that are asked at the same time: the first goes so many steps, the second so many, the first
/// to its end, then the second. `clocks` are theirs, in seconds.
fn two(port: &Port, steps: (usize, usize), bodies: [&str; 2], clocks: [i64; 2]) -> Vec<Answered> {
    let spenders = [Spender::new(port.another()), Spender::new(port.another())];
    let told = [Cell::new(None), Cell::new(None)];
    let mut acts: Vec<Act<'_>> = Vec::new();
    for at in 0..2 {
        let (spender, told, body, secs) = (&spenders[at], &told[at], bodies[at], clocks[at]);
        acts.push(Box::pin(async move {
            told.set(Some(posting(spender, body, now().plus_secs(secs)).await));
        }));
    }
    let (mut first, mut second) = (acts.remove(0), acts.remove(0));
    let mut over = [false; 2];
    for _ in 0..steps.0 {
        over[0] = over[0] || poll(&mut first);
    }
    for _ in 0..steps.1 {
        over[1] = over[1] || poll(&mut second);
    }
    while !over[0] {
        over[0] = poll(&mut first);
    }
    while !over[1] {
        over[1] = poll(&mut second);
    }
    drop((first, second, acts));
    told.into_iter().map(|told| told.into_inner().unwrap()).collect()
}

/// Every order of two that send the same key at the same time; what is wrong with one, if anything.
fn every_order(bug: Option<Bug>, later: i64, clocks: [i64; 2], bodies: [&str; 2]) -> Result<(), String> {
    for steps in (0..30).flat_map(|one| (0..30).map(move |other| (one, other))) {
        let port = port(1, bug);
        if later > 0 && !refused(&post(&port, "ID", now())) {
            return Err("it was not refused".to_owned());
        }
        port.state().credit(99);
        let told = two(&port, steps, bodies, clocks.map(|ahead| later + ahead));
        let charged = charges(&port, now().plus_secs(later));
        let done: Vec<_> = told.iter().flatten().collect();
        let new = done.iter().filter(|done| !done.repeated).count();
        let ids = done.windows(2).all(|pair| pair[0].id == pair[1].id);
        let expected = if bodies[0] == bodies[1] { 2 } else { 1 };
        if (charged, new, ids, done.len()) != (1, 1, true, expected) {
            return Err(format!("{steps:?}: charged {charged} times, {told:?}"));
        }
    }
    Ok(())
}

#[test]
fn of_two_at_the_same_time_both_are_told_of_one_debit() {
    for bodies in [["ID", "ID"], ["ID", "US"]] {
        every_order(None, 0, [0, 0], bodies).unwrap();
        every_order(None, 0, [0, 9], bodies).unwrap();
    }
    assert!(every_order(Some(Bug::KeyClaimedTwice), 0, [0, 0], ["ID", "ID"]).is_err());
}

/// One of them still takes the first id for one that may be used, by its clock; the other one has it replaced.
#[test]
fn an_id_that_is_replaced_is_debited_by_nobody() {
    for later in [86_400, LATER_SECS] {
        for clocks in [[0, 2], [2, 0], [0, 0], [-60, 60]] {
            for bodies in [["ID", "ID"], ["ID", "US"]] {
                every_order(None, later, clocks, bodies).unwrap();
            }
        }
    }
    // By the clock of one it is of these 24 hours.
    assert!(every_order(Some(Bug::IdNotClosed), 86_400, [-1, 2], ["ID", "ID"]).is_err());
    assert!(every_order(Some(Bug::KeyReplacedUnguarded), LATER_SECS, [0, 0], ["ID", "ID"]).is_err());
}

/// A reservation under the first id that is given up and arrives whenever it may, while the key is sent again days later.
#[test]
fn a_late_attempt_under_an_id_that_is_replaced_is_given_back() {
    let charged = |bug: Option<Bug>, arrives: usize| {
        let port = port(9, bug);
        port.state().delay_next_reservation = true;
        let unknown = post(&port, "ID", now());
        assert!(matches!(unknown, Err(NotKeyed::Spend(SpendError::Port(_)))));
        let (spender, told) = (Spender::new(port.another()), Cell::new(None));
        let at = now().plus_secs(LATER_SECS);
        let mut again: Act<'_> = Box::pin(async { told.set(Some(posting(&spender, "ID", at).await)) });
        let (mut step, mut over) = (0, false);
        while !over {
            if step == arrives {
                port.state().arrive();
            }
            step += 1;
            over = poll(&mut again);
        }
        drop(again);
        told.into_inner().unwrap().unwrap();
        charges(&port, at)
    };
    for arrives in 0..60 {
        assert_eq!(charged(None, arrives), 1, "before step {arrives}");
    }
    assert!((0..60).any(|arrives| charged(Some(Bug::IdNotClosed), arrives) > 1));
}

/// It may be that of a process whose answer is lost, and whose debit is pending or has its entry.
#[test]
fn a_key_of_a_debit_that_is_not_answered_keeps_it_for_ever() {
    for steps in 0..10 {
        let port = port(9, None);
        let spender = Spender::new(port.another());
        let mut dying: Act<'_> = Box::pin(async { drop(posting(&spender, "ID", now()).await) });
        for _ in 0..steps {
            if poll(&mut dying) {
                break;
            }
        }
        drop(dying);
        let charged = port.state().table.charged.keys().next().copied();
        let done = post(&port, "ID", now().plus_secs(LATER_SECS)).unwrap();
        assert_eq!(done.id, charged.unwrap_or(done.id), "after {steps} steps");
        assert_eq!(charges(&port, now().plus_secs(LATER_SECS)), 1);
    }
}
