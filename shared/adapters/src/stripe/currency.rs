//! Stripe's exponents, which are not always ISO's, and its limits.

use saldo_domain::{Currency, Limits};

/// What Stripe takes.
pub const LIMITS: Limits = Limits { payable_step, largest_amount };

/// Currencies whose API amounts have no decimals.
///
/// Source: <https://docs.stripe.com/currencies#zero-decimal>. ISK and UGX are missing on purpose: Stripe takes them
/// times 100 although they have no sen.
const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Currencies whose API amounts have three decimals. Source: <https://docs.stripe.com/currencies#three-decimal>.
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// How many decimals an amount in minor units has: IDR 2, USD 2, JPY 0, KWD 3.
#[must_use]
pub fn exponent(currency: Currency) -> u32 {
    if ZERO_DECIMAL.contains(&currency.as_str()) {
        0
    } else if THREE_DECIMAL.contains(&currency.as_str()) {
        3
    } else {
        2
    }
}

/// The smallest step, in minor units, that a payer can really pay.
///
/// IDR, ISK and UGX have no coins below the whole unit although the API counts in hundredths, and Stripe wants
/// three-decimal amounts rounded to ten.
fn payable_step(currency: Currency) -> i64 {
    match currency.as_str() {
        "IDR" | "ISK" | "UGX" => 100,
        _ if exponent(currency) == 3 => 10,
        _ => 1,
    }
}

/// The largest amount in minor units that Stripe takes: twelve digits for IDR, eight for the others.
///
/// Source: <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.
fn largest_amount(currency: Currency) -> i64 {
    if currency == Currency::IDR { 999_999_999_999 } else { 99_999_999 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_stripes_not_isos() {
        for (code, decimals) in
            [("IDR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("ISK", 2), ("UGX", 2), ("KWD", 3)]
        {
            assert_eq!(exponent(code.parse().unwrap()), decimals, "{code}");
        }
    }
}
