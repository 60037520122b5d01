//! What a request of an action says: its key, its reason, and the members of its body.

use std::collections::BTreeMap;

use lambda_http::Request;
use saldo_adapters::http::{Problem, ProblemCode, header, integer};
use saldo_domain::{IdempotencyKey, Reason};
use serde_json::value::RawValue;

const KEY_HEADER: &str = "Idempotency-Key";

/// What a body says.
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

pub(crate) fn key_reused() -> Problem {
    let detail = "This Idempotency-Key was used for something else. Use a new key.";
    Problem::new(ProblemCode::IdempotencyKeyReused, detail)
}

pub(crate) fn members(body: &[u8]) -> Result<Members<'_>, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))
}

pub(crate) fn reason(body: &Members<'_>) -> Result<Reason, Problem> {
    Reason::parse(&text(body, "reason")?)
        .map_err(|_| Problem::invalid("reason", "reason says why, on one line of 1 to 500 characters."))
}

pub(crate) fn key(request: &Request) -> Result<IdempotencyKey, Problem> {
    let key = header(request, KEY_HEADER)?.and_then(|key| IdempotencyKey::parse(key).ok());
    key.ok_or_else(|| {
        let detail =
            "Send one Idempotency-Key of 1 to 255 visible ASCII characters, without a comma, unique to this.";
        Problem::invalid(KEY_HEADER, detail)
    })
}

pub(crate) fn text(body: &Members<'_>, name: &str) -> Result<String, Problem> {
    let value = body.get(name).and_then(|value| serde_json::from_str(value.get()).ok());
    value.ok_or_else(|| missing(name))
}

pub(crate) fn missing(name: &str) -> Problem {
    Problem::invalid(name, format!("{name} is missing, or of another type."))
}

pub(crate) fn whole_number(value: &RawValue) -> Option<i64> {
    integer(value.get())
}
