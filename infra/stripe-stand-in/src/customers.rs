//! Customers and their credit balance.

use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::customer_object::{change_balance, named};
use crate::form::Params;
use crate::store::Condition;
use crate::{events, identifier, invoice_object, lists, tax_ids};

/// Parameters that Stripe knows and the stand-in does not.
const UNSUPPORTED: [&str; 11] = [
    "business_name",
    "cash_balance",
    "default_source",
    "individual_name",
    "next_invoice_sequence",
    "payment_method",
    "source",
    "tax",
    "test_clock",
    "validate",
    "invoice_prefix",
];

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let prefix = identifier::new("", 8).to_uppercase();
    let mut customer = json!({
        "id": identifier::new("cus_", 14), "object": "customer", "address": null, "balance": 0,
        "created": call.store.now, "currency": null, "default_source": null, "delinquent": false,
        "description": null, "discount": null, "email": null, "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null },
        "livemode": false, "metadata": {}, "name": null, "customer_account": null, "next_invoice_sequence": 1, "phone": null,
        "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
    });
    apply(&mut call.params, &mut customer)?;
    call.store.put(&customer)?;
    events::emit(&call.store, "customer.created", &customer)?;
    let tax_ids = call.params.objects("tax_id_data")?.unwrap_or_default();
    tax_ids::add_all(&call.store, &customer, tax_ids)?;
    call.answer(customer)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = call.store.expect("customer", "customer", call.id(0), "id")?;
    call.answer(customer)
}

pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut customer = named(&call.store, call.id(0), "id")?;
    apply(&mut call.params, &mut customer)?;
    call.store.put(&customer)?;
    events::emit(&call.store, "customer.updated", &customer)?;
    call.answer(customer)
}

pub(crate) fn delete(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = named(&call.store, call.id(0), "id")?;
    let stub = json!({ "id": customer["id"], "object": "customer", "deleted": true });
    call.store.put(&stub)?;
    events::emit(&call.store, "customer.deleted", &customer)?;
    call.answer(stub)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    conditions.push(Condition::compare("deleted", "IS NOT", true));
    if let Some(email) = call.params.text("email")? {
        conditions.push(Condition::equal("email", email));
    }
    lists::answer(call, "customer", conditions, Ok)
}

pub(crate) fn add_balance(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut customer = named(&call.store, call.id(0), "customer")?;
    let amount = call.params.integer("amount")?.ok_or_else(|| call.params.required("amount"))?;
    if amount == 0 {
        return Err(call.params.invalid("amount", "must not be zero"));
    }
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
    named(&call.store, &customer, "customer")?;
    let conditions = vec![Condition::equal("customer", customer)];
    lists::answer(call, "customer_balance_transaction", conditions, Ok)
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
    if let Some(locales) = params.texts("preferred_locales")? {
        customer["preferred_locales"] = locales.into();
    }
    if let Some(exempt) = params.choice("tax_exempt", &["none", "exempt", "reverse"])? {
        customer["tax_exempt"] = exempt.into();
    }
    customer["metadata"] = params.metadata(&customer["metadata"])?;
    invoice_settings(params, customer)?;
    params.unsupported(&UNSUPPORTED)
}

fn invoice_settings(params: &mut Params, customer: &mut Value) -> ApiResult<()> {
    let Some(mut settings) = params.object("invoice_settings")? else { return Ok(()) };
    settings.unsupported(&["rendering_options"])?;
    for field in ["default_payment_method", "footer"] {
        if let Some(value) = settings.nullable(field)? {
            customer["invoice_settings"][field] = value;
        }
    }
    if let Some(fields) = settings.objects("custom_fields")? {
        customer["invoice_settings"]["custom_fields"] = invoice_object::custom_fields(fields)?;
    }
    settings.finish()
}
