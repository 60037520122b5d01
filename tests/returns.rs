//! Money that comes back, in any way and any order, over the use case itself: seeded histories, and the bugs that they find.
//!
//! - [`provider`]: what became of the money, and what is told of it.
//! - [`books`]: row and ledger, held against each other after every write.
//! - [`audits`]: what is kept of the refunds that the staff make themselves.
//! - [`hand`]: how the use case reaches both, with calls that fail, and with bugs.
//! - [`between`]: who gets how far between the calls of a refund.
//! - [`history`]: who hears what and when, who dies, and what the end must be.
mod audits;
mod between;
mod books;
mod bug;
mod hand;
mod history;
mod kept;
mod provider;

use std::ops::Range;

use bug::Bug;

use crate::support::histories;

const PER_TEST: u64 = 50_000;
const NIGHTLY: u64 = 1_000_000;
/// How many histories each bug is looked for in.
const HISTORIES: u64 = 20_000;

#[test]
fn fifty_thousand_histories_of_money_that_comes_back_end_in_the_same_books() {
    keep_the_books(0..PER_TEST);
}

/// `cargo test --profile measured -p saldo-tests a_million -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn a_million_histories_of_money_that_comes_back_end_in_the_same_books() {
    keep_the_books(PER_TEST..PER_TEST + NIGHTLY);
}

#[test]
fn every_planted_bug_about_money_that_comes_back_is_found() {
    histories::find_every(Bug::ALL, HISTORIES, history::run);
}

#[test]
fn a_history_of_money_that_comes_back_replays_exactly() {
    let failing = |seed: &u64| history::run(*seed, Some(Bug::FailedRefundCounts)).is_err();
    let seed = (0..PER_TEST).find(failing).expect("the bug is found");
    let told = history::run(seed, Some(Bug::FailedRefundCounts));
    assert_eq!(told, history::run(seed, Some(Bug::FailedRefundCounts)), "seed {seed}");
}

/// Much must happen, or the histories show nothing.
#[test]
fn histories_of_money_that_comes_back_are_eventful() {
    let (mut postings, mut undone, mut owing) = (0, 0, 0);
    for seed in 0..1_000 {
        let lived = history::run(seed, None).unwrap();
        postings += lived.postings;
        undone += lived.undone;
        owing += usize::from(lived.owed);
    }
    assert!(postings > 2_500 && undone > 200 && owing > 20, "{postings} {undone} {owing}");
}

fn keep_the_books(seeds: Range<u64>) {
    histories::keep_the_books("returns::history", seeds, |seed| history::run(seed, None));
}
