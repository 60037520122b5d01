//! Bugs planted one at a time: the simulator must find each of them.
use saldo_credits::test_support::Bug;

use super::history;

/// How many histories each bug is looked for in.
const HISTORIES: u64 = 100_000;

#[test]
fn every_planted_bug_is_found() {
    let found = |bug| (0..HISTORIES).find(|seed| history::run(*seed, Some(bug)).is_err());
    let missed: Vec<_> = Bug::ALL
        .into_iter()
        .filter(|bug| {
            let seed = found(*bug);
            println!("{bug:?}: {seed:?}");
            seed.is_none()
        })
        .collect();
    assert_eq!(missed, [], "these bugs were not found in {HISTORIES} histories");
}
