//! Days and months in UTC, in which budgets count, and what of an entry tells by which it was counted.

use crate::{Month, Timestamp};

/// A day in UTC, as statements have them: the number of days since 1970. 0 is no day in which anything was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

const SECS_OF_A_DAY: i64 = 86_400;

impl Day {
    #[must_use]
    pub fn of(moment: Timestamp) -> Day {
        Day(moment.secs().div_euclid(SECS_OF_A_DAY))
    }

    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(SECS_OF_A_DAY))
    }
}

/// For how long a budget counts before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Day,
    Month,
}

impl Period {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Month => "month",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Period> {
        [Period::Day, Period::Month].into_iter().find(|period| period.as_str() == text)
    }

    /// The first day of the period that this day is of.
    #[must_use]
    pub fn begins(self, day: Day) -> Day {
        match self {
            Period::Day => day,
            Period::Month => Day::of(Month::of(day.start()).start()),
        }
    }

    /// The moment from which on the next period counts.
    #[must_use]
    pub fn ends(self, day: Day) -> Timestamp {
        match self {
            Period::Day => Day(day.0.saturating_add(1)).start(),
            Period::Month => Month::of(day.start()).next().start(),
        }
    }
}

/// Which budgets have counted a debit, and in which day: its entry keeps it, so that what is taken back is counted no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub day: Day,
    /// Of the budgets, in their order; none where none did, or where it is not known.
    pub numbers: Vec<i64>,
}
