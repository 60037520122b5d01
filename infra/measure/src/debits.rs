//! Spends a number of debits, one after the other: through the function `spend`, or with the same two calls of the AWS SDK alone.
mod handler;
mod raw;
mod task;

pub(crate) use raw::client as table_client;

use saldo_adapters::config::Env;
use saldo_adapters::telemetry;

use crate::failure::Failure;
use task::Task;

/// The organisation `acme` has to have the credits in the table of `env`, which is that of the function `spend`.
pub(crate) async fn run(words: &[String], env: Env) -> Result<(), Failure> {
    let [mode, count, url] = words else { return Err("debits handler|raw COUNT URL".into()) };
    telemetry::start(&Env::default())?;
    let task = Task { count: count.parse()?, url: url.clone(), env };
    match mode.as_str() {
        "handler" => handler::spend(&task).await,
        "raw" => raw::spend(&task).await,
        other => Err(format!("{other} is not known; there are handler and raw").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metered::Metered;

    /// What `spending --instructions` starts, as the function is configured.
    #[test]
    fn both_ways_spend_two_credits_a_debit() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let saldo = Metered::start().await.unwrap();
            saldo.top_up("first").await.unwrap();
            for mode in ["handler", "raw"] {
                let url = saldo.counted_table("debits");
                let task = Task { count: 3, url, env: saldo.spending_env() };
                let spent = if mode == "raw" { raw::spend(&task).await } else { handler::spend(&task).await };
                spent.unwrap();
                let counts = saldo.take("debits");
                assert_eq!(counts.dynamodb, 6, "{mode}: {counts:?}");
            }
            saldo.stop().await;
        });
    }
}
