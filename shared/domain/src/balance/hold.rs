//! A hold: credits taken for the most that a thing can cost, before it is known what it does cost.

use super::charge::{Charge, ChargedAs};
use crate::{Channel, Class, Country, Credits, PriceError, RateVersion, Timestamp, Units};

/// For how long credits are held when nothing else is asked for, in seconds: a day.
pub const HOLD_SECS: i64 = 24 * 3600;
/// For how long they are held at the most, from the id's time on, in seconds: seven days.
pub const MOST_HOLD_SECS: i64 = 7 * 24 * 3600;
/// For how long they are held at the least, in seconds.
pub const LEAST_HOLD_SECS: i64 = 60;
/// For how long its sender may use a quota at the most, in seconds: it is held for twice as long.
pub const MOST_VALID_SECS: i64 = MOST_HOLD_SECS / 2;
/// For how long after its end a quota's sender may still report what it used, in seconds: 30 days.
pub const REPORTED_WITHIN_SECS: i64 = 30 * 86_400;

/// What becomes of a hold that nobody has ended at its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtEnd {
    /// All of it comes back.
    #[default]
    Release,
    /// All of it is charged.
    Capture,
}

/// Until when credits are held, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTerms {
    /// In whole seconds.
    pub ends_at: Timestamp,
    pub at_end: AtEnd,
    /// Of a quota: until when its sender spends it on its own, in whole seconds; what it used may be reported after the end.
    pub valid_until: Option<Timestamp>,
}

impl HoldTerms {
    /// Held for so many seconds from `now` on, and no longer than a hold is whose id was made at `made`.
    #[must_use]
    pub fn lasting(made: Timestamp, now: Timestamp, secs: i64, at_end: AtEnd) -> HoldTerms {
        let latest = made.whole_secs().plus_secs(MOST_HOLD_SECS);
        HoldTerms { ends_at: now.whole_secs().plus_secs(secs).min(latest), at_end, valid_until: None }
    }

    /// A quota that its sender may use for so many seconds from `now` on, held for twice as long; no longer than a hold is whose
    /// id was made at `made`.
    #[must_use]
    pub fn quota(made: Timestamp, now: Timestamp, valid_secs: i64, at_end: AtEnd) -> HoldTerms {
        let until = HoldTerms::lasting(made, now, valid_secs, at_end).ends_at;
        HoldTerms { valid_until: Some(until), ..HoldTerms::lasting(made, now, 2 * valid_secs, at_end) }
    }

    /// Whether it is a quota: its sender spends it on its own, and reports what it used.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        self.valid_until.is_some()
    }
}

/// How a hold was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowEnded {
    /// Some of it or all was charged.
    Captured,
    /// All came back, since somebody asked.
    Released,
    /// All came back at its time.
    Expired,
}

/// The end of a hold, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldEnded {
    pub how: HowEnded,
    /// What was charged; nothing where all came back.
    pub captured: Charge,
    /// By our clock, in whole seconds.
    pub at: Timestamp,
    /// Whether the month of the hold took no changes any more: then its line stays as it was, and what came back is an entry
    /// of its own.
    pub late: bool,
}

/// What a sender reported of its quota when that had ended already: charged then, by an entry of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    pub charge: Charge,
    /// By our clock.
    pub at: Timestamp,
}

/// What makes a debit a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What was taken.
    pub held: Credits,
    pub terms: HoldTerms,
    /// `None` while it is open.
    pub ended: Option<HoldEnded>,
    /// Of a quota that had ended.
    pub reported: Option<Reported>,
}

/// What its sender is told of a hold that it makes, or made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeHold {
    pub held: Credits,
    pub terms: HoldTerms,
    /// `None` while it is open.
    pub how_ended: Option<HowEnded>,
}

/// Why nothing was done with a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldRefused {
    /// It was captured, as this says.
    Captured(HoldEnded),
    /// All of it came back.
    Released(HoldEnded),
    /// What was used of it was reported otherwise after its end.
    Reported(Reported),
    /// It holds less: of what was used, so many units at the most.
    MoreThanHeld { most: i64 },
    /// Nothing was charged of it that could be taken back.
    NotCaptured,
    /// What was used is not sold.
    NoPrice(PriceError),
}

/// For what it was taken; what was charged may be something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldOf {
    pub channel: Channel,
    pub class: Option<Class>,
    pub country: Option<Country>,
    pub units: Units,
    /// By which rates; `None` where that is not known.
    pub version: Option<RateVersion>,
}

/// What a line of the history tells of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldLine {
    pub held: Credits,
    pub of: HeldOf,
    /// How it ended, and when; `None` while it is open, and where it ended too late for its month.
    pub ended: Option<(HowEnded, Timestamp)>,
}

impl Hold {
    /// As repair finds it, from the stamp alone: held for a day from when its id was made, until its sender says more.
    #[must_use]
    pub fn of_repair(held: Credits, made: Timestamp) -> Hold {
        let ends_at = made.whole_secs().plus_secs(HOLD_SECS);
        let terms = HoldTerms { ends_at, at_end: AtEnd::Release, valid_until: None };
        Hold { held, terms, ended: None, reported: None }
    }

    /// With the terms that its sender says, and no earlier end than somebody may have been told. What has ended keeps its own.
    #[must_use]
    pub fn completed(self, terms: Option<HoldTerms>) -> Hold {
        let Some(terms) = terms.filter(|_| self.ended.is_none()) else { return self };
        let ends_at = terms.ends_at.max(self.terms.ends_at);
        Hold { terms: HoldTerms { ends_at, ..terms }, ..self }
    }

    /// As it is told.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.ended.map_or("open", |ended| ended.how.as_str())
    }

    /// What was charged of it, when it was captured or reported; `None` where nothing was.
    #[must_use]
    pub fn charge(&self) -> Option<Charge> {
        let captured = self.ended.filter(|ended| ended.how == HowEnded::Captured);
        self.reported.map(|reported| reported.charge).or(captured.map(|ended| ended.captured))
    }

    /// When that was.
    #[must_use]
    pub fn charged_at(&self) -> Option<Timestamp> {
        let captured = self.ended.filter(|ended| ended.how == HowEnded::Captured);
        self.reported.map(|reported| reported.at).or(captured.map(|ended| ended.at))
    }

    /// As who makes it is told.
    #[must_use]
    pub fn made(&self) -> MadeHold {
        MadeHold { held: self.held, terms: self.terms, how_ended: self.ended.map(|ended| ended.how) }
    }

    /// Whether it is open beyond its time.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now >= self.terms.ends_at
    }

    /// What came back; nothing while it is open.
    #[must_use]
    pub fn released(&self) -> Credits {
        let back = self.ended.map_or(0, |ended| self.held.0.saturating_sub(ended.captured.credits.0));
        Credits(back)
    }
}

impl HeldOf {
    /// For what was charged of it, as far as that is something else; all of it where nothing was.
    #[must_use]
    pub fn charged(self, charge: &Charge) -> HeldOf {
        let units = Units::new(charge.units).unwrap_or(self.units);
        match charge.charged_as {
            None => HeldOf { units, ..self },
            Some(ChargedAs { channel, class, country, version }) => {
                HeldOf { channel, class, country, units, version: Some(version) }
            }
        }
    }
}

impl HeldLine {
    /// As it is told.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.ended.map_or("open", |(how, _)| how.as_str())
    }
}

impl MadeHold {
    /// As it is told.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.how_ended.map_or("open", HowEnded::as_str)
    }
}

impl HowEnded {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HowEnded::Captured => "captured",
            HowEnded::Released => "released",
            HowEnded::Expired => "expired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<HowEnded> {
        [HowEnded::Captured, HowEnded::Released, HowEnded::Expired]
            .into_iter()
            .find(|how| how.as_str() == text)
    }
}
