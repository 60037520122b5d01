//! Ledger entries: every change of a balance with its cause.

use std::fmt;

use uuid::{Builder, Uuid};

use super::Month;
use crate::{
    Actor, Channel, Class, Country, Credits, HeldLine, HowEnded, InvalidId, RateVersion, Timestamp, TopUpId,
    Units,
};

/// One change of the balance; never edited, corrected only by a reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: EntryId,
    /// The id's time, by whose month and day it is kept and counted.
    pub at: Timestamp,
    /// When it was written, by our clock, in whole seconds: of a debit whose id was made earlier, later than `at`.
    pub booked_at: Timestamp,
    /// Added to the balance; negative where credits leave.
    pub credits: Credits,
    pub kind: EntryKind,
    /// What caused it: the id of a top-up, of a debit or of an adjustment.
    pub cause: String,
    /// Who did it; `None` where it is not known.
    pub actor: Option<Actor>,
    /// What was sent, where a message is behind it.
    pub channel: Option<Channel>,
    pub class: Option<Class>,
    pub country: Option<Country>,
    pub reference: Option<String>,
    /// How much of its meter was used, or taken back; 1 where there is no meter.
    pub units: Units,
    /// By which rates; `None` where that is not known, or where there is no meter.
    pub version: Option<RateVersion>,
    /// Of a debit that is a hold.
    pub hold: Option<HeldLine>,
}

impl Entry {
    /// An entry behind which there is no message, booked at its id's time.
    pub(super) fn new(
        id: EntryId,
        at: Timestamp,
        credits: Credits,
        kind: EntryKind,
        cause: &str,
        actor: &Actor,
    ) -> Entry {
        let (cause, actor) = (cause.to_owned(), Some(actor.clone()));
        let booked_at = at.whole_secs();
        Entry {
            id,
            at,
            booked_at,
            credits,
            kind,
            cause,
            actor,
            channel: None,
            class: None,
            country: None,
            reference: None,
            units: Units::ONE,
            version: None,
            hold: None,
        }
    }

    /// Whether it is a hold of which all came back: nothing of its meter was used.
    #[must_use]
    pub fn is_returned(&self) -> bool {
        let how = self.hold.and_then(|hold| hold.ended).map(|(how, _)| how);
        matches!(how, Some(HowEnded::Released | HowEnded::Expired))
    }

    /// How often its meter was used by it: 1 for a debit, -1 for one that was taken back, 0 for all else.
    #[must_use]
    pub fn uses(&self) -> i64 {
        match self.kind {
            EntryKind::Debit => i64::from(!self.is_returned()),
            EntryKind::Reversal => -1,
            EntryKind::TopUp
            | EntryKind::Refund
            | EntryKind::RefundUndone
            | EntryKind::Dispute
            | EntryKind::DisputeUndone
            | EntryKind::Adjustment => 0,
        }
    }

    /// What one unit cost; `None` where there is no meter.
    #[must_use]
    pub fn rate(&self) -> Option<Credits> {
        let charged = Credits(self.credits.0.saturating_abs());
        let credits = self.hold.filter(|_| self.is_returned()).map_or(charged, |hold| hold.held);
        self.channel.and_then(|_| self.units.rate(credits))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// Credits granted for a paid invoice.
    TopUp,
    /// Credits spent on one message.
    Debit,
    /// Takes back a debit whose message was not sent.
    Reversal,
    /// Credits that went with money that was given back.
    Refund,
    /// Takes back a refund that failed.
    RefundUndone,
    /// Credits that went with money that the payer's bank took.
    Dispute,
    /// Takes back a dispute that was won.
    DisputeUndone,
    /// Sets a balance right, by someone's decision.
    Adjustment,
}

impl EntryKind {
    pub const ALL: [EntryKind; 8] = [
        EntryKind::TopUp,
        EntryKind::Debit,
        EntryKind::Reversal,
        EntryKind::Refund,
        EntryKind::RefundUndone,
        EntryKind::Dispute,
        EntryKind::DisputeUndone,
        EntryKind::Adjustment,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::TopUp => "top_up",
            EntryKind::Debit => "debit",
            EntryKind::Reversal => "reversal",
            EntryKind::Refund => "refund",
            EntryKind::RefundUndone => "refund_undone",
            EntryKind::Dispute => "dispute",
            EntryKind::DisputeUndone => "dispute_undone",
            EntryKind::Adjustment => "adjustment",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<EntryKind> {
        EntryKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What tells entries apart that one top-up has in one revision and millisecond.
    fn number(self) -> u8 {
        match self {
            EntryKind::TopUp => 1,
            EntryKind::Debit => 2,
            EntryKind::Reversal => 3,
            EntryKind::Refund => 4,
            EntryKind::RefundUndone => 5,
            EntryKind::Dispute => 6,
            EntryKind::DisputeUndone => 7,
            EntryKind::Adjustment => 8,
        }
    }
}

/// The bits that tell an id's place in its run: see [`crate::RunId`].
pub(crate) const PLACES: u8 = 0x1f;
/// No id that a sender may choose has this bit behind the first one.
const HOLD_VARIANT: u8 = 0x40;

/// A UUIDv7, so that entries sort by time and the month is in the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Uuid);

impl EntryId {
    /// An id of `now` whose random part is the top-up's own.
    #[must_use]
    pub fn of_top_up(top_up: &TopUpId, now: Timestamp) -> EntryId {
        let mut random = [0; 10];
        random.copy_from_slice(&top_up.uuid().as_bytes()[6..]);
        EntryId::made_at(now, &random)
    }

    /// The same id for what is posted over a revision of the row: each kind and revision has another one, and the same
    /// again has the same.
    #[must_use]
    pub(super) fn posted_as(self, kind: EntryKind, revision: i64) -> EntryId {
        let mut bytes = self.0.into_bytes();
        for (byte, of_revision) in bytes[9..13].iter_mut().zip(&revision.to_be_bytes()[4..]) {
            *byte ^= of_revision;
        }
        bytes[13] ^= kind.number();
        EntryId(Uuid::from_bytes(bytes))
    }

    /// The entry of a hold whose id would be this one as a debit's: holds and debits have no entry in common, whatever ids
    /// their senders choose. The bits of the variant tell them apart, so that the time stays the same.
    #[must_use]
    pub fn of_hold(self) -> EntryId {
        let mut bytes = self.0.into_bytes();
        bytes[8] |= HOLD_VARIANT;
        EntryId(Uuid::from_bytes(bytes))
    }

    /// The id that a hold's entry was made from; `None` for any other entry.
    #[must_use]
    pub fn hold(self) -> Option<EntryId> {
        let mut bytes = self.0.into_bytes();
        let is_hold = bytes[8] >= 0x80 && bytes[8] & HOLD_VARIANT != 0;
        bytes[8] &= !HOLD_VARIANT;
        is_hold.then(|| EntryId(Uuid::from_bytes(bytes)))
    }

    pub(crate) fn made_at(now: Timestamp, random: &[u8; 10]) -> EntryId {
        let ms = u64::try_from(now.ms()).unwrap_or_default();
        EntryId(Builder::from_unix_timestamp_millis(ms, random).into_uuid()).first_of_run()
    }

    /// The first id that there can be of this moment.
    #[must_use]
    pub fn first_at(moment: Timestamp) -> EntryId {
        EntryId::made_at(moment, &[0; 10])
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
    fn holds_and_debits_have_no_entry_in_common() {
        let id = EntryId::parse("019ab0f2-6c40-7a11-bb22-334455667788").unwrap();
        let hold = id.of_hold();
        assert_eq!(hold.to_string(), "019ab0f2-6c40-7a11-fb22-334455667788");
        assert_eq!((hold.hold(), id.hold()), (Some(id), None));
        assert_eq!((hold.at(), EntryId::parse(&hold.to_string())), (id.at(), Ok(hold)));
        assert!(crate::DebitId::parse(&hold.to_string()).is_err(), "no sender can choose it");
    }

    #[test]
    fn every_posting_of_a_top_up_has_an_entry_of_its_own() {
        let now = Timestamp::parse("2026-11-30T23:59:59.999Z").unwrap();
        let top_up = EntryId::of_top_up(&TopUpId::new(now), now);
        let ids: BTreeSet<_> = (1..200)
            .flat_map(|revision| EntryKind::ALL.map(|kind| top_up.posted_as(kind, revision)))
            .collect();
        assert_eq!(ids.len(), 199 * EntryKind::ALL.len());
        for id in ids {
            assert_eq!((id.at(), id.first_of_run()), (now, id));
            assert_eq!(EntryId::parse(&id.to_string()), Ok(id));
        }
    }
}
