//! Stripe's events, read leniently: only what tells where to look.

use serde::Deserialize;

/// An event, or rather the few fields of it that no version of Stripe's API has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub livemode: bool,
    pub created: i64,
    /// The id of the object it is about, where it has one.
    pub object: Option<String>,
}

/// The body is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedEvent;

#[derive(Deserialize)]
struct EventBody {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    livemode: bool,
    #[serde(default)]
    created: i64,
    data: Option<EventData>,
}

#[derive(Deserialize)]
struct EventData {
    object: Option<EventObject>,
}

#[derive(Deserialize)]
struct EventObject {
    id: Option<String>,
}

/// The longest id taken from an event.
const LONGEST_ID: usize = 255;

impl Event {
    pub fn parse(body: &[u8]) -> Result<Event, MalformedEvent> {
        let event: EventBody = serde_json::from_slice(body).map_err(|_| MalformedEvent)?;
        let object = event.data.and_then(|data| data.object).and_then(|object| object.id);
        if [Some(&event.id), Some(&event.kind), object.as_ref()]
            .into_iter()
            .flatten()
            .any(|id| id.len() > LONGEST_ID)
        {
            return Err(MalformedEvent);
        }
        Ok(Event { id: event.id, kind: event.kind, livemode: event.livemode, created: event.created, object })
    }

    /// The invoice whose payment this event tells of; `None` for a type that changes nothing here.
    #[must_use]
    pub fn invoice(&self) -> Option<&str> {
        match EventType::parse(&self.kind)? {
            EventType::InvoicePaid
            | EventType::InvoicePaymentFailed
            | EventType::InvoiceVoided
            | EventType::InvoiceMarkedUncollectible
            | EventType::InvoiceFinalizationFailed
            | EventType::InvoiceOverpaid => self.object.as_deref(),
        }
    }
}

/// The types that the endpoint subscribes to: each other one would cost a call of the webhook for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
    InvoiceMarkedUncollectible,
    InvoiceFinalizationFailed,
    InvoiceOverpaid,
}

impl EventType {
    pub const ALL: [EventType; 6] = [
        EventType::InvoicePaid,
        EventType::InvoicePaymentFailed,
        EventType::InvoiceVoided,
        EventType::InvoiceMarkedUncollectible,
        EventType::InvoiceFinalizationFailed,
        EventType::InvoiceOverpaid,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::InvoicePaid => "invoice.paid",
            EventType::InvoicePaymentFailed => "invoice.payment_failed",
            EventType::InvoiceVoided => "invoice.voided",
            EventType::InvoiceMarkedUncollectible => "invoice.marked_uncollectible",
            EventType::InvoiceFinalizationFailed => "invoice.finalization_failed",
            EventType::InvoiceOverpaid => "invoice.overpaid",
        }
    }

    /// `None` for a type that changes nothing here.
    #[must_use]
    pub fn parse(text: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_of_another_version_is_read_all_the_same() {
        let body = br#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1","new":{"deep":[1]}},"more":1},
            "api_version":"2031-01-01.unheard","context":null}"#;
        assert_eq!(Event::parse(body).unwrap().invoice(), Some("in_1"));
    }

    #[test]
    fn unknown_types_tell_nothing_and_rubbish_is_malformed() {
        let of = |body: &str| Event::parse(body.as_bytes()).map(|event| event.invoice().map(str::to_owned));
        assert_eq!(
            of(r#"{"id":"evt_1","type":"customer.created","data":{"object":{"id":"cus_1"}}}"#),
            Ok(None)
        );
        assert_eq!(of(r#"{"id":"evt_1","type":"invoice.paid"}"#), Ok(None));
        let long = format!(r#"{{"id":"{}","type":"invoice.paid"}}"#, "x".repeat(256));
        for body in ["", "null", "[]", "{}", r#"{"id":1,"type":2}"#, "{\"id\":\"evt\u{0}", &long] {
            assert_eq!(of(body), Err(MalformedEvent), "{body}");
        }
    }
}
