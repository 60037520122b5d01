//! Idempotency keys: the first answer is kept and replayed, a 500 too.
//!
//! Parameters are compared and not bytes, so that a repeat whose fields come in another order is the same request. Stripe
//! compares "incoming parameters" too, without a word about their order: a client should not rely on either.

use axum::http::{HeaderMap, Method};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::api_error::{ApiError, ApiResult};
use crate::stand_in::{StandIn, locked};
use crate::store::Store;

const MAXIMUM_KEY: usize = 255;
/// Keys are forgotten after a day.
const KEY_LIFETIME: i64 = 86_400;

/// What is sent back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The request that was first answered this way, when this is a repeat.
    pub(crate) original: Option<String>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: &Value) -> ApiResult<Reply> {
        Ok(Reply { status, body: serde_json::to_string_pretty(body)?, original: None })
    }

    pub(crate) fn refused(refusal: &ApiError) -> Reply {
        Reply { status: refusal.status, body: refusal.body().to_string(), original: None }
    }
}

/// The key of a POST; other methods are idempotent anyway.
pub(crate) fn key(method: &Method, headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(key) = headers.get("idempotency-key").filter(|_| *method == Method::POST) else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAXIMUM_KEY {
        let message = "Idempotency keys have between 1 and 255 characters.";
        return Err(ApiError::new(400, "idempotency_error", message));
    }
    Ok(Some(key.to_owned()))
}

/// What was answered to this key before; a request that differs is refused.
pub(crate) fn replayed(store: &Store<'_>, key: &str, fingerprint: &str) -> ApiResult<Option<Reply>> {
    let sql = "DELETE FROM answers WHERE at <= ?1";
    store.transaction.prepare_cached(sql)?.execute(params![store.now - KEY_LIFETIME])?;
    let sql = "SELECT fingerprint, status, body, request FROM answers WHERE key = ?1";
    let found = store.transaction.prepare_cached(sql)?.query_row(params![key], |row| {
        let reply = Reply { status: row.get(1)?, body: row.get(2)?, original: Some(row.get(3)?) };
        Ok((row.get::<_, String>(0)?, reply))
    });
    match found.optional()? {
        None => Ok(None),
        Some((known, reply)) if known == fingerprint => Ok(Some(reply)),
        Some(_) => Err(ApiError::key_reused(key)),
    }
}

/// Keeps an answer under its key.
pub(crate) fn keep(
    store: &Store<'_>,
    key: &str,
    fingerprint: &str,
    reply: &Reply,
    request: &str,
) -> ApiResult<()> {
    let sql = "INSERT OR REPLACE INTO answers (key, fingerprint, status, body, request, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = store.transaction.prepare_cached(sql)?;
    statement.execute(params![key, fingerprint, reply.status, reply.body, request, store.now])?;
    Ok(())
}

/// An idempotency key while its request runs.
pub(crate) struct Held<'a> {
    stand_in: &'a StandIn,
    key: String,
}

impl Held<'_> {
    pub(crate) fn take<'a>(stand_in: &'a StandIn, key: &str) -> ApiResult<Held<'a>> {
        if !locked(&stand_in.shared.running).insert(key.to_owned()) {
            return Err(ApiError::key_in_use(key));
        }
        Ok(Held { stand_in, key: key.to_owned() })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        locked(&self.stand_in.shared.running).remove(&self.key);
    }
}
