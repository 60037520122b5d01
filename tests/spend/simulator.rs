//! The code that spends on AWS, driven through seeded histories over a table that goes wrong.
use std::ops::Range;
use std::task::{Context, Waker};

use saldo_credits::{SpendError, Spender};
use saldo_domain::{OrgId, Timestamp};

use super::history::{self, machine, wait};
use super::unreliable::{Shared, State, port};
use crate::support::histories;

const PER_TEST: u64 = 50_000;
const NIGHTLY: u64 = 1_000_000;

#[test]
fn fifty_thousand_histories_keep_the_books() {
    keep_the_books(0..PER_TEST);
}

/// `cargo test --profile measured -p saldo-tests a_million -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn a_million_histories_keep_the_books() {
    keep_the_books(PER_TEST..PER_TEST + NIGHTLY);
}

#[test]
fn a_history_replays_exactly() {
    use saldo_credits::test_support::Bug;
    let failing = |seed: &u64| history::run(*seed, Some(Bug::NoGiveBack)).is_err();
    let seed = (0..PER_TEST).find(failing).expect("the bug is found");
    let told = history::run(seed, Some(Bug::NoGiveBack));
    assert_eq!(told, history::run(seed, Some(Bug::NoGiveBack)), "seed {seed}");
}

/// Each reads the ledger and then what is pending; between the two the debit moves from there to the ledger.
#[test]
fn a_debit_that_finishes_meanwhile_is_found() {
    let org = OrgId::parse("acme").unwrap();
    for (reverses, reads) in [(true, 1), (false, 1)] {
        let mut state = State::new(1, None);
        state.credit(100);
        let port = port(state);
        let (sender, other) = (Spender::new(port.another()), Spender::new(port.another()));
        let mut rng = fastrand::Rng::with_seed(1);
        let now = Timestamp::from_ms(history::START_MS);
        let [first, second] = [1, 2].map(|at| history::debit(&mut rng, at, now));
        let looking = async {
            if reverses {
                other.reverse(&org, &machine(), first.id, now).await.map(drop)
            } else {
                other.debit(&org, &machine(), &first, now.plus_secs(90_000)).await.map(drop)
            }
        };
        let mut looking = std::pin::pin!(looking);
        // Every call waits once before and once after it is done.
        for _ in 0..2 * reads {
            assert!(looking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        for debit in [&first, &second] {
            wait(sender.debit(&org, &machine(), debit, now)).unwrap();
        }
        assert_eq!(wait(looking), Ok::<(), SpendError>(()), "reversing: {reverses}");
    }
}

fn keep_the_books(seeds: Range<u64>) {
    histories::keep_the_books("spend::history", seeds, |seed| history::run(seed, None));
}
