//! GET / and /assets: the Billing pages.
use lambda_http::{
    Body, Request, Response,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};

use crate::{assets::Asset, settings::Settings};

mod assets;
mod security;
mod settings;

/// The paths that answer with the shell; the page itself decides what to show for each.
const PAGES: [&str; 5] = ["/", "/billing", "/billing/balance", "/billing/history", "/billing/sign-in"];

/// Names carry a hash of the content, so what a browser has once it never asks for again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The Billing pages with the settings of this deployment filled in.
pub struct Function {
    shell: String,
    etag: String,
    content_security_policy: String,
}

impl Function {
    pub fn new(settings: &Settings) -> Self {
        let shell = assets::SHELL.replace("{{settings}}", &settings.to_attribute());
        Self {
            etag: format!("\"{}-{:x}\"", assets::VERSION, shell.len()),
            content_security_policy: security::content_security_policy(settings),
            shell,
        }
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let mut response = self.route(&request);
        for (name, value) in security::HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn route(&self, request: &Request) -> Response<Body> {
        let path = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "The pages are read with GET.",
            );
        }
        if path == "/healthz" {
            return answer(StatusCode::OK, "application/json", "no-store", Body::from(r#"{"status":"ok"}"#));
        }
        if PAGES.contains(&path) {
            return self.page(request);
        }
        match assets::find(path) {
            Some(asset) => asset_answer(asset, request),
            None => problem(StatusCode::NOT_FOUND, "not_found", "There is no page here."),
        }
    }

    fn page(&self, request: &Request) -> Response<Body> {
        let known =
            request.headers().get(header::IF_NONE_MATCH).is_some_and(|etag| etag == self.etag.as_str());
        let mut response = if known {
            answer(StatusCode::NOT_MODIFIED, "text/html; charset=utf-8", "no-cache", Body::Empty)
        } else {
            answer(StatusCode::OK, "text/html; charset=utf-8", "no-cache", Body::from(self.shell.as_str()))
        };
        put(&mut response, header::ETAG, &self.etag);
        put(&mut response, header::CONTENT_SECURITY_POLICY, &self.content_security_policy);
        response
    }
}

fn asset_answer(asset: &Asset, request: &Request) -> Response<Body> {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let gzip =
        accepted.is_some_and(|codings| codings.split(',').any(|coding| coding.trim().starts_with("gzip")));
    let content = if gzip { asset.gzip } else { asset.plain };
    let mut response = answer(StatusCode::OK, asset.content_type, FOR_EVER, Body::Binary(content.to_vec()));
    put(&mut response, header::VARY, "accept-encoding");
    if gzip {
        put(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    response
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Body> {
    let body = serde_json::json!({ "status": status.as_u16(), "code": code, "detail": detail });
    answer(status, "application/problem+json", "no-store", Body::from(body.to_string()))
}

fn answer(status: StatusCode, content_type: &str, cache: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, content_type);
    put(&mut response, header::CACHE_CONTROL, cache);
    response
}

/// Sets a header; a value that no header can carry (only a broken setting makes one) is left out.
fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
