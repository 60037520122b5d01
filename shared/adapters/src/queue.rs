//! The queue between Stripe's webhook and the credit worker.

use saldo_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PortError;

/// What the webhook tells the worker: where to look, never what to believe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMessage {
    /// Stripe's event id, for the log.
    pub event: String,
    /// Stripe's event type, like `invoice.paid`.
    pub kind: String,
    /// The invoice to fetch.
    pub invoice: String,
    /// When Stripe made the event, in seconds since 1970.
    pub created: i64,
}

impl PaymentMessage {
    /// When a payment was refused, if that is what the event tells.
    #[must_use]
    pub fn failed_at(&self) -> Option<Timestamp> {
        (self.kind == "invoice.payment_failed").then(|| Timestamp::from_secs(self.created))
    }
}

/// The queue of payment messages.
#[derive(Clone, Debug)]
pub struct PaymentQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl PaymentQueue {
    pub(crate) fn new(client: aws_sdk_sqs::Client, url: &str) -> PaymentQueue {
        PaymentQueue { client, url: url.to_owned() }
    }

    /// Hands a message over. `Ok` means that the queue has it and will not lose it.
    pub async fn send(&self, message: &PaymentMessage) -> Result<(), PortError> {
        let body = serde_json::to_string(message).map_err(|error| PortError::Broken(error.to_string()))?;
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| {
            PortError::Unavailable(format!(
                "SendMessage: {}",
                aws_sdk_sqs::error::DisplayErrorContext(&error)
            ))
        })
    }
}
