//! The account that sells, and how it is set up.

use crate::api_error::{ApiError, ApiResult};
use crate::api_version::API_VERSION;

/// The seller's name, on every invoice.
pub(crate) const NAME: &str = "Saldo";
/// The account's id.
pub(crate) const ID: &str = "acct_1SaldoStandIn";
/// Where it is.
pub(crate) const COUNTRY: &str = "ID";

/// Event types that are delivered; the others are only listed by `GET /v1/events`.
pub const SUBSCRIBED_TYPES: [&str; 20] = [
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.finalization_failed",
    "invoice.overpaid",
    "invoice_payment.paid",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "radar.early_fraud_warning.created",
];

/// What can be set up wrongly about a seller's account and its one webhook endpoint; by default it is all right.
#[derive(Clone, Debug)]
pub struct Seller {
    /// The currencies that it takes, in lower case; `None` takes all that are money.
    pub currencies: Option<Vec<String>>,
    pub charges_enabled: bool,
    /// The endpoint's API version; `None` is the account's default.
    pub api_version: Option<String>,
    /// The event types that the endpoint is told of.
    pub enabled_events: Vec<String>,
    pub endpoint_enabled: bool,
}

impl Default for Seller {
    fn default() -> Seller {
        Seller {
            currencies: None,
            charges_enabled: true,
            api_version: Some(API_VERSION.to_owned()),
            enabled_events: SUBSCRIBED_TYPES.map(str::to_owned).to_vec(),
            endpoint_enabled: true,
        }
    }
}

impl Seller {
    /// Whether the endpoint is told of events of this type.
    pub(crate) fn hears_of(&self, kind: &str) -> bool {
        self.endpoint_enabled && self.enabled_events.iter().any(|each| each == kind || each == "*")
    }

    /// Refuses a currency that the account does not take, as an account in the United States was seen to refuse dinars
    /// (<https://github.com/flowcore-io/luttaka-open/issues/100>): without a code.
    pub(crate) fn takes(&self, currency: &str, param: &str) -> ApiResult<()> {
        let known = match &self.currencies {
            Some(known) => known.as_slice(),
            // Beside these, what begins with an X is no money: metals, funds, tests.
            None if !currency.starts_with('x') => return Ok(()),
            None => &["xaf", "xcd", "xcg", "xof", "xpf"].map(str::to_owned),
        };
        if known.iter().any(|each| each == currency) {
            return Ok(());
        }
        let message = format!(
            "Invalid currency: {currency}. Stripe accounts in {COUNTRY} do not support {currency}. Your account currently \
             supports these currencies: {}",
            known.join(", ")
        );
        Err(ApiError::new(400, "invalid_request_error", message).with("param", param))
    }
}
