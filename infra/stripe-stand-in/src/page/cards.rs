//! The test cards of the hosted page, and what is checked before one is used.

use crate::api_error::ApiResult;
use crate::form::Params;
use crate::page::words::Words;
use crate::payment_methods::{Aftermath, PaymentMethod};

/// The card whose issuer wants to see the payer first.
const CHALLENGE: &str = "authentication_required";

/// Number, brand, and the decline code of those that are declined.
pub(crate) const TEST_CARDS: [(&str, &str, Option<&str>); 8] = [
    ("4242 4242 4242 4242", "visa", None),
    ("5555 5555 5555 4444", "mastercard", None),
    ("4000 0027 6000 3184", "visa", Some(CHALLENGE)),
    ("4000 0000 0000 0002", "visa", Some("generic_decline")),
    ("4000 0000 0000 9995", "visa", Some("insufficient_funds")),
    ("4000 0000 0000 0069", "visa", Some("expired_card")),
    ("4000 0000 0000 0127", "visa", Some("incorrect_cvc")),
    ("4000 0000 0000 0119", "visa", Some("processing_error")),
];

/// Reads the card form; the inner error is for the person at the form. Only the last four digits go further.
pub(crate) fn read(
    params: &mut Params,
    now: i64,
    words: &Words,
) -> ApiResult<Result<PaymentMethod, &'static str>> {
    let number = digits(params.text("number")?);
    let expiry = digits(params.text("expiry")?);
    let code = digits(params.text("code")?);
    Ok(check(&number, &expiry, &code, now, words))
}

fn check(
    number: &str,
    expiry: &str,
    code: &str,
    now: i64,
    words: &Words,
) -> Result<PaymentMethod, &'static str> {
    if !(13..=19).contains(&number.len()) || !passes_luhn(number) {
        return Err(words.bad_number);
    }
    if !in_future(expiry, now) {
        return Err(words.bad_expiry);
    }
    if !(3..=4).contains(&code.len()) {
        return Err(words.bad_code);
    }
    let same = |known: &str| known.chars().filter(char::is_ascii_digit).eq(number.chars());
    let card = TEST_CARDS.iter().find(|(known, _, _)| same(known));
    let (_, brand, decline) = card.ok_or(words.not_a_test_card)?;
    let last4 = number[number.len() - 4..].to_owned();
    Ok(match decline {
        None => PaymentMethod::Card { brand, last4, then: Aftermath::Nothing },
        Some(code) if *code == CHALLENGE => PaymentMethod::ChallengedCard { last4 },
        Some(decline_code) => PaymentMethod::DeclinedCard { decline_code: (*decline_code).to_owned(), last4 },
    })
}

fn digits(text: Option<String>) -> String {
    text.unwrap_or_default().chars().filter(char::is_ascii_digit).collect()
}

fn passes_luhn(number: &str) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let each = number.chars().rev().enumerate().filter_map(|(place, digit)| {
        let digit = digit.to_digit(10)?;
        Some(if place % 2 == 1 { doubled(digit) } else { digit })
    });
    each.sum::<u32>().is_multiple_of(10)
}

/// Whether `MMYY` or `MMYYYY` is this month or later.
fn in_future(expiry: &str, now: i64) -> bool {
    let Ok(today) = time::UtcDateTime::from_unix_timestamp(now) else { return false };
    let Some((month, year)) = expiry.split_at_checked(2) else { return false };
    let (Ok(month), Ok(year)) = (month.parse::<u8>(), year.parse::<i32>()) else { return false };
    let year = if year < 100 { year + 2_000 } else { year };
    let known = (1..=12).contains(&month) && (2_000..2_100).contains(&year);
    known && (year, month) >= (today.year(), u8::from(today.month()))
}

#[cfg(test)]
mod tests {
    use crate::page::words::ENGLISH;

    const NOVEMBER_2026: i64 = 1_795_000_000;

    #[test]
    fn a_card_is_checked_before_it_is_used() {
        let check = |number: &str, expiry: &str, code: &str| {
            super::check(number, expiry, code, NOVEMBER_2026, &ENGLISH).map(|_| ())
        };
        assert_eq!(check("4242424242424242", "1234", "123"), Ok(()));
        assert_eq!(check("4242424242424241", "1234", "123"), Err(ENGLISH.bad_number));
        assert_eq!(check("4242424242424242", "1026", "123"), Err(ENGLISH.bad_expiry));
        assert_eq!(check("4242424242424242", "1334", "123"), Err(ENGLISH.bad_expiry));
        assert_eq!(check("4242424242424242", "1234", "12"), Err(ENGLISH.bad_code));
        assert_eq!(check("4111111111111111", "1234", "123"), Err(ENGLISH.not_a_test_card));
    }
}
