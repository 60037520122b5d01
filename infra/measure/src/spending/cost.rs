//! What a million debits cost at AWS' list prices, from the units that were measured.

use super::report::{self, dollars, fine_dollars};
use super::units::{self, Cost};
use crate::failure::Failure;
use crate::prices::{Prices, memory_mb};

const ONE_WAY: &str = "one at a time";
const TOGETHER: &str = "ten in one run";

impl Prices {
    /// The units of a million debits, of which `cost` is for some.
    fn units_of(&self, cost: &Cost) -> u64 {
        self.units(cost.counts) / u64::from(cost.debits)
    }

    /// The calls of a million debits, so many in each.
    fn calls(&self, debits: u32) -> u64 {
        (self.api_request + self.lambda_request) / u64::from(debits)
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
            let millisecond = if called { prices.millisecond(memory_mb) / u64::from(cost.debits) } else { 0 };
            report::row(&[
                format!("{way}, {through}"),
                dollars(prices.units_of(cost)),
                dollars(calls),
                dollars(prices.units_of(cost) + calls),
                dollars(prices.units_of(three) + calls),
                dollars(prices.units_of(two) + calls),
                fine_dollars(millisecond),
            ]);
        }
    }
    println!();
    println!("Prices of {}; Lambda with {memory_mb} MB, arm64.", prices.region);
    Ok(())
}
