//! How many instructions a debit takes in the function, and in the two calls of the AWS SDK that it makes, by callgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::report::{self, hundredths, thousands};
use crate::failure::Failure;
use crate::meter::capacity::Counts;
use crate::metered::Metered;

/// Two runs of these many debits; what lies between the two is free of what starting costs.
const FEW: u32 = 20;
const MANY: u32 = 120;
const REPEATS: usize = 2;
/// How far two measurements of the same may lie apart, in percent.
const AGREE_PERCENT: u64 = 5;

/// One debit.
struct Measured {
    instructions: Vec<u64>,
    /// In hundredths.
    requests: u32,
}

/// Prints what was measured; says loudly that nothing was where valgrind is missing.
pub(crate) async fn measure_and_print() -> Result<(), Failure> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("SKIPPED: the instructions of a debit, since valgrind is not installed");
        println!("Not measured: valgrind is not installed.");
        return Ok(());
    }
    let program = build()?;
    let handler = measure(&program, "handler").await?;
    let raw = measure(&program, "raw").await?;
    report::head(&["one debit", "instructions", "again", "requests to DynamoDB"]);
    print("the function `spend`, from event to answer", &handler);
    print("the same two calls of the AWS SDK alone", &raw);
    let [with, without] = [&handler, &raw].map(|measured| measured.instructions.iter().sum::<u64>());
    println!();
    println!("The function takes {} of what the two calls alone take.", report::percent(with, without));
    agree(&handler)?;
    agree(&raw)
}

fn print(what: &str, measured: &Measured) {
    let mut cells = vec![what.to_owned()];
    cells.extend(measured.instructions.iter().map(|count| thousands(*count)));
    cells.push(hundredths(measured.requests));
    report::row(&cells);
}

fn agree(measured: &Measured) -> Result<(), Failure> {
    let least = measured.instructions.iter().min().copied().unwrap_or_default();
    let most = measured.instructions.iter().max().copied().unwrap_or_default();
    if (most - least) * 100 <= least * AGREE_PERCENT {
        Ok(())
    } else {
        Err(format!("two measurements of the same do not agree: {:?}", measured.instructions).into())
    }
}

/// Builds the measured program optimised, and gives where it is.
fn build() -> Result<PathBuf, Failure> {
    eprintln!("Builds the measured program, optimised; the first time that takes some minutes.");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--profile", "measured", "-p", "saldo-measure"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8(built.stdout)?;
    let executable =
        messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
            let is_it = message["target"]["name"] == "saldo-measure";
            message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
        });
    executable.filter(|_| built.status.success()).ok_or_else(|| "the measured program was not built".into())
}

async fn measure(program: &Path, mode: &'static str) -> Result<Measured, Failure> {
    let saldo = Metered::start().await?;
    saldo.top_up("first").await?;
    let url = saldo.counted_table("debits");
    let (mut instructions, mut requests) = (Vec::new(), 0);
    for _ in 0..REPEATS {
        let (few, few_counts) = run(&saldo, program, [mode, &FEW.to_string(), &url]).await?;
        let (many, many_counts) = run(&saldo, program, [mode, &MANY.to_string(), &url]).await?;
        instructions.push(many.saturating_sub(few) / u64::from(MANY - FEW));
        requests = (many_counts.dynamodb - few_counts.dynamodb) * 100 / (MANY - FEW);
    }
    saldo.stop().await;
    Ok(Measured { instructions, requests })
}

/// The instructions of one whole run, and what it asked of DynamoDB.
async fn run(saldo: &Metered, program: &Path, words: [&str; 3]) -> Result<(u64, Counts), Failure> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("debits")
        .args(words)
        .envs(saldo.spending_env().iter());
    let ran = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        return Err(format!("the measured program failed: {said}").into());
    }
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim());
    let instructions = collected.ok_or("callgrind counted nothing")?.parse()?;
    Ok((instructions, saldo.take("debits")))
}
