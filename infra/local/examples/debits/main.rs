//! Spends a number of debits, one after the other; what the example `spending` counts the instructions of.
//!
//! `debits handler|raw COUNT URL TABLE`: through the function `spend`, or with the same two calls of the AWS SDK alone. The
//! organisation `acme` has to have the credits in the table TABLE of the DynamoDB at URL.
mod handler;
mod raw;

use std::process::ExitCode;

use saldo_adapters::config::Env;
use saldo_adapters::telemetry;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where to spend, and how often.
pub(crate) struct Task {
    pub(crate) count: u32,
    pub(crate) url: String,
    pub(crate) table: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[String]) -> Result<(), Failure> {
    let [mode, count, url, table] = words else {
        return Err("debits handler|raw COUNT URL TABLE".into());
    };
    telemetry::start(&Env::default())?;
    let task = Task { count: count.parse()?, url: url.clone(), table: table.clone() };
    match mode.as_str() {
        "handler" => handler::spend(&task).await,
        "raw" => raw::spend(&task).await,
        other => Err(format!("{other} is not known; there are handler and raw").into()),
    }
}
