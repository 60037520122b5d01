//! Measures Saldo: what each call costs, how fast and how dear spending is, how long a function takes to start, and the whole under load.
mod cold_start;
mod counts;
mod debits;
mod export;
mod failure;
mod flags;
mod functions;
mod load;
mod meter;
mod metered;
mod months;
mod prices;
mod reconcile;
mod spending;

use std::process::ExitCode;

use saldo_adapters::config::Env;
use tokio::runtime::{Builder, Runtime};

use failure::Failure;

const HELP: &str = "\
Measures Saldo.

Usage: cargo run -p saldo-measure -- COMMAND

  counts [--check] [--time]   what each call costs, in units and requests
      --check                 fails when a call is outside its bounds
      --time                  also how long it takes from a payment to the new balance
  spending [PART…]            spending; fails when a goal is missed or the books are not right
      --units                 units and requests of each way of spending
      --throughput            debits a second, in virtual time
      --instructions          instructions of a debit; builds this program optimised first, needs valgrind
      --cost                  dollars of a million debits
  export [ENTRIES]            memory and CPU of reading a month of so many entries [1000000]; fails beyond what Lambda gives
  reconcile [ORGANISATIONS [ENTRIES]]
                              time, reads and memory of reconciling so many [1000 1000000], before and after closing
  load [SECONDS]          drives the local system with a mix of calls [10]: rate, latencies, errors
  months                  dollars a month, for three sizes of customer
  cold-start [FOLDER]         CPU that the release binaries take to start [target/release]
  functions [FOLDER]          how long the functions of each package are, here or in another checkout
  debits handler|raw COUNT URL
                              spends one by one, with the environment of the function `spend`: what `spending --instructions` counts the instructions of";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), Failure> {
    let (command, words) = words.split_first().ok_or(HELP)?;
    match command.as_str() {
        "counts" => on_all_cores()?.block_on(counts::run(words)),
        "spending" => on_all_cores()?.block_on(spending::run(words)),
        "export" => on_all_cores()?.block_on(export::run(words)),
        // As a function of Lambda has it.
        "export-reader" => Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(export::read_alone(words, &Env::of_process())),
        "reconcile" => on_all_cores()?.block_on(reconcile::run(words)),
        // As a function of Lambda has it.
        "reconcile-once" => Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(reconcile::run_alone(words, &Env::of_process())),
        "load" => on_all_cores()?.block_on(load::run(words)),
        "months" => on_all_cores()?.block_on(months::run(words)),
        "functions" => functions::run(words),
        "cold-start" => on_all_cores()?.block_on(cold_start::run(words)),
        // As a function of Lambda has it.
        "debits" => Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(debits::run(words, Env::of_process())),
        "--help" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => Err(format!("{unknown} is not a command\n\n{HELP}").into()),
    }
}

fn on_all_cores() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
