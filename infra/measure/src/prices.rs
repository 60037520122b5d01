//! AWS' list prices, with their sources beside them in `prices.json`.

use saldo_local::template::TEMPLATE;
use serde_json::Value;

use crate::failure::Failure;
use crate::meter::capacity::Counts;

const PRICES: &str = include_str!("prices.json");

/// Micro-dollars of a million of each.
pub(crate) struct Prices {
    pub(crate) region: String,
    pub(crate) write_unit: u64,
    pub(crate) read_unit: u64,
    pub(crate) api_request: u64,
    pub(crate) lambda_request: u64,
    pub(crate) lambda_gb_second: u64,
    pub(crate) sqs_request: u64,
}

impl Prices {
    pub(crate) fn read() -> Result<Prices, Failure> {
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
            sqs_request: price("sqs_request")?,
        })
    }

    /// The units of a million such calls, in micro-dollars.
    pub(crate) fn units(&self, counts: Counts) -> u64 {
        let [writes, reads] = [counts.table_writes + counts.index_writes, counts.reads].map(u64::from);
        // They are counted in halves.
        (writes * self.write_unit + reads * self.read_unit) / 2
    }

    /// What a million calls cost for each millisecond that Lambda bills, in micro-dollars.
    pub(crate) fn millisecond(&self, memory_mb: u64) -> u64 {
        self.lambda_gb_second * memory_mb / 1024 / 1000
    }
}

/// What the template gives each function, in megabytes.
pub(crate) fn memory_mb() -> Result<u64, Failure> {
    let line = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix("MemorySize:"));
    Ok(line.ok_or("the template has no MemorySize")?.trim().parse()?)
}
