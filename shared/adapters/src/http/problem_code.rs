//! Every way in which a call is refused: the one list of codes, each with its status and title.

use std::fmt;

use lambda_http::http::StatusCode;

macro_rules! problem_codes {
    ($($variant:ident = $status:literal $code:literal $title:literal,)*) => {
        /// What a refusal is, stable for clients: they may decide by it. `docs/api.md` says when each one is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemCode {
            $($variant,)*
        }

        impl ProblemCode {
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$variant,)*];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ProblemCode::$variant => $code,)*
                }
            }

            /// The HTTP status that always comes with it.
            #[must_use]
            pub fn status(self) -> StatusCode {
                let status: u16 = match self {
                    $(ProblemCode::$variant => $status,)*
                };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The status in words, which is what RFC 9457 asks of a problem without a page of its own.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(ProblemCode::$variant => $title,)*
                }
            }
        }
    };
}

problem_codes! {
    InvalidRequest = 400 "invalid_request" "Bad Request",
    IdempotencyKeyMissing = 400 "idempotency_key_missing" "Bad Request",
    InvalidCursor = 400 "invalid_cursor" "Bad Request",
    InvalidSignature = 400 "invalid_signature" "Bad Request",
    Unauthorized = 401 "unauthorized" "Unauthorized",
    InsufficientCredits = 402 "insufficient_credits" "Payment Required",
    BudgetExceeded = 402 "budget_exceeded" "Payment Required",
    OrganisationRequired = 403 "organisation_required" "Forbidden",
    SubjectInvalid = 403 "subject_invalid" "Forbidden",
    PermissionRequired = 403 "permission_required" "Forbidden",
    NotFound = 404 "not_found" "Not Found",
    TopUpNotFound = 404 "top_up_not_found" "Not Found",
    OrganisationNotFound = 404 "organisation_not_found" "Not Found",
    DebitNotFound = 404 "debit_not_found" "Not Found",
    HoldNotFound = 404 "hold_not_found" "Not Found",
    AdjustmentNotFound = 404 "adjustment_not_found" "Not Found",
    MethodNotAllowed = 405 "method_not_allowed" "Method Not Allowed",
    OpenTopUpExists = 409 "open_top_up_exists" "Conflict",
    PriceChanged = 409 "price_changed" "Conflict",
    PaymentInProgress = 409 "payment_in_progress" "Conflict",
    AlreadyPaid = 409 "already_paid" "Conflict",
    DebitIdReused = 409 "debit_id_reused" "Conflict",
    DebitReversed = 409 "debit_reversed" "Conflict",
    ReversalWindowOver = 409 "reversal_window_over" "Conflict",
    HoldAlreadyCaptured = 409 "hold_already_captured" "Conflict",
    HoldReleased = 409 "hold_released" "Conflict",
    HoldNotCaptured = 409 "hold_not_captured" "Conflict",
    StatementNotReady = 409 "statement_not_ready" "Conflict",
    CustomerBalanceAtProvider = 409 "customer_balance_at_provider" "Conflict",
    CustomerUnknownAtProvider = 409 "customer_unknown_at_provider" "Conflict",
    CustomerBalanceChanged = 409 "customer_balance_changed" "Conflict",
    NotExtendable = 409 "not_extendable" "Conflict",
    NotReleasable = 409 "not_releasable" "Conflict",
    NotRefundable = 409 "not_refundable" "Conflict",
    RefundRefused = 409 "refund_refused" "Conflict",
    SecondPersonRequired = 409 "second_person_required" "Conflict",
    AdjustmentPosted = 409 "adjustment_posted" "Conflict",
    SettingsChanged = 412 "settings_changed" "Precondition Failed",
    PayloadTooLarge = 413 "payload_too_large" "Payload Too Large",
    CreditsBelowMinimum = 422 "credits_below_minimum" "Unprocessable Entity",
    CreditsAboveMaximum = 422 "credits_above_maximum" "Unprocessable Entity",
    BillingEmailRequired = 422 "billing_email_required" "Unprocessable Entity",
    CurrencyNotSold = 422 "currency_not_sold" "Unprocessable Entity",
    CurrencyNotEnabled = 422 "currency_not_enabled" "Unprocessable Entity",
    AmountBelowProviderMinimum = 422 "amount_below_provider_minimum" "Unprocessable Entity",
    IdempotencyKeyReused = 422 "idempotency_key_reused" "Unprocessable Entity",
    UnknownChannel = 422 "unknown_channel" "Unprocessable Entity",
    UnknownClass = 422 "unknown_class" "Unprocessable Entity",
    MaxCreditsExceeded = 422 "max_credits_exceeded" "Unprocessable Entity",
    MoreThanHeld = 422 "more_than_held" "Unprocessable Entity",
    TooManyBudgets = 422 "too_many_budgets" "Unprocessable Entity",
    InvalidSettings = 422 "invalid_settings" "Unprocessable Entity",
    TooManyRequests = 429 "too_many_requests" "Too Many Requests",
    ProviderKeyNotPermitted = 500 "provider_key_not_permitted" "Internal Server Error",
    WebhookSecretMissing = 503 "webhook_secret_missing" "Service Unavailable",
    TooManyDebits = 503 "too_many_debits" "Service Unavailable",
    PaymentProviderUnavailable = 503 "payment_provider_unavailable" "Service Unavailable",
    TemporarilyUnavailable = 503 "temporarily_unavailable" "Service Unavailable",
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_code_with_the_title_of_its_status() {
        for (at, code) in ProblemCode::ALL.iter().enumerate() {
            assert_eq!(code.status().canonical_reason(), Some(code.title()), "{code}");
            let twin = ProblemCode::ALL.iter().position(|other| other.as_str() == code.as_str());
            assert_eq!(twin, Some(at), "{code}");
        }
    }
}
