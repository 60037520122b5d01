//! Moments in UTC.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, Weekday};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999, so that every timestamp has a four-digit year and sorts as text.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The moment, brought into the years 1970 to 9999.
    #[must_use]
    pub fn from_ms(ms: i64) -> Timestamp {
        Timestamp(ms.clamp(0, LAST_MS))
    }

    #[must_use]
    pub fn from_secs(secs: i64) -> Timestamp {
        Timestamp::from_ms(secs.saturating_mul(1000))
    }

    /// The first moment of a day; of one that there is not, the first moment of 1970.
    #[must_use]
    pub(crate) fn of_day(year: i32, month: u8, day: u8) -> Timestamp {
        let date =
            time::Month::try_from(month).and_then(|month| time::Date::from_calendar_date(year, month, day));
        date.map_or(Timestamp(0), |date| Timestamp::from_secs(date.midnight().assume_utc().unix_timestamp()))
    }

    #[must_use]
    pub fn ms(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn secs(self) -> i64 {
        self.0 / 1000
    }

    /// The beginning of its second.
    #[must_use]
    pub fn whole_secs(self) -> Timestamp {
        Timestamp::from_secs(self.secs())
    }

    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Timestamp {
        Timestamp::from_ms(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// The same time of day so many working days later: Saturdays and Sundays, in UTC, are passed over; holidays are not known.
    #[must_use]
    pub fn plus_working_days(self, days: u8) -> Timestamp {
        let mut moment = self;
        let mut left = days;
        while left > 0 {
            moment = moment.plus_secs(24 * 3600);
            let weekend = matches!(moment.date_time().weekday(), Weekday::Saturday | Weekday::Sunday);
            left -= u8::from(!weekend && moment > self);
            if moment.0 == LAST_MS {
                break;
            }
        }
        moment
    }

    /// Whole seconds from `earlier` to here; negative when `earlier` is later.
    #[must_use]
    pub fn secs_since(self, earlier: Timestamp) -> i64 {
        (self.0 - earlier.0) / 1000
    }

    /// RFC 3339 in UTC: `2026-11-23T13:52:08Z`, with milliseconds where there are any.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.date_time().format(&Rfc3339).unwrap_or_default()
    }

    /// Year and month.
    #[must_use]
    pub fn year_month(self) -> (i32, u8) {
        let date = self.date_time().date();
        (date.year(), u8::from(date.month()))
    }

    /// The day in UTC: `2026-11-23`.
    #[must_use]
    pub fn date(self) -> String {
        self.date_time().date().to_string()
    }

    /// The moment written in RFC 3339, or `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let ms = moment.unix_timestamp_nanos() / 1_000_000;
        i64::try_from(ms).ok().map(Timestamp::from_ms)
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes() {
        let moment = Timestamp::from_ms(1_795_441_928_123);
        assert_eq!(moment.rfc3339(), "2026-11-23T13:52:08.123Z");
        assert_eq!(moment.date(), "2026-11-23");
        assert_eq!(Timestamp::parse(&moment.rfc3339()), Some(moment));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        assert_eq!(Timestamp::from_secs(i64::MAX).rfc3339(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_ms(i64::MIN).plus_secs(i64::MIN), Timestamp::from_ms(0));
    }

    #[test]
    fn a_working_day_is_no_saturday_and_no_sunday() {
        let at = |text| Timestamp::parse(text).unwrap();
        for (from, days, to) in [
            ("2026-11-26T10:00:00Z", 2, "2026-11-30T10:00:00Z"),
            ("2026-11-27T10:00:00Z", 1, "2026-11-30T10:00:00Z"),
            ("2026-11-28T10:00:00Z", 1, "2026-11-30T10:00:00Z"),
            ("2026-11-23T10:00:00Z", 2, "2026-11-25T10:00:00Z"),
            ("2026-11-29T10:00:00Z", 0, "2026-11-29T10:00:00Z"),
        ] {
            assert_eq!(at(from).plus_working_days(days), at(to), "{days} from {from}");
        }
        assert_eq!(Timestamp::from_ms(LAST_MS).plus_working_days(9), Timestamp::from_ms(LAST_MS));
    }
}
