//! What a process sends at the same time goes together, and each of it is answered as if it had come alone.
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use saldo_credits::{Debited, NotSent, Order, SpendError, Spender};
use saldo_domain::{
    Actor, Channel, Credits, DebitId, Details, Meters, OrgId, SEQUENCE_STEP, Subject, Timestamp, Units,
};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

type Told = Arc<Mutex<Vec<(usize, Result<Debited, NotSent>)>>>;
type Sending<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

const METERS: &str = r#"{"email":{"default":1},"sms":{"default":3}}"#;

fn now() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn port(credits: i64) -> Port {
    fastrand::seed(7);
    let mut state = State::new(1, None);
    state.credit(credits);
    state.table.main().ready = true;
    unreliable::port(state)
}

fn email(units: i64, most: Option<i64>) -> Order {
    let meters = Meters::from_json(METERS).unwrap();
    let details = Details { units: Units::new(units).unwrap(), ..Details::default() };
    Order::new(&meters, Channel::EMAIL, details, most.map(Credits), now()).unwrap()
}

/// Sends it, and notes what is told under `number`.
fn sending<'a>(spender: &Spender<Port>, told: &Told, number: usize, order: Order, by: Actor) -> Sending<'a> {
    let (spender, told) = (spender.clone(), Arc::clone(told));
    Box::pin(async move {
        let done = spender.send(&acme(), &by, &order, now()).await;
        told.lock().unwrap().push((number, done));
    })
}

fn poll(act: &mut Sending<'_>) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Lets all of them come to an end, each a step at a time.
fn come_to_an_end(mut all: Vec<Sending<'_>>) {
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

fn charged(port: &Port, id: DebitId) -> i64 {
    port.state().table.charged.get(&id).copied().unwrap_or_default()
}

fn done(told: &Told) -> Vec<Debited> {
    told.lock().unwrap().iter().filter_map(|(_, done)| done.as_ref().ok().copied()).collect()
}

#[test]
fn one_alone_is_two_writes_and_waits_for_nobody() {
    let port = port(10);
    let spender = Spender::new(port.another());
    let sent = wait(spender.send(&acme(), &machine(), &email(2, None), now())).unwrap();
    assert_eq!(
        (sent.credits, sent.units.get(), sent.available, sent.repeated),
        (Credits(2), 2, Credits(8), false)
    );
    assert_eq!(reservations(&port), 1);
    assert_eq!(charged(&port, sent.id), 1);
}

#[test]
fn what_is_sent_at_the_same_time_shares_reservation_and_run() {
    let port = port(1_000);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let all = (0..64).map(|number| sending(&spender, &told, number, email(1, None), machine())).collect();
    come_to_an_end(all);
    let done = done(&told);
    assert_eq!(done.len(), 64);
    let ids: std::collections::BTreeSet<_> = done.iter().map(|done| done.id).collect();
    assert_eq!(ids.len(), 64, "each has an id of its own");
    let runs: std::collections::BTreeSet<_> = ids.iter().map(|id| id.run().first()).collect();
    assert!(
        runs.len() <= 5 && reservations(&port) <= 5,
        "{} runs, {} writes",
        runs.len(),
        reservations(&port)
    );
    assert!(done.iter().all(|done| charged(&port, done.id) == 1));
    assert_eq!(port.state().table.main().credits, Credits(1_000 - 64));
}

#[test]
fn of_a_group_that_is_not_covered_as_many_are_debited_as_can_be() {
    for credits in [0, 1, 10, 24, 25] {
        let port = port(credits);
        let (spender, told) = (Spender::new(port.another()), Told::default());
        come_to_an_end(
            (0..26).map(|number| sending(&spender, &told, number, email(1, None), machine())).collect(),
        );
        assert_eq!(i64::try_from(done(&told).len()).unwrap(), credits, "of {credits}");
        for (_, told) in told.lock().unwrap().iter() {
            let Err(NotSent { error, debit }) = told else { continue };
            assert_eq!(*error, SpendError::NotEnough { needed: Credits(1), available: Credits(0) });
            let id = debit.id;
            assert_eq!(charged(&port, id), 0, "{credits}: refused and charged");
        }
        assert_eq!(port.state().table.main().credits, Credits(0));
    }
}

#[test]
fn one_that_is_refused_by_itself_takes_nobody_along() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let order = |number| if number % 7 == 3 { email(5, Some(4)) } else { email(1, None) };
    come_to_an_end(
        (0..20).map(|number| sending(&spender, &told, number, order(number), machine())).collect(),
    );
    for (number, told) in told.lock().unwrap().iter() {
        match told {
            Ok(done) => assert!(number % 7 != 3 && charged(&port, done.id) == 1),
            Err(NotSent { error: SpendError::OverMaximum { .. }, debit }) => {
                assert!(number % 7 == 3 && charged(&port, debit.id) == 0);
            }
            Err(other) => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(port.state().table.main().credits, Credits(100 - 17));
}

#[test]
fn callers_of_one_process_may_be_different_ones() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let by = |number: usize| Actor::Machine(Subject::parse(&format!("sender-{}", number % 2)).unwrap());
    come_to_an_end(
        (0..10).map(|number| sending(&spender, &told, number, email(1, None), by(number))).collect(),
    );
    for (number, told) in told.lock().unwrap().iter() {
        let id = told.as_ref().unwrap().id;
        let state = port.state();
        let row = state.table.ledger.iter().find(|((_, entry), _)| *entry == id.entry()).map(|(_, row)| row);
        let Some(saldo_credits::test_support::Row::Debit(entry)) = row else { panic!("no entry") };
        assert_eq!(entry.actor, by(*number));
    }
}

/// Dropped after any of its turns, the first takes nobody along, and nobody is charged twice.
#[test]
fn who_leads_a_group_may_be_dropped_at_any_time() {
    for turns in 0..40 {
        let port = port(100);
        let (spender, told) = (Spender::new(port.another()), Told::default());
        // One is under way, so that the others come together.
        let mut first = sending(&spender, &told, 0, email(1, None), machine());
        let mut second = sending(&spender, &told, 1, email(1, None), machine());
        assert!(!poll(&mut first) && !poll(&mut second));
        let mut others: Vec<_> =
            (2..12).map(|number| sending(&spender, &told, number, email(1, None), machine())).collect();
        for other in &mut others {
            assert!(!poll(other));
        }
        come_to_an_end(vec![first, second]);
        let mut leader = others.remove(0);
        let ended = (0..turns).any(|_| poll(&mut leader));
        drop(leader);
        come_to_an_end(others);
        let done = done(&told);
        let dropped = usize::from(!ended);
        assert_eq!(done.len(), 12 - dropped, "after {turns} turns");
        assert!(done.iter().all(|done| charged(&port, done.id) == 1), "after {turns} turns");
        wait(spender.repair_all(&acme(), now().plus_secs(120))).unwrap();
        let all: i64 = port.state().table.charged.values().sum();
        assert!((11..=12).contains(&all), "{all} are charged after {turns} turns");
    }
}

#[test]
fn who_is_gone_before_its_group_began_is_not_debited() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let mut all: Vec<_> =
        (0..6).map(|number| sending(&spender, &told, number, email(1, None), machine())).collect();
    for one in &mut all {
        assert!(!poll(one));
    }
    // The first two lead a group each; the others wait.
    all.drain(3..5);
    come_to_an_end(all);
    assert_eq!(done(&told).len(), 4);
    assert_eq!(port.state().table.charged.values().sum::<i64>(), 4);
}

/// Who is told by a group that is under way keeps nobody else from the second place.
#[test]
fn who_finds_one_group_under_way_leads_another() {
    let port = port(100);
    let (spender, told) = (Spender::new(port.another()), Told::default());
    let send = |number| sending(&spender, &told, number, email(1, None), machine());
    let (mut first, mut second, mut leader, mut led) = (send(0), send(1), send(2), send(3));
    for one in [&mut first, &mut second, &mut leader, &mut led] {
        assert!(!poll(one));
    }
    come_to_an_end(vec![first]);
    assert!(!poll(&mut leader), "takes both that wait");
    come_to_an_end(vec![second]);
    assert!(!poll(&mut led), "finds nobody that waits");
    come_to_an_end(vec![send(4)]);
    assert_eq!(done(&told).len(), 3, "the slow group holds nobody up");
    come_to_an_end(vec![leader, led]);
    assert_eq!(done(&told).len(), 5);
}

/// What was not answered is repeated as a debit under the id that it was given.
#[test]
fn what_is_unclear_is_repeated_by_its_id() {
    for lost in [true, false] {
        let port = port(10);
        let spender = Spender::new(port.another());
        port.state().delay_next_reservation = true;
        let NotSent { error, debit } =
            wait(spender.send(&acme(), &machine(), &email(3, None), now())).unwrap_err();
        assert!(matches!(error, SpendError::Port(_)), "{error:?}");
        if !lost {
            port.state().arrive();
        }
        let again = wait(spender.debit(&acme(), &machine(), &debit, now().plus_secs(3))).unwrap();
        assert_eq!((again.id, again.credits), (debit.id, Credits(3)));
        while !port.state().late.is_empty() {
            port.state().arrive();
        }
        wait(spender.repair_all(&acme(), now().plus_secs(120))).unwrap();
        assert_eq!(charged(&port, debit.id), 1);
        assert_eq!(port.state().table.main().credits, Credits(7));
    }
}
