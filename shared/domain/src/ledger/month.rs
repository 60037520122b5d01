//! Months, which ledgers are kept by.

use std::fmt;
use std::str::FromStr;

use crate::{InvalidId, Timestamp};

/// How far a sender's clock may be ahead of ours, in seconds.
pub(crate) const AHEAD_SECS: i64 = 5 * 60;
/// After a month's end, for so long a debit may still come whose id is of that month, in seconds: see
/// [`crate::DebitId::is_timely`].
pub(crate) const LATE_SECS: i64 = 24 * 3600;
/// And for so long after that whatever was begun in time may still be written, by clocks that differ, in seconds.
const CLOCKS_SECS: i64 = 3600;

/// A calendar month in UTC, from 1970-01 to 9999-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u8,
}

impl Month {
    #[must_use]
    pub fn of(moment: Timestamp) -> Month {
        let (year, month) = moment.year_month();
        Month { year, month }
    }

    /// The one after it; the last one, 9999-12, is its own.
    #[must_use]
    pub fn next(self) -> Month {
        match self {
            Month { year: 9999, month: 12.. } => self,
            Month { year, month: 12.. } => Month { year: year + 1, month: 1 },
            Month { year, month } => Month { year, month: month + 1 },
        }
    }

    /// The one before it; the first one, 1970-01, is its own.
    #[must_use]
    pub fn previous(self) -> Month {
        match self {
            Month { year: ..=1970, month: ..=1 } => self,
            Month { year, month: ..=1 } => Month { year: year - 1, month: 12 },
            Month { year, month } => Month { year, month: month - 1 },
        }
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::of_day(self.year, self.month, 1)
    }

    /// Whether an entry of this month may still be written or completed at `now`: until a day after its end.
    #[must_use]
    pub fn takes_changes(self, now: Timestamp) -> bool {
        now <= self.next().start().plus_secs(LATE_SECS)
    }

    /// The moment from which the month can be final, 25 hours after its end: what may still change it has come by then.
    ///
    /// It is final when, at that moment or later, no debit of it is pending any more either: such a one was reserved in
    /// time and abandoned, and whoever asks finishes it first.
    #[must_use]
    pub fn final_from(self) -> Timestamp {
        self.next().start().plus_secs(LATE_SECS + CLOCKS_SECS)
    }

    /// The last month that an id may be of at `now`: in the last minutes of a month, as senders' clocks may be ahead, the
    /// next one.
    #[must_use]
    pub fn latest(now: Timestamp) -> Month {
        Month::of(now.plus_secs(AHEAD_SECS))
    }

    /// `202611`, as table keys have it.
    #[must_use]
    pub fn digits(self) -> String {
        format!("{:04}{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = InvalidId;

    /// Reads `2026-11`.
    fn from_str(text: &str) -> Result<Month, InvalidId> {
        let (year, month) = text.split_once('-').ok_or(InvalidId)?;
        let number = |part: &str, digits| {
            let fits = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| part.parse::<i32>().ok()).flatten().ok_or(InvalidId)
        };
        let (year, month) = (number(year, 4)?, number(month, 2)?);
        if year < 1970 || !(1..=12).contains(&month) {
            return Err(InvalidId);
        }
        Ok(Month { year, month: u8::try_from(month).map_err(|_| InvalidId)? })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DebitId, EntryId};

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_month_can_be_final_a_day_and_an_hour_after_its_end() {
        for (month, from) in [
            ("2026-11", "2026-12-02T01:00:00Z"),
            ("2026-12", "2027-01-02T01:00:00Z"),
            ("2028-02", "2028-03-02T01:00:00Z"),
        ] {
            assert_eq!(month.parse::<Month>().unwrap().final_from(), moment(from), "{month}");
        }
        let last: Month = "9999-12".parse().unwrap();
        assert_eq!(last.next(), last);
    }

    #[test]
    fn the_month_before_is_the_one_whose_next_it_is() {
        for (month, before) in [("2026-11", "2026-10"), ("2027-01", "2026-12"), ("1970-01", "1970-01")] {
            assert_eq!(month.parse::<Month>().unwrap().previous(), before.parse().unwrap(), "{month}");
        }
    }

    #[test]
    fn what_no_id_can_change_any_more_is_final() {
        let november: Month = "2026-11".parse().unwrap();
        let last =
            DebitId::parse(&EntryId::made_at(moment("2026-11-30T23:59:59.999Z"), &[0x80; 10]).to_string());
        let last = last.unwrap();
        assert_eq!(last.entry().month(), november);
        let over = moment("2026-12-02T00:00:01Z");
        assert!(!last.is_timely(over) && !november.takes_changes(over));
        assert!(november.takes_changes(moment("2026-12-02T00:00:00Z")));
        // A clock that is this much behind still lets it pass.
        assert!(november.final_from().secs_since(over) >= CLOCKS_SECS - 1);
    }

    #[test]
    fn months_are_written_one_way() {
        assert_eq!("2026-11".parse::<Month>().unwrap().digits(), "202611");
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "1969-12", "+026-11", "2026-11-01"]
        {
            assert_eq!(text.parse::<Month>(), Err(InvalidId), "{text}");
        }
    }
}
