//! The charge object: one attempt to take money.

use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::identifier;
use crate::payment_methods::{Failure, PaymentMethod};
use crate::store::{Condition, Store};

/// How far an attempt has come.
pub(crate) enum Progress {
    Pending,
    Succeeded,
    Failed(Failure),
}

/// The charge of an attempt. One that was pending keeps its id.
pub(crate) fn build(
    store: &Store<'_>,
    payer: &Value,
    intent: &Value,
    method: &PaymentMethod,
    progress: &Progress,
) -> ApiResult<Value> {
    let failure = if let Progress::Failed(failure) = progress { Some(failure) } else { None };
    let succeeded = matches!(progress, Progress::Succeeded);
    let status = match progress {
        Progress::Pending => "pending",
        Progress::Succeeded => "succeeded",
        Progress::Failed(_) => "failed",
    };
    // The page of the paid invoice is what this stand-in has for a receipt.
    let receipt = if succeeded { payer["hosted_invoice_url"].clone() } else { Value::Null };
    let mut charge = json!({
        "id": identifier::new("ch_3", 23), "object": "charge", "amount": intent["amount"],
        "amount_captured": if succeeded { intent["amount"].clone() } else { 0.into() }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": payer["customer_email"], "name": payer["customer_name"], "phone": null, "tax_id": null },
        "calculated_statement_descriptor": "SALDO", "captured": succeeded, "created": store.now,
        "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
        "disputed": false, "failure_balance_transaction": null,
        "failure_code": failure.map(|failure| failure.code.as_str()),
        "failure_message": failure.map(|failure| failure.message),
        "fraud_details": {}, "livemode": false, "metadata": {}, "on_behalf_of": null, "outcome": outcome(failure),
        "paid": succeeded, "payment_intent": intent["id"], "payment_method": identifier::new("pm_1", 23),
        "payment_method_details": method.details(), "radar_options": {}, "receipt_email": null,
        "receipt_number": null, "receipt_url": receipt, "refunded": false, "review": null, "shipping": null,
        "source": null, "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": status, "transfer_data": null, "transfer_group": null, "_invoice": payer["id"],
    });
    if let Some(pending) = pending(store, intent)? {
        for field in ["id", "created", "payment_method"] {
            charge[field] = pending[field].clone();
        }
    }
    Ok(charge)
}

/// The successful charge behind an invoice, a payment intent or itself.
pub(crate) fn paid_by(store: &Store<'_>, id: &str) -> ApiResult<Option<Value>> {
    if let Some(charge) = store.get("charge", id)? {
        return Ok(Some(charge));
    }
    let field = if id.starts_with("in_") { "_invoice" } else { "payment_intent" };
    let conditions = vec![Condition::equal(field, id.to_owned()), Condition::equal("status", "succeeded")];
    Ok(store.all("charge", conditions)?.pop())
}

fn pending(store: &Store<'_>, intent: &Value) -> ApiResult<Option<Value>> {
    let Some(latest) = intent["latest_charge"].as_str() else { return Ok(None) };
    Ok(store.get("charge", latest)?.filter(|charge| charge["status"] == "pending"))
}

fn outcome(failure: Option<&Failure>) -> Value {
    let (status, reason, message, kind) = match failure {
        None => ("approved_by_network", None, "Payment complete.", "authorized"),
        Some(failure) => {
            let message = "The bank did not return any further details with this decline.";
            ("declined_by_network", Some(failure.reason()), message, "issuer_declined")
        }
    };
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": status,
        "reason": reason, "risk_level": "normal", "seller_message": message, "type": kind,
    })
}
