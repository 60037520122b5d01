//! Payment methods that are kept with a customer: copies of Stripe's test methods.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::payment_methods::PaymentMethod;
use crate::store::Store;
use crate::{customer_object, events, identifier};

/// Attaches one of Stripe's test methods; the customer gets a copy with an id of its own.
pub(crate) fn attach(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let test = call.id(0).to_owned();
    let details = PaymentMethod::of_test(&test)?.details();
    let customer = call.params.text("customer")?.ok_or_else(|| call.params.required("customer"))?;
    customer_object::existing(&call.store, &customer, "customer")?;
    let mut card = details["card"].clone();
    card["display_brand"] = card["brand"].clone();
    for field in [
        "amount_authorized",
        "authorization_code",
        "installments",
        "mandate",
        "network",
        "network_token",
        "network_transaction_id",
        "three_d_secure",
    ] {
        card.as_object_mut().and_then(|card| card.remove(field));
    }
    card["generated_from"] = Value::Null;
    card["networks"] = json!({ "available": [card["brand"]], "preferred": null });
    card["three_d_secure_usage"] = json!({ "supported": true });
    let method = json!({
        "id": identifier::new("pm_1", 23), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null },
        "card": card, "created": call.store.now, "customer": customer, "customer_account": null,
        "livemode": false, "metadata": {}, "type": "card", "_test": test,
    });
    call.store.put(&method)?;
    events::emit(&call.store, "payment_method.attached", &method)?;
    call.answer(method)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let method = call.store.expect("payment_method", "PaymentMethod", call.id(0), "payment_method")?;
    call.answer(method)
}

/// What an id stands for: a test method, or a copy that a customer has.
pub(crate) fn find(store: &Store<'_>, id: &str) -> ApiResult<PaymentMethod> {
    let Some(saved) = store.get("payment_method", id)? else { return PaymentMethod::of_test(id) };
    let test = saved["_test"].as_str().unwrap_or_default();
    PaymentMethod::of_test(test)
        .map_err(|_| ApiError::missing_reference("PaymentMethod", id, "payment_method"))
}
