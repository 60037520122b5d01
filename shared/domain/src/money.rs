//! Amounts of money in Stripe's minor units.

use serde::{Deserialize, Serialize};

use crate::Currency;

/// An amount in Stripe's smallest unit of its currency: 27750000 in IDR is Rp 277.500,00.
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

    /// The amount with a decimal point: `277500.00`.
    #[must_use]
    pub fn decimal(self) -> String {
        let exponent = self.currency.exponent();
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

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Money", 3)?;
        object.serialize_field("currency", &self.currency)?;
        object.serialize_field("minor_units", &self.minor_units)?;
        object.serialize_field("decimal", &self.decimal())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupiah_have_two_decimals_in_minor_units() {
        assert_eq!(Money::new(Currency::IDR, 27_750_000).decimal(), "277500.00");
        assert_eq!(Money::new(Currency::USD, 5).decimal(), "0.05");
        assert_eq!(Money::new("JPY".parse().unwrap(), 500).decimal(), "500");
        assert_eq!(Money::new("KWD".parse().unwrap(), -1_500).decimal(), "-1.500");
        assert_eq!(Money::new(Currency::USD, i64::MIN).decimal(), "-92233720368547758.08");
    }

    #[test]
    fn different_currencies_do_not_add() {
        assert_eq!(Money::new(Currency::IDR, 1).checked_add(Money::new(Currency::USD, 1)), None);
        assert_eq!(Money::new(Currency::USD, i64::MAX).checked_add(Money::new(Currency::USD, 1)), None);
    }
}
