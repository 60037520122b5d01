//! What each call of Saldo costs, held against [`bounds`], and how long it takes from a payment to the new balance.
mod bounds;
pub(crate) mod calls;
mod report;
mod time;

use crate::failure::Failure;
use crate::flags::flags;

pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let [check, time] = flags(words, ["--check", "--time"])?;
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
