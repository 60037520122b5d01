//! Spends a number of debits, one after the other: through the function `spend`, or with the same two calls of the AWS SDK alone.
mod handler;
mod raw;
mod task;

pub(crate) use raw::client as table_client;

use saldo_adapters::config::Env;
use saldo_adapters::telemetry;

use crate::failure::Failure;
use task::Task;

/// The organisation `acme` has to have the credits in the table.
pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
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
