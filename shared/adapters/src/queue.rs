//! The queue between the webhook and the credit worker.

use saldo_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PortError;
use crate::stripe::EventType;

/// What the webhook tells the worker: where to look, never what to believe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMessage {
    /// The provider's event id, for the log and as the cause of what is changed.
    pub event: String,
    /// The provider's event type, like `invoice.paid`.
    pub kind: String,
    /// What to look at.
    #[serde(flatten)]
    pub about: About,
    /// When the provider made the event, in seconds since 1970.
    pub created: i64,
}

/// What a message is about: one member of its JSON, named by what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The invoice to fetch.
    Invoice(String),
}

/// A text from the queue as what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Message(PaymentMessage),
    /// Its sender is newer than we are: whoever is as new can read it.
    Newer {
        version: u32,
    },
}

/// The form that messages have: raised with every change that an older worker would misread.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Sent<'a> {
    version: u32,
    #[serde(flatten)]
    message: &'a PaymentMessage,
}

#[derive(Deserialize)]
struct Versioned {
    /// Messages of the first form did not say it.
    #[serde(default = "first_version")]
    version: u32,
}

fn first_version() -> u32 {
    1
}

impl PaymentMessage {
    /// As it is sent.
    pub fn to_text(&self) -> Result<String, PortError> {
        let sent = Sent { version: VERSION, message: self };
        serde_json::to_string(&sent).map_err(|error| PortError::Broken(error.to_string()))
    }

    /// Reads what was sent, by this version or another.
    pub fn read(text: &str) -> Result<Received, PortError> {
        let not_understood =
            |error: serde_json::Error| PortError::Broken(format!("message not understood: {error}"));
        let Versioned { version } = serde_json::from_str(text).map_err(not_understood)?;
        if version > VERSION {
            return Ok(Received::Newer { version });
        }
        serde_json::from_str(text).map(Received::Message).map_err(not_understood)
    }

    /// When a payment was refused, if that is what the event tells.
    #[must_use]
    pub fn failed_at(&self) -> Option<Timestamp> {
        (self.kind == EventType::InvoicePaymentFailed.as_str()).then(|| Timestamp::from_secs(self.created))
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
        let body = message.to_text()?;
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| {
            PortError::Unavailable(format!(
                "SendMessage: {}",
                aws_sdk_sqs::error::DisplayErrorContext(&error)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> PaymentMessage {
        PaymentMessage {
            event: "evt_1".to_owned(),
            kind: "invoice.paid".to_owned(),
            about: About::Invoice("in_1".to_owned()),
            created: 5,
        }
    }

    #[test]
    fn a_message_reads_back_and_so_does_one_without_a_version() {
        let text = message().to_text().unwrap();
        assert!(text.contains(r#""version":1"#) && text.contains(r#""invoice":"in_1""#), "{text}");
        assert_eq!(PaymentMessage::read(&text), Ok(Received::Message(message())));
        let first = text.replace(r#""version":1,"#, "");
        assert_eq!(PaymentMessage::read(&first), Ok(Received::Message(message())));
    }

    #[test]
    fn a_message_of_a_newer_version_is_told_from_one_that_is_broken() {
        let newer = r#"{"version":2,"about":{"refund":"re_1"}}"#;
        assert_eq!(PaymentMessage::read(newer), Ok(Received::Newer { version: 2 }));
        for broken in ["", "{}", r#"{"version":"2"}"#, r#"{"version":1,"event":"e","kind":"k","created":1}"#]
        {
            assert!(matches!(PaymentMessage::read(broken), Err(PortError::Broken(_))), "{broken}");
        }
    }
}
