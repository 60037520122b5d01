//! What can be done with a hold: captured, released, extended, and ended at its time; each once.

use super::hold::{AtEnd, Hold, HoldEnded, HoldTerms, HowEnded, MOST_HOLD_SECS};
use super::{DebitEntry, DebitId, Reversal, Stamp};
use crate::{Credits, Timestamp, Units};

/// Why nothing was done with a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldRefused {
    /// It was captured, as this says.
    Captured(HoldEnded),
    /// All of it came back.
    Released(HoldEnded),
    /// It holds fewer units.
    MoreThanHeld(Units),
}

/// One change of a hold, decided on what it was: written only if it still is that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldChange {
    pub id: DebitId,
    pub stamp: Stamp,
    /// The terms that it was decided on; it was open then.
    pub before: HoldTerms,
    /// What the hold is then.
    pub hold: Hold,
    /// What comes back to the balance with it; in the line of the hold, or by `reversal`.
    pub returned: Credits,
    /// There where the hold's month takes no changes any more.
    pub reversal: Option<Reversal>,
}

/// Decisions about a hold. Each gives `None` where it is so already.
impl DebitEntry {
    /// Charges `units` of it, all where none are named, and gives the rest back.
    ///
    /// # Errors
    /// [`HoldRefused`] where it was ended otherwise, or holds less.
    pub fn capture(
        &self,
        hold: &Hold,
        units: Option<Units>,
        now: Timestamp,
    ) -> Result<Option<HoldChange>, HoldRefused> {
        let units = units.unwrap_or(self.details.units);
        let Some(ended) = hold.ended else {
            let credits = self.rate_held(hold).and_then(|rate| units.at(rate));
            let Some(captured) =
                credits.filter(|credits| units <= self.details.units && *credits <= hold.held)
            else {
                return Err(HoldRefused::MoreThanHeld(self.details.units));
            };
            return Ok(Some(self.ended(hold, HowEnded::Captured, (captured, units.get()), now)));
        };
        match ended.how {
            HowEnded::Captured if ended.units == units.get() => Ok(None),
            HowEnded::Captured => Err(HoldRefused::Captured(ended)),
            HowEnded::Released | HowEnded::Expired => Err(HoldRefused::Released(ended)),
        }
    }

    /// Gives all of it back.
    ///
    /// # Errors
    /// [`HoldRefused::Captured`] where it was charged.
    pub fn release(&self, hold: &Hold, now: Timestamp) -> Result<Option<HoldChange>, HoldRefused> {
        match hold.ended {
            None => Ok(Some(self.ended(hold, HowEnded::Released, (Credits::ZERO, 0), now))),
            Some(ended) if ended.how == HowEnded::Captured => Err(HoldRefused::Captured(ended)),
            Some(_) => Ok(None),
        }
    }

    /// Holds it until `ends_at`, never for a shorter time than before, and [`MOST_HOLD_SECS`] from the id's time at the most.
    ///
    /// # Errors
    /// [`HoldRefused`] where it was ended.
    pub fn extend(&self, hold: &Hold, ends_at: Timestamp) -> Result<Option<HoldChange>, HoldRefused> {
        match hold.ended {
            Some(ended) if ended.how == HowEnded::Captured => return Err(HoldRefused::Captured(ended)),
            Some(ended) => return Err(HoldRefused::Released(ended)),
            None => {}
        }
        let latest = self.id.at().whole_secs().plus_secs(MOST_HOLD_SECS);
        let ends_at = ends_at.whole_secs().min(latest).max(hold.terms.ends_at);
        let terms = HoldTerms { ends_at, ..hold.terms };
        Ok((terms != hold.terms).then(|| self.changed(hold, Hold { terms, ..*hold })))
    }

    /// Ends it, if it is open beyond its time.
    #[must_use]
    pub fn end(&self, hold: &Hold, now: Timestamp) -> Option<HoldChange> {
        hold.is_over(now).then(|| match hold.terms.at_end {
            AtEnd::Capture => {
                self.ended(hold, HowEnded::Captured, (hold.held, self.details.units.get()), now)
            }
            AtEnd::Release => self.ended(hold, HowEnded::Expired, (Credits::ZERO, 0), now),
        })
    }

    fn rate_held(&self, hold: &Hold) -> Option<Credits> {
        self.details.units.rate(hold.held)
    }

    fn ended(
        &self,
        hold: &Hold,
        how: HowEnded,
        (captured, units): (Credits, i64),
        now: Timestamp,
    ) -> HoldChange {
        let late = !self.id.entry().month().takes_changes(now);
        let ended = HoldEnded { how, captured, units, at: now.whole_secs(), late };
        let mut change = self.changed(hold, Hold { ended: Some(ended), ..*hold });
        change.returned = change.hold.released();
        if late && change.returned > Credits::ZERO {
            let units = Units::new(self.details.units.get() - units).unwrap_or_default();
            let whole = Reversal::of(self, now);
            change.reversal = Some(Reversal { credits: change.returned, units, ..whole });
        }
        change
    }

    fn changed(&self, hold: &Hold, now: Hold) -> HoldChange {
        let (id, stamp, before) = (self.id, self.stamp, hold.terms);
        HoldChange { id, stamp, before, hold: now, returned: Credits::ZERO, reversal: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Channel, Details, Known};

    fn held(units: i64, rate: i64) -> (DebitEntry, Hold) {
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let made = id.at().whole_secs();
        let terms = HoldTerms { ends_at: made.plus_secs(3600), at_end: AtEnd::Release };
        let hold = Hold { held: Credits(units * rate), terms, ended: None };
        let entry = DebitEntry {
            id,
            stamp: Stamp(17),
            credits: hold.held,
            version: None,
            channel: Channel::SMS,
            details: Details { units: Units::new(units).unwrap(), ..Details::default() },
            known: Known::Everything,
            available: Credits(0),
            actor: Actor::System,
            booked_at: made,
            shown: Known::Everything,
            hold: Some(hold),
            counted: crate::Counted::default(),
        };
        (entry, hold)
    }

    fn units(number: i64) -> Option<Units> {
        Some(Units::new(number).unwrap())
    }

    #[test]
    fn what_is_captured_is_charged_and_the_rest_comes_back() {
        let (entry, hold) = held(5, 3);
        let now = entry.id.at().plus_secs(10);
        let part = entry.capture(&hold, units(2), now).unwrap().unwrap();
        assert_eq!((part.returned, part.hold.ended.unwrap().captured), (Credits(9), Credits(6)));
        let all = entry.capture(&hold, None, now).unwrap().unwrap();
        assert_eq!((all.returned, all.hold.ended.unwrap().units), (Credits(0), 5));
        assert_eq!(
            entry.capture(&hold, units(6), now),
            Err(HoldRefused::MoreThanHeld(Units::new(5).unwrap()))
        );
        assert_eq!(entry.capture(&part.hold, units(2), now), Ok(None), "the same again");
        let ended = part.hold.ended.unwrap();
        assert_eq!(entry.capture(&part.hold, units(3), now), Err(HoldRefused::Captured(ended)));
        assert_eq!(entry.capture(&part.hold, None, now), Err(HoldRefused::Captured(ended)));
        assert_eq!(entry.release(&part.hold, now), Err(HoldRefused::Captured(ended)));
        let back = entry.release(&hold, now).unwrap().unwrap();
        assert_eq!((back.returned, back.reversal), (Credits(15), None));
        assert_eq!(entry.release(&back.hold, now), Ok(None));
        assert!(matches!(entry.capture(&back.hold, units(1), now), Err(HoldRefused::Released(_))));
    }

    #[test]
    fn a_hold_ends_at_its_time_and_not_before() {
        let (entry, hold) = held(5, 3);
        let ends_at = hold.terms.ends_at;
        assert_eq!(entry.end(&hold, ends_at.plus_secs(-1)), None);
        let ended = entry.end(&hold, ends_at).unwrap();
        assert_eq!((ended.hold.state(), ended.returned), ("expired", Credits(15)));
        let charging = Hold { terms: HoldTerms { at_end: AtEnd::Capture, ..hold.terms }, ..hold };
        let charged = entry.end(&charging, ends_at).unwrap();
        assert_eq!((charged.hold.state(), charged.returned), ("captured", Credits(0)));
        assert_eq!(entry.end(&charged.hold, ends_at), None);
        assert_eq!(entry.capture(&charged.hold, None, ends_at), Ok(None));
    }

    #[test]
    fn a_hold_is_extended_to_seven_days_and_never_made_shorter() {
        let (entry, hold) = held(1, 1);
        let made = entry.id.at().whole_secs();
        let to = |secs| entry.extend(&hold, made.plus_secs(secs)).unwrap().map(|it| it.hold.terms.ends_at);
        assert_eq!([to(10), to(3600)], [None, None]);
        assert_eq!(to(7200), Some(made.plus_secs(7200)));
        assert_eq!(to(30 * 86_400), Some(made.plus_secs(MOST_HOLD_SECS)));
        let back = entry.release(&hold, made).unwrap().unwrap();
        assert!(matches!(entry.extend(&back.hold, made.plus_secs(7200)), Err(HoldRefused::Released(_))));
    }

    #[test]
    fn what_comes_back_too_late_for_its_month_is_an_entry_of_its_own() {
        let (entry, hold) = held(5, 3);
        let over = entry.id.entry().month().next().start().plus_secs(86_401);
        let part = entry.capture(&hold, units(2), over).unwrap().unwrap();
        let reversal = part.reversal.unwrap();
        assert_eq!((reversal.credits, reversal.units.get(), reversal.debit), (Credits(9), 3, entry.id));
        assert!(part.hold.ended.unwrap().late);
        assert_eq!(entry.capture(&hold, None, over).unwrap().unwrap().reversal, None);
    }
}
