//! An HTTP request as the event that API Gateway sends in payload format 2.0.
use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::routes::decoded;

/// What is known about a request once its route and its caller are.
pub(super) struct Incoming<'r> {
    pub method: &'r Method,
    pub uri: &'r Uri,
    pub headers: &'r HeaderMap,
    pub body: &'r [u8],
    pub route_key: &'r str,
    pub path_parameters: BTreeMap<String, String>,
    pub claims: Option<Map<String, Value>>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

impl Incoming<'_> {
    pub(super) fn event(self) -> Value {
        let path = decoded(self.uri.path());
        let query = self.uri.query().unwrap_or_default();
        let host = text(self.headers, header::HOST.as_str());
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route_key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers(self.headers),
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": host,
                "domainPrefix": "local",
                "http": {
                    "method": self.method.as_str(),
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": text(self.headers, header::USER_AGENT.as_str()),
                },
                "requestId": uuid::Uuid::now_v7().to_string(),
                "routeKey": self.route_key,
                "stage": "$default",
                "time": time_text(self.now_ms),
                "timeEpoch": self.now_ms,
            },
            "isBase64Encoded": false,
        });
        let cookies = cookies(self.headers);
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        if !query.is_empty() {
            event["queryStringParameters"] = json!(query_parameters(query));
        }
        if !self.path_parameters.is_empty() {
            event["pathParameters"] = json!(self.path_parameters);
        }
        if let Some(claims) = self.claims {
            let claims: Map<_, _> = claims.iter().map(|(key, value)| (key.clone(), claim(value))).collect();
            event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        }
        if !self.body.is_empty() {
            put_body(&mut event, self.headers, self.body);
        }
        event
    }
}

/// API Gateway hands every claim over as text; an array becomes `[a b]`.
fn claim(value: &Value) -> Value {
    fn text(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
            other => other.to_string(),
        }
    }
    Value::String(text(value))
}

fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        if name == header::COOKIE {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|text| {
                text.push(',');
                text.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split("; ")).map(str::to_owned).collect()
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(&value.replace('+', " "));
        joined
            .entry(decoded(&key.replace('+', " ")))
            .and_modify(|text| {
                text.push(',');
                text.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

fn put_body(event: &mut Value, headers: &HeaderMap, body: &[u8]) {
    let kind = text(headers, header::CONTENT_TYPE.as_str());
    let textual = kind.starts_with("text/")
        || kind.contains("json")
        || kind.contains("xml")
        || kind.contains("javascript");
    match std::str::from_utf8(body) {
        Ok(body) if textual => event["body"] = json!(body),
        _ => {
            event["body"] = json!(STANDARD.encode(body));
            event["isBase64Encoded"] = json!(true);
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `23/Nov/2026:10:00:00 +0000`
fn time_text(now_ms: i64) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    OffsetDateTime::from_unix_timestamp(now_ms.div_euclid(1000))
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}
