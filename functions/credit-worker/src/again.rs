//! What comes again, and when: what waits for Stripe is sent anew, what failed for its own reason stays and is hidden.

use aws_lambda_events::sqs::SqsMessage;
use saldo_adapters::PortError;
use saldo_adapters::queue::{PaymentMessage, PaymentQueue};
use saldo_domain::{Metric, PutOff, Timestamp, Waiting, hidden_secs, measure};
use tracing::{info, warn};

/// What came of one message.
pub(crate) enum Worked {
    Done,
    /// Stripe answers nobody: the message is put off until this moment at least.
    Waits(PaymentMessage, Timestamp),
    Failed(PortError),
}

/// What came of a batch, apart from what is done.
#[derive(Default)]
pub(crate) struct Again {
    /// By the queue's name for it: sent anew once more is known of it than the queue keeps.
    put_off: Vec<(SqsMessage, PaymentMessage, u32)>,
    failed: Vec<SqsMessage>,
    hidden: Vec<(String, u32)>,
}

impl Again {
    /// Puts a message off. It fails when it has waited for longer than an outage lasts.
    pub(crate) fn wait(
        &mut self,
        record: SqsMessage,
        message: PaymentMessage,
        until: Timestamp,
        now: Timestamp,
    ) {
        match Waiting::put_off(message.waiting, now, until, fastrand::u32(..)) {
            PutOff::Later { secs, waiting } => {
                measure!(Metric::CreditWaiting, waiting.waited_ms(now));
                let message = PaymentMessage { waiting: Some(waiting), ..message };
                self.put_off.push((record, message, secs));
            }
            PutOff::NoLonger => {
                warn!(event = message.event, "waits for Stripe no longer");
                self.fail(record, &PortError::Unavailable("Stripe has not answered for a day".to_owned()));
            }
        }
    }

    /// Leaves a message to the queue, which counts how often it was received and keeps it apart in the end. What may get better
    /// soon is tried again soon.
    pub(crate) fn fail(&mut self, record: SqsMessage, error: &PortError) {
        if let (PortError::Conflict | PortError::Unavailable(_), Some(receipt)) =
            (error, &record.receipt_handle)
        {
            self.hidden.push((receipt.clone(), hidden_secs(received(&record))));
        }
        self.failed.push(record);
    }

    /// Does it, and gives the ids of those that the queue is to keep. A message that is sent anew and not deleted, as its
    /// sender dies between the two, is there twice: it is worked on twice, and credited once.
    pub(crate) async fn over(mut self, queue: &PaymentQueue) -> Vec<String> {
        if !self.put_off.is_empty() {
            let copies: Vec<_> =
                self.put_off.iter().map(|(_, message, secs)| (message.clone(), *secs)).collect();
            let sent = queue.send_later(&copies).await.unwrap_or_else(|error| {
                warn!(%error, "nothing is put off");
                Vec::new()
            });
            for (at, (record, message, secs)) in self.put_off.into_iter().enumerate() {
                if sent.get(at) == Some(&true) {
                    info!(event = message.event, secs, "put off");
                    measure!(Metric::Messages, 1, "put_off");
                } else {
                    self.failed.push(record);
                }
            }
        }
        if !self.hidden.is_empty()
            && let Err(error) = queue.hide(&self.hidden).await
        {
            warn!(%error, "what failed comes again when the queue says so");
        }
        self.failed.into_iter().map(|record| record.message_id.unwrap_or_default()).collect()
    }
}

/// How often the queue has handed the message over.
fn received(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
