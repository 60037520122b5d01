//! Amounts in Stripe's minor units: exponents, limits, exact decimals.

/// Currencies that Stripe counts in whole units.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Smallest charge per currency, in minor units; others count as half a dollar's worth of two-decimal units.
const MINIMUM: [(&str, i64); 8] = [
    ("usd", 50),
    ("eur", 50),
    ("sgd", 50),
    ("aud", 50),
    ("gbp", 30),
    ("jpy", 50),
    ("myr", 200),
    // 0.50 USD at 16 500 rupiah: Stripe judges after conversion, so the exact border moves every day.
    ("idr", 825_000),
];

/// Currencies that Stripe counts in thousandths.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Digits after the decimal point.
pub(crate) fn exponent(currency: &str) -> usize {
    match currency {
        zero if ZERO_DECIMAL.contains(&zero) => 0,
        three if THREE_DECIMAL.contains(&three) => 3,
        _ => 2,
    }
}

pub(crate) fn minimum(currency: &str) -> i64 {
    MINIMUM.iter().find(|(known, _)| *known == currency).map_or(50, |(_, minimum)| *minimum)
}

/// Largest amount: twelve digits of rupiah minor units, eight of any other.
pub(crate) fn maximum(currency: &str) -> i64 {
    if currency == "idr" { 999_999_999_999 } else { 99_999_999 }
}

/// Whether Stripe would know the currency: three lower-case letters are enough here.
pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// A decimal with up to twelve places, as its digits times 10^12.
pub(crate) fn decimal(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 15 || fraction.len() > 12 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let scaled: i128 = format!("{whole}{fraction:0<12}").parse().ok()?;
    Some(sign * scaled)
}

const SCALE: i128 = 1_000_000_000_000;

/// `count` times a [`decimal`], rounded half away from zero.
pub(crate) fn times(decimal: i128, count: i64) -> Option<i64> {
    divide(decimal.checked_mul(i128::from(count))?, SCALE)
}

/// `percentage` (a [`decimal`]) of an amount, rounded half away from zero.
pub(crate) fn percent(amount: i64, percentage: i128) -> Option<i64> {
    divide(i128::from(amount).checked_mul(percentage)?, SCALE * 100)
}

fn divide(value: i128, by: i128) -> Option<i64> {
    let half = by / 2;
    let rounded = if value < 0 { (value - half) / by } else { (value + half) / by };
    i64::try_from(rounded).ok()
}

/// How an amount reads: Indonesian separators and `Rp` for rupiah in Indonesian, a dot and commas in English.
pub(crate) fn readable(amount: i64, currency: &str, indonesian: bool) -> String {
    let exponent = exponent(currency);
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let (group, point) = if indonesian { ('.', ',') } else { (',', '.') };
    // Rupiah has no coins below one: its two decimals are shown only when they say something.
    let bare = exponent == 0 || (currency == "idr" && fraction.bytes().all(|digit| digit == b'0'));
    let fraction = if bare { String::new() } else { format!("{point}{fraction}") };
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}{}{fraction}", symbol(currency), grouped(whole, group))
}

/// How a price with a fraction of a minor unit reads: `12.5` of a dollar's cents is $0.125.
pub(crate) fn readable_decimal(amount: &str, currency: &str, indonesian: bool) -> String {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.parse().unwrap_or(0);
    if fraction.is_empty() {
        return readable(whole, currency, indonesian);
    }
    let exponent = exponent(currency);
    let digits = format!("{:0>width$}", whole, width = exponent + 1);
    let (units, minor) = digits.split_at(digits.len() - exponent);
    let (group, point) = if indonesian { ('.', ',') } else { (',', '.') };
    format!("{}{}{point}{minor}{fraction}", symbol(currency), grouped(units, group))
}

/// Thousands set apart.
pub(crate) fn grouped(digits: &str, separator: char) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

fn symbol(currency: &str) -> String {
    match currency {
        "idr" => "Rp\u{a0}".to_owned(),
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        "sgd" => "S$".to_owned(),
        other => format!("{}\u{a0}", other.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupiah_have_two_decimals_that_are_not_shown() {
        assert_eq!(readable(27_750_000, "idr", true), "Rp\u{a0}277.500");
        assert_eq!(readable(27_750_050, "idr", true), "Rp\u{a0}277.500,50");
        assert_eq!(readable(27_750_000, "idr", false), "Rp\u{a0}277,500");
        assert_eq!(readable(5, "usd", false), "$0.05");
        assert_eq!(readable(-123_456, "usd", false), "-$1,234.56");
        assert_eq!(readable(1_500, "jpy", false), "JPY\u{a0}1,500");
        assert_eq!(readable(1_500, "xpf", false), "XPF\u{a0}1,500");
        assert_eq!(readable(12_340, "kwd", false), "KWD\u{a0}12.340");
    }

    #[test]
    fn fractions_of_a_minor_unit_are_shown_in_full() {
        assert_eq!(readable_decimal("12.5", "usd", false), "$0.125");
        assert_eq!(readable_decimal("25000.50", "idr", true), "Rp\u{a0}250,005");
        assert_eq!(readable_decimal("25000", "idr", true), "Rp\u{a0}250");
        assert_eq!(readable_decimal("1500.25", "jpy", false), "JPY\u{a0}1,500.25");
    }

    #[test]
    fn decimals_multiply_exactly_and_round_half_away_from_zero() {
        assert_eq!(decimal("0.125").and_then(|unit| times(unit, 1_000)), Some(125));
        assert_eq!(decimal("0.5").and_then(|unit| times(unit, 1)), Some(1));
        assert_eq!(decimal("-0.5").and_then(|unit| times(unit, 1)), Some(-1));
        assert_eq!(decimal("11").and_then(|rate| percent(25_000_000, rate)), Some(2_750_000));
        assert_eq!(decimal("1e5"), None);
        assert_eq!(decimal("0.1234567890123"), None);
    }
}
