//! A refund of the staff's, between any two of whose calls somebody else gets far: what chance alone would hardly come upon.
use std::task::{Context, Poll, Waker};

use saldo_domain::PortError;

use super::bug::Bug;
use super::history::{Play, Task};

/// More calls than a refund makes, each of which waits twice.
const TURNS: usize = 64;
/// The provider is willing or not, and the refund through it or not, by a seed.
const SEEDS: u64 = 12;

#[test]
fn a_refund_and_its_repeat_come_to_one_end_whoever_gets_how_far() {
    assert_eq!(beside_its_repeat(None), None);
}

#[test]
fn a_refund_is_undone_by_what_is_true_then() {
    assert_eq!(while_another_fails(None), None);
}

#[test]
fn the_bugs_that_only_an_order_shows_are_found() {
    assert!(beside_its_repeat(Some(Bug::RepeatForgotten)).is_some());
    assert!(while_another_fails(Some(Bug::ToldBesideForgotten)).is_some());
}

/// Somebody asks, somebody else asks again; the first one comes to an end, and the second one goes on.
fn beside_its_repeat(bug: Option<Bug>) -> Option<String> {
    in_every_order(bug, |play, before, beside| {
        let mut first = Some(play.asks_for_wish(0));
        goes_on(&mut first, before);
        let mut second = Some(play.asks_for_wish(0));
        goes_on(&mut second, beside);
        goes_on(&mut first, usize::MAX);
        goes_on(&mut second, usize::MAX);
    })
}

/// An earlier refund fails, which somebody hears of while this one is under way.
fn while_another_fails(bug: Option<Bug>) -> Option<String> {
    in_every_order(bug, |play, before, beside| {
        let mut refund = Some(play.asks_for_wish(0));
        goes_on(&mut refund, before);
        let mut event = Some(play.hears_that_what_was_given_back_fails());
        let mut heard = goes_on(&mut event, beside);
        goes_on(&mut refund, usize::MAX);
        heard = heard.or(goes_on(&mut event, usize::MAX));
        if heard != Some(Ok(())) {
            // It comes again.
            goes_on(&mut Some(play.hears_that_what_was_given_back_fails()), usize::MAX);
        }
    })
}

/// `act` has a number of turns before somebody else comes, and of turns that this one has then; what is wrong at the end of one
/// of them, if anything.
fn in_every_order(bug: Option<Bug>, act: impl Fn(&mut Play, usize, usize)) -> Option<String> {
    let orders = || (0..TURNS).flat_map(|before| (0..TURNS).map(move |beside| (before, beside)));
    let all = (0..SEEDS).flat_map(|seed| orders().map(move |(before, beside)| (seed, before, beside)));
    all.into_iter().find_map(|(seed, before, beside)| {
        let mut play = Play::given_back_in_part(seed, bug);
        act(&mut play, before, beside);
        let wrong = play.ends().err()?;
        Some(format!("seed {seed}, {before} turns and {beside} beside: {wrong}"))
    })
}

/// So many turns, or until it has ended: then what it came to.
fn goes_on(task: &mut Option<Task>, turns: usize) -> Option<Result<(), PortError>> {
    for _ in 0..turns {
        match task.as_mut()?.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => {
                *task = None;
                return Some(done);
            }
            Poll::Pending => {}
        }
    }
    None
}
