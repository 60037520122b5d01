//! Books of many organisations, reconciled by the function in a process of its own: time, reads and memory, before and after
//! their months are closed.
mod filling;

use std::time::{Duration, Instant};

use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::world::{Endpoints, World};
use saldo_books::Scope;
use saldo_local::{Options, Saldo};
use serde_json::json;

use crate::export::process::{cpu_ms, peak_kb, told_alone};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::spending::report::{self, thousands};

const ORGANISATIONS: usize = 1_000;
const ENTRIES: usize = 1_000_000;
/// No run is cut off.
const LEFT: Duration = Duration::from_secs(86_400);

/// `[ORGANISATIONS [ENTRIES]]`.
pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse());
    let (organisations, entries): (usize, usize) = (number(0, ORGANISATIONS)?, number(1, ENTRIES)?);
    let saldo = Saldo::start(Options { poll: false, schedules: false, ..Options::default() }).await?;
    filling::fill(&saldo, organisations, entries).await?;
    report::head(&[
        "run",
        "organisations",
        "entries read",
        "months closed",
        "time, ms",
        "CPU of the function, ms",
        "requests",
        "read units",
        "write units",
        "memory at most, MB",
    ]);
    // Two days lie between one run and the next, so that everything is due again.
    for (at, name) in
        ["before closing", "after closing", "everything, closed months too"].into_iter().enumerate()
    {
        let meter = Meter::new();
        let stripe = saldo.stripe_url().to_owned();
        let dynamodb = Some(saldo.dynamodb_url().to_owned());
        let real = Endpoints { dynamodb, sqs: None, secrets_manager: None, stripe };
        let counted = meter.between("reconcile", real).dynamodb.ok_or("no table")?;
        let env = saldo.env_of("reconcile");
        let scope = if at == 2 { "everything" } else { "due" };
        let (stripe, secrets) = (saldo.stripe_url().to_owned(), saldo.secrets_manager_url().to_owned());
        let task = [counted, stripe, secrets, (at * 2).to_string(), scope.to_owned()];
        let told = tokio::task::spawn_blocking(move || told_alone("reconcile-once", &task, &env)).await??;
        let counts = meter.take("reconcile");
        let number = |name: &str| told[name].as_u64().ok_or("a number is missing");
        let tenths_of_mb = number("peak_kb")? * 10 / 1024;
        report::row(&[
            name.to_owned(),
            thousands(number("organisations")?),
            thousands(number("entries")?),
            thousands(number("closings")?),
            thousands(number("ms")?),
            thousands(number("cpu_ms")?),
            thousands(counts.dynamodb.into()),
            report::units(counts.reads),
            report::units(counts.table_writes + counts.index_writes),
            format!("{}.{}", tenths_of_mb / 10, tenths_of_mb % 10),
        ]);
        if told["verdict"] != "clean" {
            return Err(format!("the books are not right: {told}").into());
        }
    }
    saldo.stop().await;
    Ok(())
}

/// Runs the function once, in this process: what `run` starts.
pub(crate) async fn run_alone(words: &[String], env: &Env) -> Result<(), Failure> {
    let [dynamodb, stripe, secrets, days, scope] = words else {
        return Err("five words are needed".into());
    };
    let clock = Clock::system();
    clock.advance(days.parse::<i64>()? * 86_400);
    let endpoints = Endpoints {
        dynamodb: Some(dynamodb.clone()),
        sqs: None,
        secrets_manager: Some(secrets.clone()),
        stripe: stripe.clone(),
    };
    let function = saldo_reconcile::connect(env, &World::at(endpoints, clock))?;
    let scope = if scope == "everything" { Scope::Everything } else { Scope::Due };
    let began = Instant::now();
    let report = function.run(scope, LEFT).await;
    let mut told = saldo_adapters::http::report_json(&report);
    told["ms"] = json!(u64::try_from(began.elapsed().as_millis())?);
    told["peak_kb"] = json!(peak_kb()?);
    told["cpu_ms"] = json!(cpu_ms()?);
    println!("{told}");
    Ok(())
}
