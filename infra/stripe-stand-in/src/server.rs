//! The HTTP side of the API: authentication, idempotency, and one transaction per request.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::api_version::API_VERSION;
use crate::call::{ApiAnswer, Call, Handler};
use crate::faults::Fault;
use crate::form::Params;
use crate::stand_in::{StandIn, locked};
use crate::store::Store;
use crate::{identifier, page, routes};

const MAXIMUM_BODY: usize = 1_048_576;
const MAXIMUM_KEY: usize = 255;
/// Idempotency keys are forgotten after a day.
const KEY_LIFETIME: i64 = 86_400;

impl StandIn {
    /// The API below `/v1` and the hosted invoice pages below `/i`.
    pub fn router(&self) -> Router {
        let api = Router::new().fallback(serve);
        page::routes().nest("/v1", api).with_state(self.clone())
    }
}

/// One request as the API sees it.
struct Asked {
    method: Method,
    path: String,
    params: Params,
    key: Option<String>,
    id: String,
}

struct Reply {
    status: u16,
    body: String,
    /// The request that was first answered this way, when this is a repeat.
    original: Option<String>,
}

async fn serve(State(stand_in): State<StandIn>, request: Request) -> Response<Body> {
    let id = identifier::new("req_", 14);
    let reply = match read(request, &id).await {
        Ok(asked) => stand_in.reply(asked).await,
        Err(refusal) => Reply::refused(&refusal),
    };
    respond(reply, &id)
}

async fn read(request: Request, id: &str) -> ApiResult<Asked> {
    let (parts, body) = request.into_parts();
    authenticate(&parts.headers)?;
    check_version(&parts.headers)?;
    let body = to_bytes(body, MAXIMUM_BODY).await.map_err(|_| ApiError::too_large())?;
    let body = std::str::from_utf8(&body)
        .map_err(|_| ApiError::new(400, "invalid_request_error", "The request body is not UTF-8."))?;
    let query = parts.uri.query().unwrap_or_default();
    let params = Params::parse(&format!("{query}&{body}"))?;
    let key = idempotency_key(&parts.method, &parts.headers)?;
    Ok(Asked { method: parts.method, path: parts.uri.path().to_owned(), params, key, id: id.to_owned() })
}

impl StandIn {
    async fn reply(&self, asked: Asked) -> Reply {
        let Some((template, handler, ids)) = routes::route(asked.method.as_str(), &asked.path) else {
            return Reply::refused(&ApiError::unknown_url(
                asked.method.as_str(),
                &format!("/v1{}", asked.path),
            ));
        };
        *locked(&self.shared.requests).entry(template.to_owned()).or_default() += 1;
        let held = match asked.key.as_ref().map(|key| Held::take(self, key)).transpose() {
            Ok(held) => held,
            Err(refusal) => return Reply::refused(&refusal),
        };
        let latency = locked(&self.shared.settings).latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fault = self.planned_fault(template);
        if matches!(fault, Some(Fault::Before)) {
            return Reply::refused(&ApiError::internal());
        }
        let reply = self.perform(asked, handler, ids);
        drop(held);
        self.shared.bell.notify_one();
        if matches!(fault, Some(Fault::After)) { Reply::refused(&ApiError::internal()) } else { reply }
    }

    pub(crate) fn planned_fault(&self, template: &str) -> Option<Fault> {
        let mut settings = locked(&self.shared.settings);
        let planned = settings.fault.take_if(|planned| planned.template == template);
        planned.map(|planned| planned.fault)
    }

    /// Runs the handler in a transaction that also holds the answer for its idempotency key.
    fn perform(&self, asked: Asked, handler: Handler, ids: Vec<String>) -> Reply {
        let work = |store: Store<'_>| -> ApiResult<Reply> {
            let fingerprint = format!("{} {} {}", asked.method, asked.path, asked.params.fingerprint());
            if let Some(key) = &asked.key
                && let Some(reply) = replayed(&store, key, &fingerprint)?
            {
                return Ok(reply);
            }
            let (transaction, now) = (store.transaction, store.now);
            let path = format!("/v1{}", asked.path);
            transaction.execute_batch("SAVEPOINT work")?;
            let mut call = Call { store, params: asked.params.clone(), ids, path };
            let outcome = handler(&mut call);
            if outcome.is_err() {
                transaction.execute_batch("ROLLBACK TO work")?;
            }
            let (reply, keep) = match outcome {
                Ok(ApiAnswer { status, body }) => (Reply::new(status, &body)?, true),
                Err(refusal) => (Reply::refused(&refusal), refusal.executed),
            };
            if let Some(key) = asked.key.as_ref().filter(|_| keep) {
                let sql = "INSERT OR REPLACE INTO answers (key, fingerprint, status, body, request, at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                transaction
                    .execute(sql, params![key, fingerprint, reply.status, reply.body, asked.id, now])?;
            }
            Ok(reply)
        };
        let request = json!({ "id": asked.id, "idempotency_key": asked.key });
        self.transact(request, work).unwrap_or_else(|refusal| Reply::refused(&refusal))
    }
}

fn replayed(store: &Store<'_>, key: &str, fingerprint: &str) -> ApiResult<Option<Reply>> {
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

/// An idempotency key while its request runs.
struct Held<'a> {
    stand_in: &'a StandIn,
    key: String,
}

impl Held<'_> {
    fn take<'a>(stand_in: &'a StandIn, key: &str) -> ApiResult<Held<'a>> {
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

impl Reply {
    fn new(status: u16, body: &Value) -> ApiResult<Reply> {
        Ok(Reply { status, body: serde_json::to_string_pretty(body)?, original: None })
    }

    fn refused(refusal: &ApiError) -> Reply {
        Reply { status: refusal.status, body: refusal.body().to_string(), original: None }
    }
}

fn respond(reply: Reply, id: &str) -> Response<Body> {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-cache, no-store")
        .header("request-id", id)
        .header("stripe-version", API_VERSION);
    if let Some(original) = &reply.original {
        response = response.header("idempotent-replayed", "true").header("original-request", original);
    }
    if reply.status == 401 {
        response = response.header(header::WWW_AUTHENTICATE, "Basic realm=\"Stripe\"");
    }
    response.body(Body::from(reply.body)).unwrap_or_default()
}

/// Any test key will do, as a bearer token or as the user of basic authentication.
fn authenticate(headers: &HeaderMap) -> ApiResult<()> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("basic") => user_of(token.trim()),
        _ => {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization \
                           header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
            return Err(ApiError::unauthorized(message));
        }
    };
    let known =
        ["sk_test_", "rk_test_"].iter().any(|prefix| key.len() > prefix.len() && key.starts_with(prefix));
    if known {
        Ok(())
    } else {
        Err(ApiError::unauthorized("Invalid API Key provided: the stand-in takes test keys only."))
    }
}

/// The user of `base64(user:password)`.
fn user_of(token: &str) -> String {
    let decoded = decode_base64(token).unwrap_or_default();
    let text = String::from_utf8(decoded).unwrap_or_default();
    text.split(':').next().unwrap_or_default().to_owned()
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut decoded = Vec::new();
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    Some(decoded)
}

fn check_version(headers: &HeaderMap) -> ApiResult<()> {
    let Some(version) = headers.get("stripe-version") else { return Ok(()) };
    let version = version.to_str().unwrap_or_default();
    let date = version.split('.').next().unwrap_or_default();
    let shape = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if shape && date >= "2025-03-31" {
        return Ok(());
    }
    let message =
        format!("The stand-in speaks the shapes of 2025-03-31 and later, not of API version {version:?}.");
    Err(ApiError::new(400, "invalid_request_error", message))
}

fn idempotency_key(method: &Method, headers: &HeaderMap) -> ApiResult<Option<String>> {
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
