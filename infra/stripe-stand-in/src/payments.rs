//! Payments: paying an invoice, and what paid it.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::invoice_life::{self, Finalized};
use crate::payment_methods::PaymentMethod;
use crate::store::Condition;
use crate::{invoice_object, lists, own_fields, payment_intents, saved_methods};

/// `POST /v1/invoices/{id}/pay`. A decline answers 402 and its traces stay.
pub(crate) fn pay(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut invoice = invoice_object::load(&call.store, call.id(0), "id")?;
    let out_of_band = call.params.boolean("paid_out_of_band")?.unwrap_or(false);
    let method = call.params.text("payment_method")?;
    call.params.unsupported(&["forgive", "mandate", "off_session", "source"])?;
    let method = method.or_else(|| default_method(call, &invoice));
    let method = method.map(|method| saved_methods::find(&call.store, &method)).transpose()?;
    if invoice["status"] == "draft" {
        invoice = match invoice_life::finalize(&call.store, invoice)? {
            Finalized::Failed(refusal) => return call.answer_refusal(&refusal),
            Finalized::Done(invoice) if invoice["status"] == "paid" => return call.answer(invoice),
            Finalized::Done(invoice) => invoice,
        };
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
        Some(PaymentMethod::ChallengedCard { .. }) => {
            let invoice = invoice_life::challenge(&call.store, invoice)?;
            call.answer(invoice)?;
            return call.answer_refusal(&challenged());
        }
        Some(method) => invoice_life::collect(&call.store, invoice, &method)?,
    };
    call.answer(paid)
}

/// What the customer said is to be charged unless another is given.
fn default_method(call: &Call<'_>, invoice: &Value) -> Option<String> {
    let customer = invoice["customer"].as_str().unwrap_or_default();
    let customer = call.store.get("customer", customer).ok().flatten()?;
    customer["invoice_settings"]["default_payment_method"].as_str().map(str::to_owned)
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
        payment.unsupported(&["payment_record"])?;
        payment.finish()?;
    }
    lists::answer(call, "invoice_payment", conditions, Ok)
}

pub(crate) fn retrieve_invoice_payment(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let payment = call.store.expect("invoice_payment", "invoice payment", call.id(0), "invoice_payment")?;
    call.answer(payment)
}

fn declined(call: &mut Call<'_>, invoice: &Value) -> ApiResult<ApiAnswer> {
    let intent = payment_intents::intent_of(&call.store, invoice)?.unwrap_or_default();
    let mut error = intent["last_payment_error"].clone();
    error["payment_intent"] = own_fields::without(&intent);
    Ok(ApiAnswer { status: 402, body: json!({ "error": error }) })
}

fn challenged() -> ApiError {
    let message = "This payment requires additional user action before it can be completed successfully. Payment can be \
                   completed using the PaymentIntent associated with the invoice.";
    ApiError::new(402, "card_error", message).with("code", "invoice_payment_intent_requires_action")
}
