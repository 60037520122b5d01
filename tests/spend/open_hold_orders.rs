//! Somebody holds while cleanup takes the organisation off the list of those with holds, in every order of their calls.
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
    let terms = HoldTerms { ends_at: made.plus_secs(3_600).whole_secs(), at_end: AtEnd::Release };
    Debit { hold: Some(terms), credits: Credits(of.credits.0), ..of }
}

fn poll<F: Future + ?Sized>(act: &mut Pin<Box<F>>) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// An organisation held something two days ago, and holds again while cleanup looks; cleanup alone ends the second one.
fn play(order: u32, bug: Option<Bug>) -> Result<(), String> {
    let mut state = State::new(1, bug);
    state.credit(100);
    state.table.main().ready = true;
    let port = unreliable::port(state);
    let (org, later) = (OrgId::parse("acme").unwrap(), start().plus_secs(2 * DAY_SECS));
    let spender = |port: &Port| Spender::new(port.another());
    let (first, second) = (hold(1, start()), hold(2, later));
    wait(spender(&port).hold(&org, &machine(), &first, start())).unwrap();
    // The first one is over, and still on the list.
    wait(spender(&port).end_holds(&org, start().plus_secs(3_700), 100)).unwrap();

    let (holding, ending) = (spender(&port), spender(&port));
    let mut both: [Option<Pin<Box<dyn Future<Output = ()> + '_>>>; 2] = [
        Some(Box::pin(async {
            holding.hold(&org, &machine(), &second, later).await.unwrap();
        })),
        Some(Box::pin(async {
            ending.end_holds(&org, later, 100).await.unwrap();
        })),
    ];
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
    drop(both);

    let due = || port.state().table.holds.due();
    let mut now = later.plus_secs(3_600);
    for _ in 0..20 {
        let Some(at) = due() else { break };
        now = at.max(now.plus_secs(3_600));
        wait(spender(&port).end_holds(&org, now, 100)).unwrap();
    }
    let state = port.state();
    if let Some(wrong) = &state.table.wrong {
        return Err(format!("order {order:b}: {wrong}"));
    }
    let ended = |row: &Row| match row {
        Row::Debit(entry) => entry.hold.is_some_and(|hold| hold.ended.is_some()),
        Row::Reversal(_) | Row::TopUp(_) | Row::TakenBack(_) => true,
    };
    let all = state.table.ledger.values().all(ended);
    if all { Ok(()) } else { Err(format!("order {order:b}: a hold was never ended")) }
}

#[test]
fn who_holds_while_cleanup_looks_is_on_the_list_in_every_order() {
    for order in 0..1 << ORDERED {
        play(order, None).unwrap();
    }
}

#[test]
fn a_list_that_is_kept_unguarded_is_found_by_some_order() {
    assert!((0..1 << ORDERED).any(|order| play(order, Some(Bug::HoldsKeptUnguarded)).is_err()));
}
