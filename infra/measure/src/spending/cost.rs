//! What a million debits cost at AWS' list prices, from the units that were measured.

use saldo_local::template::TEMPLATE;
use serde_json::Value;

use super::report::{self, dollars, fine_dollars};
use super::units::{self, Cost};
use crate::failure::Failure;

const PRICES: &str = include_str!("prices.json");
const ONE_WAY: &str = "one at a time";
const TOGETHER: &str = "ten in one run";

/// Micro-dollars of a million of each.
struct Prices {
    region: String,
    write_unit: u64,
    read_unit: u64,
    api_request: u64,
    lambda_request: u64,
    lambda_gb_second: u64,
}

impl Prices {
    fn read() -> Result<Prices, Failure> {
        let file: Value = serde_json::from_str(PRICES)?;
        let price = |name: &str| {
            let price = file[name]["micro_usd_per_million"].as_u64();
            price.ok_or_else(|| format!("prices.json has no {name}"))
        };
        Ok(Prices {
            region: file["region"].as_str().unwrap_or_default().to_owned(),
            write_unit: price("dynamodb_write_unit")?,
            read_unit: price("dynamodb_read_unit")?,
            api_request: price("api_gateway_request")?,
            lambda_request: price("lambda_request")?,
            lambda_gb_second: price("lambda_gb_second")?,
        })
    }

    /// The units of a million debits, of which `cost` is for some; they are counted in halves.
    fn units(&self, cost: &Cost) -> u64 {
        let [writes, reads] = [cost.counts.table_writes, cost.counts.reads].map(u64::from);
        (writes * self.write_unit + reads * self.read_unit) / (2 * u64::from(cost.debits))
    }

    /// The calls of a million debits, so many in each.
    fn calls(&self, debits: u32) -> u64 {
        (self.api_request + self.lambda_request) / u64::from(debits)
    }

    /// What a million debits cost more for each millisecond that is billed for a call.
    fn millisecond(&self, debits: u32, memory_mb: u64) -> u64 {
        self.lambda_gb_second * memory_mb / 1024 / 1000 / u64::from(debits)
    }
}

pub(crate) fn print(costs: &[Cost]) -> Result<(), Failure> {
    let (prices, memory_mb) = (Prices::read()?, memory_mb()?);
    let [three, two] = [units::find(costs, units::THREE)?, units::find(costs, units::TWO)?];
    report::head(&[
        "a million debits, USD",
        "DynamoDB",
        "API Gateway and Lambda, requests",
        "together",
        "as transactions of three items",
        "as transactions of two items",
        "more for each millisecond of Lambda",
    ]);
    for (way, measured) in [(ONE_WAY, units::LATER), (TOGETHER, units::BATCH)] {
        let cost = units::find(costs, measured)?;
        for (through, called) in [("through the API", true), ("by the library", false)] {
            let calls = if called { prices.calls(cost.debits) } else { 0 };
            let millisecond = if called { prices.millisecond(cost.debits, memory_mb) } else { 0 };
            report::row(&[
                format!("{way}, {through}"),
                dollars(prices.units(cost)),
                dollars(calls),
                dollars(prices.units(cost) + calls),
                dollars(prices.units(three) + calls),
                dollars(prices.units(two) + calls),
                fine_dollars(millisecond),
            ]);
        }
    }
    println!();
    println!("Prices of {}; Lambda with {memory_mb} MB, arm64.", prices.region);
    Ok(())
}

/// What the template gives each function.
fn memory_mb() -> Result<u64, Failure> {
    let line = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix("MemorySize:"));
    Ok(line.ok_or("the template has no MemorySize")?.trim().parse()?)
}
