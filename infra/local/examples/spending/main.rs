//! Measures spending: `cargo run -p saldo-local --example spending`.
//!
//! `-- --units`, `-- --throughput`, `-- --instructions` and `-- --cost` measure one part each. Ends with an error when a
//! goal is missed or the books are not right.
#[path = "../counts/capacity.rs"]
#[allow(dead_code, reason = "shared with the example `counts`")]
mod capacity;
mod cost;
mod instructions;
#[path = "../counts/meter.rs"]
#[allow(dead_code, reason = "shared with the example `counts`")]
mod meter;
mod paces;
mod partitions;
mod report;
#[path = "../counts/stage.rs"]
#[allow(dead_code, reason = "shared with the example `counts`")]
mod stage;
mod throughput;
mod transactions;
mod units;
mod virtual_time;

use std::process::ExitCode;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const PARTS: [&str; 4] = ["--units", "--throughput", "--instructions", "--cost"];

#[tokio::main]
async fn main() -> ExitCode {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = flags.iter().find(|flag| !PARTS.contains(&flag.as_str())) {
        eprintln!("{unknown} is not known; there are {}", PARTS.join(", "));
        return ExitCode::FAILURE;
    }
    let [units, throughput, instructions, cost] =
        PARTS.map(|part| flags.is_empty() || flags.iter().any(|flag| flag == part));
    match run(units, throughput, instructions, cost).await {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("Goals that were missed:\n{}", missed.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the parts that are asked for and gives the goals that were missed.
async fn run(units: bool, throughput: bool, instructions: bool, cost: bool) -> Result<Vec<String>, Failure> {
    let mut missed = Vec::new();
    let costs = if units || cost { units::measure().await? } else { Vec::new() };
    if units {
        title("Units and requests");
        units::print(&costs);
        missed.extend(units::missed(&costs)?);
    }
    if throughput {
        title("Debits a second");
        // On a thread without a scheduler, which would make tasks wait that virtual time does not know of.
        missed.extend(tokio::task::spawn_blocking(paces::measure_and_print).await??);
    }
    if instructions {
        title("Instructions");
        instructions::measure_and_print().await?;
    }
    if cost {
        title("Cost of a million debits");
        cost::print(&costs)?;
    }
    Ok(missed)
}

fn title(title: &str) {
    println!("\n### {title}\n");
}
