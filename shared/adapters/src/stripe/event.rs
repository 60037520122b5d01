//! Stripe's events, read leniently: only what tells where to look.

use saldo_domain::{OrgId, TopUpId};
use serde_json::Value;

use super::answers::{ORG_KEY, TOP_UP_KEY};

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
    /// The organisation and the top-up that the object's metadata names, where it has any. For logs: nobody has proven it.
    pub org: Option<OrgId>,
    pub top_up: Option<TopUpId>,
    /// The invoice that the object belongs to.
    invoice: Link,
    /// The payment that the object belongs to.
    payment: Link,
}

/// What an object says of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    To(String),
    /// There is none, and it says so.
    Nowhere,
    /// It says nothing that we can read.
    Unread,
}

/// The body is nothing that has an id and a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEvent;

/// What an event means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Something became of this invoice, or of money that was paid for it.
    Invoice(&'a str),
    /// Something became of this payment.
    Payment(&'a str),
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
            org: event["data"]["object"]["metadata"][ORG_KEY].as_str().and_then(|org| OrgId::parse(org).ok()),
            top_up: event["data"]["object"]["metadata"][TOP_UP_KEY]
                .as_str()
                .and_then(|id| TopUpId::parse(id).ok()),
            invoice: Link::of(&event["data"]["object"], "invoice"),
            payment: Link::of(&event["data"]["object"], "payment_intent"),
        })
    }

    #[must_use]
    pub fn meaning(&self) -> Meaning<'_> {
        use EventType as Type;

        let kind = self.kind.strip_prefix(THIN).unwrap_or(&self.kind);
        let Some(kind) = EventType::parse(kind) else { return Meaning::Nothing };
        match kind {
            Type::InvoicePaid
            | Type::InvoicePaymentFailed
            | Type::InvoiceVoided
            | Type::InvoiceMarkedUncollectible
            | Type::InvoiceFinalizationFailed
            | Type::InvoiceOverpaid => self.object.as_deref().map_or(Meaning::Unreadable, Meaning::Invoice),
            Type::InvoicePaymentPaid
            | Type::CreditNoteCreated
            | Type::CreditNoteUpdated
            | Type::CreditNoteVoided => self.invoice.meaning(Meaning::Invoice),
            Type::RefundCreated
            | Type::RefundUpdated
            | Type::RefundFailed
            | Type::ChargeRefunded
            | Type::DisputeCreated
            | Type::DisputeUpdated
            | Type::DisputeClosed
            | Type::DisputeFundsWithdrawn
            | Type::DisputeFundsReinstated
            | Type::FraudWarning => self.payment.meaning(Meaning::Payment),
        }
    }
}

impl Link {
    fn of(object: &Value, name: &str) -> Link {
        match object.get(name) {
            Some(Value::Null) => Link::Nowhere,
            Some(value) => id_of(value).or_else(|| id_of(&value["id"])).map_or(Link::Unread, Link::To),
            None => Link::Unread,
        }
    }

    /// What belongs to no invoice, or to no payment that invoices are paid by, is not ours.
    fn meaning<'a>(&'a self, to: fn(&'a str) -> Meaning<'a>) -> Meaning<'a> {
        match self {
            Link::To(id) => to(id),
            Link::Nowhere => Meaning::Nothing,
            Link::Unread => Meaning::Unreadable,
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
    InvoicePaymentPaid,
    RefundCreated,
    RefundUpdated,
    RefundFailed,
    ChargeRefunded,
    DisputeCreated,
    DisputeUpdated,
    DisputeClosed,
    DisputeFundsWithdrawn,
    DisputeFundsReinstated,
    CreditNoteCreated,
    CreditNoteUpdated,
    CreditNoteVoided,
    FraudWarning,
}

impl EventType {
    pub const ALL: [EventType; 20] = [
        EventType::InvoicePaid,
        EventType::InvoicePaymentFailed,
        EventType::InvoiceVoided,
        EventType::InvoiceMarkedUncollectible,
        EventType::InvoiceFinalizationFailed,
        EventType::InvoiceOverpaid,
        EventType::InvoicePaymentPaid,
        EventType::RefundCreated,
        EventType::RefundUpdated,
        EventType::RefundFailed,
        EventType::ChargeRefunded,
        EventType::DisputeCreated,
        EventType::DisputeUpdated,
        EventType::DisputeClosed,
        EventType::DisputeFundsWithdrawn,
        EventType::DisputeFundsReinstated,
        EventType::CreditNoteCreated,
        EventType::CreditNoteUpdated,
        EventType::CreditNoteVoided,
        EventType::FraudWarning,
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
            EventType::InvoicePaymentPaid => "invoice_payment.paid",
            EventType::RefundCreated => "refund.created",
            EventType::RefundUpdated => "refund.updated",
            EventType::RefundFailed => "refund.failed",
            EventType::ChargeRefunded => "charge.refunded",
            EventType::DisputeCreated => "charge.dispute.created",
            EventType::DisputeUpdated => "charge.dispute.updated",
            EventType::DisputeClosed => "charge.dispute.closed",
            EventType::DisputeFundsWithdrawn => "charge.dispute.funds_withdrawn",
            EventType::DisputeFundsReinstated => "charge.dispute.funds_reinstated",
            EventType::CreditNoteCreated => "credit_note.created",
            EventType::CreditNoteUpdated => "credit_note.updated",
            EventType::CreditNoteVoided => "credit_note.voided",
            EventType::FraudWarning => "radar.early_fraud_warning.created",
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
            Meaning::Invoice(id) | Meaning::Payment(id) => id.to_owned(),
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
    fn what_went_back_names_the_payment_or_the_invoice_that_it_belongs_to() {
        let of = |kind: &str, object: &str| {
            let body = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#);
            match read(&body).meaning() {
                Meaning::Invoice(id) => format!("invoice {id}"),
                Meaning::Payment(id) => format!("payment {id}"),
                Meaning::Nothing => "nothing".to_owned(),
                Meaning::Unreadable => "unreadable".to_owned(),
            }
        };
        let by_payment = [
            "refund.failed",
            "charge.refunded",
            "charge.dispute.closed",
            "radar.early_fraud_warning.created",
        ];
        for kind in by_payment {
            assert_eq!(of(kind, r#"{"id":"x_1","payment_intent":"pi_1","charge":"ch_1"}"#), "payment pi_1");
            assert_eq!(of(kind, r#"{"id":"x_1","payment_intent":{"id":"pi_2"}}"#), "payment pi_2");
            assert_eq!(
                of(kind, r#"{"id":"x_1","payment_intent":null}"#),
                "nothing",
                "{kind}: of another product"
            );
            assert_eq!(of(kind, r#"{"id":"x_1"}"#), "unreadable", "{kind}");
            assert_eq!(of(kind, r#"{"id":"x_1","payment_intent":7}"#), "unreadable", "{kind}");
        }
        for kind in ["credit_note.created", "invoice_payment.paid"] {
            assert_eq!(of(kind, r#"{"id":"x_1","invoice":"in_1"}"#), "invoice in_1");
            assert_eq!(of(kind, r#"{"id":"x_1"}"#), "unreadable", "{kind}");
        }
    }

    #[test]
    fn what_has_no_id_and_type_is_no_event() {
        let long = format!(r#"{{"id":"{}","type":"invoice.paid"}}"#, "x".repeat(256));
        for body in ["", "null", "[]", "{}", r#"{"id":1,"type":2}"#, "{\"id\":\"evt\u{0}", &long] {
            assert_eq!(Event::parse(body.as_bytes()), Err(NoEvent), "{body}");
        }
    }
}
