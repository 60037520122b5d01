//! The payment intent behind an invoice, and how it ends.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::invoice_object::integer;
use crate::payment_methods::{self, PaymentMethod};
use crate::store::{Condition, Store};
use crate::{events, identifier};

/// The intent and the payment that a finalised invoice waits for.
pub(crate) fn open(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let id = identifier::new("pi_3", 23);
    let secret = format!("{id}_secret_{}", identifier::new("", 24));
    let description = format!("Payment for Invoice {}", invoice["number"].as_str().unwrap_or_default());
    let types = invoice["payment_settings"]["payment_method_types"].clone();
    let types = if types.is_null() { default_types(invoice) } else { types };
    let due = integer(&invoice["amount_due"]);
    store.put(&json!({
        "id": id, "object": "payment_intent", "amount": due, "amount_capturable": 0,
        "amount_details": { "tip": {} }, "amount_received": 0, "application": null,
        "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
        "cancellation_reason": null, "capture_method": "automatic", "client_secret": secret,
        "confirmation_method": "automatic", "created": store.now, "currency": invoice["currency"],
        "customer": invoice["customer"], "customer_account": null, "description": description,
        "excluded_payment_method_types": null, "last_payment_error": null, "latest_charge": null,
        "livemode": false, "metadata": {}, "next_action": null, "on_behalf_of": null, "payment_method": null,
        "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": types, "processing": null, "receipt_email": null, "review": null,
        "setup_future_usage": null, "shipping": null, "source": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null, "status": "requires_payment_method", "transfer_data": null,
        "transfer_group": null, "_invoice": invoice["id"],
    }))?;
    store.put(&json!({
        "id": identifier::new("inpay_1", 23), "object": "invoice_payment", "amount_paid": null,
        "amount_requested": due, "created": store.now, "currency": invoice["currency"],
        "invoice": invoice["id"], "is_default": true, "livemode": false,
        "payment": { "payment_intent": id, "type": "payment_intent" }, "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    }))
}

/// Marks the payment as paid and makes its charge.
pub(crate) fn succeed(store: &Store<'_>, invoice: &Value, method: &PaymentMethod) -> ApiResult<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    let charge = payment_methods::charge(store, invoice, &intent, method);
    store.put(&charge)?;
    intent["status"] = "succeeded".into();
    intent["amount_received"] = intent["amount"].clone();
    intent["latest_charge"] = charge["id"].clone();
    intent["payment_method"] = charge["payment_method"].clone();
    intent["last_payment_error"] = Value::Null;
    intent["processing"] = Value::Null;
    payment["status"] = "paid".into();
    payment["amount_paid"] = intent["amount"].clone();
    payment["status_transitions"]["paid_at"] = store.now.into();
    store.put(&intent)?;
    store.put(&payment)?;
    events::emit(store, "charge.succeeded", &charge)?;
    events::emit(store, "payment_intent.succeeded", &intent)?;
    events::emit(store, "invoice_payment.paid", &payment)
}

/// Records why an attempt failed.
pub(crate) fn fail(store: &Store<'_>, invoice: &Value, method: &PaymentMethod) -> ApiResult<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    let charge = payment_methods::charge(store, invoice, &intent, method);
    store.put(&charge)?;
    intent["status"] = "requires_payment_method".into();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = payment_methods::payment_error(method, &charge);
    intent["processing"] = Value::Null;
    store.put(&intent)?;
    events::emit(store, "charge.failed", &charge)?;
    events::emit(store, "payment_intent.payment_failed", &intent)
}

/// The bank has begun to move the money.
pub(crate) fn process(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    intent["status"] = "processing".into();
    store.put(&intent)?;
    events::emit(store, "payment_intent.processing", &intent)
}

/// Cancels what is pending, if anything is.
pub(crate) fn cancel(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Ok(()) };
    intent["status"] = "canceled".into();
    intent["canceled_at"] = store.now.into();
    intent["cancellation_reason"] = "void_invoice".into();
    payment["status"] = "canceled".into();
    payment["status_transitions"]["canceled_at"] = store.now.into();
    store.put(&intent)?;
    store.put(&payment)?;
    events::emit(store, "payment_intent.canceled", &intent)
}

/// The intent that the invoice waits for, or the last one it had.
pub(crate) fn intent_of(store: &Store<'_>, invoice: &Value) -> ApiResult<Option<Value>> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let payments = store.all("invoice_payment", vec![Condition::equal("invoice", id)])?;
    let Some(last) = payments.last() else { return Ok(None) };
    store.get("payment_intent", last["payment"]["payment_intent"].as_str().unwrap_or_default())
}

fn pending(store: &Store<'_>, invoice: &Value) -> ApiResult<Option<(Value, Value)>> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let conditions = vec![Condition::equal("invoice", id), Condition::equal("status", "open")];
    let Some(payment) = store.all("invoice_payment", conditions)?.pop() else { return Ok(None) };
    let intent =
        store.get("payment_intent", payment["payment"]["payment_intent"].as_str().unwrap_or_default())?;
    Ok(intent.map(|intent| (payment, intent)))
}

fn default_types(invoice: &Value) -> Value {
    if invoice["currency"] == "idr" { json!(["card", "id_bank_transfer"]) } else { json!(["card"]) }
}

fn nothing_pending() -> ApiError {
    ApiError::state("This invoice has no payment that waits for money.")
}
