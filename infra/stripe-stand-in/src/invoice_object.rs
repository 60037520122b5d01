//! The invoice object: its first state and the amounts that follow from its lines.

use serde_json::{Map, Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::form::Params;
use crate::store::Store;
use crate::{customer_object, identifier, money, seller};

/// A draft without lines. Fields that begin with `_` are the stand-in's own.
pub(crate) fn blank(now: i64, customer: &Value, collection_method: &str, currency: &str) -> Value {
    let id = identifier::new("in_1", 23);
    let url = format!("/v1/invoices/{id}/lines");
    json!({
        "id": id, "object": "invoice", "account_country": "ID", "account_name": seller::NAME,
        "account_tax_ids": null, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0,
        "amount_paid_off_stripe": 0, "amount_remaining": 0, "amount_shipping": 0, "application": null,
        "attempt_count": 0, "attempted": false, "auto_advance": false,
        "automatic_tax": {
            "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null },
        "automatically_finalizes_at": null, "billing_reason": "manual", "collection_method": collection_method,
        "created": now, "currency": currency, "custom_fields": null, "customer": customer["id"],
        "customer_account": null, "customer_address": customer["address"], "customer_email": customer["email"],
        "customer_name": customer["name"], "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"], "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [], "default_payment_method": null, "default_source": null, "default_tax_rates": [],
        "description": null, "discounts": [], "due_date": null, "effective_at": null, "ending_balance": null,
        "footer": null, "from_invoice": null, "hosted_invoice_url": null, "invoice_pdf": null,
        "issuer": { "type": "self" }, "last_finalization_error": null, "latest_revision": null,
        "lines": { "object": "list", "data": [], "has_more": false, "total_count": 0, "url": url },
        "livemode": false, "metadata": {}, "next_payment_attempt": null, "number": null, "on_behalf_of": null,
        "parent": null,
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
        "period_end": now, "period_start": now, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": null, "rendering": null, "shipping_cost": null,
        "shipping_details": null, "starting_balance": 0, "statement_descriptor": null, "status": "draft",
        "status_transitions": {
            "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null },
        "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": null, "total": 0,
        "total_discount_amounts": [], "total_excluding_tax": 0, "total_pretax_credit_amounts": [],
        "total_taxes": [], "webhooks_delivered_at": now,
        "_challenged": false, "_clearing": false, "_discount": null, "_token": null,
    })
}

/// The invoice with the amounts of its lines. A draft also follows the balance of its customer.
pub(crate) fn computed(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    if invoice["status"] != "draft" {
        return Ok(invoice);
    }
    let lines = lines_of(&invoice);
    let mut subtotal = 0_i64;
    let mut exclusive = 0_i64;
    let mut inclusive = 0_i64;
    let mut taxes: Vec<Value> = Vec::new();
    for line in &lines {
        subtotal = add(subtotal, integer(&line["amount"]))?;
        for tax in line["taxes"].as_array().into_iter().flatten() {
            let sum = if tax["tax_behavior"] == "inclusive" { &mut inclusive } else { &mut exclusive };
            *sum = add(*sum, integer(&tax["amount"]))?;
            merge(&mut taxes, tax)?;
        }
    }
    let discount = discount(&mut invoice, subtotal)?;
    let net = add(subtotal, -discount)?;
    let total = add(net, exclusive)?;
    let customer = store.get("customer", invoice["customer"].as_str().unwrap_or_default())?;
    let currency = invoice["currency"].as_str().unwrap_or_default();
    let balance = customer.map_or(0, |customer| customer_object::balance_in(&customer, currency));
    let due = add(total, balance)?.max(0);
    invoice["subtotal"] = subtotal.into();
    invoice["subtotal_excluding_tax"] = add(subtotal, -inclusive)?.into();
    invoice["total"] = total.into();
    invoice["total_excluding_tax"] = add(net, -inclusive)?.into();
    invoice["total_taxes"] = taxes.into();
    invoice["starting_balance"] = balance.into();
    invoice["amount_due"] = due.into();
    invoice["amount_remaining"] = due.into();
    invoice["lines"]["total_count"] = lines.len().into();
    Ok(invoice)
}

/// The invoice named by a path; the `param` of a 404 differs from call to call, as it does at Stripe.
pub(crate) fn load(store: &Store<'_>, id: &str, param: &str) -> ApiResult<Value> {
    store.expect("invoice", "invoice", id, param)
}

/// Recomputes the totals, keeps the invoice and returns it as clients see it.
pub(crate) fn save(store: &Store<'_>, invoice: Value) -> ApiResult<Value> {
    let invoice = computed(store, invoice)?;
    store.put(&invoice)?;
    Ok(invoice)
}

/// A draft follows the balance of its customer until it is finalised.
pub(crate) fn present(store: &Store<'_>, invoice: Value) -> ApiResult<Value> {
    computed(store, invoice)
}

/// The fields that a seller adds to an invoice: at most four, with 40 and 140 characters.
pub(crate) fn custom_fields(given: Vec<Params>) -> ApiResult<Value> {
    if given.len() > 4 {
        let message = "You can set at most 4 custom fields.";
        return Err(ApiError::new(400, "invalid_request_error", message).with("param", "custom_fields"));
    }
    let mut fields = Vec::new();
    for mut params in given {
        let name = params.text("name")?.ok_or_else(|| params.required("name"))?;
        let value = params.text("value")?.ok_or_else(|| params.required("value"))?;
        if name.chars().count() > 40 || value.chars().count() > 140 {
            return Err(params.invalid("value", "names have up to 40 characters and values up to 140"));
        }
        params.finish()?;
        fields.push(json!({ "name": name, "value": value }));
    }
    Ok(if fields.is_empty() { Value::Null } else { fields.into() })
}

pub(crate) fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

pub(crate) fn lines_of(invoice: &Value) -> Vec<Value> {
    invoice["lines"]["data"].as_array().cloned().unwrap_or_default()
}

fn add(left: i64, right: i64) -> ApiResult<i64> {
    left.checked_add(right).ok_or_else(|| ApiError::state("The amounts of this invoice are too large."))
}

/// One entry per tax rate.
fn merge(taxes: &mut Vec<Value>, tax: &Value) -> ApiResult<()> {
    let same = |known: &&mut Value| known["tax_rate_details"] == tax["tax_rate_details"];
    match taxes.iter_mut().find(same) {
        None => taxes.push(tax.clone()),
        Some(known) => {
            known["amount"] = add(integer(&known["amount"]), integer(&tax["amount"]))?.into();
            let taxable = add(integer(&known["taxable_amount"]), integer(&tax["taxable_amount"]))?;
            known["taxable_amount"] = taxable.into();
        }
    }
    Ok(())
}

/// What an inherited discount takes off.
fn discount(invoice: &mut Value, subtotal: i64) -> ApiResult<i64> {
    let Some(id) = invoice["_discount"]["id"].as_str().map(str::to_owned) else { return Ok(0) };
    let percentage = invoice["_discount"]["_percentage"].as_str().and_then(money::decimal).unwrap_or(0);
    let amount = money::percent(subtotal, percentage);
    let amount = amount.ok_or_else(|| ApiError::state("The amounts of this invoice are too large."))?;
    let mut entry = Map::new();
    entry.insert("amount".into(), amount.into());
    entry.insert("discount".into(), id.as_str().into());
    invoice["discounts"] = json!([id]);
    invoice["total_discount_amounts"] = json!([entry]);
    Ok(amount)
}
