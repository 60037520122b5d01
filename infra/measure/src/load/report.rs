//! Prints a load as Markdown, with what it would ask of the table on AWS.

use std::time::Duration;

use super::sender::{Kind, Seen};
use crate::counts::calls::{self, Measured};
use crate::failure::Failure;
use crate::spending::report::{self, thousands, units};

/// Each kind, how it is shown, and the call of the counts that it is. A new balance is looked for again and again.
const SHOWN: [(Kind, &str, &str); 8] = [
    (Kind::Balance, "balance", "balance, nothing open"),
    (Kind::TopUps, "top-ups, a page", "top-ups, a page of 20"),
    (Kind::Entries, "entries, a page", "entries, a page of 20"),
    (Kind::Quote, "quote", "quote"),
    (Kind::Create, "quote and create", "create, later ones"),
    (Kind::Credited, "from the payment to the new balance", "worker, credits"),
    (Kind::Debit, "debit", "debit, later ones"),
    (Kind::Batch, "batch of ten debits", "debits, a batch of ten in one run"),
];

/// What DynamoDB takes at once, in units a second: a new table on demand, and each partition.
/// Source: <https://repost.aws/knowledge-center/on-demand-table-throttling-dynamodb>, looked up on 2026-11-26.
const NEW_TABLE: [u64; 2] = [4_000, 12_000];
const PARTITION: [u64; 2] = [1_000, 3_000];

/// Gives the number of errors.
pub(crate) fn print(
    seen: &mut Seen,
    took: Duration,
    senders: usize,
    counts: &[Measured],
) -> Result<u64, Failure> {
    let millis = u64::try_from(took.as_millis())?.max(1);
    report::head(&[
        "call",
        "calls",
        "a second",
        "p50, ms",
        "p90, ms",
        "p99, ms",
        "errors",
        "write units",
        "read units",
    ]);
    let (mut all, mut errors, mut halves) = (0, 0, [0, 0]);
    for (kind, name, call) in SHOWN {
        let micros = seen.micros.entry(kind).or_default();
        micros.sort_unstable();
        let calls = u64::try_from(micros.len())?;
        let wrong = seen.errors.get(&kind).copied().unwrap_or_default();
        let mut cells = vec![name.to_owned(), thousands(calls), tenths(calls * 10_000 / millis)];
        cells.extend([50, 90, 99].map(|part| percentile(micros, part)));
        cells.push(wrong.to_string());
        let cost = calls::find(counts, call)?;
        let (writes, reads) = (cost.table_writes + cost.index_writes, cost.reads);
        cells.extend([units(writes), units(reads)]);
        halves[0] += calls * u64::from(writes);
        halves[1] += calls * u64::from(reads);
        report::row(&cells);
        all += calls;
        errors += wrong;
    }
    let [writes, reads] = halves.map(|halves| halves * 500 / millis);
    println!();
    println!(
        "{senders} organisations, each with one call under way; {} calls a second, {errors} errors.",
        thousands(all * 1000 / millis)
    );
    println!(
        "On AWS this would take about {} write and {} read units a second. A new table on demand has {} and {} at once, a partition {} and {}.",
        thousands(writes),
        thousands(reads),
        thousands(NEW_TABLE[0]),
        thousands(NEW_TABLE[1]),
        thousands(PARTITION[0]),
        thousands(PARTITION[1]),
    );
    Ok(errors)
}

/// Of sorted microseconds, in milliseconds.
fn percentile(micros: &[u64], part: usize) -> String {
    let at = micros.len().saturating_sub(1) * part / 100;
    tenths(micros.get(at).copied().unwrap_or_default() / 100)
}

/// `12.3` of 123.
fn tenths(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}
