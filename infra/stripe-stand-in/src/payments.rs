//! Payments: the intent behind an invoice, and how it ends.

use serde_json::json;

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::payment_methods::{self, PaymentMethod};
use crate::store::Condition;
use crate::{invoice_life, invoice_object, lists, own_fields, payment_intents};

/// `POST /v1/invoices/{id}/pay`. A decline answers 402 and its traces stay.
pub(crate) fn pay(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = invoice_object::load(&call.store, call.id(0), "id")?;
    let out_of_band = call.params.boolean("paid_out_of_band")?.unwrap_or(false);
    let method = call.params.text("payment_method")?;
    call.params.ignore(&["forgive", "mandate", "off_session", "source"]);
    let method = method.map(|method| payment_methods::test_method(&method)).transpose()?;
    let draft = invoice["status"] == "draft";
    let invoice = if draft { invoice_life::finalize(&call.store, invoice)? } else { invoice };
    if draft && invoice["status"] == "paid" {
        return call.answer(invoice);
    }
    invoice_life::payable(&invoice)?;
    let paid = match method {
        _ if out_of_band => invoice_life::paid_out_of_band(&call.store, invoice)?,
        None => {
            let message = "There is no `default_payment_method` set on this Customer or Invoice. Please set one prior \
                           to calling this API.";
            return Err(ApiError::state(message));
        }
        Some(method @ PaymentMethod::DeclinedCard { .. }) => {
            let invoice = invoice_life::decline(&call.store, invoice, &method)?;
            call.answer(invoice.clone())?;
            return declined(call, &invoice);
        }
        Some(method) => invoice_life::collect(&call.store, invoice, &method)?,
    };
    call.answer(paid)
}

pub(crate) fn list_invoice_payments(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
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

pub(crate) fn retrieve_invoice_payment(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let payment = call.store.expect("invoice_payment", "invoice payment", call.id(0), "invoice_payment")?;
    call.answer(payment)
}

pub(crate) fn list_payment_intents(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    if let Some(customer) = call.params.text("customer")? {
        conditions.push(Condition::equal("customer", customer));
    }
    lists::answer(call, "payment_intent", conditions, Ok)
}

pub(crate) fn retrieve_payment_intent(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.ignore(&["client_secret"]);
    let intent = call.store.expect("payment_intent", "payment_intent", call.id(0), "intent")?;
    call.answer(intent)
}

fn declined(call: &mut Call<'_>, invoice: &serde_json::Value) -> ApiResult<ApiAnswer> {
    let intent = payment_intents::intent_of(&call.store, invoice)?.unwrap_or_default();
    let mut error = intent["last_payment_error"].clone();
    error["payment_intent"] = own_fields::without(&intent);
    Ok(ApiAnswer { status: 402, body: json!({ "error": error }) })
}
