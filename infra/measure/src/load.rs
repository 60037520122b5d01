//! The local system under a mix of calls: how many a second, how long they take, and what goes wrong.
mod report;
mod sender;

use std::sync::Arc;
use std::time::{Duration, Instant};

use saldo_local::{Options, Saldo};
use tokio::task::JoinSet;

use crate::counts::calls;
use crate::failure::Failure;
use sender::{Seen, Sender};

/// Organisations, each with one call under way all the time.
const SENDERS: usize = 16;
const SECONDS: u64 = 10;
/// Chance comes out the same in every run; times do not.
const SEED: u64 = 11;

/// Drives the system for so many seconds; an error when a call fails, or a balance is not what was answered.
pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let seconds = match words {
        [] => SECONDS,
        [seconds] => seconds.parse().map_err(|_| format!("{seconds} is not a number of seconds"))?,
        _ => return Err("load takes a number of seconds and nothing else".into()),
    };
    let (counts, _) = calls::measure().await?;
    let saldo = Arc::new(Saldo::start(Options::default().with_wide_budgets()).await?);
    let mut chance = fastrand::Rng::with_seed(SEED);
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        senders.push(Sender::open(&saldo, &format!("org-{number}"), chance.fork()).await?);
    }
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let mut running = JoinSet::new();
    for sender in senders {
        running.spawn(sender.go_on(until));
    }
    let mut seen = Seen::default();
    while let Some(one) = running.join_next().await {
        seen.add(one??);
    }
    let errors = report::print(&mut seen, begun.elapsed(), SENDERS, &counts)?;
    if let Some(saldo) = Arc::into_inner(saldo) {
        saldo.stop().await;
    }
    match seen.error {
        Some(first) => Err(format!("{errors} errors, the first of them: {first}").into()),
        None => Ok(()),
    }
}
