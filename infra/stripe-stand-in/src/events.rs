//! Events: recorded with what they tell of, queued for the endpoint, listed.

use rusqlite::params;
use serde_json::{Map, Value, json};

use crate::api_error::ApiResult;
use crate::api_version::API_VERSION;
use crate::call::{ApiAnswer, Call};
use crate::store::{Condition, Store};
use crate::{identifier, lists, own_fields};

/// Events are listed for thirty days.
const KEPT_SECS: i64 = 30 * 86_400;

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

/// The events of the last thirty days.
pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    conditions.push(Condition::compare("created", ">", call.store.now - KEPT_SECS));
    let (kind, kinds) = (call.params.text("type")?, call.params.texts("types")?);
    match (kind, kinds) {
        (Some(_), Some(_)) => return Err(call.params.invalid("types", "cannot be used together with type")),
        (Some(kind), None) => {
            let operator = if kind.contains('*') { "GLOB" } else { "=" };
            conditions.push(Condition::compare("type", operator, kind));
        }
        (None, Some(kinds)) => {
            if kinds.len() > 20 {
                return Err(call.params.invalid("types", "must have at most 20 types"));
            }
            let sql = "json_extract(json, '$.type') IN (SELECT value FROM json_each(?))";
            conditions.push(Condition::sql(sql, json!(kinds).to_string()));
        }
        (None, None) => {}
    }
    if let Some(delivered) = call.params.boolean("delivery_success")? {
        let sql = "(id NOT IN (SELECT event FROM deliveries)) = ?";
        conditions.push(Condition::sql(sql, delivered));
    }
    lists::answer(call, "event", conditions, Ok)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let event = call.store.expect("event", "event", call.id(0), "id")?;
    call.answer(event)
}

/// The event of something that happened; who asked for it is not known yet.
pub(crate) fn event(now: i64, kind: &str, data: Value) -> Value {
    json!({
        "id": identifier::new("evt_1", 23), "object": "event", "api_version": API_VERSION, "created": now,
        "data": data, "livemode": false, "pending_webhooks": 0,
        "request": { "id": null, "idempotency_key": null }, "type": kind,
    })
}

/// Delivers an event of whatever type, if anybody listens.
pub(crate) fn send(store: &Store<'_>, event: &Value) -> ApiResult<()> {
    if store.webhook_url.is_some() { enqueue(store, event) } else { Ok(()) }
}

fn record(store: &Store<'_>, kind: &str, data: Value) -> ApiResult<()> {
    let wanted = store.webhook_url.is_some() && store.seller.hears_of(kind);
    let mut event = event(store.now, kind, data);
    event["pending_webhooks"] = i64::from(wanted).into();
    event["request"] = store.request.clone();
    store.put(&event)?;
    if wanted { enqueue(store, &event) } else { Ok(()) }
}
