//! What the kernel says of this process.

use crate::failure::Failure;

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
