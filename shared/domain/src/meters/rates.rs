//! Rates: what one unit costs, by class and country, and what units at a rate come to.

use std::collections::BTreeMap;
use std::fmt;

use super::{Channel, Class, Country};
use crate::Credits;

/// Units that one debit is for at the most.
pub const MOST_UNITS: i64 = 1_000_000_000;
/// Credits that one unit costs at the most.
pub const MOST_RATE: i64 = 1_000_000;
/// Credits that one debit is of at the most.
pub const MOST_CREDITS: i64 = 1_000_000_000_000;

/// How much of a meter is used: segments, tokens, seconds. Whole, 1 to [`MOST_UNITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(i64);

impl Units {
    pub const ONE: Units = Units(1);

    #[must_use]
    pub fn new(units: i64) -> Option<Units> {
        (1..=MOST_UNITS).contains(&units).then_some(Units(units))
    }

    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// What they cost at `rate`; `None` for more than [`MOST_CREDITS`], or at no rate that there can be.
    #[must_use]
    pub fn at(self, rate: Credits) -> Option<Credits> {
        if !(0..=MOST_RATE).contains(&rate.0) {
            return None;
        }
        self.0.checked_mul(rate.0).filter(|credits| *credits <= MOST_CREDITS).map(Credits)
    }

    /// The rate at which they cost `credits`; `None` where there is no such whole one.
    #[must_use]
    pub fn rate(self, credits: Credits) -> Option<Credits> {
        let rate = credits.0.checked_div(self.0).map(Credits)?;
        (self.at(rate) == Some(credits)).then_some(rate)
    }
}

impl Default for Units {
    fn default() -> Units {
        Units::ONE
    }
}

/// Which list of rates held: they are numbered as they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RateVersion(pub i64);

/// What something costs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub credits: Credits,
    /// For one unit.
    pub rate: Credits,
    pub version: RateVersion,
}

/// Why something has no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceError {
    /// There is no such meter; these there are.
    UnknownChannel(Vec<Channel>),
    /// The meter has no such class; these it has.
    UnknownClass(Vec<Class>),
    /// So many units at this rate cost more than [`MOST_CREDITS`].
    TooMuch(Credits),
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PriceError::UnknownChannel(known) => write!(f, "no such meter; there are {known:?}"),
            PriceError::UnknownClass(known) => write!(f, "no such class; there are {known:?}"),
            PriceError::TooMuch(rate) => {
                write!(f, "a debit is of {MOST_CREDITS} credits at the most, and one unit costs {rate}")
            }
        }
    }
}

impl std::error::Error for PriceError {}

/// What one unit of a meter costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    pub default: Credits,
    pub by_country: BTreeMap<Country, Credits>,
    pub by_class: BTreeMap<Class, ClassTariff>,
}

/// What one unit of a class costs, where it differs from its meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassTariff {
    pub default: Option<Credits>,
    pub by_country: BTreeMap<Country, Credits>,
}

impl Tariff {
    /// The class's rate for the country, else the class's, else the meter's for the country, else the meter's.
    #[must_use]
    pub fn rate(&self, class: Option<Class>, country: Option<Country>) -> Credits {
        let of_country = |rates: &BTreeMap<Country, Credits>| rates.get(&country?).copied();
        let of_class = class.and_then(|class| {
            let class = self.by_class.get(&class)?;
            of_country(&class.by_country).or(class.default)
        });
        of_class.or_else(|| of_country(&self.by_country)).unwrap_or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_units_cost_is_checked() {
        let cost = |units, rate| Units::new(units).unwrap().at(Credits(rate)).map(|credits| credits.0);
        assert_eq!([cost(1, 0), cost(3, 2), cost(MOST_UNITS, 1_000)], [Some(0), Some(6), Some(MOST_CREDITS)]);
        assert_eq!(cost(1_000_000, MOST_RATE), Some(MOST_CREDITS));
        assert_eq!([cost(1_000_001, MOST_RATE), cost(MOST_UNITS, MOST_RATE)], [None, None]);
        assert_eq!([cost(1, MOST_RATE + 1), cost(1, -1), cost(1, i64::MAX)], [None; 3]);
        assert_eq!([Units::new(0), Units::new(-1), Units::new(MOST_UNITS + 1)], [None; 3]);
    }

    #[test]
    fn the_rate_follows_from_units_and_credits() {
        let rate = |units, credits| Units::new(units).unwrap().rate(Credits(credits)).map(|rate| rate.0);
        assert_eq!([rate(1, 5), rate(3, 6), rate(3, 0)], [Some(5), Some(2), Some(0)]);
        assert_eq!([rate(3, 5), rate(1, -1), rate(1, MOST_RATE + 1)], [None; 3]);
    }
}
