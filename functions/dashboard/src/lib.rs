//! GET / and /assets: the Billing pages.
use lambda_http::{
    Body, Request, Response,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};

use saldo_adapters::{
    config::{ConfigError, Env},
    http::{Problem, ProblemCode},
    world::World,
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

/// The pages with the sign-in that `env` configures; they need nothing of the world.
///
/// # Errors
/// When a setting cannot be used.
pub fn connect(env: &Env, _world: &World) -> Result<Function, ConfigError> {
    Ok(Function::new(&Settings::of(env)?))
}

impl Function {
    fn new(settings: &Settings) -> Self {
        let shell = assets::SHELL.replace("{{settings}}", &settings.to_attribute());
        Self {
            etag: format!("\"{}-{:x}\"", assets::VERSION, shell.len()),
            content_security_policy: security::content_security_policy(settings),
            shell,
        }
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let mut response = self.route(&request);
        if request.method() == Method::HEAD {
            *response.body_mut() = Body::Empty;
        }
        for (name, value) in security::HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn route(&self, request: &Request) -> Response<Body> {
        let path = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Problem::new(ProblemCode::MethodNotAllowed, "The pages are read with GET.")
                .into_response();
        }
        if path == "/healthz" {
            return answer(StatusCode::OK, "application/json", "no-store", Body::from(r#"{"status":"ok"}"#));
        }
        if PAGES.contains(&path) {
            return self.page(request);
        }
        match assets::find(path) {
            Some(asset) => asset_answer(asset, request),
            None => Problem::new(ProblemCode::NotFound, "There is no page here.").into_response(),
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = lambda_http::http::Request::builder().uri(format!("https://saldo.example{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Function::new(&Settings::default()).handle(request.body(Body::Empty).unwrap()).await
    }

    fn header(response: &Response<Body>, name: &str) -> String {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[tokio::test]
    async fn every_page_is_the_shell_and_is_asked_for_again() {
        for path in PAGES {
            let page = get(path, &[]).await;
            assert_eq!(page.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&page, "cache-control"), "no-cache");
            assert!(
                header(&page, "content-security-policy")
                    .starts_with("default-src 'none'; script-src 'self';")
            );
            let etag = header(&page, "etag");
            let again = get(path, &[("if-none-match", &etag)]).await;
            assert_eq!((again.status(), again.body().is_empty()), (StatusCode::NOT_MODIFIED, true));
        }
    }

    #[tokio::test]
    async fn the_shell_names_only_assets_that_exist_and_nothing_inline() {
        let shell = get("/billing", &[]).await;
        let shell = std::str::from_utf8(shell.body().as_ref()).unwrap().to_owned();
        assert!(
            !shell.contains("{{")
                && !shell.contains("<style")
                && !shell.contains("style=")
                && !shell.contains("onclick")
        );
        let names: Vec<_> = shell.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert_eq!(names.len(), 3, "each asset is a call of this function: {names:?}");
        for name in names {
            let asset = get(name, &[("accept-encoding", "br, gzip;q=0.8")]).await;
            assert_eq!(asset.status(), StatusCode::OK, "{name}");
            assert_eq!(header(&asset, "cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(header(&asset, "content-encoding"), "gzip");
        }
    }

    #[tokio::test]
    async fn the_script_is_whole() {
        let script = assets::ASSETS.iter().find(|asset| asset.name == "pages.js").unwrap();
        let script = std::str::from_utf8(script.plain).unwrap();
        assert!(!script.lines().any(|line| line.starts_with("import ") || line.starts_with("export ")));
        assert_eq!(script.matches("\n})();\n").count(), script.matches("const module_").count());
        assert!(script.matches("const module_").count() > 20);
    }

    #[tokio::test]
    async fn without_gzip_the_plain_asset_comes() {
        let asset = get(&format!("/assets/{}-pages.js", assets::VERSION), &[]).await;
        assert_eq!(header(&asset, "content-encoding"), "");
        assert_eq!(header(&asset, "vary"), "accept-encoding");
        assert!(asset.body().as_ref().starts_with(b"const module_"));
    }

    #[tokio::test]
    async fn health_is_told_and_the_unknown_is_a_problem() {
        assert_eq!(get("/healthz", &[]).await.body().as_ref(), br#"{"status":"ok"}"#);
        for path in ["/billing/other", "/assets/0-pages.js", "/assets/pages.js", "/nothing"] {
            let problem = get(path, &[]).await;
            assert_eq!(problem.status(), StatusCode::NOT_FOUND, "{path}");
            assert_eq!(header(&problem, "content-type"), "application/problem+json");
            assert_eq!(header(&problem, "x-content-type-options"), "nosniff");
        }
    }
}
