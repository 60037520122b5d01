//! SQS: fetches the invoice, decides, commits; puts off what waits for Stripe, and reports what must be tried again.

mod again;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::queue::{PaymentMessage, PaymentQueue, Received};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{Actor, Author, Cause, Metric, measure};
use saldo_top_ups::{About, Handled, TopUps};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::again::{Again, Worked};

/// How many messages are worked on at the same time, so that a slow one holds up few.
const AT_ONCE: usize = 5;
/// The longest for one message: an attempt of a call to Stripe and the probe behind it, or two attempts; two rounds of the
/// largest batch fit into the function's time.
const LONGEST: Duration = Duration::from_secs(12);
/// What one message needs at the least; with less it is not begun.
const LEAST: Duration = Duration::from_secs(1);
/// Kept for what comes again and for the answer, so that what is done is not undone by the function's end.
const ANSWERING: Duration = Duration::from_secs(3);

/// The function, ready to work.
#[derive(Clone, Debug)]
pub struct Function {
    top_ups: TopUps<Store, Stripe>,
    queue: PaymentQueue,
    clock: Clock,
}

/// Reads table, queue and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let top_ups = TopUps { rows: world.store(env)?, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { top_ups, queue: world.payment_queue(env)?, clock: world.clock() })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    /// Works through a batch in the time that is `left`. What waits for Stripe is sent anew; what failed, took too long or
    /// could not be begun is reported by itself, so that the rest is done with and only it comes again.
    pub async fn handle(&self, batch: SqsEvent, left: Duration) -> SqsBatchResponse {
        let end = Instant::now() + left.saturating_sub(ANSWERING);
        let mut working = stream::iter(batch.records)
            .map(|record| async move {
                let worked = self.work_until(&record, end).await;
                (record, worked)
            })
            .buffer_unordered(AT_ONCE);
        let mut again = Again::default();
        while let Some((record, worked)) = working.next().await {
            match worked {
                Worked::Done => {}
                Worked::Waits(message, until) => again.wait(record, message, until, self.clock.now()),
                Worked::Failed(error) => {
                    tell(&record, &error);
                    again.fail(record, &error);
                }
            }
        }
        let mut response = SqsBatchResponse::default();
        for id in again.over(&self.queue).await {
            response.add_failure(id);
        }
        response
    }

    /// Cutting work off is as safe as a crash: whoever gets the message next goes on. Whatever kept it from its end, it waits
    /// while Stripe answers nobody.
    async fn work_until(&self, record: &SqsMessage, end: Instant) -> Worked {
        let message = match read(record) {
            Ok(message) => message,
            Err(error) => return Worked::Failed(error),
        };
        let stripe = &self.top_ups.invoices;
        if let Some(until) = stripe.away_until() {
            return Worked::Waits(message, until);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left < LEAST {
            return Worked::Failed(PortError::Unavailable("no time left to begin".to_owned()));
        }
        let worked = tokio::time::timeout(left.min(LONGEST), self.work(&message)).await;
        match worked.unwrap_or_else(|_| Err(PortError::Unavailable("took too long".to_owned()))) {
            Ok(()) => Worked::Done,
            Err(error) => match stripe.away_until() {
                Some(until) if matches!(error, PortError::Unavailable(_)) => {
                    warn!(event = message.event, %error, "waits for Stripe");
                    Worked::Waits(message, until)
                }
                Some(_) | None => Worked::Failed(error),
            },
        }
    }

    async fn work(&self, message: &PaymentMessage) -> Result<(), PortError> {
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

fn read(record: &SqsMessage) -> Result<PaymentMessage, PortError> {
    match PaymentMessage::read(record.body.as_deref().unwrap_or_default())? {
        Received::Message(message) => Ok(message),
        Received::Newer { version } => {
            Err(PortError::Unavailable(format!("a message of version {version}, newer than ours")))
        }
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
