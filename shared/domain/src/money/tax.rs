//! Tax: a rate without floating point, the part of the price that it is taken of, and the tax on an amount.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A tax rate with at most four decimals, kept as a whole number of ten-thousandths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxPercent(i64);

const PERCENT_SCALE: i64 = 10_000;

impl TaxPercent {
    /// Reads `11` or `7.25`: 0 to 100, at most four decimals, as providers take.
    #[must_use]
    pub fn parse(text: &str) -> Option<TaxPercent> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(fraction, 4) {
            return None;
        }
        let fraction: i64 = format!("{fraction:0<4}").parse().ok()?;
        let scaled = whole.parse::<i64>().ok()? * PERCENT_SCALE + fraction;
        (scaled <= 100 * PERCENT_SCALE).then_some(TaxPercent(scaled))
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The tax on an amount, rounded half up to a multiple of `step` minor units; `None` when it does not fit.
    pub(super) fn of(self, minor_units: i64, step: i64) -> Option<i64> {
        round_to_step(minor_units, self.0, 100 * PERCENT_SCALE, step)
    }
}

/// The part of a price that tax is taken of, where the law names another base than the price itself.
///
/// Above 0 and not above 1. Indonesia's VAT (PPN) is 12 % of the *nilai lain*, 11/12 of the price, for all but luxury goods:
/// PMK 131/2024, article 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxBase {
    numerator: i64,
    denominator: i64,
}

impl TaxBase {
    /// Reads `11/12`: whole numbers of at most four digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<TaxBase> {
        let number = |part: &str| {
            let plain = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<i64>().ok().filter(|number| plain && *number > 0)
        };
        let (numerator, denominator) = text.split_once('/')?;
        let base = TaxBase { numerator: number(numerator)?, denominator: number(denominator)? };
        (base.numerator <= base.denominator).then_some(base)
    }

    /// That part of an amount, rounded half up to a multiple of `step` minor units; `None` when it does not fit.
    pub(super) fn of(self, minor_units: i64, step: i64) -> Option<i64> {
        round_to_step(minor_units, self.numerator, self.denominator, step)
    }
}

/// `amount x numerator / denominator`, rounded half up to a multiple of `step`; `None` when it does not fit.
fn round_to_step(amount: i64, numerator: i64, denominator: i64, step: i64) -> Option<i64> {
    let divisor = i128::from(denominator) * i128::from(step);
    let steps = (i128::from(amount) * i128::from(numerator) + divisor / 2) / divisor;
    i64::try_from(steps * i128::from(step)).ok()
}

impl fmt::Display for TaxBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl Serialize for TaxBase {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaxBase {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TaxBase::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("tax_base is text like \"11/12\", above 0 and not above 1")
        })
    }
}

impl fmt::Display for TaxPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / PERCENT_SCALE, self.0 % PERCENT_SCALE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:04}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Serialize for TaxPercent {
    /// As a JSON number.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TaxPercent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TaxPercent::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("tax_percent is text like \"11\" or \"7.25\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_rounds_half_up_and_prints_as_it_was_written() {
        assert_eq!(TaxPercent::parse("7.25").unwrap().of(2_000, 1), Some(145));
        assert_eq!(TaxPercent::parse("50").unwrap().of(1, 1), Some(1));
        assert_eq!(TaxPercent::parse("11").unwrap().of(25_025_000, 100), Some(2_752_800));
        for text in ["0", "11", "7.25", "0.0001", "100"] {
            assert_eq!(TaxPercent::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "-1", "100.0001", "101", "1.23456", "1e1", "1.", ".5", "1,5"] {
            assert_eq!(TaxPercent::parse(text), None, "{text}");
        }
        assert_eq!(serde_json::to_string(&TaxPercent::parse("7.25").unwrap()).unwrap(), "7.25");
    }

    #[test]
    fn another_base_is_a_part_of_the_price_rounded_half_up() {
        let base = TaxBase::parse("11/12").unwrap();
        assert_eq!(base.of(25_075_000, 100), Some(22_985_400));
        assert_eq!(base.of(6, 1), Some(6), "5.5 is rounded up");
        assert_eq!(base.of(600, 100), Some(600), "5.5 steps are rounded up");
        assert_eq!(TaxBase::parse("9999/9999").unwrap().of(i64::MAX, 1), Some(i64::MAX));
        assert_eq!(base.to_string(), "11/12");
        assert_eq!(serde_json::to_string(&base).unwrap(), "\"11/12\"");
        for text in [
            "", "11", "0/12", "0/0", "1/0", "13/12", "-11/12", "11/-12", "11/12/13", "+1/2", "1.5/2", "/",
            "1/20000",
        ] {
            assert_eq!(TaxBase::parse(text), None, "{text}");
        }
    }
}
