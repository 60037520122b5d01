//! Schedule: compares every unfinished top-up that is due with Stripe, and finishes debits of its organisation.

use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::{Due, Store};
use saldo_adapters::settle::{Settled, Settlement};
use saldo_adapters::world::World;
use saldo_credits::Spender;
use saldo_domain::{InvoiceStatus, OrgId, Status, Timestamp, TopUp, TopUpId};
use serde_json::{Value, json};
use tracing::{error, info, warn};

/// The function, ready to work.
#[derive(Clone, Debug)]
pub struct Function {
    settlement: Settlement,
    spender: Spender<Store>,
    clock: Clock,
}

/// Top-ups looked at in one run at the most: at about half a second each, well within the function's time.
const LARGEST_RUN: usize = 200;
const READ: usize = 25;

/// Reads table and Stripe key.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let (store, stripe) = (world.store(env)?, world.stripe(env)?);
    let spender = Spender::new(store.clone());
    let settlement = Settlement { store, stripe, policy: env.policy()? };
    Ok(Function { settlement, spender, clock: world.clock() })
}

impl Function {
    /// One run; the schedule's event says nothing that matters. Gives how many top-ups were looked at, finished, and
    /// could not be dealt with.
    pub async fn handle(&self, _event: Value) -> Value {
        let now = self.clock.now();
        let (mut checked, mut finished, mut failed) = (0, 0, 0);
        let mut last: Option<Due> = None;
        while checked < LARGEST_RUN {
            // What failed is still due; going on behind it, it holds nobody up.
            let due = match self.settlement.store.due(now, READ, last.as_ref()).await {
                Ok(due) => due,
                Err(error) => {
                    error!(%error, "due top-ups not read");
                    failed += 1;
                    break;
                }
            };
            for Due { org, id, .. } in &due {
                if let Err(error) = self.spender.repair_all(org, now).await {
                    warn!(org = org.as_str(), %error, "debits not finished");
                }
                match self.look_after(org, id, now).await {
                    Ok(top_up) => finished += usize::from(!top_up.status.is_unfinished()),
                    Err(error) => {
                        error!(org = org.as_str(), top_up = id.as_str(), %error, "not compared");
                        failed += 1;
                    }
                }
            }
            checked += due.len();
            if due.len() < READ {
                break;
            }
            last = due.into_iter().last();
        }
        info!(checked, finished, failed, "cleaned up");
        json!({"checked": checked, "finished": finished, "failed": failed})
    }

    async fn look_after(&self, org: &OrgId, id: &TopUpId, now: Timestamp) -> Result<TopUp, PortError> {
        let row = self.settlement.store.top_up(org, id).await?;
        let Some(top_up) = row else { return Err(PortError::Broken("the index names no row".to_owned())) };
        if !top_up.status.is_unfinished() || top_up.due_at.is_none_or(|due| due > now) {
            return Ok(top_up);
        }
        let after = match top_up.status {
            Status::Requested => self.adopt_or_fail(&top_up, now).await?,
            _ if top_up.is_over(now) => self.settlement.close(&top_up, Status::Expired, now).await?,
            _ => self.settlement.reconcile(&top_up, now).await?,
        };
        self.look_again_later(after.top_up, now).await
    }

    /// A request whose maker is long gone: an invoice that can be paid is adopted, anything less is removed.
    async fn adopt_or_fail(&self, top_up: &TopUp, now: Timestamp) -> Result<Settled, PortError> {
        let settled = self.settlement.reconcile(top_up, now).await?;
        if settled.top_up.status != Status::Requested {
            if settled.top_up.status == Status::Failed {
                self.delete_spare_drafts(&settled.top_up).await?;
            }
            return Ok(settled);
        }
        self.settlement.close(&settled.top_up, Status::Failed, now).await
    }

    /// Drafts that were made and never named by the row: they cannot be paid, and nobody wants them.
    async fn delete_spare_drafts(&self, top_up: &TopUp) -> Result<(), PortError> {
        let customer = match &top_up.customer {
            Some(customer) => Some(customer.clone()),
            None => self.settlement.store.customer(&top_up.org).await?,
        };
        let Some(customer) = customer else { return Ok(()) };
        for invoice in self.settlement.stripe.invoices_of(top_up, &customer).await? {
            if invoice.status == InvoiceStatus::Draft {
                self.settlement.stripe.delete_draft(&invoice.link.id).await?;
            }
        }
        Ok(())
    }

    async fn look_again_later(&self, mut top_up: TopUp, now: Timestamp) -> Result<TopUp, PortError> {
        if !top_up.status.is_unfinished() {
            return Ok(top_up);
        }
        top_up.due_at = Some(top_up.next_check(now));
        top_up.revision = top_up.revision.saturating_add(1);
        match self.settlement.store.save(&top_up).await {
            // Whoever changed it meanwhile knows better; it stays due and is looked at in the next run.
            Ok(()) | Err(PortError::Conflict) => Ok(top_up),
            Err(error) => Err(error),
        }
    }
}
