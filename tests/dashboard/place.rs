//! Under a path prefix, as behind a proxy or a mapped domain: everything is asked for below it.
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use saldo_local::Options;
use serde_json::Value;

use super::page::Reader;
use super::payment::goes_to_pay_from;
use super::stack::{Person, Stack};

const PREFIX: &str = "/tools/saldo";

#[test]
fn the_pages_work_under_a_path_prefix() {
    let parameters = [("BasePath".to_owned(), PREFIX.trim_start_matches('/').to_owned())].into();
    let mut stack = Stack::start(Options { parameters, ..Options::default() });
    let proxy = behind_a_proxy(&stack);
    stack.dashboard = format!("{proxy}{PREFIX}");
    let Some(page) = stack.page(Reader::ENGLISH, Person::of("place"), "/billing/balance") else { return };
    page.sees("Available credits");
    page.click(&format!("nav a[href='{PREFIX}/billing/history']"));
    page.sees("No top-ups yet");
    assert_eq!(page.eval("location.pathname"), format!("{PREFIX}/billing/history"));
    page.click("main button.primary");
    page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
    page.click("[data-key='pay-now']");
    goes_to_pay_from(&page, &format!("{PREFIX}/billing/balance"));
    page.sees("Waiting for your payment");
    page.click(&format!("nav a[href='{PREFIX}/billing/history']"));
    page.click("[data-key='filter-paid']");
    page.wait_for(&format!("location.pathname + location.search === '{PREFIX}/billing/history?status=paid'"));
    page.call("Page.reload", serde_json::json!({}));
    page.sees("No top-ups with the status Paid");
    let outside: Vec<_> =
        page.requests().into_iter().filter(|url| !url.starts_with(&stack.dashboard)).collect();
    assert_eq!((page.complaints(), outside), (Vec::new(), Vec::new()));
    page.go(&stack.dashboard);
    page.wait_for(&format!("location.pathname === '{PREFIX}/billing/balance'"));
    assert_eq!(page.eval("document.querySelector('dialog')"), Value::Null);
}

/// A proxy that takes the prefix off, and answers nothing outside it.
fn behind_a_proxy(stack: &Stack) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(forward).with_state(stack.dashboard.clone());
    stack.runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
    url
}

async fn forward(State(upstream): State<String>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let Some(path) = path.strip_prefix(PREFIX) else { return StatusCode::NOT_FOUND.into_response() };
    let slash = if path.starts_with('/') { "" } else { "/" };
    head.uri = format!("{upstream}{slash}{path}").parse().unwrap();
    let body = Full::new(to_bytes(body, usize::MAX).await.unwrap());
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(axum::http::Request::from_parts(head, body)).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, Body::from(body.collect().await.unwrap().to_bytes()))
}
