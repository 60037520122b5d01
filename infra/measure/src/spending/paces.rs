//! The loads that are played, and the tables of what came of them.

use super::report::{self, hundredths, percent, thousands};
use super::throughput::{Load, Pace, SECOND, TopUps, measure};
use super::transactions::{Collisions, per_second};
use crate::failure::Failure;

const SHARDS: [u8; 4] = [1, 2, 4, 8];
/// Debits under way for each head: one takes 10 milliseconds when nothing is in its way, so that ten keep a head busy.
const AT_HEAD: usize = 12;
/// What one head can do in a second.
const OF_ONE_HEAD: u64 = 1000;
/// Of what all heads can do.
const GOAL_PERCENT: u64 = 95;
/// Far more than is spent.
const PLENTY: i64 = 1_000_000;

/// Random ids, [`AT_HEAD`] of them under way for each head, by as many processes as there are heads.
fn usual(shards: u8) -> Load {
    let processes = usize::from(shards);
    Load { shards, processes, at_once: AT_HEAD, granted: PLENTY, top_ups: None }
}

/// As many under way by functions, each of which has one call.
fn functions(shards: u8, at_head: usize) -> Load {
    Load { processes: usize::from(shards) * at_head, at_once: 1, ..usual(shards) }
}

/// Prints all tables and gives the goals that were missed.
pub(crate) fn measure_and_print() -> Result<Vec<String>, Failure> {
    let mut missed = print_usual()?;
    println!();
    print_others()?;
    println!();
    missed.extend(print_top_ups()?);
    Ok(missed)
}

fn print_usual() -> Result<Vec<String>, Failure> {
    report::head(&[
        "heads",
        "debits a second",
        "of 1,000 for each head",
        "write units a debit",
        "items read a debit",
        "as transactions of three items",
        "if these did not collide",
    ]);
    let mut missed = Vec::new();
    for shards in SHARDS {
        let load = usual(shards);
        let pace = measure(&load)?;
        let senders = load.processes * load.at_once;
        report::row(&[
            shards.to_string(),
            thousands(pace.debits_per_second),
            pace.percent(&load),
            pace.write_units(),
            pace.reads(),
            thousands(per_second(senders, Collisions::Refused)?),
            thousands(per_second(senders, Collisions::None)?),
        ]);
        if pace.debits_per_second * 100 < possible(&load) * GOAL_PERCENT {
            missed.push(format!("{shards} heads: {} debits a second", pace.debits_per_second));
        }
    }
    Ok(missed)
}

/// Fewer and more debits under way, and other senders.
fn print_others() -> Result<(), Failure> {
    report::head(&["debits under way for each head", "1 head", "2 heads", "4 heads", "8 heads"]);
    let by_processes = |at_once| move |shards| Load { at_once, ..usual(shards) };
    let by_functions = |at_head| move |shards| functions(shards, at_head);
    print_for_all_heads("8, by a process for each head", by_processes(8))?;
    print_for_all_heads("16, by a process for each head", by_processes(16))?;
    print_for_all_heads("8, by as many functions", by_functions(8))?;
    print_for_all_heads("12, by as many functions", by_functions(AT_HEAD))?;
    print_for_all_heads("16, by as many functions", by_functions(16))?;
    print_for_all_heads("24, by as many functions", by_functions(24))?;
    print_for_all_heads("96, by as many functions", by_functions(96))
}

fn print_for_all_heads(what: &str, load: impl Fn(u8) -> Load) -> Result<(), Failure> {
    let mut cells = vec![what.to_owned()];
    for shards in SHARDS {
        let load = load(shards);
        let pace = measure(&load)?;
        cells.push(format!("{} ({} + {})", pace.percent(&load), pace.write_units(), pace.reads()));
    }
    report::row(&cells);
    Ok(())
}

/// Four heads while credits come to the main one, which takes no debits.
fn print_top_ups() -> Result<Option<String>, Failure> {
    report::head(&["four heads", "debits a second", "of 1,000 for each head", "write units a debit"]);
    let often = TopUps { every: SECOND / 10, credits: 1_000 };
    let quiet = usual(4);
    let topped_up = Load { top_ups: Some(often), ..quiet };
    let before = print_one("no top-up", &quiet)?;
    let beside = print_one("ten top-ups a second", &topped_up)?;
    print_one("ten top-ups a second, and nothing else to spend", &Load { granted: 4_000, ..topped_up })?;
    Ok((beside * 100 < before * 99).then(|| format!("with top-ups: {beside} debits a second, not {before}")))
}

fn print_one(what: &str, load: &Load) -> Result<u64, Failure> {
    let pace = measure(load)?;
    let seen = thousands(pace.debits_per_second);
    report::row(&[what.to_owned(), seen, pace.percent(load), pace.write_units()]);
    Ok(pace.debits_per_second)
}

/// What all heads can do in a second.
fn possible(load: &Load) -> u64 {
    OF_ONE_HEAD * u64::from(load.shards)
}

impl Pace {
    fn percent(&self, load: &Load) -> String {
        percent(self.debits_per_second, possible(load))
    }

    fn write_units(&self) -> String {
        self.each(self.asked.write_units)
    }

    fn reads(&self) -> String {
        self.each(self.asked.reads)
    }

    fn each(&self, all: u64) -> String {
        hundredths(u32::try_from(all * 100 / self.debits.max(1)).unwrap_or(u32::MAX))
    }
}
