//! Early fraud warnings: an issuer reports fraud before anybody disputes.

use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::invoice_object::integer;
use crate::store::{Condition, Store};
use crate::{events, identifier, lists};

const KIND: &str = "radar.early_fraud_warning";

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["charge", "payment_intent"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, KIND, conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let warning = call.store.expect(KIND, "early fraud warning", call.id(0), "id")?;
    call.answer(warning)
}

/// `actionable` as long as the charge is neither disputed nor wholly refunded.
pub(crate) fn warn(store: &Store<'_>, charge: &Value) -> ApiResult<Value> {
    let rest = integer(&charge["amount"]) - integer(&charge["amount_refunded"]);
    let warning = json!({
        "id": identifier::new("issfr_1", 23), "object": KIND,
        "actionable": charge["disputed"] != true && rest > 0, "charge": charge["id"], "created": store.now,
        "fraud_type": "made_with_stolen_card", "livemode": false, "payment_intent": charge["payment_intent"],
    });
    store.put(&warning)?;
    events::emit(store, "radar.early_fraud_warning.created", &warning)?;
    Ok(warning)
}
