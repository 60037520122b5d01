//! GET / and /assets: the pages of Billing and of the staff; GET /v1/openapi.json: the description of the interface.
use lambda_http::{
    Body, Request, RequestExt as _, Response,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    request::RequestContext,
};

use saldo_adapters::{
    config::{ConfigError, Env},
    http::{Problem, ProblemCode},
    world::World,
};

use crate::{
    assets::Asset,
    settings::{Settings, escaped},
};

mod assets;
mod content_hash;
mod description;
mod security;
mod settings;

/// The paths that answer with the shell; the page itself decides what to show for each.
const PAGES: [&str; 16] = [
    "/",
    "/billing",
    "/billing/balance",
    "/billing/history",
    "/billing/statements",
    "/billing/usage",
    "/billing/budgets",
    "/billing/settings",
    "/billing/sign-in",
    "/operate",
    "/operate/organisation",
    "/operate/top-up",
    "/operate/reviews",
    "/operate/adjustments",
    "/operate/reconciliations",
    "/operate/dead-letters",
];

/// Names carry a hash of the content, so what a browser has once it never asks for again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The pages with the settings of this deployment filled in.
pub struct Function {
    shell: Tagged,
    description: Tagged,
    content_security_policy: String,
    base_path: String,
}

/// A text of this deployment, and the tag that a browser keeps it by.
struct Tagged {
    text: String,
    etag: String,
}

impl Tagged {
    fn new(text: String) -> Self {
        Self { etag: format!("\"{}\"", content_hash::of(text.bytes())), text }
    }
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
        let shell = assets::SHELL
            .replace("{{base}}", &settings.base_path)
            .replace("{{product}}", &escaped(&settings.product_name))
            .replace("{{settings}}", &settings.to_attribute());
        Self {
            shell: Tagged::new(shell),
            description: Tagged::new(description::below(&settings.base_path)),
            content_security_policy: security::content_security_policy(settings),
            base_path: settings.base_path.clone(),
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
        let path = self.path_of(request);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Problem::new(ProblemCode::MethodNotAllowed, "The pages are read with GET.")
                .into_response();
        }
        if path == "/healthz" {
            return answer(StatusCode::OK, "application/json", "no-store", Body::from(r#"{"status":"ok"}"#));
        }
        if path == "/v1/openapi.json" {
            return tagged_answer(&self.description, "application/json", request);
        }
        if PAGES.contains(&path) {
            return self.page(request);
        }
        match assets::find(path) {
            Some(asset) => asset_answer(asset, request),
            None => Problem::new(ProblemCode::NotFound, "There is no page here.").into_response(),
        }
    }

    /// The path without what lies before ours: a stage, and the base path where nothing in front took it off.
    fn path_of<'r>(&self, request: &'r Request) -> &'r str {
        let path = request.uri().path();
        let path = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                context.stage.as_deref().map_or(path, |stage| without(&format!("/{stage}"), path))
            }
            _ => path,
        };
        without(&self.base_path, path)
    }

    fn page(&self, request: &Request) -> Response<Body> {
        let mut response = tagged_answer(&self.shell, "text/html; charset=utf-8", request);
        put(&mut response, header::CONTENT_SECURITY_POLICY, &self.content_security_policy);
        response
    }
}

/// `path` without `prefix` where that ends at a slash; otherwise as it is.
fn without<'p>(prefix: &str, path: &'p str) -> &'p str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The text, or that the browser has it already.
fn tagged_answer(tagged: &Tagged, content_type: &str, request: &Request) -> Response<Body> {
    let kept = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known = kept
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == tagged.etag));
    let mut response = if known {
        answer(StatusCode::NOT_MODIFIED, content_type, "no-cache", Body::Empty)
    } else {
        answer(StatusCode::OK, content_type, "no-cache", Body::from(tagged.text.as_str()))
    };
    put(&mut response, header::ETAG, &tagged.etag);
    response
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
        get_with(&Settings::default(), path, headers).await
    }

    async fn get_with(settings: &Settings, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = lambda_http::http::Request::builder().uri(format!("https://saldo.example{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Function::new(settings).handle(request.body(Body::Empty).unwrap()).await
    }

    fn text(response: &Response<Body>) -> String {
        std::str::from_utf8(response.body().as_ref()).unwrap().to_owned()
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
    async fn settings_of_equal_length_are_told_apart() {
        let [one, other] =
            ["org_id", "tenant"].map(|claim| Settings { org_claim: claim.to_owned(), ..Settings::default() });
        let [first, second] = [get_with(&one, "/", &[]).await, get_with(&other, "/", &[]).await];
        assert_eq!(text(&first).len(), text(&second).len());
        assert_ne!(header(&first, "etag"), header(&second, "etag"));
        let kept = [("if-none-match", &*header(&first, "etag"))];
        assert_eq!(get_with(&other, "/", &kept).await.status(), StatusCode::OK, "it has changed");
        let list = format!("\"another\", W/{}", header(&first, "etag"));
        let again = get_with(&one, "/", &[("if-none-match", &list)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn the_description_is_read_as_the_pages_are_and_begins_below_the_base_path() {
        for (base_path, server) in [("", "/"), ("/tools/saldo", "/tools/saldo")] {
            let settings = Settings { base_path: base_path.to_owned(), ..Settings::default() };
            let path = format!("{base_path}/v1/openapi.json");
            let description = get_with(&settings, &path, &[]).await;
            assert_eq!(header(&description, "content-type"), "application/json");
            assert_eq!(header(&description, "cache-control"), "no-cache");
            let document: serde_json::Value = serde_json::from_str(&text(&description)).unwrap();
            assert_eq!(document["servers"], serde_json::json!([{ "url": server }]));
            let kept = [("if-none-match", &*header(&description, "etag"))];
            assert_eq!(get_with(&settings, &path, &kept).await.status(), StatusCode::NOT_MODIFIED);
        }
    }

    #[tokio::test]
    async fn under_a_base_path_everything_is_named_below_it_and_found_with_and_without_it() {
        let settings = Settings { base_path: "/tools/saldo".to_owned(), ..Settings::default() };
        for path in ["/tools/saldo", "/tools/saldo/", "/tools/saldo/billing/history", "/billing/history"] {
            let page = get_with(&settings, path, &[]).await;
            assert_eq!(page.status(), StatusCode::OK, "{path}");
            let shell = text(&page);
            let names: Vec<_> = shell.split('"').filter(|part| part.contains("/assets/")).collect();
            assert_eq!(names.len(), 3);
            for name in names {
                assert!(name.starts_with("/tools/saldo/assets/"), "{name}");
                assert_eq!(get_with(&settings, name, &[]).await.status(), StatusCode::OK, "{name}");
            }
        }
        for path in ["/tools/saldobilling", "/tools", "/other/billing"] {
            assert_eq!(get_with(&settings, path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_stage_before_the_path_is_no_part_of_it() {
        let event = serde_json::json!({
            "version": "2.0", "routeKey": "GET /billing/{page}", "rawPath": "/dev/billing/balance", "rawQueryString": "",
            "headers": {}, "isBase64Encoded": false,
            "requestContext": { "accountId": "1", "apiId": "a", "stage": "dev", "requestId": "r",
                "routeKey": "GET /billing/{page}", "time": "23/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_428_000_000_i64,
                "http": { "method": "GET", "path": "/dev/billing/balance", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t" } },
        });
        let request: Request =
            serde_json::from_value::<lambda_http::request::LambdaRequest>(event).unwrap().into();
        let page = Function::new(&Settings::default()).handle(request).await;
        assert_eq!(page.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn the_shell_has_the_products_name_and_lets_no_markup_in() {
        let settings = Settings { product_name: "Kredit <b>&".to_owned(), ..Settings::default() };
        let shell = text(&get_with(&settings, "/", &[]).await);
        assert!(shell.contains("<title>Kredit &lt;b&gt;&amp;</title>"), "{shell}");
    }

    #[tokio::test]
    async fn the_shell_names_only_assets_that_exist_and_nothing_inline() {
        let shell = text(&get("/billing", &[]).await);
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
    async fn each_script_is_whole_and_names_what_exists() {
        let scripts = || assets::ASSETS.iter().filter(|asset| asset.name.ends_with(".js"));
        assert!(scripts().count() > 1);
        for asset in scripts() {
            let script = std::str::from_utf8(asset.plain).unwrap();
            assert_eq!(script.matches("\n})();\n").count(), script.matches("const module_").count());
            assert!(script.matches("const module_").count() > 2, "{}", asset.name);
            let imports = script.lines().filter(|line| line.starts_with("import ")).count();
            assert_eq!(imports, usize::from(asset.name != "pages.js"), "{}", asset.name);
            assert_eq!(
                script.lines().filter(|line| line.starts_with("export ")).count(),
                1,
                "{}",
                asset.name
            );
            for named in script.split("\"./").skip(1) {
                let named = named.split('"').next().unwrap();
                assert!(assets::find(&format!("/assets/{named}")).is_some(), "{}: {named}", asset.name);
            }
        }
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
