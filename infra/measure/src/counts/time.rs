//! How long it takes from a payment to the new balance, with everything running as `cargo run` runs it.

use std::time::{Duration, Instant};

use saldo_local::{Options, Saldo};
use serde_json::Value;

use crate::failure::Failure;
use crate::metered::{Payer, pay};

const RUNS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(10);

/// Sorted durations.
pub(crate) struct Times {
    pub(crate) what: &'static str,
    pub(crate) micros: Vec<u128>,
}

/// Payments, and between them the reading of a balance that does not change: what of the time is the looking itself.
pub(crate) async fn measure() -> Result<Vec<Times>, Failure> {
    let saldo = Saldo::start(Options::default().with_wide_budgets()).await?;
    let (mut looking, mut paying) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let payer = Payer::new(&saldo, &format!("org-{run}"))?;
        payer.create("only", 201).await?;
        let start = Instant::now();
        balance(&payer).await?;
        looking.push(start.elapsed().as_micros());
        let start = Instant::now();
        pay(&saldo)?;
        while balance(&payer).await? == 0 {
            if start.elapsed() > PATIENCE {
                return Err("a payment was not credited".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        paying.push(start.elapsed().as_micros());
    }
    saldo.stop().await;
    looking.sort_unstable();
    paying.sort_unstable();
    Ok(vec![
        Times { what: "payment, new balance in `GET /v1/balance`", micros: paying },
        Times { what: "one `GET /v1/balance` (control)", micros: looking },
    ])
}

async fn balance(payer: &Payer) -> Result<i64, Failure> {
    let answer = payer.send("GET", "/v1/balance", None, Value::Null, 200).await?;
    Ok(answer["available_credits"].as_i64().unwrap_or_default())
}
