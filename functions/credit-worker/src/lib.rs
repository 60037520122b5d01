//! SQS: fetches the invoice, decides, commits; reports what must be tried again.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::queue::{PaymentMessage, Received};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{Actor, Author, Cause, Metric, measure};
use saldo_top_ups::{About, Handled, TopUps};
use tokio::time::Instant;
use tracing::{error, info, warn};

/// How many messages are worked on at the same time, so that a slow one holds up few.
const AT_ONCE: usize = 5;
/// The longest for one message: two attempts of a call to Stripe; two rounds of the largest batch fit into the function's
/// time.
const LONGEST: Duration = Duration::from_secs(12);
/// What one message needs at the least; with less it is not begun.
const LEAST: Duration = Duration::from_secs(1);
/// Kept for the answer, so that what is done is not undone by the function's end.
const ANSWERING: Duration = Duration::from_secs(1);

/// The function, ready to work.
#[derive(Clone, Debug)]
pub struct Function {
    top_ups: TopUps<Store, Stripe>,
    clock: Clock,
}

/// Reads table and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let top_ups = TopUps { rows: world.store(env)?, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { top_ups, clock: world.clock() })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    /// Works through a batch in the time that is `left`. What failed, took too long or could not be begun is reported by
    /// itself, so that the rest is done with and only it comes again.
    pub async fn handle(&self, batch: SqsEvent, left: Duration) -> SqsBatchResponse {
        let end = Instant::now() + left.saturating_sub(ANSWERING);
        let mut working = stream::iter(batch.records)
            .map(|record| async move {
                let done = self.work_until(&record, end).await;
                done.inspect_err(|error| tell(&record, error)).err().map(|_| record.message_id)
            })
            .buffer_unordered(AT_ONCE);
        let mut response = SqsBatchResponse::default();
        while let Some(failed) = working.next().await {
            if let Some(id) = failed {
                response.add_failure(id.unwrap_or_default());
            }
        }
        response
    }

    /// Cutting work off is as safe as a crash: whoever gets the message next goes on.
    async fn work_until(&self, record: &SqsMessage, end: Instant) -> Result<(), PortError> {
        let left = end.saturating_duration_since(Instant::now());
        if left < LEAST {
            return Err(PortError::Unavailable("no time left to begin".to_owned()));
        }
        let worked = tokio::time::timeout(left.min(LONGEST), self.work(record)).await;
        worked.unwrap_or_else(|_| Err(PortError::Unavailable("took too long".to_owned())))
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
        let told = message.told();
        let author = Author { actor: Actor::System, cause: Cause::Event(message.event.clone()) };
        match self.top_ups.handle(&told, &author, self.clock.now()).await? {
            Handled::Settled(settled) => {
                let (org, top_up) = (settled.top_up.org.as_str(), settled.top_up.id.as_str());
                info!(event = message.event, org, top_up, status = settled.top_up.status.as_str(), "handled");
                measure!(Metric::Messages, 1, "handled");
            }
            Handled::NotOurs(why) => {
                let (About::Invoice(subject) | About::Payment(subject)) = &told.about;
                info!(
                    event = message.event,
                    kind = message.kind,
                    subject,
                    not_ours = why.as_str(),
                    "not ours"
                );
                measure!(Metric::Messages, 1, "not_ours");
            }
        }
        Ok(())
    }
}

fn tell(record: &SqsMessage, error: &PortError) {
    let sqs_message = record.message_id.as_deref().unwrap_or_default();
    match error {
        PortError::NotPermitted(_) | PortError::Broken(_) => {
            error!(sqs_message, %error, "message not handled");
            measure!(Metric::Messages, 1, "broken");
        }
        PortError::Conflict | PortError::Unavailable(_) => {
            warn!(sqs_message, %error, "message put back");
            measure!(Metric::Messages, 1, "put_back");
        }
    }
}
