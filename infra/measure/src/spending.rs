//! Spending: units, debits a second, instructions, and what a million debits cost.
mod cost;
mod instructions;
mod paces;
mod partitions;
pub(crate) mod report;
mod sizes;
mod throughput;
mod transactions;
mod units;
mod virtual_time;

use crate::failure::Failure;
use crate::flags::flags;

/// Measures the parts that are asked for, or all; an error when a goal is missed.
pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let parts = flags(words, ["--units", "--throughput", "--instructions", "--cost"])?;
    let [units, throughput, instructions, cost] = if words.is_empty() { [true; 4] } else { parts };
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
    if missed.is_empty() {
        Ok(())
    } else {
        Err(format!("Goals that were missed:\n{}", missed.join("\n")).into())
    }
}

fn title(title: &str) {
    println!("\n### {title}\n");
}
