//! Two who do something with one hold at the same moment, in every order that their calls can come in.
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use saldo_credits::test_support::{Bug, Op};
use saldo_credits::{Held, SpendError, Spender};
use saldo_domain::{
    AtEnd, BudgetBy, BudgetId, BudgetName, BudgetTerms, Budgets, Channel, Credits, Day, Debit, Details, Hold,
    HoldRefused, HoldTerms, HoldUse, HowEnded, Limiting, Meters, OrgId, Period, Subject, Timestamp, Units,
    total,
};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

/// Calls of both together whose order is tried; what comes behind them is done by one after the other.
const ORDERED: u32 = 7;
/// How many calls of one come together where the hold died between its two writes, so that all shards are read first.
const TOGETHER: usize = 4;
const GRANTED: i64 = 100;
const SPENT: i64 = 95;
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2},"sms":{"default":3}}"#;

/// What one of them does, with five SMS of three credits that are held for an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Capture(i64),
    CaptureAs(Channel, i64),
    Release,
    Extend,
    /// Whoever looks when its time is over.
    End,
    /// The sender of a quota says what it used when its time is over.
    Report(i64),
    /// Whoever takes back what was charged.
    Reverse,
    /// Another debit of nearly all that there is.
    Spend,
    /// The sender that does not know whether it was held.
    Hold,
}

/// What one of them was told the hold is.
type Told = RefCell<Option<Result<Option<Hold>, SpendError>>>;

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn made() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn hold(at_end: AtEnd) -> Debit {
    let of = history::debit(&mut fastrand::Rng::with_seed(1), 1, made());
    // What is released at its end is a quota here.
    let valid_until = Some(made().plus_secs(1_800).whole_secs()).filter(|_| at_end == AtEnd::Release);
    let terms = HoldTerms { ends_at: made().plus_secs(3_600).whole_secs(), at_end, valid_until };
    let details = Details { units: Units::new(5).unwrap(), ..Details::default() };
    Debit { hold: Some(terms), credits: Credits(15), channel: Channel::SMS, details, ..of }
}

fn spender(port: &Port) -> Spender<Port> {
    Spender::new(port.another()).with_meters(Meters::from_json(METERS).unwrap())
}

async fn act(spender: Spender<Port>, act: Act, hold: Debit, told: &Told) {
    let (org, id, now) = (acme(), hold.id, made().plus_secs(60));
    let units = |number| Some(Units::new(number).unwrap());
    let done = match act {
        Act::Capture(number) => {
            let used = HoldUse { units: units(number), ..HoldUse::default() };
            spender.capture(&org, &machine(), id, &used, now).await
        }
        Act::CaptureAs(channel, number) => {
            let used = HoldUse { units: units(number), channel: Some(channel), ..HoldUse::default() };
            spender.capture(&org, &machine(), id, &used, now).await
        }
        Act::Release => spender.release(&org, &machine(), id, now).await,
        Act::Extend => spender.extend(&org, &machine(), id, made().plus_secs(9_000), now).await,
        Act::End => spender.held(&org, id, made().plus_secs(3_601)).await,
        Act::Report(number) => {
            let used = HoldUse { units: units(number), ..HoldUse::default() };
            spender.capture(&org, &machine(), id, &used, made().plus_secs(3_700)).await
        }
        Act::Spend => {
            let of = history::debit(&mut fastrand::Rng::with_seed(2), 9, made());
            let channel = Channel::EMAIL;
            let debit = Debit { credits: Credits(SPENT), channel, details: Details::default(), ..of };
            *told.borrow_mut() = Some(spender.debit(&org, &machine(), &debit, now).await.map(|_| None));
            return;
        }
        Act::Reverse => {
            let done = spender.reverse_hold(&org, &machine(), id, made().plus_secs(3_800)).await;
            *told.borrow_mut() = Some(done.map(|_| None));
            return;
        }
        Act::Hold => {
            let done = spender.hold(&org, &machine(), &hold, now).await;
            *told.borrow_mut() = Some(done.map(|_| None));
            return;
        }
    };
    *told.borrow_mut() = Some(done.map(|Held { hold, .. }| Some(hold)));
}

/// How it was before the two come.
#[derive(Clone, Copy, Debug)]
struct Before {
    at_end: AtEnd,
    /// The hold died between its two writes.
    half_done: bool,
    /// A budget counts all that is spent.
    budgeted: bool,
    bug: Option<Bug>,
}

/// The same budget for all that the sender spends, in a month.
fn set_budget(state: &mut State) {
    let terms = BudgetTerms {
        name: BudgetName::parse("budget").unwrap(),
        by: BudgetBy::Key(Subject::parse("sender-1").unwrap()),
        period: Period::Month,
        limit: Credits(1_000),
        limiting: Limiting::Hard,
    };
    let before = state.table.spending.budgets.clone();
    let after = before.with(&BudgetId::parse("all").unwrap(), &terms, &machine(), made()).unwrap();
    state.table.apply(&Op::SetBudgets(before, after)).unwrap();
}

/// What that budget has counted.
fn counted(state: &State) -> i64 {
    let budgets = &state.table.spending.budgets;
    budgets.all.first().map_or(0, |budget| Budgets::spent(budget, &state.table.shards, Day::of(made())).0)
}

/// Both in one order; gives what each was told, and the credits that are left.
fn play(
    acts: [Act; 2],
    order: u32,
    Before { at_end, half_done, budgeted, bug }: Before,
) -> ([Told; 2], Port) {
    let mut state = State::new(1, bug);
    state.credit(GRANTED);
    if budgeted {
        set_budget(&mut state);
    }
    state.table.main().ready = true;
    let port = unreliable::port(state);
    let hold = hold(at_end);
    let first = spender(&port);
    let mut making: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
        first.hold(&acme(), &machine(), &hold, made()).await.unwrap();
    });
    let reserved = || port.state().table.charged.contains_key(&hold.id);
    while !(half_done && reserved() || poll(&mut making)) {}
    drop(making);
    let told: [Told; 2] = Default::default();
    let [one, other] = [0, 1].map(|at| act(spender(&port), acts[at], hold.clone(), &told[at]));
    let mut both: [Option<Pin<Box<dyn Future<Output = ()> + '_>>>; 2] =
        [Some(Box::pin(one)), Some(Box::pin(other))];
    let chosen =
        (0..ORDERED).map(|at| (order >> at & 1) as usize).chain([0, 1].into_iter().cycle().take(400));
    for at in chosen {
        // To its call, and behind it.
        for _ in 0..if half_done { 2 * TOGETHER } else { 2 } {
            if both[at].as_mut().is_some_and(poll) {
                both[at] = None;
            }
        }
    }
    assert!(both.iter().all(Option::is_none), "{acts:?} took too long");
    drop(both);
    (told, port)
}

fn poll<F: Future + ?Sized>(act: &mut Pin<Box<F>>) -> bool {
    act.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// What everybody who was told of an end was told.
fn prove(acts: [Act; 2], order: u32, before: Before) -> Result<(), String> {
    let (told, port) = play(acts, order, before);
    let (when, at_end) = (format!("{acts:?} in order {order:b}, {before:?}"), before.at_end);
    let late = made().plus_secs(40 * 3_600);
    let held =
        wait(spender(&port).held(&acme(), hold(at_end).id, late)).map_err(|error| error.to_string())?;
    let is = held.hold.ended.ok_or_else(|| format!("{when}: it never ended"))?;
    let mut spent = 0;
    let mut reversals = [false; 2];
    for (at, (act, told)) in acts.into_iter().zip(told).enumerate() {
        let (ended, reported) = match told.into_inner().ok_or_else(|| format!("{when}: nothing was told"))? {
            Ok(None) => {
                reversals[at] = true;
                spent += if act == Act::Spend { SPENT } else { 0 };
                continue;
            }
            Ok(Some(hold)) => (hold.ended, hold.reported),
            Err(SpendError::Hold(HoldRefused::Captured(ended) | HoldRefused::Released(ended))) => {
                (Some(ended), None)
            }
            Err(SpendError::Hold(HoldRefused::Reported(reported))) => (None, Some(reported)),
            Err(SpendError::Hold(HoldRefused::NotCaptured)) if act == Act::Reverse => continue,
            Err(SpendError::NotEnough { .. }) if acts.contains(&Act::Spend) => continue,
            Err(error) => return Err(format!("{when}: {error:?}")),
        };
        // Who reports then captures what was extended.
        let captured = is.how == HowEnded::Captured && acts.iter().any(|act| matches!(act, Act::Report(_)));
        let over = is.at.secs_since(made()) > 3_600 && !captured;
        if act == Act::Extend && ended.is_none() && over && is.at < late {
            return Err(format!("{when}: extended, and ended at {:?}", is.at));
        }
        if ended.is_some_and(|ended| ended != is) {
            return Err(format!("{when}: told {ended:?}, and it is {is:?}"));
        }
        if reported.is_some() && reported != held.hold.reported {
            return Err(format!("{when}: told {reported:?}, and it is {:?}", held.hold.reported));
        }
    }
    let state = port.state();
    let left = total(&state.table.shards).0;
    let reversed = acts.iter().zip(&reversals).any(|(act, done)| *act == Act::Reverse && *done);
    if reversed != held.reversed.is_some() {
        return Err(format!("{when}: told that it is reversed {reversed}, and it is {:?}", held.reversed));
    }
    let reported = held.hold.reported.map_or(0, |reported| reported.charge.credits.0);
    let charged = if reversed { 0 } else { is.captured.credits.0 + reported };
    if left != GRANTED - charged - spent || charged > 15 {
        return Err(format!("{when}: {left} are left of {GRANTED}, {charged} charged and {spent} spent"));
    }
    // Of a quota that ended by itself a report may still come, so that all of it goes on being counted.
    if before.budgeted
        && !(is.how == HowEnded::Expired && at_end == AtEnd::Release)
        && counted(&state) != charged + spent
    {
        return Err(format!("{when}: {} are counted, {charged} charged and {spent} spent", counted(&state)));
    }
    state.table.wrong.clone().map_or(Ok(()), |wrong| Err(format!("{when}: {wrong}")))
}

const ACTS: [Act; 12] = [
    Act::Reverse,
    Act::Report(4),
    Act::Report(2),
    Act::Spend,
    Act::Capture(5),
    Act::Capture(2),
    Act::CaptureAs(Channel::WHATSAPP, 3),
    Act::CaptureAs(Channel::EMAIL, 15),
    Act::Release,
    Act::Extend,
    Act::End,
    Act::Hold,
];

/// All pairs, in every order.
fn prove_all(bug: Option<Bug>) -> Result<(), String> {
    for at_end in [AtEnd::Release, AtEnd::Capture] {
        for (at, one) in ACTS.into_iter().enumerate() {
            for other in ACTS.into_iter().skip(at) {
                for (half_done, budgeted) in [(false, false), (true, false), (false, true)] {
                    for order in 0..1 << ORDERED {
                        prove([one, other], order, Before { at_end, half_done, budgeted, bug })?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn of_two_at_the_same_moment_one_counts_in_every_order() {
    prove_all(None).unwrap();
}

#[test]
fn bugs_planted_in_the_ends_of_holds_are_found_by_some_order_of_two() {
    for bug in [
        Bug::ReversedTwice,
        Bug::BudgetNotGivenBack,
        Bug::ReportedTwice,
        Bug::ReportWithoutEntry,
        Bug::UnguardedReport,
        Bug::HoldEndedTwice,
        Bug::ExtensionOverlooked,
        Bug::RestNotReturned,
        Bug::AllReturned,
    ] {
        assert!(prove_all(Some(bug)).is_err(), "{bug:?} was not found");
    }
}
