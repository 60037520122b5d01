//! A month of many entries, exported by the function `history` in a process of its own: how much memory and CPU that takes.
mod filling;
pub(crate) mod process;
mod reader;

use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::telemetry;
use saldo_domain::{Month, OrgId};
use saldo_local::{Options, Saldo};
use serde_json::Value;

use crate::failure::Failure;
use crate::spending::report::{self, thousands};
use filling::Filling;
use process::told_alone;

/// Entries of the month, where nothing else is said.
const ENTRIES: usize = 1_000_000;
/// What Lambda gives the function, in MB, and a whole virtual CPU for so many.
const MEMORY_MB: u64 = 256;
const MB_OF_ONE_CPU: u64 = 1_769;
/// How long the function may take, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// Half is left for what Lambda itself needs.
const MOST_KB: u64 = MEMORY_MB * 1024 / 2;
const LARGEST_ANSWER: u64 = 6_291_556;

/// `[ENTRIES]`.
pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let entries = words.first().map_or(Ok(ENTRIES), |word| word.parse())?;
    let clock = Clock::system();
    let saldo =
        Saldo::start(Options { poll: false, schedules: false, ..Options::default() }.with_wide_budgets())
            .await?;
    let env = saldo.env_of("history");
    let table = env.require("SALDO_TABLE")?.to_owned();
    // Long over, so that the answers are final and nothing of them may be missing.
    let month = Month::of(clock.now().plus_secs(-62 * 86_400));
    report::head(&[
        "month",
        "read as",
        "calls",
        "entries",
        "largest answer, bytes",
        "memory at most, MB",
        "CPU of a call, ms",
        "slowest, ms",
        "slowest at 256 MB, ms",
    ]);
    let mut missed = Vec::new();
    for filling in Filling::of(entries) {
        filling.write(saldo.dynamodb_url(), &table, &OrgId::parse(filling.org)?, month).await?;
        for what in ["csv", "usage"] {
            let task = [what, filling.org, saldo.dynamodb_url(), &month.to_string()].map(str::to_owned);
            let env = env.clone();
            let read = tokio::task::spawn_blocking(move || told_alone("export-reader", &task, &env));
            missed.extend(print(&filling, what, &read.await??)?);
        }
    }
    saldo.stop().await;
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ").into()) }
}

/// Reads the month as `words` say, in this process; what `run` starts.
pub(crate) async fn read_alone(words: &[String], env: &Env) -> Result<(), Failure> {
    telemetry::start(&Env::default())?;
    println!("{}", reader::read(words, env).await?);
    Ok(())
}

/// Prints one row, and gives what is beyond its bounds.
fn print(filling: &Filling, what: &str, read: &Value) -> Result<Vec<String>, Failure> {
    let number = |name: &str| read[name].as_u64().ok_or("a number is missing");
    let (calls, entries, largest) = (number("calls")?, number("entries")?, number("largest")?);
    let (peak_kb, cpu, slowest) = (number("peak_kb")?, number("cpu_ms")?, number("slowest_ms")?);
    let at_lambda = slowest * MB_OF_ONE_CPU / MEMORY_MB;
    let tenths_of_mb = peak_kb * 10 / 1024;
    report::row(&[
        filling.name.to_owned(),
        what.to_owned(),
        thousands(calls),
        thousands(entries),
        thousands(largest),
        format!("{}.{}", tenths_of_mb / 10, tenths_of_mb % 10),
        thousands(cpu / calls.max(1)),
        thousands(slowest),
        thousands(at_lambda),
    ]);
    let bounds = [
        ("entries were missed", entries != u64::try_from(filling.entries)?),
        ("an answer is too large", largest > LARGEST_ANSWER),
        ("too much memory", peak_kb > MOST_KB),
        ("a call takes too long", at_lambda > TIMEOUT_MS),
    ];
    let beyond = bounds.into_iter().filter(|(_, beyond)| *beyond);
    Ok(beyond.map(|(words, _)| format!("{} as {what}: {words}", filling.name)).collect())
}
