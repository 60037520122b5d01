//! Payments: the intent behind an invoice, and how it ends.

use serde_json::{Value, json};

use crate::api::{Answer, Call};
use crate::instruments::{self, Instrument};
use crate::refusal::{Outcome, Refusal};
use crate::store::{Condition, Store};
use crate::totals::integer;
use crate::{identifier, invoices, lists, settle};

/// `POST /v1/invoices/{id}/pay`. A decline answers 402 and its traces stay.
pub(crate) fn pay(call: &mut Call<'_>) -> Outcome<Answer> {
    let invoice = invoices::load(call, "id")?;
    let out_of_band = call.params.boolean("paid_out_of_band")?.unwrap_or(false);
    let method = call.params.text("payment_method")?;
    call.params.ignore(&["forgive", "mandate", "off_session", "source"]);
    let instrument = method.map(|method| instruments::test_method(&method)).transpose()?;
    let draft = invoice["status"] == "draft";
    let invoice = if draft { settle::finalize(&call.store, invoice)? } else { invoice };
    if draft && invoice["status"] == "paid" {
        return call.answer(invoice);
    }
    settle::payable(&invoice)?;
    let paid = match instrument {
        _ if out_of_band => settle::paid_out_of_band(&call.store, invoice)?,
        None => {
            let message = "There is no `default_payment_method` set on this Customer or Invoice. Please set one prior \
                           to calling this API.";
            return Err(Refusal::state(message));
        }
        Some(instrument @ Instrument::DeclinedCard { .. }) => {
            let invoice = settle::decline(&call.store, invoice, &instrument)?;
            call.answer(invoice.clone())?;
            return declined(call, &invoice);
        }
        Some(instrument) => settle::collect(&call.store, invoice, &instrument)?,
    };
    call.answer(paid)
}

pub(crate) fn list_invoice_payments(call: &mut Call<'_>) -> Outcome<Answer> {
    let mut conditions = lists::created(call)?;
    if let Some(invoice) = call.params.text("invoice")? {
        conditions.push(Condition::equal("invoice", invoice));
    }
    if let Some(status) = call.params.choice("status", &["canceled", "open", "paid"])? {
        conditions.push(Condition::equal("status", status));
    }
    if let Some(mut payment) = call.params.object("payment")? {
        let kind = payment.choice("type", &["payment_intent", "payment_record"])?;
        conditions.push(Condition::equal("payment.type", kind.ok_or_else(|| payment.required("type"))?));
        if let Some(id) = payment.text("payment_intent")? {
            conditions.push(Condition::equal("payment.payment_intent", id));
        }
        payment.ignore(&["payment_record"]);
        payment.finish()?;
    }
    lists::answer(call, "invoice_payment", conditions, Ok)
}

pub(crate) fn retrieve_invoice_payment(call: &mut Call<'_>) -> Outcome<Answer> {
    let payment = call.store.expect("invoice_payment", "invoice payment", call.id(0), "invoice_payment")?;
    call.answer(payment)
}

pub(crate) fn list_payment_intents(call: &mut Call<'_>) -> Outcome<Answer> {
    let mut conditions = lists::created(call)?;
    if let Some(customer) = call.params.text("customer")? {
        conditions.push(Condition::equal("customer", customer));
    }
    lists::answer(call, "payment_intent", conditions, Ok)
}

pub(crate) fn retrieve_payment_intent(call: &mut Call<'_>) -> Outcome<Answer> {
    call.params.ignore(&["client_secret"]);
    let intent = call.store.expect("payment_intent", "payment_intent", call.id(0), "intent")?;
    call.answer(intent)
}

pub(crate) fn list_charges(call: &mut Call<'_>) -> Outcome<Answer> {
    let mut conditions = lists::created(call)?;
    for field in ["customer", "payment_intent"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, "charge", conditions, Ok)
}

pub(crate) fn retrieve_charge(call: &mut Call<'_>) -> Outcome<Answer> {
    let charge = call.store.expect("charge", "charge", call.id(0), "id")?;
    call.answer(charge)
}

/// The intent and the payment that a finalised invoice waits for.
pub(crate) fn open(store: &Store<'_>, invoice: &Value) -> Outcome<()> {
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
pub(crate) fn succeed(store: &Store<'_>, invoice: &Value, instrument: &Instrument) -> Outcome<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    let charge = instruments::charge(store, invoice, &intent, instrument);
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
    store.emit("charge.succeeded", charge, None)?;
    store.emit("payment_intent.succeeded", invoices::public(&intent), None)?;
    store.emit("invoice_payment.paid", payment, None)
}

/// Records why an attempt failed.
pub(crate) fn fail(store: &Store<'_>, invoice: &Value, instrument: &Instrument) -> Outcome<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    let charge = instruments::charge(store, invoice, &intent, instrument);
    store.put(&charge)?;
    intent["status"] = "requires_payment_method".into();
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = instruments::payment_error(instrument, &charge);
    intent["processing"] = Value::Null;
    store.put(&intent)?;
    store.emit("charge.failed", charge, None)?;
    store.emit("payment_intent.payment_failed", invoices::public(&intent), None)
}

/// The bank has begun to move the money.
pub(crate) fn process(store: &Store<'_>, invoice: &Value) -> Outcome<()> {
    let Some((_, mut intent)) = pending(store, invoice)? else { return Err(nothing_pending()) };
    intent["status"] = "processing".into();
    store.put(&intent)?;
    store.emit("payment_intent.processing", invoices::public(&intent), None)
}

/// Cancels what is pending, if anything is.
pub(crate) fn cancel(store: &Store<'_>, invoice: &Value) -> Outcome<()> {
    let Some((mut payment, mut intent)) = pending(store, invoice)? else { return Ok(()) };
    intent["status"] = "canceled".into();
    intent["canceled_at"] = store.now.into();
    intent["cancellation_reason"] = "void_invoice".into();
    payment["status"] = "canceled".into();
    payment["status_transitions"]["canceled_at"] = store.now.into();
    store.put(&intent)?;
    store.put(&payment)?;
    store.emit("payment_intent.canceled", invoices::public(&intent), None)
}

/// The intent that the invoice waits for, or the last one it had.
pub(crate) fn intent_of(store: &Store<'_>, invoice: &Value) -> Outcome<Option<Value>> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let payments = store.all("invoice_payment", vec![Condition::equal("invoice", id)])?;
    let Some(last) = payments.last() else { return Ok(None) };
    store.get("payment_intent", last["payment"]["payment_intent"].as_str().unwrap_or_default())
}

fn pending(store: &Store<'_>, invoice: &Value) -> Outcome<Option<(Value, Value)>> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let conditions = vec![Condition::equal("invoice", id), Condition::equal("status", "open")];
    let Some(payment) = store.all("invoice_payment", conditions)?.pop() else { return Ok(None) };
    let intent =
        store.get("payment_intent", payment["payment"]["payment_intent"].as_str().unwrap_or_default())?;
    Ok(intent.map(|intent| (payment, intent)))
}

fn declined(call: &mut Call<'_>, invoice: &Value) -> Outcome<Answer> {
    let intent = intent_of(&call.store, invoice)?.unwrap_or_default();
    let mut error = intent["last_payment_error"].clone();
    error["payment_intent"] = invoices::public(&intent);
    Ok(Answer { status: 402, body: json!({ "error": error }) })
}

fn default_types(invoice: &Value) -> Value {
    if invoice["currency"] == "idr" { json!(["card", "id_bank_transfer"]) } else { json!(["card"]) }
}

fn nothing_pending() -> Refusal {
    Refusal::state("This invoice has no payment that waits for money.")
}
