//! Schedule: compares the books with Stripe and with themselves, repairs what the rules of money would, closes months.

use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::report_json;
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_books::{Reconciliation, Scope, Time};
use saldo_credits::Spender;
use saldo_domain::Report;
use saldo_top_ups::TopUps;
use serde_json::{Value, json};
use tracing::error;

/// The function, ready to work.
#[derive(Debug)]
pub struct Function {
    reconciliation: Reconciliation<Store, Stripe>,
    clock: Clock,
}

/// Kept for the report, so that what is found is told.
const REPORTING: Duration = Duration::from_secs(10);

/// Reports that are shown at a time: those of a day.
const MOST_REPORTS: u64 = 48;

/// Reads table and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let store = world.store(env)?;
    let spender = Spender::new(store.clone()).with_meters(env.meters()?);
    let top_ups = TopUps { rows: store, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { reconciliation: Reconciliation { top_ups, spender }, clock: world.clock() })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.reconciliation.top_ups.invoices.prepare().await;
    }

    /// One run in the time that is `left`, and its report. The schedule's event says nothing that matters; who calls it
    /// with `{"everything":true}` has everything compared now, also what is not due and months that are closed. With
    /// `{"reports":3}` nothing is compared: the reports of so many latest runs are shown, at most 48.
    pub async fn handle(&self, event: Value, left: Duration) -> Value {
        if let Some(limit) = event["reports"].as_u64() {
            return self.reports(usize::try_from(limit.min(MOST_REPORTS)).unwrap_or_default()).await;
        }
        let scope = if event["everything"] == true { Scope::Everything } else { Scope::Due };
        report_json(&self.run(scope, left).await)
    }

    async fn reports(&self, limit: usize) -> Value {
        match self.reconciliation.top_ups.rows.reports(limit, None).await {
            Ok(page) => json!({ "reports": page.items.iter().map(report_json).collect::<Vec<_>>() }),
            Err(error) => {
                error!(%error, "reports not read");
                json!({ "reports": null })
            }
        }
    }

    /// The same, for who wants the report itself.
    pub async fn run(&self, scope: Scope, left: Duration) -> Report {
        let now = || self.clock.now();
        let time = Time::new(&now, left.saturating_sub(REPORTING));
        self.reconciliation.run(scope, time).await
    }
}
