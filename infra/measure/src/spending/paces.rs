//! The loads that are played, and the tables of what came of them.

use super::partitions::MILLISECOND;
use super::report::{self, hundredths, percent, thousands};
use super::throughput::{Load, Pace, SECOND, Sent, TopUps, measure};
use super::transactions::{Collisions, per_second};
use crate::failure::Failure;

const SHARDS: [u8; 4] = [1, 2, 4, 8];
/// Debits under way for each shard: one takes 10 milliseconds when nothing is in its way, and as long again where it waits for the
/// groups of its process that are under way, so that sixteen keep a shard busy.
const AT_SHARD: usize = 16;
/// What one shard can do in a second.
const OF_ONE_SHARD: u64 = 1000;
/// Of what all shards can do.
const GOAL_PERCENT: u64 = 95;
/// The same in a crowd of ten times as many calls as it takes to keep a shard busy.
const CROWD_GOAL_PERCENT: u64 = 90;
/// What one shard carries of debits whose ids are chosen, in a second, and what eight do; each costs a quarter of a unit at the most.
const GROUPED_GOAL: u64 = 10_000;
const GROUPED_GOAL_OF_EIGHT: u64 = 60_000;
/// Far more than is spent.
const PLENTY: i64 = 1_000_000;

/// Random ids, [`AT_SHARD`] of them under way for each shard, by as many processes as there are shards.
fn usual(shards: u8) -> Load {
    let processes = usize::from(shards);
    let (top_ups, grouped) = (None, None);
    Load { shards, processes, at_once: AT_SHARD, rests: 0, granted: PLENTY, top_ups, grouped, dead: 0 }
}

/// As many under way by functions, each of which has one call.
fn functions(shards: u8, at_shard: usize) -> Load {
    Load { processes: usize::from(shards) * at_shard, at_once: 1, ..usual(shards) }
}

/// Prints all tables and gives the goals that were missed.
pub(crate) fn measure_and_print() -> Result<Vec<String>, Failure> {
    let mut missed = print_usual()?;
    println!();
    print_others()?;
    println!();
    missed.extend(print_crowds()?);
    println!();
    missed.extend(print_grouped()?);
    println!();
    missed.extend(print_top_ups()?);
    println!();
    missed.extend(print_dead()?);
    Ok(missed)
}

fn print_usual() -> Result<Vec<String>, Failure> {
    report::head(&[
        "shards",
        "debits a second",
        "of 1,000 for each shard",
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
            missed.push(format!("{shards} shards: {} debits a second", pace.debits_per_second));
        }
    }
    Ok(missed)
}

/// Fewer and more debits under way, and other senders.
fn print_others() -> Result<(), Failure> {
    report::head(&["debits under way for each shard", "1 shard", "2 shards", "4 shards", "8 shards"]);
    let by_processes = |at_once| move |shards| Load { at_once, ..usual(shards) };
    let by_functions = |at_shard| move |shards| functions(shards, at_shard);
    print_for_all_heads("8, by a process for each shard", by_processes(8))?;
    print_for_all_heads("12, by a process for each shard", by_processes(12))?;
    print_for_all_heads("8, by as many functions", by_functions(8))?;
    print_for_all_heads("12, by as many functions", by_functions(12))?;
    print_for_all_heads("16, by as many functions", by_functions(16))?;
    print_for_all_heads("24, by as many functions", by_functions(24))
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

/// Far more calls than shards can serve, and many that come seldom.
fn print_crowds() -> Result<Vec<String>, Failure> {
    report::head(&[
        "a crowd",
        "debits a second",
        "of 1,000 for each shard",
        "write units a debit",
        "items read a debit",
        "503 for each hundred debits",
        "ms: half of the debits",
        "ms: 99 of 100",
        "ms: the longest",
    ]);
    let mut missed = Vec::new();
    for (shards, at_shard) in [(1, 24), (1, 48), (1, 96), (1, 192), (8, 96)] {
        let (what, load) =
            (format!("{at_shard} functions for each of {shards}"), functions(shards, at_shard));
        let pace = print_crowd(&what, &load)?;
        if at_shard == 96 && pace * 100 < possible(&load) * CROWD_GOAL_PERCENT {
            missed.push(format!("{what}: {pace} debits a second"));
        }
    }
    print_crowd("12 processes of 16 calls", &Load { processes: 12, at_once: 16, ..usual(1) })?;
    for (count, rests) in [(100, SECOND / 2), (100, SECOND / 5)] {
        let what = format!("{count} functions that rest {} ms", rests / MILLISECOND);
        print_crowd(&what, &Load { rests, ..functions(1, count) })?;
    }
    Ok(missed)
}

fn print_crowd(what: &str, load: &Load) -> Result<u64, Failure> {
    let pace = measure(load)?;
    let took = |part: usize| pace.took.get((pace.took.len() - 1) * part / 100).copied().unwrap_or_default();
    report::row(&[
        what.to_owned(),
        thousands(pace.debits_per_second),
        pace.percent(load),
        pace.write_units(),
        pace.reads(),
        pace.each(pace.refused * 100),
        thousands(took(50) / MILLISECOND),
        thousands(took(99) / MILLISECOND),
        thousands(pace.longest / MILLISECOND),
    ]);
    Ok(pace.debits_per_second)
}

/// What processes send under ids that Saldo chooses, each with 64 in flight. The entries of all lie in sixteen ledgers.
fn print_grouped() -> Result<Vec<String>, Failure> {
    report::head(&[
        "64 in flight from each process, ids chosen by Saldo",
        "debits a second",
        "write units a debit",
        "items read a debit",
    ]);
    let mut missed = Vec::new();
    let loads = [
        ("alike", Sent::Alike, 1, 1, 0),
        ("alike", Sent::Alike, 1, 2, 0),
        ("alike", Sent::Alike, 1, 4, GROUPED_GOAL),
        ("SMS of three lengths to four countries", Sent::Varied, 1, 4, 0),
        ("SMS of three lengths to four countries", Sent::Varied, 1, 8, 0),
        ("alike", Sent::Alike, 1, 16, GROUPED_GOAL),
        ("alike", Sent::Alike, 4, 8, 0),
        ("alike", Sent::Alike, 8, 16, GROUPED_GOAL_OF_EIGHT),
    ];
    for (what, sent, shards, processes, goal) in loads {
        let load =
            Load { processes, at_once: 64, granted: 10 * PLENTY, grouped: Some(sent), ..usual(shards) };
        let pace = measure(&load)?;
        let name = format!("{processes} processes, {shards} shards, {what}");
        report::row(&[name.clone(), thousands(pace.debits_per_second), pace.write_units(), pace.reads()]);
        if pace.debits_per_second < goal || pace.asked.write_units * 4 > pace.debits {
            missed.push(format!(
                "{name}: {} debits a second, {} units each",
                pace.debits_per_second,
                pace.write_units()
            ));
        }
    }
    Ok(missed)
}

/// Four shards while credits come to the main one, which takes no debits.
fn print_top_ups() -> Result<Option<String>, Failure> {
    report::head(&["four shards", "debits a second", "of 1,000 for each shard", "write units a debit"]);
    let often = TopUps { every: SECOND / 10, credits: 1_000 };
    let quiet = usual(4);
    let topped_up = Load { top_ups: Some(often), ..quiet };
    let before = print_one("no top-up", &quiet)?;
    let beside = print_one("ten top-ups a second", &topped_up)?;
    print_one("ten top-ups a second, and nothing else to spend", &Load { granted: 4_000, ..topped_up })?;
    Ok((beside * 100 < before * 99).then(|| format!("with top-ups: {beside} debits a second, not {before}")))
}

/// One process of 16 callers, while others die between their two writes.
fn print_dead() -> Result<Option<String>, Failure> {
    report::head(&[
        "one shard, 16 callers",
        "debits a second",
        "of 1,000 for each shard",
        "write units a debit",
    ]);
    let alone = Load { at_once: 16, ..usual(1) };
    let before = print_one("no dead batch", &alone)?;
    let mut missed = None;
    for (what, dead) in [("one batch of 25 dies", 1), ("two batches die", 2), ("four batches die", 4)] {
        let beside = print_one(what, &Load { dead, ..alone })?;
        if beside * 10 < before * (10 - u64::from(dead)) {
            missed = Some(format!("{what}: {beside} debits a second, not {before}"));
        }
    }
    Ok(missed)
}

fn print_one(what: &str, load: &Load) -> Result<u64, Failure> {
    let pace = measure(load)?;
    let seen = thousands(pace.debits_per_second);
    report::row(&[what.to_owned(), seen, pace.percent(load), pace.write_units()]);
    Ok(pace.debits_per_second)
}

/// What all shards can do in a second.
fn possible(load: &Load) -> u64 {
    OF_ONE_SHARD * u64::from(load.shards)
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
