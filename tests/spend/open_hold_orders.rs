//! Somebody holds or extends while cleanup ends holds and keeps where the open ones are, in every order of their calls.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use saldo_credits::Spender;
use saldo_credits::test_support::{Bug, Row};
use saldo_domain::{AtEnd, Credits, Debit, HoldTerms, OrgId, Timestamp};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

/// Calls of both together whose order is tried; what comes behind them is done by one after the other.
const ORDERED: u32 = 12;
const DAY_SECS: i64 = 86_400;

fn start() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn hold(at: u8, made: Timestamp) -> Debit {
    let of = history::debit(&mut fastrand::Rng::with_seed(u64::from(at)), at, made);
    let terms =
        HoldTerms { ends_at: made.plus_secs(3_600).whole_secs(), at_end: AtEnd::Release, valid_until: None };
    Debit { hold: Some(terms), credits: Credits(of.credits.0), ..of }
}

fn poll<F: Future + ?Sized>(act: &mut Pin<Box<F>>) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A table with credits, and who calls it.
fn begin(bug: Option<Bug>) -> (Port, OrgId) {
    let mut state = State::new(1, bug);
    state.credit(100);
    state.table.main().ready = true;
    (unreliable::port(state), OrgId::parse("acme").unwrap())
}

fn spender(port: &Port) -> Spender<Port> {
    Spender::new(port.another())
}

type Act<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Both, a call of one or of the other at a time.
fn in_order(order: u32, both: [Act<'_>; 2]) {
    let mut both = both.map(Some);
    let chosen =
        (0..ORDERED).map(|at| (order >> at & 1) as usize).chain([0, 1].into_iter().cycle().take(200));
    for at in chosen {
        // To its call, and behind it.
        for _ in 0..2 {
            if both[at].as_mut().is_some_and(poll) {
                both[at] = None;
            }
        }
    }
    assert!(both.iter().all(Option::is_none), "order {order:b} took too long");
}

/// From a moment on cleanup looks alone, whenever the list says so: nothing is passed over, and all holds end.
fn prove(port: &Port, org: &OrgId, from: Timestamp) -> Result<(), String> {
    let mut now = from;
    for _ in 0..20 {
        let Some(due) = port.state().table.holds.due() else { break };
        now = due.max(now.plus_secs(3_600));
        wait(spender(port).end_holds(org, now, 100)).unwrap();
    }
    let state = port.state();
    let ended = |row: &Row| match row {
        Row::Debit(entry) => entry.hold.is_some_and(|hold| hold.ended.is_some()),
        Row::Reversal(_) | Row::TopUp(_) | Row::TakenBack(_) | Row::Reported(_) | Row::Closed => true,
    };
    match &state.table.wrong {
        Some(wrong) => Err(wrong.clone()),
        None if state.table.ledger.values().all(ended) => Ok(()),
        None => Err("a hold was never ended".to_owned()),
    }
}

/// An organisation held something two days ago, and holds again while cleanup looks.
fn holding(order: u32, bug: Option<Bug>) -> Result<(), String> {
    let ((port, org), later) = (begin(bug), start().plus_secs(2 * DAY_SECS));
    let (first, second) = (hold(1, start()), hold(2, later));
    wait(spender(&port).hold(&org, &machine(), &first, start())).unwrap();
    // The first one is over, and still on the list.
    wait(spender(&port).end_holds(&org, start().plus_secs(3_700), 100)).unwrap();
    let (holding, ending) = (spender(&port), spender(&port));
    in_order(
        order,
        [
            Box::pin(async {
                holding.hold(&org, &machine(), &second, later).await.unwrap();
            }),
            Box::pin(async {
                ending.end_holds(&org, later, 100).await.unwrap();
            }),
        ],
    );
    prove(&port, &org, later.plus_secs(3_600))
}

/// A hold is extended at its last moment while cleanup, whose clock is ahead, ends it.
fn extending(order: u32, bug: Option<Bug>) -> Result<(), String> {
    let ((port, org), over) = (begin(bug), start().plus_secs(3_601));
    let hold = hold(1, start());
    wait(spender(&port).hold(&org, &machine(), &hold, start())).unwrap();
    let (extending, ending) = (spender(&port), spender(&port));
    in_order(
        order,
        [
            Box::pin(async {
                let ends_at = over.plus_secs(9_000);
                // Too late where cleanup came first.
                let _ = extending.extend(&org, &machine(), hold.id, ends_at, over.plus_secs(-2)).await;
            }),
            Box::pin(async {
                ending.end_holds(&org, over, 100).await.unwrap();
            }),
        ],
    );
    prove(&port, &org, over)
}

#[test]
fn who_holds_while_cleanup_looks_is_on_the_list_in_every_order() {
    for order in 0..1 << ORDERED {
        holding(order, None).unwrap_or_else(|wrong| panic!("order {order:b}: {wrong}"));
    }
}

#[test]
fn what_is_extended_while_cleanup_ends_it_is_passed_over_in_no_order() {
    for order in 0..1 << ORDERED {
        extending(order, None).unwrap_or_else(|wrong| panic!("order {order:b}: {wrong}"));
    }
}

#[test]
fn bugs_planted_in_the_list_of_holds_are_found_by_some_order() {
    let found = |play: fn(u32, Option<Bug>) -> Result<(), String>, bug| {
        (0..1 << ORDERED).any(|order| play(order, Some(bug)).is_err())
    };
    assert!(found(holding, Bug::HoldsKeptUnguarded));
    assert!(found(extending, Bug::CarriedForgotten));
}
