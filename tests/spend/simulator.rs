//! The code that spends on AWS, driven through seeded histories over a table that goes wrong.
use super::history;

const PER_TEST: u64 = 50_000;
const NIGHTLY: u64 = 1_000_000;

#[test]
fn fifty_thousand_histories_keep_the_books() {
    play(0, PER_TEST);
}

/// `cargo test -p saldo-tests a_million -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn a_million_histories_keep_the_books() {
    play(PER_TEST, NIGHTLY);
}

#[test]
fn a_history_replays_exactly() {
    use super::bugs::Bug;
    let failing = |seed: &u64| history::run(*seed, Some(Bug::NoGiveBack)).is_err();
    let seed = (0..PER_TEST).find(failing).expect("the bug is found");
    let told = history::run(seed, Some(Bug::NoGiveBack));
    assert_eq!(told, history::run(seed, Some(Bug::NoGiveBack)), "seed {seed}");
}

/// Plays `count` histories from seed `first` on, on two threads.
fn play(first: u64, count: u64) {
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for seed in (first..first + count).filter(|seed| seed % 2 == half) {
                    if let Err(wrong) = history::run(seed, None) {
                        panic!("history::run({seed}, None): {wrong}");
                    }
                }
            });
        }
    });
}
