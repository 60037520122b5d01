//! The event source mapping: takes batches off a queue, invokes the worker, deletes what succeeded.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use tokio::sync::{Semaphore, watch};

use crate::chaos::Chaos;
use crate::functions::QueueFunction;
use crate::queue::{Message, Queues};

const LONG_POLL: Duration = Duration::from_secs(20);

/// One queue bound to one function.
#[derive(Clone)]
pub struct Poller {
    pub queues: Queues,
    pub queue: String,
    pub queue_arn: String,
    pub function: QueueFunction,
    pub batch_size: usize,
    pub concurrency: usize,
    pub partial_failures: bool,
    /// How long a received message stays hidden, when not as long as the queue says.
    pub visibility: Option<Duration>,
    pub chaos: Option<Arc<Chaos>>,
}

impl Poller {
    /// Polls until `stopped`, then lets the running batches end.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(self.concurrency));
        loop {
            let permit = match Arc::clone(&permits).acquire_owned().await {
                Ok(permit) => permit,
                Err(_) => return,
            };
            let batch = tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                batch = self.queues.receive(&self.queue, self.batch_size, LONG_POLL, self.visibility) => batch,
            };
            match batch {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => {
                    let poller = self.clone();
                    tokio::spawn(async move {
                        poller.handle(batch).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::error!(queue = %self.queue, %error, "the queue cannot be read");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        let _ended = permits.acquire_many(all).await;
    }

    async fn handle(&self, batch: Vec<Message>) {
        match &self.chaos {
            None => self.invoke(batch).await,
            Some(chaos) => {
                for batch in chaos.rearrange(batch) {
                    chaos.pause().await;
                    self.invoke(batch).await;
                }
            }
        }
    }

    async fn invoke(&self, batch: Vec<Message>) {
        let event = self.event(&batch);
        let Ok(response) = self.function.invoke(event).await else { return };
        let failed: Vec<_> = match self.partial_failures {
            true => response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect(),
            false => Vec::new(),
        };
        // As on AWS, a failure that names no message of the batch fails all of it.
        if failed.iter().any(|id| batch.iter().all(|message| message.id != *id)) {
            return;
        }
        for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
            if let Err(error) = self.queues.delete(&self.queue, &message.receipt) {
                tracing::error!(queue = %self.queue, %error, "a handled message cannot be deleted");
            }
        }
    }

    fn event(&self, batch: &[Message]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = batch.iter().map(|message| self.record(message)).collect();
        event
    }

    fn record(&self, message: &Message) -> SqsMessage {
        let mut record = SqsMessage::default();
        record.message_id = Some(message.id.clone());
        record.receipt_handle = Some(message.receipt.clone());
        record.body = Some(message.body.clone());
        record.md5_of_body = Some(message.md5.clone());
        record.attributes = HashMap::from([
            ("ApproximateReceiveCount".to_owned(), message.receive_count.to_string()),
            ("SentTimestamp".to_owned(), message.sent_ms.to_string()),
            ("ApproximateFirstReceiveTimestamp".to_owned(), message.first_received_ms.to_string()),
            ("SenderId".to_owned(), "local".to_owned()),
        ]);
        record.event_source_arn = Some(self.queue_arn.clone());
        record.event_source = Some("aws:sqs".to_owned());
        record.aws_region = Some("us-east-1".to_owned());
        record
    }
}
