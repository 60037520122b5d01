//! Why a request is refused, in Stripe's error shape.

use serde_json::{Map, Value, json};

/// An error answer. `executed` tells whether the endpoint had begun its work, which is when Stripe keeps the
/// answer under the idempotency key.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) executed: bool,
    error: Map<String, Value>,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A parameter that Stripe would not accept.
    pub(crate) fn parameter(code: &str, param: &str, message: impl Into<String>) -> ApiError {
        ApiError::new(400, "invalid_request_error", message).with("code", code).with("param", param)
    }

    /// A parameter that Stripe knows and the stand-in does not: refused, so that nobody believes it did something.
    pub(crate) fn unsupported(param: &str) -> ApiError {
        let message = format!("Received unknown parameter: {param} (it is not supported by the stand-in).");
        ApiError::parameter("parameter_unknown", param, message)
    }

    /// The object is not in a state that allows the call. Stripe gives these no `code`.
    pub(crate) fn state(message: impl Into<String>) -> ApiError {
        let mut refusal = ApiError::new(400, "invalid_request_error", message);
        refusal.executed = true;
        refusal
    }

    /// The object named by the path does not exist.
    pub(crate) fn missing(noun: &str, id: &str, param: &str) -> ApiError {
        let mut refusal = ApiError::parameter("resource_missing", param, format!("No such {noun}: '{id}'"));
        refusal.status = 404;
        refusal
    }

    /// An object named by a parameter does not exist.
    pub(crate) fn missing_reference(noun: &str, id: &str, param: &str) -> ApiError {
        ApiError::parameter("resource_missing", param, format!("No such {noun}: '{id}'"))
    }

    pub(crate) fn unauthorized(message: &str) -> ApiError {
        ApiError::new(401, "invalid_request_error", message)
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> ApiError {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        ApiError::new(404, "invalid_request_error", message)
    }

    pub(crate) fn too_large() -> ApiError {
        ApiError::new(413, "invalid_request_error", "The request body is larger than 1 MB.")
    }

    /// The idempotency key is taken by a request that differs.
    pub(crate) fn key_reused(key: &str) -> ApiError {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. \
             Try using a key other than '{key}' if you meant to execute a different request."
        );
        ApiError::new(400, "idempotency_error", message)
    }

    /// A request with the same key is still running.
    pub(crate) fn key_in_use(key: &str) -> ApiError {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        let refusal = ApiError::new(409, "invalid_request_error", message);
        refusal.with("code", "idempotency_key_in_use")
    }

    /// What stands between when the answer is lost.
    pub(crate) fn lost() -> ApiError {
        ApiError::new(502, "api_error", "The answer was lost on its way.")
    }

    /// What an outage answers.
    pub(crate) fn away(status: u16) -> ApiError {
        match status {
            429 => {
                let refusal = ApiError::new(429, "invalid_request_error", "Request rate limit exceeded.");
                refusal.with("code", "rate_limit")
            }
            _ => ApiError::new(status, "api_error", "An unknown error occurred."),
        }
    }

    pub(crate) fn internal() -> ApiError {
        ApiError::new(500, "api_error", "An unknown error occurred.")
    }

    pub(crate) fn new(status: u16, kind: &str, message: impl Into<String>) -> ApiError {
        let mut error = Map::new();
        error.insert("message".into(), Value::String(message.into()));
        error.insert("type".into(), Value::String(kind.into()));
        ApiError { status, executed: false, error }
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> ApiError {
        self.error.insert(field.into(), value.into());
        self
    }

    pub(crate) fn message(&self) -> &str {
        self.error.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> ApiError {
        tracing::error!(%error, "the stand-in's database failed");
        ApiError::internal()
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> ApiError {
        tracing::error!(%error, "a stored object is not JSON");
        ApiError::internal()
    }
}
