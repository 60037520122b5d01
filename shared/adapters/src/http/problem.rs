//! Errors as clients see them: RFC 9457 problems with a stable code and words that help.

use lambda_http::Body;
use lambda_http::http::{HeaderValue, Response, header};
use saldo_domain::{Channel, Class, Metric, Obstacle, Permission, QuoteError, measure};
use serde_json::{Map, Value, json};

use super::ProblemCode;
use super::answer::answer;

/// A refusal. Carries nothing internal: every word here is for the person who reads it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: ProblemCode,
    detail: String,
    members: Map<String, Value>,
    retry_after_secs: Option<u32>,
}

impl Problem {
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), members: Map::new(), retry_after_secs: None }
    }

    /// Adds a member beside the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Problem {
        self.members.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, secs: u32) -> Problem {
        self.retry_after_secs = Some(secs);
        self
    }

    /// Names the pause for which the payment provider is left alone, where that is why: who comes earlier is told the same.
    #[must_use]
    pub fn left_alone_for(mut self, secs: Option<u32>) -> Problem {
        if self.code == ProblemCode::PaymentProviderUnavailable {
            self.retry_after_secs = self.retry_after_secs.max(secs);
        }
        self
    }

    /// 400: a field is missing, of another type or out of its form.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Problem {
        Problem::new(ProblemCode::InvalidRequest, detail).with("field", json!(field))
    }

    #[must_use]
    pub fn invalid_cursor() -> Problem {
        let detail = "This cursor is not one that was handed out. Start again without a cursor.";
        Problem::new(ProblemCode::InvalidCursor, detail).with("field", json!("cursor"))
    }

    #[must_use]
    pub fn unauthorized() -> Problem {
        Problem::new(ProblemCode::Unauthorized, "Sign in and try again.")
    }

    #[must_use]
    pub fn permission_required(needed: Permission) -> Problem {
        let permission = needed.as_str();
        let detail = format!(
            "You need the permission {permission}. Ask an administrator of your organisation for it."
        );
        Problem::new(ProblemCode::PermissionRequired, detail).with("permission", json!(permission))
    }

    #[must_use]
    pub fn currency_not_sold(code: &str) -> Problem {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
        let detail = format!("Credits are not sold in {code}. Ask support to change your billing currency.");
        Problem::new(ProblemCode::CurrencyNotSold, detail)
    }

    /// 422: what `field` names is not sold; `known` is all that is.
    #[must_use]
    pub fn unknown_channel(field: &str, known: &[Channel]) -> Problem {
        let known: Vec<_> = known.iter().map(Channel::as_str).collect();
        Problem::new(ProblemCode::UnknownChannel, one_of(field, &known))
            .with("field", json!(field))
            .with("channels", json!(known))
    }

    /// 422: the channel has no such class as `field` names; `known` is all that it has.
    #[must_use]
    pub fn unknown_class(field: &str, known: &[Class]) -> Problem {
        let known: Vec<_> = known.iter().map(Class::as_str).collect();
        let detail =
            if known.is_empty() { "This channel has no classes.".to_owned() } else { one_of(field, &known) };
        Problem::new(ProblemCode::UnknownClass, detail)
            .with("field", json!(field))
            .with("classes", json!(known))
    }

    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Problem {
        let detail = format!("The request body is larger than {} KB.", limit_bytes / 1024);
        Problem::new(ProblemCode::PayloadTooLarge, detail)
    }

    #[must_use]
    pub fn top_up_not_found() -> Problem {
        Problem::new(ProblemCode::TopUpNotFound, "There is no top-up with this id.")
    }

    /// 429: the budget of the organisation, or of the caller, is used up for so many seconds; nothing was done.
    #[must_use]
    pub fn too_many_requests(secs: u32) -> Problem {
        let detail = format!(
            "You or your organisation call more often than is provided for. Nothing was done. Try again in {secs} s."
        );
        Problem::new(ProblemCode::TooManyRequests, detail).retry_after(secs)
    }

    /// 503: Stripe did not do its part; nothing is lost and repeating is safe.
    #[must_use]
    pub fn payment_provider_unavailable() -> Problem {
        let detail = "The payment provider does not answer right now. Nothing was charged. Try again in a few seconds.";
        Problem::new(ProblemCode::PaymentProviderUnavailable, detail).retry_after(5)
    }

    /// 503: our own part did not work; repeating is safe.
    #[must_use]
    pub fn unavailable() -> Problem {
        let detail = "This did not work right now, and nothing was lost. Try again in a few seconds.";
        Problem::new(ProblemCode::TemporarilyUnavailable, detail).retry_after(5)
    }

    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        measure!(Metric::Refusals, 1, self.code.as_str());
        let mut body = json!({
            "type": format!("urn:saldo:problem:{}", self.code),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "code": self.code.as_str(),
            "detail": self.detail,
        });
        if let Value::Object(object) = &mut body {
            object.extend(self.members);
        }
        let mut response = answer(self.code.status(), "application/problem+json", body.to_string());
        if let Some(secs) = self.retry_after_secs {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// Why there is no price.
#[must_use]
pub fn quote_problem(error: QuoteError) -> Problem {
    match error {
        QuoteError::BelowMinimum { minimum } => {
            let detail = format!("The smallest top-up is {minimum} credits.");
            Problem::new(ProblemCode::CreditsBelowMinimum, detail).with("minimum_credits", json!(minimum))
        }
        QuoteError::AboveMaximum { maximum } => {
            let detail = format!("The largest top-up is {maximum} credits.");
            Problem::new(ProblemCode::CreditsAboveMaximum, detail).with("maximum_credits", json!(maximum))
        }
        QuoteError::CurrencyNotSold(currency) => Problem::currency_not_sold(currency.as_str()),
    }
}

/// A sentence that names a few; of many it leaves the list to the member that has them all.
fn one_of(field: &str, known: &[&str]) -> String {
    let member = field.rsplit('.').next().unwrap_or(field);
    let (some, more) = known.split_at(known.len().min(12));
    let rest = if more.is_empty() { String::new() } else { format!(" or {} others", more.len()) };
    format!("{member} is one of {}{rest}.", some.join(", "))
}

/// Why the payment provider sells nothing: the same again does not help, so that no time is named after which it would.
#[must_use]
pub fn obstacle_problem(obstacle: Obstacle) -> Problem {
    let code = match obstacle {
        Obstacle::CustomerBalance => ProblemCode::CustomerBalanceAtProvider,
        Obstacle::CurrencyNotEnabled => ProblemCode::CurrencyNotEnabled,
        Obstacle::AmountTooSmall => ProblemCode::AmountBelowProviderMinimum,
        Obstacle::KeyNotPermitted => ProblemCode::ProviderKeyNotPermitted,
        Obstacle::PayerUnknown => ProblemCode::CustomerUnknownAtProvider,
    };
    Problem::new(code, obstacle_detail(obstacle))
}

/// The same in words that say whom to ask.
pub(super) fn obstacle_detail(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::CustomerBalance => {
            "Your organisation has a balance at the payment provider, which would change what this invoice asks for. Nothing was charged. Ask support to settle the balance, then top up again."
        }
        Obstacle::CurrencyNotEnabled => {
            "The payment provider does not take your currency from this seller yet. Nothing was charged. Ask support to enable it."
        }
        Obstacle::AmountTooSmall => {
            "The payment provider does not charge so small an amount. Nothing was charged. Choose a larger one, or ask support."
        }
        Obstacle::KeyNotPermitted => {
            "The payment provider refuses this system's key. Nothing was charged, and trying again does not help. Ask support: the key has to be mended."
        }
        Obstacle::PayerUnknown => {
            "The payment provider does not know your organisation. Nothing was charged. Ask support."
        }
    }
}
