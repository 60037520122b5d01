//! Charges: reading and listing them.

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::lists;
use crate::store::Condition;

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["customer", "payment_intent"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, "charge", conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let charge = call.store.expect("charge", "charge", call.id(0), "id")?;
    call.answer(charge)
}
