//! Tax numbers of customers: Indonesia's NPWP, and whatever else is given.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::store::{Condition, Store};
use crate::{customer_object, events, identifier, lists};

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = customer_object::named(&call.store, call.id(0), "customer")?;
    let tax_id = add(&call.store, &customer, &mut call.params)?;
    call.answer(tax_id)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = call.id(0).to_owned();
    customer_object::named(&call.store, &customer, "customer")?;
    lists::answer(call, "tax_id", vec![Condition::equal("customer", customer)], Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let tax_id = find(call)?;
    call.answer(tax_id)
}

pub(crate) fn delete(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let tax_id = find(call)?;
    call.store.delete(call.id(1))?;
    events::emit(&call.store, "customer.tax_id.deleted", &tax_id)?;
    call.answer(json!({ "id": tax_id["id"], "object": "tax_id", "deleted": true }))
}

/// `tax_id_data` of a new customer.
pub(crate) fn add_all(store: &Store<'_>, customer: &Value, given: Vec<Params>) -> ApiResult<()> {
    for mut params in given {
        add(store, customer, &mut params)?;
        params.finish()?;
    }
    Ok(())
}

fn add(store: &Store<'_>, customer: &Value, params: &mut Params) -> ApiResult<Value> {
    params.unsupported(&["owner"])?;
    let kind = params.text("type")?.ok_or_else(|| params.required("type"))?;
    let value = params.text("value")?.ok_or_else(|| params.required("value"))?;
    if !is_valid(&kind, &value) {
        let message = format!("Invalid value for {kind}.");
        return Err(ApiError::parameter("tax_id_invalid", &params.path("value"), message));
    }
    let country = kind.split('_').next().unwrap_or_default().to_uppercase();
    let tax_id = json!({
        "id": identifier::new("txi_1", 23), "object": "tax_id", "country": country, "created": store.now,
        "customer": customer["id"], "customer_account": null, "livemode": false,
        "owner": { "customer": customer["id"], "type": "customer" }, "type": kind, "value": value,
        "verification": { "status": "unavailable", "verified_address": null, "verified_name": null },
    });
    store.put(&tax_id)?;
    events::emit(store, "customer.tax_id.created", &tax_id)?;
    Ok(tax_id)
}

/// An NPWP has fifteen digits in Stripe's documentation, `01.234.567.8-901.234` too. Whether sixteen digits are taken is
/// unproven: they are refused here, so that who sends them must know another way.
fn is_valid(kind: &str, value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    if kind == "id_npwp" { plain && digits == 15 } else { !value.is_empty() }
}

fn find(call: &Call<'_>) -> ApiResult<Value> {
    customer_object::named(&call.store, call.id(0), "customer")?;
    let found = call.store.get("tax_id", call.id(1))?.filter(|tax_id| tax_id["customer"] == call.id(0));
    found.ok_or_else(|| ApiError::missing("tax_id", call.id(1), "id"))
}
