//! Stripe's exponents, which are not always ISO's, and its limits.

use saldo_domain::{Currency, Limits};

/// What Stripe takes.
pub const LIMITS: Limits = Limits { payable_step, smallest_amount, largest_amount };

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

/// The currency as async-stripe writes it.
pub(super) fn currency_of(currency: Currency) -> stripe_types::Currency {
    let code = currency.as_str().to_ascii_lowercase();
    code.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
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

/// The smallest charge in minor units: an invoice below it is marked as paid, and its amount becomes a debt of the customer
/// that spoils the next one.
///
/// Stripe judges after conversion into the currency of the account, so that only currencies which it names are known
/// beforehand; rupiah are taken at 16,500 to the dollar. `smallest_total` in the price list goes before. Source:
/// <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>.
fn smallest_amount(currency: Currency) -> i64 {
    match currency.as_str() {
        "USD" | "EUR" | "SGD" | "AUD" | "CAD" | "CHF" | "NZD" | "JPY" => 50,
        "GBP" => 30,
        "MYR" => 200,
        "IDR" => 825_000,
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
    use saldo_domain::PriceList;

    use super::*;

    #[test]
    fn what_stripe_would_mark_as_paid_without_money_is_not_sold() {
        let with = |currency: &str, unit_price: i64, minimum: i64, more: &str| {
            let price = format!(
                r#"{{"unit_price":{unit_price},"tax_percent":"0","minimum_credits":{minimum},"maximum_credits":1000,
                "presets":[{minimum}],"low_below":1{more}}}"#
            );
            let text = format!(
                r#"{{"version":"v1","default_currency":"{currency}","currencies":{{"{currency}":{price}}}}}"#
            );
            PriceList::from_json(&text, LIMITS).map(drop).map_err(|error| error.0)
        };
        let list = |currency, unit_price, minimum| with(currency, unit_price, minimum, "");
        let refused = |currency| {
            Err(format!("{currency}: minimum_credits costs less than the provider charges in {currency}"))
        };
        assert_eq!(list("USD", 1, 10), refused("USD"), "ten times one cent");
        assert_eq!(list("USD", 1, 49), refused("USD"));
        assert_eq!(list("USD", 1, 50), Ok(()));
        assert_eq!(list("IDR", 25_000, 32), refused("IDR"), "Rp 8,000");
        assert_eq!(list("IDR", 25_000, 33), Ok(()));
        let from_now_on = r#","smallest_total":900000"#;
        assert_eq!(
            with("IDR", 25_000, 35, from_now_on),
            refused("IDR"),
            "Rp 8,750, and the rupiah has fallen"
        );
        assert_eq!(with("IDR", 25_000, 36, from_now_on), Ok(()));
        assert_eq!(with("IDR", 25_000, 32, r#","smallest_total":800000"#), Ok(()));
        assert!(with("IDR", 25_000, 33, r#","smallest_total":0"#).is_err());
    }

    #[test]
    fn exponents_are_stripes_not_isos() {
        for (code, decimals) in
            [("IDR", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("ISK", 2), ("UGX", 2), ("KWD", 3)]
        {
            assert_eq!(exponent(code.parse().unwrap()), decimals, "{code}");
        }
    }
}
