//! Payment intents: reading all of them, and making those that belong to no invoice.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::payment_methods::PaymentMethod;
use crate::store::Condition;
use crate::{customer_object, events, lists, money, own_fields, payment_intents, saved_methods};

/// Parameters that Stripe knows and the stand-in does not.
const UNSUPPORTED: [&str; 28] = [
    "allowed_payment_method_types",
    "amount_details",
    "application_fee_amount",
    "automatic_payment_methods",
    "capture_method",
    "confirmation_method",
    "confirmation_token",
    "customer_account",
    "error_on_requires_action",
    "excluded_payment_method_types",
    "hooks",
    "mandate",
    "mandate_data",
    "off_session",
    "on_behalf_of",
    "payment_details",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "radar_options",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
    "use_stripe_sdk",
];

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    if let Some(customer) = call.params.text("customer")? {
        conditions.push(Condition::equal("customer", customer));
    }
    lists::answer(call, "payment_intent", conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&["client_secret"])?;
    let intent = load(call)?;
    call.answer(intent)
}

/// With `confirm`, pays at once.
pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&UNSUPPORTED)?;
    let amount = call.params.integer("amount")?.ok_or_else(|| call.params.required("amount"))?;
    let currency = call.params.text("currency")?.ok_or_else(|| call.params.required("currency"))?;
    let currency = currency.to_lowercase();
    if amount < money::minimum(&currency) {
        let message = "Amount must convert to at least 50 cents.";
        return Err(ApiError::parameter("amount_too_small", "amount", message));
    }
    if amount > money::maximum(&currency) {
        let message = "Amount is too large.";
        return Err(ApiError::parameter("amount_too_large", "amount", message));
    }
    let types = call.params.texts("payment_method_types")?.unwrap_or_else(|| vec!["card".to_owned()]);
    let mut intent = payment_intents::blank(&call.store, amount, &currency.into(), &json!(types));
    if let Some(customer) = call.params.text("customer")? {
        customer_object::existing(&call.store, &customer, "customer")?;
        intent["customer"] = customer.into();
    }
    intent["description"] = call.params.nullable("description")?.unwrap_or(Value::Null);
    intent["metadata"] = call.params.metadata(&json!({}))?;
    intent["shipping"] = shipping(&mut call.params)?;
    call.store.put(&intent)?;
    events::emit(&call.store, "payment_intent.created", &intent)?;
    if call.params.boolean("confirm")?.unwrap_or(false) { pay(call, intent) } else { call.answer(intent) }
}

pub(crate) fn confirm(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&UNSUPPORTED)?;
    let intent = standalone(call)?;
    if intent["status"] != "requires_payment_method" && intent["status"] != "requires_action" {
        return Err(unexpected(&intent, "confirm"));
    }
    pay(call, intent)
}

pub(crate) fn cancel(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut intent = standalone(call)?;
    let reasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"];
    let reason = call.params.choice("cancellation_reason", &reasons)?;
    if intent["status"] == "succeeded" || intent["status"] == "canceled" {
        return Err(unexpected(&intent, "cancel"));
    }
    intent["status"] = "canceled".into();
    intent["canceled_at"] = call.store.now.into();
    intent["cancellation_reason"] = reason.map_or(Value::Null, Value::from);
    intent["next_action"] = Value::Null;
    call.store.put(&intent)?;
    events::emit(&call.store, "payment_intent.canceled", &intent)?;
    call.answer(intent)
}

/// Tries the given method; a decline answers 402 and its traces stay.
fn pay(call: &mut Call<'_>, mut intent: Value) -> ApiResult<ApiAnswer> {
    let id = call.params.text("payment_method")?.ok_or_else(|| call.params.required("payment_method"))?;
    let method = saved_methods::find(&call.store, &id)?;
    let nobody = json!({ "id": null, "customer_email": null, "customer_name": null });
    match method {
        PaymentMethod::DeclinedCard { .. } => {
            payment_intents::decline(&call.store, &nobody, &mut intent, &method)?;
            call.answer(intent.clone())?;
            let mut error = intent["last_payment_error"].clone();
            error["payment_intent"] = own_fields::without(&intent);
            Ok(ApiAnswer { status: 402, body: json!({ "error": error }) })
        }
        PaymentMethod::ChallengedCard { .. } => {
            payment_intents::ask_payer(&call.store, &mut intent, &Value::Null)?;
            call.answer(intent)
        }
        method => {
            payment_intents::charge(&call.store, &nobody, &mut intent, &method)?;
            call.answer(intent)
        }
    }
}

fn shipping(params: &mut Params) -> ApiResult<Value> {
    let Some(mut given) = params.object("shipping")? else { return Ok(Value::Null) };
    let name = given.text("name")?.ok_or_else(|| given.required("name"))?;
    let mut address = given.object("address")?.ok_or_else(|| given.required("address"))?;
    let mut shipping = json!({ "address": {}, "name": name });
    for field in ["city", "country", "line1", "line2", "postal_code", "state"] {
        shipping["address"][field] = address.nullable(field)?.unwrap_or(Value::Null);
    }
    address.finish()?;
    for field in ["carrier", "phone", "tracking_number"] {
        shipping[field] = given.nullable(field)?.unwrap_or(Value::Null);
    }
    given.finish()?;
    Ok(shipping)
}

fn load(call: &Call<'_>) -> ApiResult<Value> {
    call.store.expect("payment_intent", "payment_intent", call.id(0), "intent")
}

/// An intent of an invoice is paid with the invoice.
fn standalone(call: &Call<'_>) -> ApiResult<Value> {
    let intent = load(call)?;
    if intent["_invoice"].is_string() {
        let message =
            "The payment intent of an invoice is not supported by the stand-in here: pay the invoice.";
        return Err(ApiError::state(message));
    }
    Ok(intent)
}

fn unexpected(intent: &Value, step: &str) -> ApiError {
    let status = intent["status"].as_str().unwrap_or_default();
    let message = format!("You cannot {step} this PaymentIntent because it has a status of {status}.");
    ApiError::state(message).with("code", "payment_intent_unexpected_state")
}
