//! SQS: fetches the invoice, decides, commits; reports what must be tried again.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::queue::{About, PaymentMessage, Received};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{Actor, Author, Cause};
use saldo_top_ups::{Handled, Told, TopUps};
use tracing::{error, info, warn};

/// The function, ready to work.
#[derive(Clone, Debug)]
pub struct Function {
    top_ups: TopUps<Store, Stripe>,
    clock: Clock,
}

/// Reads table and Stripe key.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let top_ups = TopUps { rows: world.store(env)?, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { top_ups, clock: world.clock() })
}

impl Function {
    /// Works through a batch. What failed is reported by itself, so that the rest is done with and only it comes again.
    pub async fn handle(&self, batch: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in batch.records {
            let id = record.message_id.clone().unwrap_or_default();
            if let Err(error) = self.work(&record).await {
                tell(&record, &error);
                response.add_failure(id);
            }
        }
        response
    }

    async fn work(&self, record: &SqsMessage) -> Result<(), PortError> {
        let message = match PaymentMessage::read(record.body.as_deref().unwrap_or_default())? {
            Received::Message(message) => message,
            Received::Newer { version } => {
                return Err(PortError::Unavailable(format!(
                    "a message of version {version}, newer than ours"
                )));
            }
        };
        let About::Invoice(invoice) = &message.about;
        let told = Told { invoice: invoice.clone(), failed_at: message.failed_at() };
        let author = Author { actor: Actor::System, cause: Cause::Event(message.event.clone()) };
        match self.top_ups.handle(&told, &author, self.clock.now()).await? {
            Handled::Settled(settled) => {
                let (org, top_up) = (settled.top_up.org.as_str(), settled.top_up.id.as_str());
                info!(event = message.event, org, top_up, status = settled.top_up.status.as_str(), "handled");
            }
            Handled::NotOurs => info!(event = message.event, invoice, "not ours"),
        }
        Ok(())
    }
}

fn tell(record: &SqsMessage, error: &PortError) {
    let message = record.message_id.as_deref().unwrap_or_default();
    match error {
        PortError::Broken(_) => error!(message, %error, "message not handled"),
        PortError::Conflict | PortError::Unavailable(_) => warn!(message, %error, "message put back"),
    }
}
