//! The queue between the webhook and the credit worker.

use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, SendMessageBatchRequestEntry};
use saldo_domain::{Timestamp, Waiting};
use saldo_top_ups::{News, Told};
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
    /// For how long it was put off, if it was: those who do not know it read the message all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// What a message is about: one member of its JSON, named by what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The invoice to fetch.
    Invoice(String),
    /// The payment whose invoice is to be found and fetched.
    Payment(String),
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

/// The newest form that messages have: raised with every change that an older worker would misread. Each is sent in the
/// oldest form that says it all, so that while a deployment is under way the workers of before read what they can.
const VERSION: u32 = 2;

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
        let version = match self.about {
            About::Invoice(_) => 1,
            About::Payment(_) => 2,
        };
        let sent = Sent { version, message: self };
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

    /// What it tells the use case.
    #[must_use]
    pub fn told(&self) -> Told {
        use EventType as Type;

        let about = match &self.about {
            About::Invoice(invoice) => saldo_top_ups::About::Invoice(invoice.clone()),
            About::Payment(payment) => saldo_top_ups::About::Payment(payment.clone()),
        };
        let news = match (EventType::parse(&self.kind), &self.about) {
            (Some(Type::InvoicePaymentFailed), _) => News::Refused(Timestamp::from_secs(self.created)),
            (Some(Type::FraudWarning), _) => News::FraudWarning,
            (Some(Type::CreditNoteCreated | Type::CreditNoteUpdated | Type::CreditNoteVoided), _) => {
                News::Returned
            }
            (Some(_) | None, About::Payment(_)) => News::Returned,
            (Some(_) | None, About::Invoice(_)) => News::Invoice,
        };
        Told { about, news, kind: Some(self.kind.clone()) }
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
        sent.map(drop).map_err(|error| unavailable("SendMessage", &error))
    }

    /// Hands up to ten messages over, each to come after so many seconds, 900 at most; tells of each, in their order, whether
    /// the queue has it.
    pub async fn send_later(&self, messages: &[(PaymentMessage, u32)]) -> Result<Vec<bool>, PortError> {
        let entry = |(at, (message, secs)): (usize, &(PaymentMessage, u32))| {
            let entry =
                SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(message.to_text()?);
            let entry = entry.delay_seconds(i32::try_from(*secs).unwrap_or(i32::MAX));
            entry.build().map_err(|error| PortError::Broken(error.to_string()))
        };
        let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let sent = request.send().await.map_err(|error| unavailable("SendMessageBatch", &error))?;
        let has = |at: usize| sent.successful().iter().any(|one| one.id() == at.to_string());
        Ok((0..messages.len()).map(has).collect())
    }

    /// Hides up to ten received messages, by their receipts, for so many seconds from now.
    pub async fn hide(&self, received: &[(String, u32)]) -> Result<(), PortError> {
        let entry = |(at, (receipt, secs)): (usize, &(String, u32))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(receipt);
            let entry = entry.visibility_timeout(i32::try_from(*secs).unwrap_or(i32::MAX));
            entry.build().map_err(|error| PortError::Broken(error.to_string()))
        };
        let entries = received.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let request =
            self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let changed = request.send().await;
        changed.map(drop).map_err(|error| unavailable("ChangeMessageVisibilityBatch", &error))
    }
}

fn unavailable(what: &str, error: &impl std::error::Error) -> PortError {
    PortError::Unavailable(format!("{what}: {}", aws_sdk_sqs::error::DisplayErrorContext(error)))
}

#[cfg(test)]
mod tests {
    use saldo_domain::PutOff;

    use super::*;

    fn message() -> PaymentMessage {
        PaymentMessage {
            event: "evt_1".to_owned(),
            kind: "invoice.paid".to_owned(),
            about: About::Invoice("in_1".to_owned()),
            created: 5,
            waiting: None,
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
    fn a_message_that_was_put_off_says_so_and_is_read_by_those_who_do_not_know_it() {
        let now = Timestamp::from_secs(60);
        let PutOff::Later { waiting, .. } = Waiting::put_off(None, now, now, 0) else { panic!("it waits") };
        let waiting = PaymentMessage { waiting: Some(waiting), ..message() };
        let text = waiting.to_text().unwrap();
        assert!(
            text.contains(r#""version":1"#) && text.contains(r#""waiting":{"since":60,"times":1}"#),
            "{text}"
        );
        assert_eq!(PaymentMessage::read(&text), Ok(Received::Message(waiting)));
        for broken in [r#""since":"60""#, r#""since":1.5"#, r#""later":60"#] {
            let text = text.replace(r#""since":60"#, broken);
            assert!(matches!(PaymentMessage::read(&text), Err(PortError::Broken(_))), "{text}");
        }
    }

    #[test]
    fn a_message_about_a_payment_is_of_the_second_form_and_every_type_says_what_to_ask() {
        let about = About::Payment("pi_1".to_owned());
        let message = PaymentMessage { kind: "refund.created".to_owned(), about, ..message() };
        let text = message.to_text().unwrap();
        assert!(text.contains(r#""version":2"#) && text.contains(r#""payment":"pi_1""#), "{text}");
        assert_eq!(PaymentMessage::read(&text), Ok(Received::Message(message.clone())));
        assert_eq!(message.told().news, News::Returned);
        let news = |kind: &str, about: About| {
            PaymentMessage { kind: kind.to_owned(), about, ..message.clone() }.told().news
        };
        let invoice = || About::Invoice("in_1".to_owned());
        assert_eq!(news("credit_note.voided", invoice()), News::Returned);
        assert_eq!(news("invoice_payment.paid", invoice()), News::Invoice);
        assert_eq!(news("invoice.payment_failed", invoice()), News::Refused(Timestamp::from_secs(5)));
        let warning = news("radar.early_fraud_warning.created", About::Payment("pi_1".to_owned()));
        assert_eq!(warning, News::FraudWarning);
    }

    #[test]
    fn a_message_of_a_newer_version_is_told_from_one_that_is_broken() {
        let newer = r#"{"version":3,"about":{"refund":"re_1"}}"#;
        assert_eq!(PaymentMessage::read(newer), Ok(Received::Newer { version: 3 }));
        for broken in ["", "{}", r#"{"version":"2"}"#, r#"{"version":1,"event":"e","kind":"k","created":1}"#]
        {
            assert!(matches!(PaymentMessage::read(broken), Err(PortError::Broken(_))), "{broken}");
        }
    }
}
