//! Refunds: the endpoints.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::refund_life::{self, RefundStep, Wanted};
use crate::store::Condition;
use crate::{charge_object, events, lists};

/// Parameters that Stripe knows and the stand-in does not.
const UNSUPPORTED: [&str; 5] =
    ["currency", "customer", "origin", "refund_application_fee", "reverse_transfer"];
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&UNSUPPORTED)?;
    let charge = charge(call)?;
    let wanted = Wanted {
        amount: call.params.integer("amount")?,
        reason: call.params.choice("reason", &REASONS)?.map_or(Value::Null, Value::from),
        instructions_email: call.params.text("instructions_email")?.map_or(Value::Null, Value::from),
        metadata: call.params.metadata(&json!({}))?,
    };
    let refund = refund_life::begin(&call.store, charge, wanted)?;
    call.answer(refund)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let refund = load(call)?;
    call.answer(refund)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["charge", "payment_intent"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, "refund", conditions, Ok)
}

/// Only metadata can be changed.
pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut refund = load(call)?;
    let before = refund.clone();
    refund["metadata"] = call.params.metadata(&refund["metadata"])?;
    call.store.put(&refund)?;
    events::emit_updated(&call.store, "refund.updated", &before, &refund)?;
    call.answer(refund)
}

/// A refund that waits for the customer's bank details can be canceled.
pub(crate) fn cancel(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let refund = load(call)?;
    let refund = refund_life::step(&call.store, refund, RefundStep::Cancel)?;
    call.answer(refund)
}

fn load(call: &Call<'_>) -> ApiResult<Value> {
    call.store.expect("refund", "refund", call.id(0), "id")
}

fn charge(call: &mut Call<'_>) -> ApiResult<Value> {
    let (charge, intent) = (call.params.text("charge")?, call.params.text("payment_intent")?);
    match (charge, intent) {
        (Some(id), None) => {
            let found = call.store.get("charge", &id)?;
            found.ok_or_else(|| ApiError::missing_reference("charge", &id, "charge"))
        }
        (None, Some(id)) => {
            let intent = call.store.get("payment_intent", &id)?;
            intent.ok_or_else(|| ApiError::missing_reference("payment_intent", &id, "payment_intent"))?;
            let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
            charge_object::paid_by(&call.store, &id)?.ok_or_else(|| ApiError::state(message))
        }
        (Some(_), Some(_)) => {
            Err(call.params.invalid("charge", "cannot be used together with payment_intent"))
        }
        (None, None) => {
            let message =
                "One of the following params should be provided for this request: payment_intent or charge.";
            Err(ApiError::new(400, "invalid_request_error", message))
        }
    }
}
