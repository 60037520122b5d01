//! Prints what was measured as Markdown.

use super::bounds::{BOUNDS, Bound};
use super::calls::Measured;
use super::time::Times;
use crate::failure::Failure;
use crate::meter::Item;
use crate::meter::capacity::Counts;

/// Prints the table and gives the calls that are outside their bounds.
pub(crate) fn print(measured: &[Measured], largest: &Item) -> Result<Vec<String>, Failure> {
    println!(
        "| call | DynamoDB calls | write units | read units | Stripe calls | SQS requests | why not the least |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut outside = Vec::new();
    for bound in &BOUNDS {
        let Measured { counts, .. } = measured
            .iter()
            .find(|measured| measured.call == bound.call)
            .ok_or_else(|| format!("{} was not measured", bound.call))?;
        println!("{}", row(bound, *counts));
        if counts.exceeds(bound.allowed) {
            outside.push(format!("{}: {counts:?} is more than {:?}", bound.call, bound.allowed));
        } else if bound.least.exceeds(*counts) {
            outside.push(format!("{}: {counts:?} is less than the least, {:?}", bound.call, bound.least));
        }
    }
    if let Some(stray) = measured.iter().find(|seen| BOUNDS.iter().all(|bound| bound.call != seen.call)) {
        return Err(format!("{} has no bound; it cost {:?}", stray.call, stray.counts).into());
    }
    println!();
    println!("Write units: table + index. In brackets: the least possible, where that is less.");
    println!(
        "Largest item: {}, {} bytes, of which {} are URLs of the stand-in.",
        largest.kind, largest.bytes, largest.url_bytes
    );
    Ok(outside)
}

fn row(bound: &Bound, counts: Counts) -> String {
    let least = bound.least;
    let figure = |is: String, least: String| if is == least { is } else { format!("{is} ({least})") };
    let plain = |is: u32, least: u32| figure(is.to_string(), least.to_string());
    let cells = [
        bound.call.to_owned(),
        plain(counts.dynamodb, least.dynamodb),
        figure(writes(counts), writes(least)),
        figure(units(counts.reads), units(least.reads)),
        plain(counts.stripe, least.stripe),
        plain(counts.sqs, least.sqs),
        bound.why.to_owned(),
    ];
    format!("| {} |", cells.join(" | "))
}

fn writes(counts: Counts) -> String {
    if counts.index_writes == 0 {
        units(counts.table_writes)
    } else {
        format!("{} + {}", units(counts.table_writes), units(counts.index_writes))
    }
}

/// Half units as units.
fn units(halves: u32) -> String {
    let half = if halves.is_multiple_of(2) { "" } else { ".5" };
    format!("{}{half}", halves / 2)
}

pub(crate) fn print_times(times: &[Times]) {
    println!();
    println!("| from, to (milliseconds, local) | runs | least | median | most |");
    println!("|---|---|---|---|---|");
    for Times { what, micros } in times {
        let at = |index: usize| micros.get(index).copied().unwrap_or_default();
        let last = micros.len().saturating_sub(1);
        let [least, median, most] = [0, last / 2, last].map(|index| millis(at(index)));
        println!("| {what} | {} | {least} | {median} | {most} |", micros.len());
    }
}

fn millis(micros: u128) -> String {
    format!("{}.{}", micros / 1000, micros % 1000 / 100)
}
