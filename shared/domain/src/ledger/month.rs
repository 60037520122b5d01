//! Months, which ledgers are kept by.

use std::fmt;
use std::str::FromStr;

use crate::{InvalidId, Timestamp};

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

    #[test]
    fn months_are_written_one_way() {
        assert_eq!("2026-11".parse::<Month>().unwrap().digits(), "202611");
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "1969-12", "+026-11", "2026-11-01"]
        {
            assert_eq!(text.parse::<Month>(), Err(InvalidId), "{text}");
        }
    }
}
