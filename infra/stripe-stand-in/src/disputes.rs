//! Disputes: the endpoints. They begin with the payer's bank, not with a request.

use serde_json::Value;

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::dispute_life::{self, DisputeStep};
use crate::store::Condition;
use crate::{events, lists};

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let dispute = load(call)?;
    call.answer(dispute)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["charge", "payment_intent"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, "dispute", conditions, Ok)
}

/// Metadata, and evidence in words; `submit` hands it in.
pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut dispute = load(call)?;
    let before = dispute.clone();
    dispute["metadata"] = call.params.metadata(&dispute["metadata"])?;
    if let Some(mut evidence) = call.params.object("evidence")? {
        if let Some(words) = evidence.nullable("uncategorized_text")? {
            dispute["evidence"]["uncategorized_text"] = words;
        }
        evidence.finish()?;
    }
    call.params.unsupported(&["intended_submission_method"])?;
    let submit = call.params.boolean("submit")?.unwrap_or(false);
    call.store.put(&dispute)?;
    if submit {
        dispute = dispute_life::step(&call.store, dispute, DisputeStep::Respond)?;
    } else {
        events::emit_updated(&call.store, "charge.dispute.updated", &before, &dispute)?;
    }
    call.answer(dispute)
}

/// The seller gives in: lost.
pub(crate) fn close(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let dispute = load(call)?;
    let dispute = dispute_life::step(&call.store, dispute, DisputeStep::Lose)?;
    call.answer(dispute)
}

fn load(call: &Call<'_>) -> ApiResult<Value> {
    call.store.expect("dispute", "dispute", call.id(0), "id")
}
