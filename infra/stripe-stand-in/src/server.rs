//! The HTTP side of the API: authentication, idempotency, and one transaction per request.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::json;

use crate::api_error::{ApiError, ApiResult};
use crate::api_version::{self, API_VERSION};
use crate::call::{ApiAnswer, Call};
use crate::faults::{Fault, Outage};
use crate::form::Params;
use crate::idempotency::{self, Held, Reply};
use crate::keys::{self, Permissions};
use crate::routes::{self, Destination};
use crate::stand_in::{StandIn, locked};
use crate::store::Store;
use crate::{identifier, page, record};

const MAXIMUM_BODY: usize = 1_048_576;

impl StandIn {
    /// The API below `/v1` and the hosted invoice pages below `/i`.
    pub fn router(&self) -> Router {
        let api = Router::new().fallback(serve);
        record::if_asked(page::routes().nest("/v1", api).with_state(self.clone()))
    }
}

/// One request as the API sees it.
struct Asked {
    method: Method,
    path: String,
    params: Params,
    key: Option<String>,
    permissions: Permissions,
    id: String,
}

async fn serve(State(stand_in): State<StandIn>, request: Request) -> Response<Body> {
    let id = identifier::new("req_", 14);
    if let Some(outage) = stand_in.outage_of(request.uri().path()) {
        let mut response = respond(Reply::refused(&ApiError::away(outage.status)), &id);
        if let Some(secs) = outage.retry_after_secs {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        return response;
    }
    let reply = match stand_in.read(request, &id).await {
        Ok(asked) => stand_in.reply(asked).await,
        Err(refusal) => Reply::refused(&refusal),
    };
    respond(reply, &id)
}

impl StandIn {
    fn outage_of(&self, path: &str) -> Option<Outage> {
        let outage =
            locked(&self.shared.settings).outage.clone().filter(|outage| path.contains(&outage.about));
        self.shared.unanswered.fetch_add(u64::from(outage.is_some()), Ordering::Relaxed);
        outage
    }

    async fn read(&self, request: Request, id: &str) -> ApiResult<Asked> {
        let (parts, body) = request.into_parts();
        let permissions = {
            let settings = locked(&self.shared.settings);
            keys::authenticate(&parts.headers, &settings.restricted_keys)?
        };
        api_version::check(&parts.headers)?;
        let body = to_bytes(body, MAXIMUM_BODY).await.map_err(|_| ApiError::too_large())?;
        let body = std::str::from_utf8(&body)
            .map_err(|_| ApiError::new(400, "invalid_request_error", "The request body is not UTF-8."))?;
        let query = parts.uri.query().unwrap_or_default();
        let params = Params::parse(&format!("{query}&{body}"))?;
        let key = idempotency::key(&parts.method, &parts.headers)?;
        let path = parts.uri.path().to_owned();
        Ok(Asked { method: parts.method, path, params, key, permissions, id: id.to_owned() })
    }

    async fn reply(&self, asked: Asked) -> Reply {
        let Some(destination) = routes::find(asked.method.as_str(), &asked.path) else {
            let path = format!("/v1{}", asked.path);
            return Reply::refused(&ApiError::unknown_url(asked.method.as_str(), &path));
        };
        *locked(&self.shared.requests).entry(destination.template.to_owned()).or_default() += 1;
        let held = match asked.key.as_ref().map(|key| Held::take(self, key)).transpose() {
            Ok(held) => held,
            Err(refusal) => return Reply::refused(&refusal),
        };
        let latency = locked(&self.shared.settings).latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fault = self.planned_fault(destination.template);
        let reply = self.perform(asked, destination, fault);
        drop(held);
        self.shared.bell.notify_one();
        if fault == Some(Fault::Lost) { Reply::refused(&ApiError::lost()) } else { reply }
    }

    fn planned_fault(&self, template: &str) -> Option<Fault> {
        let mut settings = locked(&self.shared.settings);
        let planned = settings.fault.take_if(|planned| planned.template == template);
        planned.map(|planned| planned.fault)
    }

    /// Runs the handler in a transaction that also holds the answer for its idempotency key.
    fn perform(&self, asked: Asked, destination: Destination, fault: Option<Fault>) -> Reply {
        let request = json!({ "id": asked.id, "idempotency_key": asked.key });
        let permissions = asked.permissions.clone();
        let work = |store: Store<'_>| -> ApiResult<Reply> {
            let fingerprint = format!("{} {} {}", asked.method, asked.path, asked.params.fingerprint());
            if let Some(key) = &asked.key
                && let Some(reply) = idempotency::replayed(&store, key, &fingerprint)?
            {
                return Ok(reply);
            }
            let mut call = Call {
                store,
                params: asked.params.clone(),
                ids: destination.ids.clone(),
                path: asked.path(),
            };
            let (reply, kept) = answered(&mut call, &destination, fault)?;
            if let Some(key) = asked.key.as_ref().filter(|_| kept) {
                idempotency::keep(&call.store, key, &fingerprint, &reply, &asked.id)?;
            }
            Ok(reply)
        };
        let reply = self.transact_as(permissions.clone(), request, work);
        let mut needs = locked(&self.shared.needs);
        needs.entry(destination.template.to_owned()).or_default().extend(permissions.asked());
        reply.unwrap_or_else(|refusal| Reply::refused(&refusal))
    }
}

impl Asked {
    fn path(&self) -> String {
        format!("/v1{}", self.path)
    }
}

/// What the handler answers, and whether that is kept. A refusal takes back what was done; a 500 may not.
fn answered(
    call: &mut Call<'_>,
    destination: &Destination,
    fault: Option<Fault>,
) -> ApiResult<(Reply, bool)> {
    let failed = || (Reply::refused(&ApiError::internal()), true);
    if fault == Some(Fault::Before) {
        return Ok(failed());
    }
    call.store.transaction.execute_batch("SAVEPOINT work")?;
    let permitted = destination.permission.map_or(Ok(()), |name| call.store.permissions.require(name));
    match permitted.and_then(|()| (destination.handler)(call)) {
        Ok(_) if fault == Some(Fault::After) => Ok(failed()),
        Ok(ApiAnswer { status, body }) => Ok((Reply::new(status, &body)?, true)),
        Err(refusal) => {
            call.store.transaction.execute_batch("ROLLBACK TO work")?;
            Ok((Reply::refused(&refusal), refusal.executed || refusal.status >= 500))
        }
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
