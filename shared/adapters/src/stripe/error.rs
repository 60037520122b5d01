//! Why Stripe did not do what it was asked, sorted by what to do next.

use std::fmt;

use bytes::Bytes;
use http::Response;
use saldo_domain::Obstacle;
use saldo_top_ups::InvoicesError;
use stripe_client_core::StripeClientErr;

use super::gate::Seen;

/// Why Stripe did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StripeError {
    /// There is no such object.
    NotFound { what: String },
    /// Stripe will not do it.
    Refused { what: String },
    /// Stripe will not do it before a person has acted.
    Barred { what: String, obstacle: Obstacle },
    /// Stripe knows the object that it was asked about, but not the customer that the request names.
    NoSuchCustomer { what: String },
    /// Stripe did not answer clearly: it may have happened or not. `replayed` tells that the same idempotency key will
    /// bring the same answer again.
    Unclear { what: String, replayed: bool },
    /// The version or the answer is wrong: wake someone.
    Broken { what: String },
}

impl StripeError {
    /// Whether Stripe did not do its part, or will not work with our key: what it does not find or will not do by its rules
    /// is an answer.
    pub(super) fn is_a_fault(&self) -> bool {
        match self {
            StripeError::Unclear { .. }
            | StripeError::Broken { .. }
            | StripeError::Barred { obstacle: Obstacle::KeyNotPermitted, .. } => true,
            StripeError::NotFound { .. }
            | StripeError::Refused { .. }
            | StripeError::Barred { .. }
            | StripeError::NoSuchCustomer { .. } => false,
        }
    }
}

impl fmt::Display for StripeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StripeError::NotFound { what } => write!(f, "Stripe does not know it: {what}"),
            StripeError::Refused { what }
            | StripeError::NoSuchCustomer { what }
            | StripeError::Barred { what, .. } => write!(f, "Stripe refused: {what}"),
            StripeError::Unclear { what, replayed: false } => {
                write!(f, "Stripe gave no clear answer: {what}")
            }
            StripeError::Unclear { what, replayed: true } => {
                write!(f, "Stripe repeated an unclear answer: {what}")
            }
            StripeError::Broken { what } => write!(f, "Stripe cannot be used: {what}"),
        }
    }
}

impl std::error::Error for StripeError {}

impl From<StripeError> for InvoicesError {
    fn from(error: StripeError) -> InvoicesError {
        let what = error.to_string();
        match error {
            StripeError::NotFound { .. } => InvoicesError::NotFound { what },
            StripeError::Refused { .. } => InvoicesError::Refused { what },
            StripeError::Barred { obstacle, .. } => InvoicesError::Barred { what, obstacle },
            StripeError::NoSuchCustomer { .. } => InvoicesError::PayerUnknown { what },
            StripeError::Unclear { replayed, .. } => InvoicesError::Unclear { what, kept: replayed },
            StripeError::Broken { .. } => InvoicesError::Broken { what },
        }
    }
}

impl StripeClientErr for StripeError {
    fn deserialize_err(message: impl fmt::Display) -> StripeError {
        StripeError::Broken { what: format!("answer not understood: {message}") }
    }
}

/// An attempt that did not succeed.
pub(super) struct Failure {
    pub(super) error: StripeError,
    /// Whether sending it again may help.
    pub(super) again: bool,
    /// Whether it shows that Stripe is there.
    pub(super) seen: Seen,
    /// Whether Stripe does not know the key, or no more: nothing was done then.
    pub(super) key_unknown: bool,
}

#[derive(miniserde::Deserialize, Default)]
struct ErrorAnswer {
    error: Option<ErrorBody>,
}

#[derive(miniserde::Deserialize, Default)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

/// Sorts an answer by what to do next. Source: <https://docs.stripe.com/error-low-level>.
pub(super) fn failure_of(what: &str, answer: &Response<Bytes>) -> Failure {
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let body: ErrorAnswer = std::str::from_utf8(answer.body())
        .ok()
        .and_then(|text| miniserde::json::from_str(text).ok())
        .unwrap_or_default();
    let body = body.error.unwrap_or_default();
    let request = header("request-id").unwrap_or("unknown");
    let what = format!("{what}: {status} {}, request {request}", shown(&body));
    let replayed = header("idempotent-replayed") == Some("true");
    let again = !replayed && header("stripe-should-retry") != Some("false");
    let error = match status {
        401 | 403 => StripeError::Barred { what, obstacle: Obstacle::KeyNotPermitted },
        404 => StripeError::NotFound { what },
        400 if is_unknown_customer(&body) => StripeError::NoSuchCustomer { what },
        409 | 424 | 429 | 500.. => {
            let seen = match status {
                429 | 500.. if !replayed => {
                    Seen::Unanswered { retry_after_secs: retry_after(header("retry-after")) }
                }
                _ => Seen::Answered,
            };
            return Failure {
                error: StripeError::Unclear { what, replayed },
                again,
                key_unknown: false,
                seen,
            };
        }
        _ => match obstacle(&body) {
            Some(obstacle) => StripeError::Barred { what, obstacle },
            None => StripeError::Refused { what },
        },
    };
    Failure { error, again: false, key_unknown: status == 401, seen: Seen::Answered }
}

/// The pause that Stripe asks for, where it says it in seconds.
fn retry_after(header: Option<&str>) -> Option<u32> {
    header
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|text| text.parse().unwrap_or(u32::MAX))
}

fn is_unknown_customer(body: &ErrorBody) -> bool {
    body.code.as_deref() == Some("resource_missing") && body.param.as_deref() == Some("customer")
}

/// What stands in the way, where Stripe says it in a form that lasts: its sentences change.
fn obstacle(body: &ErrorBody) -> Option<Obstacle> {
    let param = body.param.as_deref().unwrap_or_default();
    if body.code.as_deref() == Some("amount_too_small") {
        Some(Obstacle::AmountTooSmall)
    } else if param == "currency" || param.ends_with("[currency]") {
        Some(Obstacle::CurrencyNotEnabled)
    } else {
        None
    }
}

/// Code and parameter, and the permission that Stripe misses. Nothing else of its sentence is kept: it may repeat what was
/// sent, which may be a person's.
fn shown(body: &ErrorBody) -> String {
    let code = body.code.as_deref().or(body.kind.as_deref()).unwrap_or("unknown");
    let param = body.param.as_deref().map(|param| format!(" {param}")).unwrap_or_default();
    let missing = body.message.as_deref().and_then(permission_in);
    let missing = missing.map(|permission| format!(", without {permission}")).unwrap_or_default();
    format!("{code}{param}{missing}")
}

/// `rak_plan_write` in a sentence.
fn permission_in(sentence: &str) -> Option<&str> {
    let begin = sentence.find("rak_")?;
    let rest = sentence.get(begin..)?;
    let end =
        rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
    rest.get(..end).filter(|name| name.len() <= 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> StripeError {
        let answer = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        failure_of("POST /invoices", &answer).error
    }

    /// What an account that does not take dinars was seen to answer (<https://github.com/flowcore-io/luttaka-open/issues/100>).
    #[test]
    fn a_currency_that_the_account_does_not_take_is_an_obstacle() {
        let said = r#"{"error":{"message":"Invalid currency: tnd. Stripe accounts in US do not support tnd. Your account currently supports these currencies: usd, aed","param":"currency","type":"invalid_request_error"}}"#;
        let StripeError::Barred { what, obstacle } = failure(400, said) else { panic!("no obstacle") };
        assert_eq!(obstacle, Obstacle::CurrencyNotEnabled);
        assert!(!what.contains("Your account"), "{what}");
        let in_a_line = said.replace("\"currency\"", "\"lines[0][price_data][currency]\"");
        assert!(matches!(
            failure(400, &in_a_line),
            StripeError::Barred { obstacle: Obstacle::CurrencyNotEnabled, .. }
        ));
    }

    #[test]
    fn a_missing_permission_is_named_and_nothing_else_of_the_sentence() {
        let said = r#"{"error":{"type":"invalid_request_error","message":"The provided key 'rk_test_***7890' does not have the required permissions for this endpoint on account 'acct_1'. Having the 'rak_plan_write' permission would allow this request to continue."}}"#;
        let StripeError::Barred { what, obstacle } = failure(403, said) else { panic!("no obstacle") };
        assert_eq!(obstacle, Obstacle::KeyNotPermitted);
        assert!(what.contains("without rak_plan_write"), "{what}");
        assert!(!what.contains("rk_test") && !what.contains("acct_1"), "{what}");
        assert!(matches!(
            failure(401, "no JSON"),
            StripeError::Barred { obstacle: Obstacle::KeyNotPermitted, .. }
        ));
    }

    #[test]
    fn only_what_nobody_would_be_answered_shows_that_stripe_is_away() {
        let seen = |status: u16, header: (&str, &str)| {
            let answer =
                Response::builder().status(status).header(header.0, header.1).body(Bytes::new()).unwrap();
            failure_of("GET /invoices/in_1", &answer).seen
        };
        let none = ("request-id", "req_1");
        for status in [400, 401, 402, 403, 404, 409, 424] {
            assert_eq!(seen(status, none), Seen::Answered, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert_eq!(seen(status, none), Seen::Unanswered { retry_after_secs: None }, "{status}");
            assert_eq!(seen(status, ("idempotent-replayed", "true")), Seen::Answered, "{status} of before");
        }
        for (told, pause) in [
            ("7", Some(7)),
            ("99999999999", Some(u32::MAX)),
            ("-1", None),
            ("Fri, 27 Nov 2026 10:00:00 GMT", None),
            ("", None),
        ] {
            assert_eq!(
                seen(429, ("retry-after", told)),
                Seen::Unanswered { retry_after_secs: pause },
                "{told}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_for_this_time() {
        let small = r#"{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"Amount must convert to at least 50 cents."}}"#;
        assert!(matches!(
            failure(400, small),
            StripeError::Barred { obstacle: Obstacle::AmountTooSmall, .. }
        ));
        let email = r#"{"error":{"type":"invalid_request_error","param":"email","message":"Invalid email address: ani@acme.test"}}"#;
        let StripeError::Refused { what } = failure(400, email) else { panic!("not refused") };
        assert!(!what.contains("acme"), "{what}");
        assert!(matches!(failure(500, "{}"), StripeError::Unclear { .. }));
    }
}
