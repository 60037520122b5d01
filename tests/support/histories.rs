//! Seeded histories: none goes wrong, and every bug that is planted is found.
use std::fmt::Debug;
use std::ops::Range;

/// Plays the histories of these seeds, on two threads; `of` says whose they are when one goes wrong.
pub(crate) fn keep_the_books<T>(of: &str, seeds: Range<u64>, run: impl Fn(u64) -> Result<T, String> + Sync) {
    let (run, Range { start, end }) = (&run, seeds);
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || {
                for seed in (start..end).filter(|seed| seed % 2 == half) {
                    if let Err(wrong) = run(seed) {
                        panic!("{of}::run({seed}, None): {wrong}");
                    }
                }
            });
        }
    });
}

/// Looks for each of these bugs in as many histories.
pub(crate) fn find_every<B: Copy + Debug + PartialEq, T>(
    bugs: impl IntoIterator<Item = B>,
    histories: u64,
    run: impl Fn(u64, Option<B>) -> Result<T, String>,
) {
    let is_missed = |bug: &B| {
        let seed = (0..histories).find(|seed| run(*seed, Some(*bug)).is_err());
        println!("{bug:?}: {seed:?}");
        seed.is_none()
    };
    let missed: Vec<_> = bugs.into_iter().filter(is_missed).collect();
    assert_eq!(missed, [], "these bugs were not found in {histories} histories");
}
