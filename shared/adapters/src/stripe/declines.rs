//! Stripe's decline codes, in words that help the payer.

use saldo_domain::{PaymentFailure, Timestamp};

/// Decline codes with words for the payer. Source: <https://docs.stripe.com/declines/codes>.
///
/// Codes that tell of suspicion (`fraudulent`, `lost_card`, `stolen_card`, `pickup_card`) are missing on purpose: Stripe
/// asks to show them as a plain decline.
const WORDS: [(&str, &str); 17] = [
    ("insufficient_funds", "The card does not have enough funds. Use another card or try again later."),
    ("withdrawal_count_limit_exceeded", "The card's limit is used up. Use another card or try again later."),
    ("card_velocity_exceeded", "The card's limit is used up. Use another card or try again later."),
    ("expired_card", "The card has expired. Use another card."),
    ("incorrect_cvc", "The security code is wrong. Check it and try again."),
    ("invalid_cvc", "The security code is wrong. Check it and try again."),
    ("incorrect_number", "The card number is wrong. Check it and try again."),
    ("invalid_number", "The card number is wrong. Check it and try again."),
    ("invalid_expiry_month", "The expiry date is wrong. Check it and try again."),
    ("invalid_expiry_year", "The expiry date is wrong. Check it and try again."),
    (
        "authentication_required",
        "The bank wants you to confirm the payment. Try again and follow the bank's steps.",
    ),
    (
        "payment_intent_authentication_failure",
        "The bank could not confirm it was you. Try again or use another card.",
    ),
    ("currency_not_supported", "The card does not support this currency. Use another card."),
    ("card_not_supported", "The card does not support this purchase. Use another card."),
    ("processing_error", "The bank could not process the payment. Try again in a few minutes."),
    ("issuer_not_available", "The bank could not be reached. Try again in a few minutes."),
    ("card_declined", "The bank declined the card. Use another card or ask the bank."),
];

const PLAIN_DECLINE: &str = "card_declined";

/// Codes that must look like a plain decline.
const HIDDEN: [&str; 9] = [
    "generic_decline",
    "do_not_honor",
    "fraudulent",
    "lost_card",
    "stolen_card",
    "pickup_card",
    "merchant_blacklist",
    "restricted_card",
    "security_violation",
];

/// Words for Stripe's `decline_code` (more exact) or `code`; `payment_failed` where we know neither.
pub(super) fn failure(decline_code: Option<&str>, code: Option<&str>, at: Timestamp) -> PaymentFailure {
    let known = [decline_code, code].into_iter().flatten().find_map(words_for);
    let (code, detail) = known.unwrap_or((
        "payment_failed",
        "The payment did not go through. Try again or choose another way to pay.",
    ));
    PaymentFailure { code: code.to_owned(), detail: detail.to_owned(), at }
}

fn words_for(code: &str) -> Option<(&'static str, &'static str)> {
    let shown = if HIDDEN.contains(&code) { PLAIN_DECLINE } else { code };
    WORDS.iter().find(|(known, _)| *known == shown).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(decline_code: Option<&str>, code: Option<&str>) -> String {
        failure(decline_code, code, Timestamp::from_ms(0)).code
    }

    #[test]
    fn the_more_exact_code_wins_and_suspicion_is_not_told() {
        assert_eq!(code_of(Some("insufficient_funds"), Some("card_declined")), "insufficient_funds");
        assert_eq!(code_of(Some("stolen_card"), Some("card_declined")), "card_declined");
        assert_eq!(code_of(Some("a_code_of_2030"), Some("card_declined")), "card_declined");
        assert_eq!(code_of(None, Some("a_code_of_2030")), "payment_failed");
        assert_eq!(code_of(None, None), "payment_failed");
    }
}
