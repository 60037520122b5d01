//! Requests to Stripe that the product does not make: what a payer, a bank or staff would do.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use saldo_stripe_stand_in::API_VERSION;
use serde_json::Value;

use crate::obstacle::Obstacle;

const PATIENCE: Duration = Duration::from_secs(30);

/// Stripe, for one key.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    key: String,
}

/// What Stripe answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
    /// Whether it is the answer to an earlier request with the same idempotency key.
    pub(crate) replayed: bool,
}

impl Http {
    pub(crate) fn new(base: &str, key: &str) -> Http {
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Http { client, base: base.trim_end_matches('/').to_owned(), key: key.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Obstacle> {
        self.send("GET", path, String::new(), None).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, Obstacle> {
        self.send("POST", path, encoded(form), None).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str) -> Result<Answer, Obstacle> {
        self.send("POST", path, String::new(), Some(key)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Obstacle> {
        self.send("DELETE", path, String::new(), None).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        form: String,
        key: Option<&str>,
    ) -> Result<Answer, Obstacle> {
        let failed = |reason: String| Obstacle(format!("{method} {path}: {reason}"));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/v1{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header("stripe-version", API_VERSION);
        if method == "POST" {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::from(form)).map_err(|error| failed(error.to_string()))?;
        let answered = async {
            let answer = self.client.request(request).await.map_err(|error| failed(error.to_string()))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
            Ok::<_, Obstacle>((head, body))
        };
        let (head, body) = tokio::time::timeout(PATIENCE, answered)
            .await
            .map_err(|_| failed("no answer within 30 s".to_owned()))??;
        let json = serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
        let replayed = head.headers.get("idempotent-replayed").is_some_and(|value| value == "true");
        let answer = Answer { status: head.status.as_u16(), json, replayed };
        if answer.words().starts_with("Unrecognized request URL") {
            return Err(failed("there is no such call here".to_owned()));
        }
        Ok(answer)
    }
}

impl Answer {
    /// The object, or the refusal as what stands in the way.
    pub(crate) fn made(self) -> Result<Value, Obstacle> {
        if self.status == 200 { Ok(self.json) } else { Err(Obstacle(self.refusal())) }
    }

    /// `400 resource_missing customer: No such customer`
    pub(crate) fn refusal(&self) -> String {
        let error = &self.json["error"];
        let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or("accepted");
        let param = error["param"].as_str().map(|param| format!(" {param}")).unwrap_or_default();
        format!("{} {code}{param}: {}", self.status, self.words())
    }

    fn words(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or("no error")
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let value = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    form.iter().map(|(name, text)| format!("{name}={}", value(text))).collect::<Vec<_>>().join("&")
}
