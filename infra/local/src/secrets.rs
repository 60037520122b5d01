//! A small Secrets Manager: GetSecretValue over the AWS JSON 1.1 protocol, on values that this process holds.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::Now;

/// The longest request taken: a name and a version.
const LARGEST_REQUEST: usize = 16_384;
const KIND: &str = "application/x-amz-json-1.1";

/// Named secrets, shared by all clones.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Mutex<Shared>>,
    now: Now,
}

/// How Secrets Manager behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Well,
    /// It answers that something went wrong on its side.
    Down,
    /// No caller may read anything.
    Denying,
}

#[derive(Default)]
struct Shared {
    secrets: BTreeMap<String, Version>,
    reads: BTreeMap<String, u64>,
    mood: Mood,
}

struct Version {
    value: String,
    id: String,
    created_secs: i64,
}

/// An error by its name, its status and what it says.
type Refusal = (&'static str, StatusCode, String);

impl Secrets {
    pub(crate) fn new(now: Now) -> Secrets {
        Secrets { shared: Arc::default(), now }
    }

    /// Gives a secret its value, or the next one.
    pub fn put(&self, name: &str, value: &str) {
        let (id, created_secs) = (uuid::Uuid::now_v7().to_string(), (self.now)().div_euclid(1000));
        let version = Version { value: value.to_owned(), id, created_secs };
        self.shared().secrets.insert(name.to_owned(), version);
    }

    /// The value of a secret, if there is one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        self.shared().secrets.get(name).map(|version| version.value.clone())
    }

    pub fn set_mood(&self, mood: Mood) {
        self.shared().mood = mood;
    }

    /// How often a secret was asked for, whatever was answered.
    #[must_use]
    pub fn reads(&self, name: &str) -> u64 {
        self.shared().reads.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(serve).layer(DefaultBodyLimit::max(LARGEST_REQUEST)).with_state(self.clone())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        let bad = |name, what: &str| (name, StatusCode::BAD_REQUEST, what.to_owned());
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if text("x-amz-target") != "secretsmanager.GetSecretValue" {
            return Err(bad("UnknownOperationException", "only GetSecretValue is answered here"));
        }
        if !text("authorization").contains("/secretsmanager/aws4_request") {
            return Err(bad("MissingAuthenticationTokenException", "the request is not signed"));
        }
        let request: Value = serde_json::from_slice(body)
            .map_err(|_| bad("SerializationException", "the body is not JSON"))?;
        let Some(asked) = request["SecretId"].as_str().filter(|id| (1..=2048).contains(&id.len())) else {
            return Err(bad("ValidationException", "SecretId has 1 to 2048 characters"));
        };
        let mut shared = self.shared();
        let name = name_of(asked);
        *shared.reads.entry(name.to_owned()).or_default() += 1;
        match shared.mood {
            Mood::Well => {}
            Mood::Down => {
                let what = "An error occurred on the server side.".to_owned();
                return Err(("InternalServiceError", StatusCode::INTERNAL_SERVER_ERROR, what));
            }
            Mood::Denying => {
                let what = "not authorized to perform: secretsmanager:GetSecretValue";
                return Err(bad("AccessDeniedException", what));
            }
        }
        let version = shared.secrets.get(name).filter(|version| names(&request, version));
        let version = version.ok_or_else(|| {
            bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        })?;
        Ok(json!({
            "ARN": arn(name), "Name": name, "VersionId": version.id, "SecretString": version.value,
            "VersionStages": ["AWSCURRENT"], "CreatedDate": version.created_secs,
        }))
    }
}

async fn serve(State(secrets): State<Secrets>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, KIND)];
    match secrets.answer(&headers, &body) {
        Ok(answer) => (StatusCode::OK, kind, answer.to_string()).into_response(),
        Err((name, status, what)) => {
            (status, kind, json!({ "__type": name, "Message": what }).to_string()).into_response()
        }
    }
}

/// Only the current version is kept.
fn names(request: &Value, version: &Version) -> bool {
    let fits = |asked: &Value, is: &str| asked.is_null() || asked == is;
    fits(&request["VersionId"], &version.id) && fits(&request["VersionStage"], "AWSCURRENT")
}

/// Six characters behind the name, as in an ARN of AWS.
fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-local1")
}

fn name_of(asked: &str) -> &str {
    let full = asked.split_once(":secret:").and_then(|(_, name)| name.strip_suffix("-local1"));
    full.unwrap_or(asked)
}
