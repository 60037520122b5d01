//! A process of its own for what is measured, and what the kernel says of it.

use std::process::{Command, Stdio};

use saldo_adapters::config::Env;
use serde_json::Value;

use crate::failure::Failure;

/// Starts this program once more with these words, in the environment of a function, and gives what it tells in its last line.
pub(crate) fn told_alone(word: &str, words: &[String], env: &Env) -> Result<Value, Failure> {
    let program = std::env::current_exe()?;
    let done =
        Command::new(program).arg(word).args(words).envs(env.iter()).stderr(Stdio::inherit()).output()?;
    if !done.status.success() {
        return Err(format!("{word} {words:?} failed").into());
    }
    let text = String::from_utf8(done.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

/// The most memory that was ever resident, in KB.
pub(crate) fn peak_kb() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = peak.and_then(|rest| rest.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(kb.parse()?)
}

/// The time that its threads were on a CPU, in milliseconds.
pub(crate) fn cpu_ms() -> Result<u64, Failure> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanos / 1_000_000)
}
