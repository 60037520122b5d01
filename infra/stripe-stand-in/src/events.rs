//! Events: recorded with what they tell of, queued for the endpoint, listed.

use rusqlite::params;
use serde_json::{Map, Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::api_version::API_VERSION;
use crate::call::{ApiAnswer, Call};
use crate::store::{Condition, Store};
use crate::{identifier, lists, own_fields};

/// Event types that are delivered; the others are only listed by `GET /v1/events`.
pub const SUBSCRIBED_TYPES: [&str; 15] = [
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.finalization_failed",
    "invoice.overpaid",
    "charge.refunded",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "credit_note.created",
    "credit_note.voided",
];

/// Records that something became of an object.
pub(crate) fn emit(store: &Store<'_>, kind: &str, object: &Value) -> ApiResult<()> {
    record(store, kind, json!({ "object": own_fields::without(object) }))
}

/// Records a change with what it changed from; without a change that clients can see there is no event.
pub(crate) fn emit_updated(store: &Store<'_>, kind: &str, before: &Value, after: &Value) -> ApiResult<()> {
    let (before, after) = (own_fields::without(before), own_fields::without(after));
    let Value::Object(fields) = before else { return Ok(()) };
    let changed = fields.into_iter().filter(|(name, value)| after[name.as_str()] != *value);
    let previous: Map<String, Value> = changed.collect();
    if previous.is_empty() {
        return Ok(());
    }
    record(store, kind, json!({ "object": after, "previous_attributes": previous }))
}

/// Queues an event for delivery, once more if it was delivered already.
pub(crate) fn enqueue(store: &Store<'_>, event: &Value) -> ApiResult<()> {
    let body = serde_json::to_string_pretty(event)?;
    let sql = "INSERT INTO deliveries (event, number, body, created) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (event) DO NOTHING";
    let mut statement = store.transaction.prepare_cached(sql)?;
    statement.execute(params![event["id"].as_str(), store.next("delivery")?, body, store.now])?;
    Ok(())
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = Vec::new();
    let types = call.params.texts("types")?;
    if let Some(kind) = call.params.text("type")? {
        let operator = if kind.contains('*') { "GLOB" } else { "=" };
        conditions.push(Condition { field: "type".into(), operator, value: Box::new(kind) });
    }
    if let Some(types) = types {
        let [kind] = &types[..] else {
            return Err(ApiError::new(
                400,
                "invalid_request_error",
                "The stand-in lists one event type at a time.",
            ));
        };
        conditions.push(Condition::equal("type", kind.clone()));
    }
    conditions.extend(lists::created(call)?);
    lists::answer(call, "event", conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let event = call.store.expect("event", "event", call.id(0), "id")?;
    call.answer(event)
}

fn record(store: &Store<'_>, kind: &str, data: Value) -> ApiResult<()> {
    let wanted = store.subscribed && SUBSCRIBED_TYPES.contains(&kind);
    let event = json!({
        "id": identifier::new("evt_1", 23), "object": "event", "api_version": API_VERSION, "created": store.now,
        "data": data, "livemode": false, "pending_webhooks": i64::from(wanted), "request": store.request,
        "type": kind,
    });
    store.put(&event)?;
    if wanted { enqueue(store, &event) } else { Ok(()) }
}
