//! What payers pay with, and the charges and errors that come of it.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::identifier;
use crate::store::Store;

/// With what a payer pays.
pub(crate) enum PaymentMethod {
    /// A transfer to a Virtual Account of the bank.
    VirtualAccount {
        bank: String,
    },
    Card {
        brand: &'static str,
        last4: String,
    },
    /// A card that the issuer declines, with Stripe's decline code.
    DeclinedCard {
        decline_code: String,
        last4: String,
    },
}

/// Payment methods that Stripe offers for testing, and why the last ones are declined.
const TEST_METHODS: [(&str, Option<&str>, &str); 11] = [
    ("pm_card_visa", None, "4242"),
    ("pm_card_mastercard", None, "4444"),
    ("pm_card_amex", None, "8431"),
    ("pm_card_chargeDeclined", Some("generic_decline"), "0002"),
    ("pm_card_visa_chargeDeclined", Some("generic_decline"), "0002"),
    ("pm_card_chargeCustomerFail", Some("generic_decline"), "0341"),
    ("pm_card_chargeDeclinedInsufficientFunds", Some("insufficient_funds"), "9995"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", Some("insufficient_funds"), "9995"),
    ("pm_card_chargeDeclinedExpiredCard", Some("expired_card"), "0069"),
    ("pm_card_chargeDeclinedIncorrectCvc", Some("incorrect_cvc"), "0127"),
    ("pm_card_chargeDeclinedProcessingError", Some("processing_error"), "0119"),
];

/// One of Stripe's test payment methods.
pub(crate) fn test_method(id: &str) -> ApiResult<PaymentMethod> {
    let known = TEST_METHODS.iter().find(|(known, _, _)| *known == id);
    let (_, decline, last4) =
        known.ok_or_else(|| ApiError::missing_reference("PaymentMethod", id, "payment_method"))?;
    let last4 = (*last4).to_owned();
    Ok(match decline {
        None => PaymentMethod::Card { brand: "visa", last4 },
        Some(code) => PaymentMethod::DeclinedCard { decline_code: (*code).to_owned(), last4 },
    })
}

/// The charge of one attempt.
pub(crate) fn charge(store: &Store<'_>, invoice: &Value, intent: &Value, method: &PaymentMethod) -> Value {
    let (details, decline) = match method {
        PaymentMethod::VirtualAccount { bank } => {
            (json!({ "type": "id_bank_transfer", "id_bank_transfer": { "bank": bank } }), None)
        }
        PaymentMethod::Card { brand, last4 } => (card_details(brand, last4), None),
        PaymentMethod::DeclinedCard { decline_code, last4 } => {
            (card_details("visa", last4), Some(decline_code.as_str()))
        }
    };
    let paid = decline.is_none();
    let outcome = match decline {
        None => {
            json!({ "network_status": "approved_by_network", "reason": null, "seller_message": "Payment complete.", "type": "authorized" })
        }
        Some(code) => {
            json!({ "network_status": "declined_by_network", "reason": code, "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined" })
        }
    };
    json!({
        "id": identifier::new("ch_3", 23), "object": "charge", "amount": intent["amount"],
        "amount_captured": if paid { intent["amount"].clone() } else { 0.into() }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": invoice["customer_email"], "name": invoice["customer_name"], "phone": null, "tax_id": null },
        "calculated_statement_descriptor": "SALDO", "captured": paid, "created": store.now,
        "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
        "disputed": false, "failure_balance_transaction": null,
        "failure_code": decline.map(error_code), "failure_message": decline.map(decline_message),
        "fraud_details": {}, "livemode": false, "metadata": {}, "on_behalf_of": null, "outcome": outcome,
        "paid": paid, "payment_intent": intent["id"], "payment_method": identifier::new("pm_1", 23),
        "payment_method_details": details, "radar_options": {}, "receipt_email": null, "receipt_number": null,
        "receipt_url": null, "refunded": false, "review": null, "shipping": null, "source": null,
        "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": if paid { "succeeded" } else { "failed" }, "transfer_data": null, "transfer_group": null,
    })
}

fn card_details(brand: &str, last4: &str) -> Value {
    json!({ "type": "card", "card": {
        "amount_authorized": null, "authorization_code": null, "brand": brand,
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US", "exp_month": 12, "exp_year": 2030, "funding": "credit", "installments": null,
        "last4": last4, "mandate": null, "network": brand, "three_d_secure": null, "wallet": null,
    } })
}

/// `last_payment_error` of an intent after a failed attempt.
pub(crate) fn payment_error(method: &PaymentMethod, charge: &Value) -> Value {
    let PaymentMethod::DeclinedCard { decline_code, .. } = method else {
        return json!({
            "code": "payment_intent_payment_attempt_failed", "charge": charge["id"],
            "doc_url": "https://stripe.com/docs/error-codes/payment-intent-payment-attempt-failed",
            "message": decline_message("payment_intent_payment_attempt_failed"), "type": "invalid_request_error",
        });
    };
    let code = error_code(decline_code);
    json!({
        "advice_code": "try_again_later", "charge": charge["id"], "code": code, "decline_code": decline_code,
        "doc_url": format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")),
        "message": decline_message(decline_code), "type": "card_error",
    })
}

/// Words for a decline code, as Stripe says them.
fn decline_message(decline_code: &str) -> &'static str {
    match decline_code {
        "insufficient_funds" => "Your card has insufficient funds.",
        "expired_card" => "Your card has expired.",
        "incorrect_cvc" => "Your card's security code is incorrect.",
        "processing_error" => "An error occurred while processing your card. Try again in a little bit.",
        "payment_intent_payment_attempt_failed" => "The payment failed.",
        _ => "Your card was declined.",
    }
}

/// Stripe's error code for a decline: some have one of their own, the rest are `card_declined`.
fn error_code(decline_code: &str) -> &str {
    match decline_code {
        "expired_card" | "incorrect_cvc" | "processing_error" => decline_code,
        _ => "card_declined",
    }
}
