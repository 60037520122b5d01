//! Bugs planted one at a time: the simulator must find each of them.
use saldo_credits::test_support::Bug;

use super::history;
use crate::support::histories;

/// How many histories each bug is looked for in.
const HISTORIES: u64 = 100_000;

#[test]
fn every_planted_bug_is_found() {
    histories::find_every(Bug::ALL, HISTORIES, history::run);
}
