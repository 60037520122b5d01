//! A small HTTP client for the tests.
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_http::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

/// Speaks to one server.
pub(crate) struct Client {
    url: String,
    token: Option<String>,
    hyper: Hyper<HttpConnector, Full<axum::body::Bytes>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let hyper = Hyper::builder(TokioExecutor::new()).build_http();
        Self { url: url.trim_end_matches('/').to_owned(), token: None, hyper }
    }

    pub(crate) fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<axum::body::Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(30), self.hyper.request(request));
        let answer = answer.await.expect("the server answers within 30 s").expect("the server answers");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("the answer is whole").to_bytes().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        record(method, path, &answer);
        answer
    }
}

/// Adds the answer to the folder that the variable `SALDO_RECORD_API` names, if it does, to be held against the description of
/// the interface.
pub(crate) fn record(method: &str, path: &str, answer: &Answer) {
    let Some(folder) = std::env::var_os("SALDO_RECORD_API") else { return };
    let Ok(body) = std::str::from_utf8(&answer.body) else { return };
    let headers: BTreeMap<_, _> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let status = answer.status.as_u16();
    let line = json!({"method": method, "path": path, "status": status, "headers": headers, "body": body});
    std::fs::create_dir_all(&folder).unwrap();
    let file = Path::new(&folder).join(format!("{}.jsonl", std::process::id()));
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The problem's stable code.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        self.json()["code"].as_str().unwrap().to_owned()
    }
}
