//! API Gateway on this machine: route, authorise, make the event, invoke, answer.
mod answer;
mod authorise;
mod event;
mod routes;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use saldo_adapters::http::ClaimNames;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::Now;
use crate::functions::{Failure, HttpFunction};
use crate::issuer::{Issuer, TokenRequest, usual_email};
use crate::template::Authorizer;
use crate::watch::Watch;
use answer::{Problem, respond};
use event::Incoming;
use routes::Pattern;

const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
const MAX_HEADER_BYTES: usize = 10 * 1024;
const TOKEN_LIFETIME_SECONDS: i64 = 12 * 3_600;

/// One route: what it matches, who may pass, and the function behind it.
pub struct Route {
    pub method: String,
    pub path: String,
    pub authorizer: Option<Authorizer>,
    pub function: HttpFunction,
}

/// What the gateway needs beside its routes.
#[derive(Clone)]
pub struct Identity {
    pub issuer: Arc<Issuer>,
    pub claim_names: ClaimNames,
}

struct Gateway {
    routes: Vec<(Pattern, Route)>,
    identity: Identity,
    now: Now,
    watch: Watch,
}

/// The HTTP API with `routes`, and beside them only the local issuer's `/local/token` and `/local/jwks.json`.
pub fn router(routes: Vec<Route>, identity: Identity, now: Now, watch: Watch) -> Router {
    let routes = routes.into_iter().map(|route| (Pattern::new(&route.method, &route.path), route)).collect();
    let gateway = Arc::new(Gateway { routes, identity, now, watch });
    Router::new()
        .route("/local/token", axum::routing::get(token))
        .route("/local/jwks.json", axum::routing::get(jwks))
        .fallback(serve)
        .with_state(gateway)
}

async fn serve(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    gateway.pass(&parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

const NOT_FOUND: Problem =
    Problem { status: StatusCode::NOT_FOUND, code: "not_found", detail: "There is nothing at this address." };
const UNAUTHORIZED: Problem =
    Problem { status: StatusCode::UNAUTHORIZED, code: "unauthorized", detail: "Unauthorized" };
const HEADERS_TOO_LARGE: Problem = Problem {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    code: "headers_too_large",
    detail: "The request line and headers together may have 10240 bytes.",
};
const BODY_TOO_LARGE: Problem = Problem {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    code: "body_too_large",
    detail: "The body may have 10 MB.",
};
/// Of a function that runs as often as it may already.
const THROTTLED: Problem = Problem {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "throttled",
    detail: "Too many calls at the same time; try again.",
};
const TIMED_OUT: Problem = Problem {
    status: StatusCode::GATEWAY_TIMEOUT,
    code: "timed_out",
    detail: "The call took too long; try again.",
};

impl Gateway {
    /// The function's answer, or the gateway's own refusal.
    async fn pass(&self, parts: &Parts, body: Body) -> Result<Response, Problem> {
        let (pattern, route, path_parameters) = self.find(parts).ok_or(NOT_FOUND)?;
        let now_ms = (self.now)();
        if header_bytes(parts) > MAX_HEADER_BYTES {
            return Err(HEADERS_TOO_LARGE);
        }
        let claims = self.claims(route, &parts.headers, now_ms)?;
        let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| BODY_TOO_LARGE)?;
        let event = Incoming {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            body: &body,
            route_key: pattern.key(),
            path_parameters,
            claims,
            now_ms,
        };
        let began = Instant::now();
        let answered = match route.function.invoke(event.event()).await {
            Ok(answer) => Ok(respond(&answer)),
            Err(Failure::TimedOut) => Err(TIMED_OUT),
            Err(Failure::Crashed) => Err(Problem::CRASHED),
            Err(Failure::Throttled) => Err(THROTTLED),
        };
        let status = answered.as_ref().map_or_else(|problem| problem.status, Response::status);
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.watch.answered(&route.method, &route.path, status.as_u16(), took_ms);
        answered
    }

    fn find(&self, parts: &Parts) -> Option<(&Pattern, &Route, BTreeMap<String, String>)> {
        let fits = self.routes.iter().filter_map(|(pattern, route)| {
            let (rank, parameters) = pattern.fit(parts.method.as_str(), parts.uri.path())?;
            Some((rank, pattern, route, parameters))
        });
        fits.max_by_key(|(rank, ..)| *rank)
            .map(|(_, pattern, route, parameters)| (pattern, route, parameters))
    }

    fn claims(
        &self,
        route: &Route,
        headers: &HeaderMap,
        now_ms: i64,
    ) -> Result<Option<Map<String, Value>>, Problem> {
        let Some(authorizer) = &route.authorizer else { return Ok(None) };
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let now = now_ms.div_euclid(1000);
        authorise::authorise(&self.identity.issuer, authorizer, header, now).map(Some).ok_or(UNAUTHORIZED)
    }
}

fn header_bytes(parts: &Parts) -> usize {
    let headers = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    headers.sum::<usize>() + parts.uri.path_and_query().map_or(0, |line| line.as_str().len())
}

async fn jwks(State(gateway): State<Arc<Gateway>>) -> Response {
    axum_json(gateway.identity.issuer.jwks())
}

/// `?org=acme&permissions=billing:view,billing:subscribe[&currency=USD][&sub=ana][&name=PT+Acme][&email=ana@acme.test]
/// [&expires_in=3600]`. Without `email` it is `acme@example.test`; empty, there is none.
async fn token(
    State(gateway): State<Arc<Gateway>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    let organisation = query.get("org").filter(|org| !org.is_empty());
    let organisation = organisation.ok_or(Problem::invalid("org is missing: ?org=acme"))?;
    let permissions = query.get("permissions").map_or("billing:view,billing:subscribe", String::as_str);
    let lifetime = match query.get("expires_in") {
        None => TOKEN_LIFETIME_SECONDS,
        Some(text) => text.parse().map_err(|_| Problem::invalid("expires_in is not a number of seconds"))?,
    };
    let given = |parameter: &str| query.get(parameter).filter(|value| !value.is_empty()).cloned();
    let request = TokenRequest {
        organisation: organisation.clone(),
        permissions: permissions.split([',', ' ']).filter(|one| !one.is_empty()).map(str::to_owned).collect(),
        currency: given("currency"),
        subject: given("sub"),
        name: given("name"),
        email: match query.get("email") {
            None => Some(usual_email(organisation)),
            Some(_) => given("email"),
        },
    };
    let Identity { issuer, claim_names } = &gateway.identity;
    let now = (gateway.now)().div_euclid(1000);
    let token = issuer.token(claim_names, &request, now, lifetime).map_err(|_| Problem::CRASHED)?;
    Ok(axum_json(&json!({ "token": token })))
}

fn axum_json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
