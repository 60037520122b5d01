//! What moved on the seller's balance: each charge, refund and dispute has its entry.

use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::store::{Condition, Store};
use crate::{identifier, lists};

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["currency", "source", "type"] {
        if let Some(value) = call.params.text(field)? {
            conditions.push(Condition::equal(field, value));
        }
    }
    call.params.unsupported(&["payout"])?;
    lists::answer(call, "balance_transaction", conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let entry = call.store.expect("balance_transaction", "balance transaction", call.id(0), "id")?;
    call.answer(entry)
}

/// Records a movement in minor units, negative when money leaves. Fees are none, and the balance is kept in the
/// currency of the charge: at Stripe both depend on the account.
pub(crate) fn record(
    store: &Store<'_>,
    kind: &str,
    amount: i64,
    currency: &Value,
    source: &Value,
) -> ApiResult<Value> {
    let category = match kind {
        "adjustment" if amount < 0 => "dispute",
        "adjustment" => "dispute_reversal",
        other => other,
    };
    let entry = json!({
        "id": identifier::new("txn_3", 23), "object": "balance_transaction", "amount": amount,
        "available_on": store.now, "balance_type": "payments", "created": store.now, "currency": currency,
        "description": null, "exchange_rate": null, "fee": 0, "fee_details": [], "net": amount,
        "reporting_category": category, "source": source, "status": "available", "type": kind,
    });
    store.put(&entry)?;
    Ok(entry)
}
