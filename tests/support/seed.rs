//! Seeds of what is left to chance: new ones each time, and the same again when asked.

/// The seed of the test whose name begins so: the one in `SALDO_SEED`, or a new one. How to repeat it is printed, so that
/// whoever sees the test fail sees that too.
pub(crate) fn seed(test: &str) -> u64 {
    let given = std::env::var_os("SALDO_SEED").map(|seed| {
        let seed = seed.to_string_lossy().into_owned();
        seed.parse().unwrap_or_else(|_| panic!("SALDO_SEED is a whole number, not {seed}"))
    });
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("again: SALDO_SEED={seed} cargo test -p saldo-tests {test}");
    seed
}
