//! The few fields of Stripe's answers that are used, read so that a later API version does not make them undecodable.
//!
//! async-stripe's own answer types would cost each function five megabytes and refuse what they do not know.

use std::collections::HashMap;

use miniserde::Deserialize;
use miniserde::json::Value;
use saldo_domain::{
    Currency, Deployment, Evidence, InvoiceLink, InvoiceStatus, OrgId, Payment, PaymentFailure, PaymentKind,
    Timestamp, TopUpId,
};

use super::declines::failure;
use super::error::StripeError;

/// Where an invoice carries which top-up it is for.
pub(super) const TOP_UP_KEY: &str = "top_up_id";
/// Where an invoice or a customer carries which organisation it is of.
pub(super) const ORG_KEY: &str = "org_id";

/// Where an invoice or a customer carries which deployment made it.
pub(super) const DEPLOYMENT_KEY: &str = "saldo_deployment";

/// What this system is at Stripe.
#[derive(Clone, Debug)]
pub(super) struct System {
    pub(super) livemode: bool,
    /// Its mark among all that sell through the same account.
    pub(super) deployment: String,
}

#[derive(Deserialize)]
pub(super) struct Identified {
    pub(super) id: String,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct InvoiceAnswer {
    pub(super) id: String,
    status: Option<String>,
    currency: String,
    total: i64,
    amount_due: i64,
    amount_paid: i64,
    amount_overpaid: Option<i64>,
    starting_balance: Option<i64>,
    customer: Option<Value>,
    livemode: bool,
    metadata: Option<HashMap<String, String>>,
    number: Option<String>,
    hosted_invoice_url: Option<String>,
    invoice_pdf: Option<String>,
    status_transitions: Option<StatusTransitions>,
    payments: Option<PaymentList>,
}

#[derive(Deserialize)]
struct StatusTransitions {
    paid_at: Option<i64>,
}

#[derive(Deserialize)]
struct PaymentList {
    data: Vec<PaymentAnswer>,
}

#[derive(Deserialize)]
struct PaymentAnswer {
    status: Option<String>,
    payment: Option<PaymentOf>,
}

#[derive(Deserialize)]
struct PaymentOf {
    #[serde(rename = "type")]
    kind: Option<String>,
    payment_intent: Option<Value>,
}

impl InvoiceAnswer {
    /// What it says of its money. A refused payment is dated `failed_at` where the caller knows when, else by its payment
    /// intent.
    pub(super) fn evidence(
        self,
        system: &System,
        failed_at: Option<Timestamp>,
    ) -> Result<Evidence, StripeError> {
        let currency: Currency = self.currency.parse().map_err(|_| StripeError::Broken {
            what: format!("invoice {} has currency {:?}", self.id, self.currency),
        })?;
        let payments = self.payments.map(|list| list.data).unwrap_or_default();
        let metadata = self.metadata.unwrap_or_default();
        Ok(Evidence {
            status: status_of(self.status.as_deref()),
            currency,
            total: self.total,
            amount_due: self.amount_due,
            amount_paid: self.amount_paid,
            amount_overpaid: self.amount_overpaid.unwrap_or(0),
            from_balance: self.starting_balance.unwrap_or(0),
            payer: self.customer.as_ref().and_then(id_of),
            right_mode: self.livemode == system.livemode,
            deployment: match metadata.get(DEPLOYMENT_KEY) {
                Some(mark) if *mark == system.deployment => Deployment::Ours,
                Some(_) => Deployment::Another,
                None => Deployment::Unmarked,
            },
            top_up: metadata.get(TOP_UP_KEY).and_then(|id| TopUpId::parse(id).ok()),
            org: metadata.get(ORG_KEY).and_then(|org| OrgId::parse(org).ok()),
            paid_at: self.status_transitions.and_then(|moments| moments.paid_at).map(Timestamp::from_secs),
            failure: payments.iter().rev().find_map(|payment| failure_of(payment, failed_at)),
            payments: payments.iter().map(payment_of).collect(),
            // An invoice says nothing of what went back.
            returned: None,
            invoice: InvoiceLink {
                id: self.id,
                number: self.number,
                pay_url: self.hosted_invoice_url,
                pdf: self.invoice_pdf,
            },
        })
    }
}

impl InvoiceAnswer {
    /// The organisation that it names beside this top-up.
    pub(super) fn organisation_of(&self, top_up: &TopUpId) -> Option<OrgId> {
        let metadata = self.metadata.as_ref()?;
        let named = metadata.get(TOP_UP_KEY).is_some_and(|id| id == top_up.as_str());
        OrgId::parse(metadata.get(ORG_KEY).filter(|_| named)?).ok()
    }
}

fn status_of(status: Option<&str>) -> InvoiceStatus {
    match status {
        Some("draft") => InvoiceStatus::Draft,
        Some("open") => InvoiceStatus::Open,
        Some("paid") => InvoiceStatus::Paid,
        Some("void") => InvoiceStatus::Void,
        Some("uncollectible") => InvoiceStatus::Uncollectible,
        Some(_) | None => InvoiceStatus::Unknown,
    }
}

fn payment_of(answer: &PaymentAnswer) -> Payment {
    let kind = answer.payment.as_ref().and_then(|payment| payment.kind.as_deref());
    Payment {
        kind: if kind == Some("payment_intent") { PaymentKind::ThroughProvider } else { PaymentKind::Other },
        paid: answer.status.as_deref() == Some("paid"),
        id: answer.payment.as_ref().and_then(|payment| id_of(payment.payment_intent.as_ref()?)),
    }
}

fn failure_of(answer: &PaymentAnswer, failed_at: Option<Timestamp>) -> Option<PaymentFailure> {
    let Value::Object(intent) = answer.payment.as_ref()?.payment_intent.as_ref()? else { return None };
    let Value::Object(error) = intent.get("last_payment_error")? else { return None };
    let text = |name: &str| match error.get(name) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let created = match intent.get("created") {
        Some(Value::Number(miniserde::json::Number::U64(secs))) => i64::try_from(*secs).unwrap_or(0),
        _ => 0,
    };
    let at = failed_at.unwrap_or_else(|| Timestamp::from_secs(created));
    Some(failure(text("decline_code"), text("code"), at))
}

/// The id of an object that may have been expanded.
pub(super) fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        Value::Object(object) => match object.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAID: &str = r#"{"id":"in_1","object":"invoice","status":"paid","currency":"idr","total":27750000,"amount_due":27750000,
        "amount_paid":27750000,"amount_overpaid":0,"starting_balance":0,"customer":"cus_1","livemode":false,
        "metadata":{"org_id":"acme","top_up_id":"top_01a208d846c676229a08bf3f3cf70805"},"number":"A-1","hosted_invoice_url":"https://pay","invoice_pdf":null,
        "status_transitions":{"paid_at":1795441928,"finalized_at":1},"payments":{"object":"list","data":[
          {"status":"canceled","payment":{"type":"payment_intent","payment_intent":{"id":"pi_0","created":1795441000,
            "last_payment_error":{"code":"card_declined","decline_code":"insufficient_funds"}}}},
          {"status":"paid","payment":{"type":"payment_intent","payment_intent":"pi_1"}}]},
        "a_field_of_2031":{"x":[1,2]}}"#;

    const TOP_UP: &str = "top_01a208d846c676229a08bf3f3cf70805";

    fn system() -> System {
        System { livemode: false, deployment: "saldo-test".to_owned() }
    }

    fn evidence(json: &str) -> Evidence {
        miniserde::json::from_str::<InvoiceAnswer>(json).unwrap().evidence(&system(), None).unwrap()
    }

    #[test]
    fn an_invoice_of_a_later_version_is_still_understood() {
        let evidence = evidence(PAID);
        assert_eq!(evidence.status, InvoiceStatus::Paid);
        assert_eq!(evidence.payer.as_deref(), Some("cus_1"));
        assert_eq!(
            (evidence.org.as_ref().map(OrgId::as_str), evidence.top_up.as_ref().map(TopUpId::as_str)),
            (Some("acme"), Some(TOP_UP))
        );
        assert_eq!(evidence.payments.iter().map(|payment| payment.paid).collect::<Vec<_>>(), [false, true]);
        assert_eq!(evidence.failure.unwrap().code, "insufficient_funds");
    }

    #[test]
    fn an_invoice_says_whose_it_is() {
        let marked = |mark: &str| {
            let mark = format!(r#""metadata":{{"saldo_deployment":"{mark}","#);
            evidence(&PAID.replace(r#""metadata":{"#, &mark)).deployment
        };
        assert_eq!(marked("saldo-test"), Deployment::Ours);
        assert_eq!(marked("saldo-testing"), Deployment::Another);
        assert_eq!(evidence(PAID).deployment, Deployment::Unmarked);
    }

    #[test]
    fn a_status_of_a_later_version_is_unknown_and_not_paid() {
        assert_eq!(
            evidence(
                &PAID.replace("\"status\":\"paid\",\"currency\"", "\"status\":\"settling\",\"currency\"")
            )
            .status,
            InvoiceStatus::Unknown
        );
        let expanded =
            PAID.replace("\"customer\":\"cus_1\"", "\"customer\":{\"id\":\"cus_2\",\"object\":\"customer\"}");
        assert_eq!(evidence(&expanded).payer.as_deref(), Some("cus_2"));
    }
}
