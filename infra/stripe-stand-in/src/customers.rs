//! Customers and their credit balance.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::store::{Condition, Store};
use crate::{events, identifier, lists};

/// Parameters that Stripe knows and that change nothing here.
const IGNORED: [&str; 11] = [
    "business_name",
    "cash_balance",
    "individual_name",
    "invoice_settings",
    "next_invoice_sequence",
    "payment_method",
    "source",
    "tax",
    "tax_id_data",
    "test_clock",
    "validate",
];

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let prefix = identifier::new("", 8).to_uppercase();
    let mut customer = json!({
        "id": identifier::new("cus_", 14), "object": "customer", "address": null, "balance": 0,
        "created": call.store.now, "currency": null, "default_source": null, "delinquent": false,
        "description": null, "discount": null, "email": null, "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null },
        "livemode": false, "metadata": {}, "name": null, "next_invoice_sequence": 1, "phone": null,
        "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
    });
    apply(&mut call.params, &mut customer)?;
    call.store.put(&customer)?;
    events::emit(&call.store, "customer.created", &customer)?;
    call.answer(customer)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = call.store.expect("customer", "customer", call.id(0), "id")?;
    call.answer(customer)
}

pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut customer = existing(&call.store, call.id(0), "id").map_err(|_| missing(call))?;
    call.params.ignore(&["default_source"]);
    apply(&mut call.params, &mut customer)?;
    call.store.put(&customer)?;
    events::emit(&call.store, "customer.updated", &customer)?;
    call.answer(customer)
}

pub(crate) fn delete(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = existing(&call.store, call.id(0), "id").map_err(|_| missing(call))?;
    let stub = json!({ "id": customer["id"], "object": "customer", "deleted": true });
    call.store.put(&stub)?;
    events::emit(&call.store, "customer.deleted", &customer)?;
    call.answer(stub)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    conditions.push(Condition { field: "deleted".into(), operator: "IS NOT", value: Box::new(true) });
    if let Some(email) = call.params.text("email")? {
        conditions.push(Condition::equal("email", email));
    }
    lists::answer(call, "customer", conditions, Ok)
}

pub(crate) fn add_balance(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut customer = existing(&call.store, call.id(0), "customer").map_err(|_| missing(call))?;
    let amount = call.params.integer("amount")?.ok_or_else(|| call.params.required("amount"))?;
    let currency = call.params.text("currency")?.ok_or_else(|| call.params.required("currency"))?;
    let description = call.params.nullable("description")?.unwrap_or(Value::Null);
    let metadata = call.params.metadata(&json!({}))?;
    if !customer["currency"].is_null() && customer["currency"] != currency.as_str() {
        return Err(call.params.invalid("currency", "must be the customer's currency"));
    }
    customer["currency"] = currency.into();
    let mut entry = change_balance(&call.store, &mut customer, amount, "adjustment", Value::Null)?;
    entry["description"] = description;
    entry["metadata"] = metadata;
    call.store.put(&entry)?;
    call.answer(entry)
}

pub(crate) fn list_balance(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = call.id(0).to_owned();
    existing(&call.store, &customer, "customer").map_err(|_| missing(call))?;
    let conditions = vec![Condition::equal("customer", customer)];
    lists::answer(call, "customer_balance_transaction", conditions, Ok)
}

/// A customer that is not deleted; otherwise the refusal for a parameter.
pub(crate) fn existing(store: &Store<'_>, id: &str, param: &str) -> ApiResult<Value> {
    let customer = store.get("customer", id)?.filter(|customer| customer["deleted"] != true);
    customer.ok_or_else(|| ApiError::missing_reference("customer", id, param))
}

/// Changes the balance (negative is credit) and records why.
pub(crate) fn change_balance(
    store: &Store<'_>,
    customer: &mut Value,
    amount: i64,
    kind: &str,
    invoice: Value,
) -> ApiResult<Value> {
    let ending = customer["balance"].as_i64().unwrap_or(0).checked_add(amount);
    let ending = ending.ok_or_else(|| ApiError::state("The balance would be too large."))?;
    customer["balance"] = ending.into();
    store.put(customer)?;
    let entry = json!({
        "id": identifier::new("cbtxn_1", 23), "object": "customer_balance_transaction", "amount": amount,
        "checkout_session": null, "created": store.now, "credit_note": null, "currency": customer["currency"],
        "customer": customer["id"], "description": null, "ending_balance": ending, "invoice": invoice,
        "livemode": false, "metadata": {}, "type": kind,
    });
    store.put(&entry)?;
    Ok(entry)
}

fn missing(call: &Call<'_>) -> ApiError {
    ApiError::missing("customer", call.id(0), "id")
}

fn apply(params: &mut Params, customer: &mut Value) -> ApiResult<()> {
    for field in ["name", "email", "phone", "description"] {
        if let Some(value) = params.nullable(field)? {
            customer[field] = value;
        }
    }
    for field in ["address", "shipping"] {
        if let Some(given) = params.object(field)? {
            customer[field] = if given.is_empty() { Value::Null } else { given.into_json() };
        }
    }
    if let Some(address) = customer["address"].as_object_mut() {
        for field in ["city", "country", "line1", "line2", "postal_code", "state"] {
            address.entry(field).or_insert(Value::Null);
        }
    }
    if let Some(balance) = params.integer("balance")? {
        customer["balance"] = balance.into();
    }
    if let Some(prefix) = params.text("invoice_prefix")? {
        customer["invoice_prefix"] = prefix.into();
    }
    if let Some(locales) = params.texts("preferred_locales")? {
        customer["preferred_locales"] = locales.into();
    }
    if let Some(exempt) = params.choice("tax_exempt", &["none", "exempt", "reverse"])? {
        customer["tax_exempt"] = exempt.into();
    }
    customer["metadata"] = params.metadata(&customer["metadata"])?;
    params.ignore(&IGNORED);
    Ok(())
}
