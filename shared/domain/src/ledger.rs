//! Ledger entries: every change of a balance with its cause.

use std::fmt;
use std::str::FromStr;

use uuid::{Builder, Uuid};

use crate::balance::PLACES;
use crate::{Actor, Channel, Country, Credits, DebitEntry, InvalidId, Timestamp, TopUpId};

/// One change of the balance; never edited, corrected only by a reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    pub at: Timestamp,
    /// Added to the balance; negative where credits leave.
    pub credits: Credits,
    pub kind: EntryKind,
    /// What caused it: the id of a top-up or of a debit.
    pub cause: String,
    /// What was sent, where a message is behind it.
    pub channel: Option<Channel>,
    pub country: Option<Country>,
    pub reference: Option<String>,
    /// Who did it, where it is kept.
    pub actor: Option<Actor>,
}

impl Entry {
    /// Credits spent on one message. It is kept in the shape of a [`DebitEntry`], and this is what it says.
    #[must_use]
    pub fn debit(debit: &DebitEntry) -> Entry {
        let details = debit.details.as_ref();
        Entry {
            id: debit.id.entry(),
            at: debit.id.at(),
            credits: Credits(debit.credits.0.saturating_neg()),
            kind: EntryKind::Debit,
            cause: debit.id.to_string(),
            channel: Some(debit.channel),
            country: details.and_then(|details| details.country.clone()),
            reference: details.and_then(|details| Some(details.reference.as_ref()?.as_str().to_owned())),
            actor: Some(debit.actor.clone()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Credits granted for a paid invoice.
    TopUp,
    /// Credits spent on one message.
    Debit,
    /// Takes back a debit whose message was not sent.
    Reversal,
}

impl EntryKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::TopUp => "top_up",
            EntryKind::Debit => "debit",
            EntryKind::Reversal => "reversal",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<EntryKind> {
        let known = [EntryKind::TopUp, EntryKind::Debit, EntryKind::Reversal];
        known.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A UUIDv7, so that entries sort by time and the month is in the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Uuid);

impl EntryId {
    /// The entry of a top-up credited at `now`; the random part is the top-up's own.
    #[must_use]
    pub fn of_top_up(top_up: &TopUpId, now: Timestamp) -> EntryId {
        let mut random = [0; 10];
        random.copy_from_slice(&top_up.uuid().as_bytes()[6..]);
        EntryId::made_at(now, &random)
    }

    pub(crate) fn made_at(now: Timestamp, random: &[u8; 10]) -> EntryId {
        let ms = u64::try_from(now.ms()).unwrap_or_default();
        EntryId(Builder::from_unix_timestamp_millis(ms, random).into_uuid()).first_of_run()
    }

    /// The first of the 32 ids that share an item: see [`crate::RunId`]. Entries that are no debits are first, so that
    /// each has its item for itself.
    #[must_use]
    pub fn first_of_run(self) -> EntryId {
        let mut bytes = self.0.into_bytes();
        bytes[15] &= !PLACES;
        EntryId(Uuid::from_bytes(bytes))
    }

    pub fn parse(text: &str) -> Result<EntryId, InvalidId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
        if uuid.get_version_num() == 7 && uuid.to_string() == text {
            Ok(EntryId(uuid))
        } else {
            Err(InvalidId)
        }
    }

    /// The id's time.
    #[must_use]
    pub fn at(self) -> Timestamp {
        let bytes = self.0.as_bytes();
        let ms = bytes[..6].iter().fold(0_i64, |ms, byte| (ms << 8) | i64::from(*byte));
        Timestamp::from_ms(ms)
    }

    /// The month that the id's time lies in.
    #[must_use]
    pub fn month(self) -> Month {
        Month::of(self.at())
    }

    pub(crate) fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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
    fn the_entry_of_a_top_up_is_the_same_however_often_it_is_made() {
        let now = Timestamp::parse("2026-11-30T23:59:59.999Z").unwrap();
        let top_up = TopUpId::new(now);
        let id = EntryId::of_top_up(&top_up, now);
        assert_eq!(id, EntryId::of_top_up(&top_up, now));
        assert_ne!(id, EntryId::of_top_up(&TopUpId::new(now), now));
        assert_eq!(id.month().to_string(), "2026-11");
        assert_eq!(EntryId::parse(&id.to_string()), Ok(id));
        assert!(id < EntryId::of_top_up(&top_up, now.plus_secs(1)));
        assert_eq!(id, id.first_of_run());
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
