//! Stripe's events, read leniently: only what tells where to look.

use serde_json::Value;

/// An event, or rather the few fields of it that no version of Stripe's API has moved; what has another form than we know
/// is as good as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub livemode: Option<bool>,
    /// Seconds since 1970.
    pub created: Option<i64>,
    /// The account that it is of, where that is not ours but one that is connected to it.
    pub account: Option<String>,
    /// The id of the object it is about, where it brings one.
    pub object: Option<String>,
}

/// The body is nothing that has an id and a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEvent;

/// What an event means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Something became of this invoice.
    Invoice(&'a str),
    /// Its type changes nothing here.
    Nothing,
    /// Its type does, and it does not say of what: a form of event that is not ours to read.
    Unreadable,
}

/// The longest id taken from an event, in bytes.
const LONGEST_ID: usize = 255;
/// Before the type of an event that comes without its object, in Stripe's "thin" form.
const THIN: &str = "v1.";

impl Event {
    pub fn parse(body: &[u8]) -> Result<Event, NoEvent> {
        let event: Value = serde_json::from_slice(body).map_err(|_| NoEvent)?;
        let (Some(id), Some(kind)) = (id_of(&event["id"]), id_of(&event["type"])) else {
            return Err(NoEvent);
        };
        Ok(Event {
            id,
            kind,
            livemode: event["livemode"].as_bool(),
            created: event["created"].as_i64(),
            account: id_of(&event["account"]),
            object: id_of(&event["data"]["object"]["id"]),
        })
    }

    #[must_use]
    pub fn meaning(&self) -> Meaning<'_> {
        let kind = self.kind.strip_prefix(THIN).unwrap_or(&self.kind);
        match (EventType::parse(kind), self.object.as_deref()) {
            (
                Some(
                    EventType::InvoicePaid
                    | EventType::InvoicePaymentFailed
                    | EventType::InvoiceVoided
                    | EventType::InvoiceMarkedUncollectible
                    | EventType::InvoiceFinalizationFailed
                    | EventType::InvoiceOverpaid,
                ),
                Some(invoice),
            ) => Meaning::Invoice(invoice),
            (Some(_), None) => Meaning::Unreadable,
            (None, _) => Meaning::Nothing,
        }
    }
}

fn id_of(value: &Value) -> Option<String> {
    value.as_str().filter(|id| id.len() <= LONGEST_ID).map(str::to_owned)
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

    fn read(body: &str) -> Event {
        Event::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_shape_of_another_version_is_read_all_the_same() {
        let event = read(
            r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1","new":{"deep":[1]}},"more":1},
            "api_version":"2031-01-01.unheard","context":null,"created":"2026-11-23T10:00:00Z","livemode":"yes"}"#,
        );
        assert_eq!(event.meaning(), Meaning::Invoice("in_1"));
        assert_eq!((event.created, event.livemode), (None, None), "what is not understood is not there");
    }

    #[test]
    fn unknown_types_mean_nothing_and_known_ones_without_their_object_are_unreadable() {
        let of = |body: &str| match read(body).meaning() {
            Meaning::Invoice(invoice) => invoice.to_owned(),
            Meaning::Nothing => "nothing".to_owned(),
            Meaning::Unreadable => "unreadable".to_owned(),
        };
        assert_eq!(
            of(r#"{"id":"evt_1","type":"customer.created","data":{"object":{"id":"cus_1"}}}"#),
            "nothing"
        );
        assert_eq!(
            of(r#"{"id":"evt_1","type":"v1.billing.meter.no_meter_found","object":"v2.core.event"}"#),
            "nothing"
        );
        assert_eq!(of(r#"{"id":"evt_1","type":"v1.invoice.paid","object":"v2.core.event"}"#), "unreadable");
        assert_eq!(of(r#"{"id":"evt_1","type":"invoice.paid"}"#), "unreadable");
        assert_eq!(of(r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":7}}}"#), "unreadable");
    }

    #[test]
    fn what_has_no_id_and_type_is_no_event() {
        let long = format!(r#"{{"id":"{}","type":"invoice.paid"}}"#, "x".repeat(256));
        for body in ["", "null", "[]", "{}", r#"{"id":1,"type":2}"#, "{\"id\":\"evt\u{0}", &long] {
            assert_eq!(Event::parse(body.as_bytes()), Err(NoEvent), "{body}");
        }
    }
}
