//! Two who do something with one hold at the same moment, in every order that their calls can come in.
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use saldo_credits::test_support::Bug;
use saldo_credits::{Held, SpendError, Spender};
use saldo_domain::{
    AtEnd, Channel, Credits, Debit, Details, HoldEnded, HoldRefused, HoldTerms, HoldUse, Meters, OrgId,
    Timestamp, Units, total,
};

use super::history::{self, machine, wait};
use super::unreliable::{self, Port, Shared, State};

/// Calls of both together whose order is tried; what comes behind them is done by one after the other.
const ORDERED: u32 = 8;
/// How many calls of one come together where the hold died between its two writes, so that all shards are read first.
const TOGETHER: usize = 4;
const GRANTED: i64 = 100;
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
    /// The sender that does not know whether it was held.
    Hold,
}

/// What one of them was told of the end.
type Told = RefCell<Option<Result<Option<HoldEnded>, SpendError>>>;

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn made() -> Timestamp {
    Timestamp::from_ms(history::START_MS)
}

fn hold(at_end: AtEnd) -> Debit {
    let of = history::debit(&mut fastrand::Rng::with_seed(1), 1, made());
    let terms = HoldTerms { ends_at: made().plus_secs(3_600).whole_secs(), at_end };
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
        Act::Hold => {
            let done = spender.hold(&org, &machine(), &hold, now).await.map(|done| done.hold.unwrap());
            *told.borrow_mut() = Some(done.map(|hold| hold.ended));
            return;
        }
    };
    *told.borrow_mut() = Some(done.map(|Held { hold, .. }| hold.ended));
}

/// Both in one order; gives what each was told, and the credits that are left.
fn play(acts: [Act; 2], order: u32, at_end: AtEnd, half_done: bool, bug: Option<Bug>) -> ([Told; 2], Port) {
    let mut state = State::new(1, bug);
    state.credit(GRANTED);
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
fn prove(acts: [Act; 2], order: u32, at_end: AtEnd, half_done: bool, bug: Option<Bug>) -> Result<(), String> {
    let (told, port) = play(acts, order, at_end, half_done, bug);
    let when = format!("{acts:?} in order {order:b}, {at_end:?}, half done {half_done}");
    let late = made().plus_secs(40 * 3_600);
    let held =
        wait(spender(&port).held(&acme(), hold(at_end).id, late)).map_err(|error| error.to_string())?;
    let is = held.hold.ended.ok_or_else(|| format!("{when}: it never ended"))?;
    for (act, told) in acts.into_iter().zip(told) {
        let ended = match told.into_inner().ok_or_else(|| format!("{when}: nothing was told"))? {
            Ok(ended) => ended,
            Err(SpendError::Hold(HoldRefused::Captured(ended) | HoldRefused::Released(ended))) => Some(ended),
            Err(error) => return Err(format!("{when}: {error:?}")),
        };
        let over = is.at.secs_since(made()) > 3_600;
        if act == Act::Extend && ended.is_none() && over && is.at < late {
            return Err(format!("{when}: extended, and ended at {:?}", is.at));
        }
        if ended.is_some_and(|ended| ended != is) {
            return Err(format!("{when}: told {ended:?}, and it is {is:?}"));
        }
    }
    let state = port.state();
    let left = total(&state.table.shards).0;
    if left != GRANTED - is.captured.credits.0 {
        return Err(format!("{when}: {left} are left of {GRANTED}, {} captured", is.captured.credits));
    }
    state.table.wrong.clone().map_or(Ok(()), |wrong| Err(format!("{when}: {wrong}")))
}

const ACTS: [Act; 8] = [
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
                for half_done in [false, true] {
                    for order in 0..1 << ORDERED {
                        prove([one, other], order, at_end, half_done, bug)?;
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
    for bug in [Bug::HoldEndedTwice, Bug::ExtensionOverlooked, Bug::RestNotReturned, Bug::AllReturned] {
        assert!(prove_all(Some(bug)).is_err(), "{bug:?} was not found");
    }
}
