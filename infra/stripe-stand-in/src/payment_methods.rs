//! What payers pay with, and why an attempt fails.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::dispute_life::DisputeKind;

/// With what a payer pays.
#[derive(Clone)]
pub(crate) enum PaymentMethod {
    /// A transfer to a Virtual Account of the bank.
    VirtualAccount,
    Card {
        brand: &'static str,
        last4: String,
        then: Aftermath,
    },
    /// A card whose issuer wants to see the payer first (3-D Secure).
    ChallengedCard {
        last4: String,
    },
    /// A card that the issuer declines, with Stripe's decline code.
    DeclinedCard {
        decline_code: String,
        last4: String,
    },
}

/// What follows at once on a payment by one of Stripe's test cards.
#[derive(Clone, Copy)]
pub(crate) enum Aftermath {
    Nothing,
    IsDisputed(DisputeKind),
    IsReported,
}

/// What becomes of one of Stripe's test cards.
#[derive(Clone, Copy)]
enum Fate {
    Works(&'static str),
    WorksUntil(Aftermath),
    IsChallenged,
    IsDeclined(&'static str),
}

/// Payment methods that Stripe offers for testing.
const TEST_METHODS: [(&str, Fate, &str); 18] = [
    ("pm_card_visa", Fate::Works("visa"), "4242"),
    ("pm_card_mastercard", Fate::Works("mastercard"), "4444"),
    ("pm_card_amex", Fate::Works("amex"), "8431"),
    ("pm_card_createDispute", Fate::WorksUntil(Aftermath::IsDisputed(DisputeKind::Chargeback)), "0259"),
    ("pm_card_createDisputeInquiry", Fate::WorksUntil(Aftermath::IsDisputed(DisputeKind::Inquiry)), "1976"),
    ("pm_card_createIssuerFraudRecord", Fate::WorksUntil(Aftermath::IsReported), "5423"),
    ("pm_card_authenticationRequired", Fate::IsChallenged, "3184"),
    ("pm_card_authenticationRequiredOnSetup", Fate::IsChallenged, "3155"),
    ("pm_card_threeDSecure2Required", Fate::IsChallenged, "3220"),
    ("pm_card_chargeDeclined", Fate::IsDeclined("generic_decline"), "0002"),
    ("pm_card_visa_chargeDeclined", Fate::IsDeclined("generic_decline"), "0002"),
    ("pm_card_chargeCustomerFail", Fate::IsDeclined("generic_decline"), "0341"),
    ("pm_card_chargeDeclinedInsufficientFunds", Fate::IsDeclined("insufficient_funds"), "9995"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", Fate::IsDeclined("insufficient_funds"), "9995"),
    ("pm_card_chargeDeclinedExpiredCard", Fate::IsDeclined("expired_card"), "0069"),
    ("pm_card_chargeDeclinedIncorrectCvc", Fate::IsDeclined("incorrect_cvc"), "0127"),
    ("pm_card_chargeDeclinedProcessingError", Fate::IsDeclined("processing_error"), "0119"),
    ("pm_card_chargeDeclinedLostCard", Fate::IsDeclined("lost_card"), "9987"),
];

impl PaymentMethod {
    /// One of Stripe's test payment methods.
    pub(crate) fn of_test(id: &str) -> ApiResult<PaymentMethod> {
        let known = TEST_METHODS.iter().find(|(known, _, _)| *known == id);
        let (_, fate, last4) =
            known.ok_or_else(|| ApiError::missing_reference("PaymentMethod", id, "payment_method"))?;
        let last4 = (*last4).to_owned();
        Ok(match fate {
            Fate::Works(brand) => PaymentMethod::Card { brand, last4, then: Aftermath::Nothing },
            Fate::WorksUntil(then) => PaymentMethod::Card { brand: "visa", last4, then: *then },
            Fate::IsChallenged => PaymentMethod::ChallengedCard { last4 },
            Fate::IsDeclined(code) => PaymentMethod::DeclinedCard { decline_code: (*code).to_owned(), last4 },
        })
    }

    /// `payment_method_details` of a charge. How Stripe shows a Virtual Account is unproven: only its type is given.
    pub(crate) fn details(&self) -> Value {
        match self {
            PaymentMethod::VirtualAccount => json!({ "type": "id_bank_transfer" }),
            PaymentMethod::Card { brand, last4, .. } => card_details(brand, last4, &Value::Null),
            PaymentMethod::DeclinedCard { last4, .. } => card_details("visa", last4, &Value::Null),
            PaymentMethod::ChallengedCard { last4 } => card_details("visa", last4, &challenge_passed()),
        }
    }

    /// Why an attempt with it failed.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            PaymentMethod::VirtualAccount => Failure::of_bank(),
            PaymentMethod::ChallengedCard { .. } => Failure::of_challenge(),
            PaymentMethod::Card { .. } => Failure::of_card("generic_decline"),
            PaymentMethod::DeclinedCard { decline_code, .. } => Failure::of_card(decline_code),
        }
    }
}

/// Why an attempt failed, in Stripe's codes and words.
pub(crate) struct Failure {
    pub(crate) code: String,
    decline_code: Option<String>,
    pub(crate) message: &'static str,
    kind: &'static str,
}

impl Failure {
    /// Some decline codes are error codes of their own, the rest are `card_declined`.
    fn of_card(decline_code: &str) -> Failure {
        let own = matches!(decline_code, "expired_card" | "incorrect_cvc" | "processing_error");
        let message = match decline_code {
            "insufficient_funds" => "Your card has insufficient funds.",
            "expired_card" => "Your card has expired.",
            "incorrect_cvc" => "Your card's security code is incorrect.",
            "processing_error" => "An error occurred while processing your card. Try again in a little bit.",
            _ => "Your card was declined.",
        };
        Failure {
            code: if own { decline_code } else { "card_declined" }.to_owned(),
            decline_code: Some(decline_code.to_owned()),
            message,
            kind: "card_error",
        }
    }

    /// A transfer that the bank gave up. Which code Stripe gives it is unproven.
    fn of_bank() -> Failure {
        Failure {
            code: "payment_intent_payment_attempt_failed".to_owned(),
            decline_code: None,
            message: "The payment failed.",
            kind: "invalid_request_error",
        }
    }

    fn of_challenge() -> Failure {
        Failure {
            code: "payment_intent_authentication_failure".to_owned(),
            decline_code: None,
            message: "We are unable to authenticate your payment method. Please choose a different payment method and \
                      try again.",
            kind: "invalid_request_error",
        }
    }

    /// `reason` of a charge's outcome.
    pub(crate) fn reason(&self) -> &str {
        self.decline_code.as_deref().unwrap_or(&self.code)
    }

    /// `last_payment_error` of an intent.
    pub(crate) fn payment_error(&self, charge: &Value) -> Value {
        let mut error = json!({
            "charge": charge["id"], "code": self.code,
            "doc_url": format!("https://stripe.com/docs/error-codes/{}", self.code.replace('_', "-")),
            "message": self.message, "type": self.kind,
        });
        if let Some(decline_code) = &self.decline_code {
            error["advice_code"] = "try_again_later".into();
            error["decline_code"] = decline_code.as_str().into();
        }
        error
    }
}

fn card_details(brand: &str, last4: &str, three_d_secure: &Value) -> Value {
    json!({ "type": "card", "card": {
        "amount_authorized": null, "authorization_code": null, "brand": brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US", "exp_month": 12, "exp_year": 2030, "fingerprint": null, "funding": "credit",
        "installments": null, "last4": last4, "mandate": null, "network": brand, "network_token": null,
        "network_transaction_id": null, "regulated_status": "unregulated", "three_d_secure": three_d_secure,
        "wallet": null,
    } })
}

fn challenge_passed() -> Value {
    json!({
        "authentication_flow": "challenge", "electronic_commerce_indicator": "05",
        "exemption_indicator": null, "result": "authenticated", "result_reason": null, "transaction_id": null,
        "version": "2.2.0",
    })
}
