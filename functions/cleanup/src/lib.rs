//! Schedule: compares every unfinished top-up that is due with Stripe, finishes debits of its organisation, and looks after
//! refunds that were cut off. Ends holds whose time is over.

use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::{Due, Store};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_credits::Spender;
use saldo_domain::{Alarm, Metric, Timestamp, measure};
use saldo_top_ups::{GivenBack, TopUps};
use serde_json::{Value, json};
use tracing::{error, info, warn};

/// The function, ready to work.
#[derive(Clone, Debug)]
pub struct Function {
    top_ups: TopUps<Store, Stripe>,
    spender: Spender<Store>,
    clock: Clock,
}

/// Top-ups looked at in one run at the most: at about half a second each, well within the function's time.
const LARGEST_RUN: usize = 200;

/// Holds of one organisation that are read in one run at the most.
const MOST_HOLDS: usize = 20_000;
/// No organisation's holds are begun with after so many seconds.
const LONGEST_SECS: i64 = 60;

/// Reads table and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let store = world.store(env)?;
    let spender = Spender::new(store.clone()).with_meters(env.meters()?);
    let top_ups = TopUps { rows: store, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { top_ups, spender, clock: world.clock() })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    /// One run; the schedule's event says nothing that matters. Gives how many top-ups were looked at, finished, and
    /// could not be dealt with.
    pub async fn handle(&self, _event: Value) -> Value {
        let now = self.clock.now();
        let (mut checked, mut finished, mut failed) = (0, 0, 0);
        let mut work = self.top_ups.rows.due_top_ups(now);
        while checked < LARGEST_RUN {
            // What failed is still due; it comes once in a run, so that it holds nobody up.
            let Due { org, id, .. } = match work.next().await {
                Ok(Some(due)) => due,
                Ok(None) => break,
                Err(error) => {
                    error!(%error, "due top-ups not read");
                    failed += 1;
                    break;
                }
            };
            if let Err(error) = self.spender.repair_all(&org, now).await {
                warn!(org = org.as_str(), %error, "debits not finished");
            }
            match self.top_ups.check(&org, &id, now).await {
                Ok(top_up) => finished += usize::from(!top_up.status.is_unfinished()),
                Err(error) => {
                    error!(org = org.as_str(), top_up = id.as_str(), %error, "not compared");
                    failed += 1;
                }
            }
            checked += 1;
        }
        let (refunds, not_made) = self.refunds(now).await;
        let (holds, not_ended) = self.holds(now).await;
        (checked, failed) = (checked + refunds, failed + not_made + not_ended);
        info!(checked, finished, holds, failed, "cleaned up");
        measure!(Metric::CleanupFailures, failed);
        json!({"checked": checked, "finished": finished, "failed": failed})
    }

    /// Ends the holds whose time is over: how many, and of how many organisations that was not possible.
    async fn holds(&self, now: Timestamp) -> (usize, i64) {
        let orgs = match self.top_ups.rows.organisations_with_holds(now).await {
            Ok(orgs) => orgs,
            Err(error) => {
                error!(%error, "organisations with holds not read");
                return (0, 1);
            }
        };
        let (mut ended, mut failed) = (0, 0);
        for org in orgs {
            // Another run goes on where this one stops.
            if self.clock.now().secs_since(now) >= LONGEST_SECS {
                break;
            }
            match self.spender.end_holds(&org, now, MOST_HOLDS).await {
                Ok(done) => ended += done.ended,
                Err(error) => {
                    error!(org = org.as_str(), %error, "holds not ended");
                    failed += 1;
                }
            }
        }
        (ended, failed)
    }

    /// Looks after the refunds that nobody has brought to their end: how many, and how many of them were not made.
    async fn refunds(&self, now: Timestamp) -> (usize, i64) {
        let (mut looked_at, mut failed) = (0, 0);
        let mut work = self.top_ups.rows.due_refunds(now);
        while looked_at < LARGEST_RUN {
            let Due { org, id, .. } = match work.next().await {
                Ok(Some(due)) => due,
                Ok(None) => break,
                Err(error) => {
                    error!(%error, "due refunds not read");
                    return (looked_at, failed + 1);
                }
            };
            let (org_name, top_up) = (org.as_str(), id.as_str());
            match self.top_ups.look_after_refund(&org, &id, now).await {
                Ok(GivenBack::Made) => info!(org = org_name, top_up, "refund made"),
                Ok(GivenBack::Refused(why)) => {
                    let alarm = Alarm::RefundFailed.as_str();
                    error!(org = org_name, top_up, alarm, why, "refund refused, and its credits given again");
                    failed += 1;
                }
                Err(error) => {
                    error!(org = org_name, top_up, %error, "refund still under way");
                    failed += 1;
                }
            }
            looked_at += 1;
        }
        (looked_at, failed)
    }
}
