//! The customer object and its credit balance.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::identifier;
use crate::store::Store;

/// A customer that is not deleted; otherwise the refusal for a parameter.
pub(crate) fn existing(store: &Store<'_>, id: &str, param: &str) -> ApiResult<Value> {
    let customer = store.get("customer", id)?.filter(|customer| customer["deleted"] != true);
    customer.ok_or_else(|| ApiError::missing_reference("customer", id, param))
}

/// The customer of a path, not deleted.
pub(crate) fn named(store: &Store<'_>, id: &str, param: &str) -> ApiResult<Value> {
    existing(store, id, param).map_err(|_| ApiError::missing("customer", id, param))
}

/// The balance as an invoice in this currency sees it, in minor units: one in another currency is left alone.
pub(crate) fn balance_in(customer: &Value, currency: &str) -> i64 {
    let applies = customer["currency"].is_null() || customer["currency"] == currency;
    if applies { customer["balance"].as_i64().unwrap_or(0) } else { 0 }
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
        "customer": customer["id"], "customer_account": null, "description": null, "ending_balance": ending, "invoice": invoice,
        "livemode": false, "metadata": {}, "type": kind,
    });
    store.put(&entry)?;
    Ok(entry)
}
