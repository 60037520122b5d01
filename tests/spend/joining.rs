//! Debits under ids that their senders chose: what one process makes at the same time goes together as well.
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use saldo_credits::{Debited, SpendError, Spender};
use saldo_domain::{
    Actor, BudgetBy, BudgetId, BudgetName, BudgetTerms, Channel, Credits, Debit, DebitId, Limiting, OrgId,
    Period, SEQUENCE_STEP, ShardCounts, Subject, Timestamp,
};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

type Told = Arc<Mutex<Vec<(usize, Result<Debited, SpendError>)>>>;
type Debiting = Pin<Box<dyn Future<Output = ()>>>;

fn now() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn port(credits: i64) -> Port {
    fastrand::seed(11);
    let mut state = State::new(1, None);
    state.credit(credits);
    state.table.main().ready = true;
    unreliable::port(state)
}

/// An e-mail under the id that is number `number`, each in a run of its own.
fn email(number: usize, credits: i64, made: Timestamp) -> Debit {
    let mut random = [0x80; 10];
    random[1] = u8::try_from(number).unwrap();
    costing(DebitId::made_at(made, &random), credits)
}

fn costing(id: DebitId, credits: i64) -> Debit {
    Debit::costing(id, Channel::EMAIL, Credits(credits))
}

/// Debits it, and notes what is told under `number`.
fn debiting(spender: &Spender<Port>, told: &Told, number: usize, debit: Debit, by: Actor) -> Debiting {
    debiting_at(now(), spender, told, number, debit, by)
}

/// The same by a clock of its own.
fn debiting_at(
    at: Timestamp,
    spender: &Spender<Port>,
    told: &Told,
    number: usize,
    debit: Debit,
    by: Actor,
) -> Debiting {
    let (spender, told) = (spender.clone(), Arc::clone(told));
    Box::pin(async move {
        let done = spender.debit(&acme(), &by, &debit, at).await;
        told.lock().unwrap().push((number, done));
    })
}

fn poll(act: &mut Debiting) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn come_to_an_end(mut all: Vec<Debiting>) {
    for _ in 0..100_000 {
        if all.is_empty() {
            return;
        }
        all.retain_mut(|one| !poll(one));
    }
    panic!("{} never end", all.len());
}

fn reservations(port: &Port) -> i64 {
    port.state().table.main().sequence / SEQUENCE_STEP
}

/// How many calls there were.
fn calls(port: &Port) -> usize {
    port.state().table.totals.len()
}

fn charged(port: &Port, id: DebitId) -> i64 {
    port.state().table.charged.get(&id).copied().unwrap_or_default()
}

fn done(told: &Told) -> Vec<Debited> {
    told.lock().unwrap().iter().filter_map(|(_, done)| done.as_ref().ok().copied()).collect()
}

/// Over so many shards; 0 for none.
fn spread(shards: u8) -> ShardCounts {
    let config = if shards == 0 { "{}".to_owned() } else { format!("{{\"acme\":{shards}}}") };
    ShardCounts::from_json(&config).unwrap()
}

/// Two that are under way, so that what comes now waits for the same group.
fn two_under_way(spender: &Spender<Port>, told: &Told) -> Vec<Debiting> {
    let mut two: Vec<_> =
        [200, 201].map(|at| debiting(spender, told, at, email(at, 0, now()), machine())).into();
    assert!(two.iter_mut().all(|one| !poll(one)));
    two
}

#[test]
fn one_alone_makes_two_writes_and_nothing_else() {
    let port = port(10);
    let spender = Spender::new(port.another());
    let before = calls(&port);
    let told = wait(spender.debit(&acme(), &machine(), &email(1, 2, now()), now())).unwrap();
    assert_eq!((told.available, calls(&port) - before), (Credits(8), 2));
}

#[test]
fn what_comes_at_the_same_time_shares_a_reservation_whatever_its_ids() {
    let port = port(1_000);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let all = (0..64).map(|at| debiting(&spender, &told, at, email(at, 1, now()), machine())).collect();
    come_to_an_end(all);
    assert_eq!(done(&told).len(), 64);
    assert!(reservations(&port) <= 5, "{}", reservations(&port));
    assert!(done(&told).iter().all(|done| charged(&port, done.id) == 1));
}

#[test]
fn an_id_is_known_before_the_call_and_those_of_one_moment_are_of_one_run() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let ids: Vec<_> = (0..50).map(|_| spender.choose_id(&acme(), &machine(), now())).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 50);
    assert_eq!(ids.iter().map(|id| id.run().first()).collect::<BTreeSet<_>>().len(), 2);
    let other = Actor::Machine(Subject::parse("sender-2").unwrap());
    let others = spender.choose_id(&acme(), &other, now());
    assert!(ids.iter().all(|id| id.run() != others.run()), "a run is one caller's");
    let later = spender.choose_id(&acme(), &machine(), now().plus_secs(1));
    assert_eq!(later.at(), now().plus_secs(1), "an id is never old");
    let under_way = two_under_way(&spender, &told);
    let before = reservations(&port);
    let mut all: Vec<_> = ids[..25]
        .iter()
        .enumerate()
        .map(|(at, id)| debiting(&spender, &told, at, costing(*id, 1), machine()))
        .collect();
    assert!(all.iter_mut().all(|one| !poll(one)));
    come_to_an_end(under_way);
    let calls_before = calls(&port);
    come_to_an_end(all);
    assert_eq!(reservations(&port) - before, 3, "two that were under way, and all");
    assert_eq!(calls(&port) - calls_before, 2, "a reservation, and the entries of one run");
}

/// A look that is never answered: what may be a repeat waits for it alone.
#[test]
fn one_that_may_be_a_repeat_holds_no_group_up() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let mut old = debiting(&spender, &told, 1, email(1, 1, now().plus_secs(-10)), machine());
    assert!(!poll(&mut old), "it is looked up");
    let calls_before = calls(&port);
    come_to_an_end((2..12).map(|at| debiting(&spender, &told, at, email(at, 1, now()), machine())).collect());
    assert_eq!(done(&told).len(), 10, "nobody waits for its look");
    assert_eq!(port.state().table.ledger.len(), 11);
    assert!(calls(&port) > calls_before);
    come_to_an_end(vec![old]);
    assert_eq!(done(&told).len(), 11);
}

#[test]
fn what_was_done_before_and_what_costs_too_much_join_nobody() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let first = email(1, 3, now().plus_secs(-10));
    wait(Spender::new(port.another()).debit(&acme(), &machine(), &first, now())).unwrap();
    let other = Debit { channel: Channel::SMS, ..first.clone() };
    let dear = Debit { max_credits: Some(Credits(1)), ..email(2, 2, now()) };
    let old = email(3, 1, now().plus_secs(-90_000));
    let under_way = two_under_way(&spender, &told);
    let refused = [(1, first), (2, other), (3, dear.clone()), (4, old.clone())];
    come_to_an_end(refused.map(|(at, debit)| debiting(&spender, &told, at, debit, machine())).into());
    let mut said = told.lock().unwrap().clone();
    said.sort_by_key(|(number, _)| *number);
    assert!(matches!(&said[0], (1, Ok(done)) if done.repeated), "{said:?}");
    assert_eq!(said[1], (2, Err(SpendError::Reused)));
    let dear = SpendError::OverMaximum { id: dear.id, credits: Credits(2), most: Credits(1) };
    assert_eq!(said[2..], [(3, Err(dear)), (4, Err(SpendError::Untimely(old.id)))]);
    come_to_an_end(under_way);
}

/// Its leader came when it was new; an attempt of before, which cost less, is still under way.
#[test]
fn behind_the_refusal_of_a_repeat_no_attempt_of_before_succeeds_whoever_leads_its_group() {
    let port = port(1);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let repeat = email(2, 2, now());
    port.state().delay_next_reservation = true;
    let before = wait(Spender::new(port.another()).debit(&acme(), &machine(), &costing(repeat.id, 1), now()));
    assert!(before.is_err() && port.state().late.len() == 1, "{before:?}");
    let mut all = two_under_way(&spender, &told);
    all.push(debiting(&spender, &told, 1, email(1, 2, now()), machine()));
    all.push(debiting_at(now().plus_secs(3), &spender, &told, 2, repeat.clone(), machine()));
    for _ in 0..20 {
        assert!(all[2..].iter_mut().all(|one| !poll(one)), "both wait for the same group");
    }
    let reserved = reservations(&port);
    come_to_an_end(all);
    assert_eq!(reservations(&port), reserved + 2, "of those that were under way");
    let refused = |number: usize| {
        let told = told.lock().unwrap();
        told.iter().any(|(of, done)| *of == number && matches!(done, Err(SpendError::NotEnough { .. })))
    };
    assert!(refused(1) && refused(2), "{told:?}");
    port.comes_to_rest();
    assert_eq!(charged(&port, repeat.id), 0);
    assert!(!port.state().table.main().pending.contains_key(&repeat.id), "an attempt of before succeeded");
    assert_eq!(port.state().table.main().credits, Credits(1));
}

#[test]
fn callers_of_one_group_are_one_and_others_wait_for_theirs() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let by = |at: usize| Actor::Machine(Subject::parse(&format!("sender-{}", at % 3)).unwrap());
    let under_way = two_under_way(&spender, &told);
    let mut all: Vec<_> =
        (0..30).map(|at| debiting(&spender, &told, at, email(at, 1, now()), by(at))).collect();
    assert!(all.iter_mut().all(|one| !poll(one)));
    come_to_an_end(under_way);
    let before = reservations(&port);
    come_to_an_end(all);
    assert_eq!(reservations(&port) - before, 3, "one for each caller, in whatever order they come");
    let state = port.state();
    for row in state.table.ledger.values() {
        let saldo_credits::test_support::Row::Debit(entry) = row else { continue };
        let number = usize::from(entry.id.bytes()[7]);
        assert!(number >= 200 || entry.actor == by(number), "{number} {:?}", entry.actor);
    }
}

#[test]
fn the_same_debit_twice_at_the_same_time_is_one() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let debit = email(1, 5, now());
    come_to_an_end((0..12).map(|at| debiting(&spender, &told, at, debit.clone(), machine())).collect());
    let new = done(&told).iter().filter(|done| !done.repeated).count();
    assert_eq!((done(&told).len(), new), (12, 1));
    wait(spender.repair_all(&acme(), now().plus_secs(120))).unwrap();
    assert_eq!(port.state().table.main().credits, Credits(95));
}

/// How many calls a group of `count` makes of which `credits` cover as many, over so many shards; all that are refused are
/// refused for good.
fn calls_of_a_group(count: usize, credits: i64, cost: i64, shards: u8) -> (usize, usize) {
    let port = port(credits);
    let (spender, told) = (Spender::new(port.another()).with_shards(spread(shards)), Told::default());
    let under_way = two_under_way(&spender, &told);
    let ids: Vec<_> = (0..count).map(|_| spender.choose_id(&acme(), &machine(), now())).collect();
    let debit = |(at, id): (usize, &DebitId)| debiting(&spender, &told, at, costing(*id, cost), machine());
    let mut all: Vec<_> = ids.iter().enumerate().map(debit).collect();
    assert!(all.iter_mut().all(|one| !poll(one)));
    come_to_an_end(under_way);
    let before = calls(&port);
    come_to_an_end(all);
    let refused = told.lock().unwrap().iter().filter(|(_, done)| done.is_err()).count();
    for (_, told) in told.lock().unwrap().iter() {
        let left = Credits(credits % cost);
        let expected = SpendError::NotEnough { needed: Credits(cost), available: left };
        assert!(told.as_ref().err().is_none_or(|error| *error == expected), "{told:?}");
    }
    assert_eq!(saldo_domain::total(&port.state().table.shards).0, credits % cost);
    (calls(&port) - before, refused)
}

/// A refused reservation, one for what is covered, its entries, the fence and the look.
#[test]
fn refusing_a_group_costs_the_same_however_many_they_are() {
    for (count, credits, expected) in [(2, 0, 3), (25, 0, 3), (2, 1, 5), (25, 1, 5), (25, 24, 5), (25, 12, 5)]
    {
        let (calls, refused) = calls_of_a_group(count, credits, 1, 0);
        assert_eq!(refused, count - usize::try_from(credits).unwrap());
        assert_eq!(calls, expected, "{count} of which {credits} are covered");
    }
    let (calls, refused) = calls_of_a_group(25, 20, 3, 0);
    assert_eq!((calls, refused), (5, 19), "two credits are left over");
}

/// Where debits are spread, all shards are read, fenced one by one and read again.
#[test]
fn refusing_a_group_over_shards_costs_the_same_however_many_they_are() {
    for shards in [1, 8] {
        for credits in [0, 12] {
            let few = calls_of_a_group(15, credits, 1, shards);
            let many = calls_of_a_group(25, credits, 1, shards);
            assert_eq!(many.1 - few.1, 10);
            assert_eq!(many.0, few.0, "{shards} shards, {credits} credits");
        }
    }
}

/// What a budget does not let pass is refused by itself, and what it lets pass is not.
#[test]
fn of_a_group_beyond_a_budget_as_many_are_debited_as_it_lets_pass() {
    for (shards, limit) in [(0, 10), (0, 1), (2, 10), (2, 1)] {
        let port = port(100);
        let (spender, told) = (Spender::new(port.another()).with_shards(spread(shards)), Told::default());
        let by = BudgetBy::Meter(Channel::EMAIL);
        let (limit, limiting) = (Credits(limit), Limiting::Hard);
        let terms = BudgetTerms {
            name: BudgetName::parse("Mail").unwrap(),
            by,
            limit,
            period: Period::Day,
            limiting,
        };
        let id = BudgetId::parse("emails").unwrap();
        wait(spender.set_budget(&acme(), &id, &terms, &machine(), now())).unwrap();
        let all = (0..25).map(|at| debiting(&spender, &told, at, email(at, 1, now()), machine())).collect();
        come_to_an_end(all);
        assert_eq!(i64::try_from(done(&told).len()).unwrap(), limit.0, "{shards} shards");
        for (_, told) in told.lock().unwrap().iter() {
            let Err(error) = told else { continue };
            assert!(matches!(error, SpendError::OverBudget(over) if over.spent == limit), "{error:?}");
        }
        assert_eq!(saldo_domain::total(&port.state().table.shards), Credits(100 - limit.0));
    }
}
