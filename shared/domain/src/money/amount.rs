//! Amounts of money in minor units.

use serde::Deserialize;

use crate::Currency;

/// An amount in the smallest unit of its currency, as the payment provider counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Money {
    pub currency: Currency,
    pub minor_units: i64,
}

impl Money {
    #[must_use]
    pub fn new(currency: Currency, minor_units: i64) -> Money {
        Money { currency, minor_units }
    }

    /// The amount with a decimal point, for a currency of `exponent` decimals: `277500.00`.
    #[must_use]
    pub fn decimal(self, exponent: u32) -> String {
        let scale = 10_u64.pow(exponent);
        let sign = if self.minor_units < 0 { "-" } else { "" };
        let units = self.minor_units.unsigned_abs();
        if exponent == 0 {
            return format!("{sign}{units}");
        }
        let width = exponent as usize;
        format!("{sign}{}.{:0width$}", units / scale, units % scale)
    }

    /// The sum, or `None` when the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money::new(self.currency, self.minor_units.checked_add(other.minor_units)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        assert_eq!(Money::new(Currency::IDR, 27_750_000).decimal(2), "277500.00");
        assert_eq!(Money::new(Currency::USD, 5).decimal(2), "0.05");
        assert_eq!(Money::new("JPY".parse().unwrap(), 500).decimal(0), "500");
        assert_eq!(Money::new("KWD".parse().unwrap(), -1_500).decimal(3), "-1.500");
        assert_eq!(Money::new(Currency::USD, i64::MIN).decimal(2), "-92233720368547758.08");
    }

    #[test]
    fn different_currencies_do_not_add() {
        assert_eq!(Money::new(Currency::IDR, 1).checked_add(Money::new(Currency::USD, 1)), None);
        assert_eq!(Money::new(Currency::USD, i64::MAX).checked_add(Money::new(Currency::USD, 1)), None);
    }
}
