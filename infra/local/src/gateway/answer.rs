//! What the gateway sends back: a function's answer in payload format 2.0, or its own problem.
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A refusal of the gateway itself, in the form that Saldo's own problems have.
pub(super) struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: &'static str,
}

impl Problem {
    pub(super) const CRASHED: Problem = Problem {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "internal_error",
        detail: "Something went wrong on our side; try again.",
    };

    pub(super) const fn invalid(detail: &'static str) -> Problem {
        Problem { status: StatusCode::BAD_REQUEST, code: "invalid_request", detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, code, detail } = self;
        if status == StatusCode::UNAUTHORIZED {
            return unauthorized(detail);
        }
        let title = status.canonical_reason().unwrap_or_default();
        let body = json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail,
        });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

/// In API Gateway's own words: a client that is made for problems alone has to fail here as it would there.
fn unauthorized(message: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, headers, json!({ "message": message }).to_string()).into_response()
}

/// `answer` is what the function returned to Lambda; what cannot be sent is a crash, as on AWS.
pub(super) fn respond(answer: &Value) -> Response {
    build(answer).unwrap_or_else(|| Problem::CRASHED.into_response())
}

fn build(answer: &Value) -> Option<Response> {
    let status = answer["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok())?;
    let body = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(body).ok()?,
        _ => body.as_bytes().to_vec(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = response.headers_mut();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
    }
    Some(response)
}
