//! Measures what each call of Saldo costs: `cargo run -p saldo-local --example counts`.
//!
//! `-- --check` ends with an error when a call is outside its [`bounds`]; `-- --time` also measures how long
//! it takes from a payment to the new balance.
mod bounds;
mod calls;
mod capacity;
mod meter;
mod report;
mod stage;
mod time;

use std::process::ExitCode;

use capacity::Counts;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What one call, named as in [`bounds`], was seen to cost.
pub(crate) struct Measured {
    pub(crate) call: &'static str,
    pub(crate) counts: Counts,
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = flags.iter().find(|flag| !["--check", "--time"].contains(&flag.as_str())) {
        eprintln!("{unknown} is not known; there are --check and --time");
        return ExitCode::FAILURE;
    }
    let asked = |flag: &str| flags.iter().any(|given| given == flag);
    match run(asked("--check"), asked("--time")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(check: bool, time: bool) -> Result<(), Failure> {
    let (measured, largest) = calls::measure().await?;
    let outside = report::print(&measured, &largest)?;
    if time {
        report::print_times(&time::measure().await?);
    }
    if check && !outside.is_empty() {
        return Err(outside.join("\n").into());
    }
    Ok(())
}
