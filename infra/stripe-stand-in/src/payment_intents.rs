//! The payment intent, mostly of an invoice, and how it ends.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::charge_object::{self, Progress};
use crate::invoice_object::integer;
use crate::payment_methods::{Aftermath, PaymentMethod};
use crate::store::{Condition, Store};
use crate::{balance_transactions, dispute_life, events, fraud_warnings, identifier};

/// An intent that waits for a payment method. `customer` and `description` may be null.
pub(crate) fn blank(store: &Store<'_>, amount: i64, currency: &Value, types: &Value) -> Value {
    let id = identifier::new("pi_3", 23);
    let secret = format!("{id}_secret_{}", identifier::new("", 24));
    json!({
        "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0,
        "amount_details": { "tip": {} }, "amount_received": 0, "application": null,
        "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
        "cancellation_reason": null, "capture_method": "automatic", "client_secret": secret,
        "confirmation_method": "automatic", "created": store.now, "currency": currency, "customer": null,
        "customer_account": null, "description": null, "excluded_payment_method_types": null,
        "last_payment_error": null, "latest_charge": null, "livemode": false, "managed_payments": null, "metadata": {},
        "next_action": null, "on_behalf_of": null, "payment_method": null,
        "payment_method_configuration_details": null, "payment_method_options": {},
        "payment_method_types": types, "processing": null, "receipt_email": null, "review": null,
        "setup_future_usage": null, "shipping": null, "source": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null, "status": "requires_payment_method", "transfer_data": null,
        "transfer_group": null,
    })
}

/// The intent and the payment that a finalised invoice waits for.
pub(crate) fn open(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let types = invoice["payment_settings"]["payment_method_types"].clone();
    let types = if types.is_null() { default_types(invoice) } else { types };
    let due = integer(&invoice["amount_due"]);
    let mut intent = blank(store, due, &invoice["currency"], &types);
    let number = invoice["number"].as_str().unwrap_or_default();
    intent["customer"] = invoice["customer"].clone();
    intent["description"] = format!("Payment for Invoice {number}").into();
    intent["_invoice"] = invoice["id"].clone();
    store.put(&intent)?;
    events::emit(store, "payment_intent.created", &intent)?;
    store.put(&payment(store, invoice, due, &intent["id"], true))
}

/// The payment of an invoice through an intent.
fn payment(store: &Store<'_>, invoice: &Value, requested: i64, intent: &Value, is_default: bool) -> Value {
    json!({
        "id": identifier::new("inpay_1", 23), "object": "invoice_payment", "amount_paid": null,
        "amount_requested": requested, "created": store.now, "currency": invoice["currency"],
        "invoice": invoice["id"], "is_default": is_default, "livemode": false,
        "payment": { "payment_intent": intent, "type": "payment_intent" }, "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    })
}

/// Marks the payment as paid and makes its charge.
pub(crate) fn succeed(store: &Store<'_>, invoice: &Value, method: &PaymentMethod) -> ApiResult<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    charge(store, invoice, &mut intent, method)?;
    pay(store, &mut payment, &intent)
}

/// A second payment that comes on top of what was due, through an intent of its own.
pub(crate) fn pay_again(
    store: &Store<'_>,
    invoice: &Value,
    amount: i64,
    method: &PaymentMethod,
) -> ApiResult<()> {
    let mut intent = blank(store, amount, &invoice["currency"], &default_types(invoice));
    intent["customer"] = invoice["customer"].clone();
    intent["_invoice"] = invoice["id"].clone();
    charge(store, invoice, &mut intent, method)?;
    let mut payment = payment(store, invoice, amount, &intent["id"], false);
    pay(store, &mut payment, &intent)
}

/// Takes the money: the charge, its movement on the balance, and the intent that succeeded.
pub(crate) fn charge(
    store: &Store<'_>,
    payer: &Value,
    intent: &mut Value,
    method: &PaymentMethod,
) -> ApiResult<()> {
    let mut charge = charge_object::build(store, payer, intent, method, &Progress::Succeeded)?;
    let amount = integer(&intent["amount"]);
    let kind = if matches!(method, PaymentMethod::VirtualAccount) { "payment" } else { "charge" };
    let entry = balance_transactions::record(store, kind, amount, &intent["currency"], &charge["id"])?;
    charge["balance_transaction"] = entry["id"].clone();
    store.put(&charge)?;
    intent["status"] = "succeeded".into();
    intent["amount_received"] = intent["amount"].clone();
    intent["latest_charge"] = charge["id"].clone();
    intent["payment_method"] = charge["payment_method"].clone();
    intent["last_payment_error"] = Value::Null;
    intent["next_action"] = Value::Null;
    store.put(intent)?;
    events::emit(store, "charge.succeeded", &charge)?;
    events::emit(store, "payment_intent.succeeded", intent)?;
    match method {
        PaymentMethod::Card { then: Aftermath::IsDisputed(kind), .. } => {
            dispute_life::open(store, charge, *kind, None).map(drop)
        }
        PaymentMethod::Card { then: Aftermath::IsReported, .. } => {
            fraud_warnings::warn(store, &charge).map(drop)
        }
        _ => Ok(()),
    }
}

/// Records why an attempt failed: the charge is a failed one, and the intent waits for another method.
pub(crate) fn fail(store: &Store<'_>, invoice: &Value, method: &PaymentMethod) -> ApiResult<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    decline(store, invoice, &mut intent, method)
}

/// The same for an intent without an invoice; `payer` says who is charged, as an invoice does.
pub(crate) fn decline(
    store: &Store<'_>,
    payer: &Value,
    intent: &mut Value,
    method: &PaymentMethod,
) -> ApiResult<()> {
    let failure = method.failure();
    let progress = Progress::Failed(method.failure());
    let charge = charge_object::build(store, payer, intent, method, &progress)?;
    store.put(&charge)?;
    intent["status"] = "requires_payment_method".into();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = failure.payment_error(&charge);
    intent["next_action"] = Value::Null;
    store.put(intent)?;
    events::emit(store, "charge.failed", &charge)?;
    events::emit(store, "payment_intent.payment_failed", intent)
}

/// The bank has begun to move the money.
pub(crate) fn process(store: &Store<'_>, invoice: &Value, method: &PaymentMethod) -> ApiResult<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    let charge = charge_object::build(store, invoice, &intent, method, &Progress::Pending)?;
    store.put(&charge)?;
    intent["status"] = "processing".into();
    intent["latest_charge"] = charge["id"].clone();
    intent["payment_method"] = charge["payment_method"].clone();
    store.put(&intent)?;
    events::emit(store, "charge.pending", &charge)?;
    events::emit(store, "payment_intent.processing", &intent)
}

/// The issuer wants to see the payer first.
pub(crate) fn challenge(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    ask_payer(store, &mut intent, &invoice["hosted_invoice_url"])
}

/// The intent waits until its payer has been to the issuer's page.
pub(crate) fn ask_payer(store: &Store<'_>, intent: &mut Value, url: &Value) -> ApiResult<()> {
    intent["status"] = "requires_action".into();
    intent["payment_method"] = identifier::new("pm_1", 23).into();
    let redirect = json!({ "return_url": null, "url": url });
    intent["next_action"] = json!({ "redirect_to_url": redirect, "type": "redirect_to_url" });
    store.put(intent)?;
    events::emit(store, "payment_intent.requires_action", intent)
}

/// Another amount is due than when the intent was made.
pub(crate) fn ask_for(store: &Store<'_>, invoice: &Value, amount: i64) -> ApiResult<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Ok(()) };
    intent["amount"] = amount.into();
    payment["amount_requested"] = amount.into();
    store.put(&intent)?;
    store.put(&payment)
}

/// Cancels what is pending, if anything is.
pub(crate) fn cancel(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Ok(()) };
    intent["status"] = "canceled".into();
    intent["canceled_at"] = store.now.into();
    intent["cancellation_reason"] = "void_invoice".into();
    intent["next_action"] = Value::Null;
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

fn pay(store: &Store<'_>, payment: &mut Value, intent: &Value) -> ApiResult<()> {
    payment["status"] = "paid".into();
    payment["amount_paid"] = intent["amount"].clone();
    payment["status_transitions"]["paid_at"] = store.now.into();
    store.put(payment)?;
    events::emit(store, "invoice_payment.paid", payment)
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
