//! `expand`: identifiers in an answer replaced by the objects they name.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::store::{Condition, Store};
use crate::{invoice_object, own_fields};

/// Which identifier prefix names which kind of object, and what a restricted key needs to see it.
const KINDS: [(&str, &str, &str); 15] = [
    ("cus_", "customer", "rak_customer_read"),
    ("in_", "invoice", "rak_invoice_read"),
    ("pi_", "payment_intent", "rak_payment_intent_read"),
    ("ch_", "charge", "rak_charge_read"),
    ("inpay_", "invoice_payment", "rak_invoice_payment_read"),
    ("prod_", "product", "rak_product_read"),
    ("price_", "price", "rak_plan_read"),
    ("txr_", "tax_rate", "rak_tax_rate_read"),
    ("pm_", "payment_method", "rak_payment_method_read"),
    ("re_", "refund", "rak_charge_read"),
    ("du_", "dispute", "rak_dispute_read"),
    ("cn_", "credit_note", "rak_credit_note_read"),
    ("txn_", "balance_transaction", "rak_balance_transaction_source_read"),
    ("cbtxn_", "customer_balance_transaction", "rak_customer_read"),
    ("ii_", "invoiceitem", "rak_invoice_item_read"),
];

/// The object as clients see it: the stand-in's own fields are taken out and the paths followed.
pub(crate) fn expanded(store: &Store<'_>, mut object: Value, paths: &[String]) -> ApiResult<Value> {
    for path in paths {
        let segments: Vec<&str> = path.split('.').collect();
        if segments.len() > 4 {
            let message = "You cannot expand more than 4 levels of a property.";
            return Err(ApiError::new(400, "invalid_request_error", message).with("param", "expand"));
        }
        follow(store, &mut object, &segments, path)?;
    }
    address(store, &mut object);
    own_fields::strip(&mut object);
    Ok(object)
}

/// Hosted pages move with the stand-in: their addresses follow the port that it listens on now.
fn address(store: &Store<'_>, value: &mut Value) {
    if let Some(token) = value.get("_token").and_then(Value::as_str) {
        if value["object"] == "credit_note" {
            value["pdf"] = format!("{}/cn/{token}/pdf", store.public_url).into();
        } else {
            let url = format!("{}/i/{token}", store.public_url);
            value["invoice_pdf"] = format!("{url}/pdf").into();
            value["hosted_invoice_url"] = url.into();
        }
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| address(store, field)),
        Value::Array(items) => items.iter_mut().for_each(|item| address(store, item)),
        _ => {}
    }
}

fn follow(store: &Store<'_>, value: &mut Value, segments: &[&str], path: &str) -> ApiResult<()> {
    if let Value::Array(items) = value {
        return items.iter_mut().try_for_each(|item| follow(store, item, segments, path));
    }
    let Some((first, rest)) = segments.split_first() else { return Ok(()) };
    if value["object"] == "invoice" && *first == "payments" && value.get("payments").is_none() {
        store.permissions.require("rak_invoice_payment_read")?;
        value["payments"] = payments_of(store, value)?;
    }
    if value["object"] == "charge" && *first == "refunds" && value.get("refunds").is_none() {
        value["refunds"] = refunds_of(store, value)?;
    }
    let Some(field) = value.get_mut(*first) else {
        let message = format!("This property cannot be expanded ({path}).");
        return Err(ApiError::new(400, "invalid_request_error", message).with("param", "expand"));
    };
    if let Value::String(id) = field {
        let Some(object) = load(store, id)? else { return Ok(()) };
        *field = object;
    }
    if field.is_null() { Ok(()) } else { follow(store, field, rest, path) }
}

fn load(store: &Store<'_>, id: &str) -> ApiResult<Option<Value>> {
    let known = KINDS.iter().find(|(prefix, _, _)| id.starts_with(prefix));
    let Some((_, kind, permission)) = known else { return Ok(None) };
    store.permissions.require(permission)?;
    let Some(object) = store.get(kind, id)? else { return Ok(None) };
    if *kind == "invoice" { invoice_object::present(store, object).map(Some) } else { Ok(Some(object)) }
}

fn payments_of(store: &Store<'_>, invoice: &Value) -> ApiResult<Value> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let url = format!("/v1/invoice_payments?invoice={id}");
    let mut data = store.all("invoice_payment", vec![Condition::equal("invoice", id)])?;
    data.reverse();
    Ok(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
}

fn refunds_of(store: &Store<'_>, charge: &Value) -> ApiResult<Value> {
    let id = charge["id"].as_str().unwrap_or_default().to_owned();
    let url = format!("/v1/charges/{id}/refunds");
    let mut data = store.all("refund", vec![Condition::equal("charge", id)])?;
    data.reverse();
    Ok(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
}
