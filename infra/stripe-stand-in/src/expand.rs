//! `expand`: identifiers in an answer replaced by the objects they name.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::store::{Condition, Store};
use crate::{invoice_object, own_fields};

/// Which identifier prefix names which kind of object.
const KINDS: [(&str, &str); 8] = [
    ("cus_", "customer"),
    ("in_", "invoice"),
    ("pi_", "payment_intent"),
    ("ch_", "charge"),
    ("inpay_", "invoice_payment"),
    ("prod_", "product"),
    ("price_", "price"),
    ("txr_", "tax_rate"),
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
        let url = format!("{}/i/{token}", store.public_url);
        value["invoice_pdf"] = format!("{url}/pdf").into();
        value["hosted_invoice_url"] = url.into();
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
        value["payments"] = payments_of(store, value)?;
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
    let kind = KINDS.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| *kind);
    let Some(object) = kind.map(|kind| store.get(kind, id)).transpose()?.flatten() else { return Ok(None) };
    if kind == Some("invoice") { invoice_object::present(store, object).map(Some) } else { Ok(Some(object)) }
}

fn payments_of(store: &Store<'_>, invoice: &Value) -> ApiResult<Value> {
    let id = invoice["id"].as_str().unwrap_or_default().to_owned();
    let url = format!("/v1/invoice_payments?invoice={id}");
    let mut data = store.all("invoice_payment", vec![Condition::equal("invoice", id)])?;
    data.reverse();
    Ok(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
}
