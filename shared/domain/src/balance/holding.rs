//! What can be done with a hold: captured, released, extended, and ended at its time; each once.

use super::charge::Charge;
use super::hold::{AtEnd, Hold, HoldEnded, HoldRefused, HoldTerms, HowEnded, MOST_HOLD_SECS};
use super::hold_use::HoldUse;
use super::{Beside, DebitEntry, DebitId, LateReport, Reversal, Stamp};
use crate::{Credits, Meters, Timestamp, Units};

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

impl HoldChange {
    /// Whether budgets are to count what comes back no more. Of a quota that ends by itself they go on: what was used of it may
    /// still be reported, and is not held against them then.
    #[must_use]
    pub fn frees_budgets(&self) -> bool {
        let expired = self.hold.ended.is_some_and(|ended| ended.how == HowEnded::Expired);
        self.returned > Credits::ZERO && !(expired && self.hold.terms.is_quota())
    }
}

/// What is written when something was used of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldStep {
    Change(Box<HoldChange>),
    /// It had ended.
    Report(Box<LateReport>),
}

/// Decisions about a hold. Each gives `None` where it is so already.
impl DebitEntry {
    /// Charges what was used of it, and gives the rest back; of a quota that has ended, charges it now.
    ///
    /// # Errors
    /// [`HoldRefused`] where it was ended otherwise, or holds less, or where that is not sold.
    pub fn capture(
        &self,
        hold: &Hold,
        used: &HoldUse,
        meters: Option<&Meters>,
        now: Timestamp,
    ) -> Result<Option<HoldStep>, HoldRefused> {
        let Some(ended) = hold.ended else {
            let charge = self.charge(hold, used, meters)?;
            let change = self.ended(hold, HowEnded::Captured, charge, now);
            return Ok(Some(HoldStep::Change(Box::new(change))));
        };
        match ended.how {
            HowEnded::Captured if self.is_charged(&ended.captured, used) => Ok(None),
            HowEnded::Captured => Err(HoldRefused::Captured(ended)),
            HowEnded::Released => Err(HoldRefused::Released(ended)),
            HowEnded::Expired => {
                let report = self.report((hold, ended), used, meters, now)?;
                Ok(report.map(|report| HoldStep::Report(Box::new(report))))
            }
        }
    }

    /// Gives all of it back.
    ///
    /// # Errors
    /// [`HoldRefused::Captured`] where it was charged, and [`HoldRefused::Reported`] where that was after its end.
    pub fn release(&self, hold: &Hold, now: Timestamp) -> Result<Option<HoldChange>, HoldRefused> {
        match hold.ended {
            None => Ok(Some(self.ended(hold, HowEnded::Released, Charge::NOTHING, now))),
            Some(ended) if ended.how == HowEnded::Captured => Err(HoldRefused::Captured(ended)),
            Some(_) => hold.reported.map_or(Ok(None), |reported| Err(HoldRefused::Reported(reported))),
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
                let (credits, units) = (hold.held, self.details.units.get());
                self.ended(hold, HowEnded::Captured, Charge { credits, units, charged_as: None }, now)
            }
            AtEnd::Release => self.ended(hold, HowEnded::Expired, Charge::NOTHING, now),
        })
    }

    fn ended(&self, hold: &Hold, how: HowEnded, captured: Charge, now: Timestamp) -> HoldChange {
        let late = !self.id.entry().month().takes_changes(now);
        let ended = HoldEnded { how, captured, at: now.whole_secs(), late };
        let mut change = self.changed(hold, Hold { ended: Some(ended), ..*hold });
        change.returned = change.hold.released();
        if late && change.returned > Credits::ZERO {
            let (credits, units) = (change.returned, self.units_of(hold, change.returned));
            let entry = self.id.entry_beside(now, Beside::Return);
            change.reversal = Some(Reversal { entry, credits, units, ..Reversal::of(self, now) });
        }
        change
    }

    /// How many units of what is held so much is; one where it is not a whole number of them.
    fn units_of(&self, hold: &Hold, credits: Credits) -> Units {
        let rate = self.details.units.rate(hold.held).unwrap_or_default().0;
        let whole = rate > 0 && credits.0 % rate == 0;
        Units::new(if whole { credits.0 / rate } else { 1 }).unwrap_or_default()
    }

    fn changed(&self, hold: &Hold, now: Hold) -> HoldChange {
        let (id, stamp, before) = (self.id, self.stamp, hold.terms);
        HoldChange { id, stamp, before, hold: now, returned: Credits::ZERO, reversal: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hold_example::held;
    use super::*;
    use crate::Channel;

    fn units(number: i64) -> HoldUse {
        HoldUse { units: Some(Units::new(number).unwrap()), ..HoldUse::default() }
    }

    /// What a capture changes of an open hold.
    fn change(step: Result<Option<HoldStep>, HoldRefused>) -> HoldChange {
        match step {
            Ok(Some(HoldStep::Change(change))) => *change,
            other => panic!("{other:?}"),
        }
    }

    const ALL: HoldUse = HoldUse { units: None, channel: None, class: None, country: None };

    #[test]
    fn what_is_captured_is_charged_and_the_rest_comes_back() {
        let (entry, hold) = held(5, 3);
        let now = entry.id.at().plus_secs(10);
        let part = change(entry.capture(&hold, &units(2), None, now));
        assert_eq!((part.returned, part.hold.ended.unwrap().captured.credits), (Credits(9), Credits(6)));
        let all = change(entry.capture(&hold, &ALL, None, now));
        assert_eq!((all.returned, all.hold.ended.unwrap().captured.units), (Credits(0), 5));
        assert_eq!(entry.capture(&hold, &units(6), None, now), Err(HoldRefused::MoreThanHeld { most: 5 }));
        assert_eq!(entry.capture(&part.hold, &units(2), None, now), Ok(None), "the same again");
        let ended = part.hold.ended.unwrap();
        assert_eq!(entry.capture(&part.hold, &units(3), None, now), Err(HoldRefused::Captured(ended)));
        assert_eq!(entry.capture(&part.hold, &ALL, None, now), Err(HoldRefused::Captured(ended)));
        assert_eq!(entry.release(&part.hold, now), Err(HoldRefused::Captured(ended)));
        let back = entry.release(&hold, now).unwrap().unwrap();
        assert_eq!((back.returned, back.reversal), (Credits(15), None));
        assert_eq!(entry.release(&back.hold, now), Ok(None));
        assert!(matches!(entry.capture(&back.hold, &units(1), None, now), Err(HoldRefused::Released(_))));
    }

    fn meters() -> Meters {
        let first = r#"{"email":{"default":1},"whatsapp":{"default":2,"US":4,"class":{"utility":0}},"sms":{"default":3}}"#;
        Meters::from_json(first).unwrap()
    }

    /// So many units of something else than was held.
    fn of(number: i64, channel: Channel) -> HoldUse {
        HoldUse { channel: Some(channel), ..units(number) }
    }

    #[test]
    fn what_was_sent_otherwise_is_charged_as_what_it_is() {
        let (entry, hold) = held(2, 3);
        let (now, meters) = (entry.id.at().plus_secs(10), meters());
        let capture = |hold: &Hold, used: &HoldUse| entry.capture(hold, used, Some(&meters), now);
        let sent = change(capture(&hold, &of(1, Channel::WHATSAPP)));
        let charge = sent.hold.ended.unwrap().captured;
        assert_eq!((sent.returned, charge.credits, charge.units), (Credits(4), Credits(2), 1));
        let charged_as = charge.charged_as.unwrap();
        assert_eq!((charged_as.channel, charged_as.version), (Channel::WHATSAPP, crate::RateVersion(1)));
        // More units than are held, as they cost less.
        let mails = change(capture(&hold, &of(6, Channel::EMAIL)));
        assert_eq!((mails.returned, mails.hold.ended.unwrap().captured.units), (Credits(0), 6));
        assert_eq!(capture(&hold, &of(7, Channel::EMAIL)), Err(HoldRefused::MoreThanHeld { most: 6 }));
        assert_eq!(
            capture(&hold, &of(1_000_000_000, Channel::WHATSAPP)),
            Err(HoldRefused::MoreThanHeld { most: 3 })
        );
        let american = HoldUse { country: crate::Country::parse("US"), ..of(2, Channel::WHATSAPP) };
        assert_eq!(capture(&hold, &american), Err(HoldRefused::MoreThanHeld { most: 1 }));
        let utility = HoldUse { class: crate::Class::parse("utility"), ..of(500, Channel::WHATSAPP) };
        let free = change(capture(&hold, &utility));
        assert_eq!((free.returned, free.hold.ended.unwrap().captured.units), (Credits(6), 500));
        let fax = Channel::parse("fax").unwrap();
        assert!(matches!(capture(&hold, &of(1, fax)), Err(HoldRefused::NoPrice(_))));
        assert!(matches!(
            entry.capture(&hold, &of(1, Channel::EMAIL), None, now),
            Err(HoldRefused::NoPrice(_))
        ));
    }

    #[test]
    fn the_same_again_is_the_same_whatever_is_sold_by_then() {
        let (entry, hold) = held(2, 3);
        let (now, meters) = (entry.id.at().plus_secs(10), meters());
        let sent = change(entry.capture(&hold, &of(1, Channel::WHATSAPP), Some(&meters), now)).hold;
        assert_eq!(entry.capture(&sent, &of(1, Channel::WHATSAPP), None, now), Ok(None));
        for other in [units(1), of(2, Channel::WHATSAPP), of(1, Channel::SMS), of(1, Channel::EMAIL)] {
            let refused = entry.capture(&sent, &other, Some(&meters), now);
            assert_eq!(refused, Err(HoldRefused::Captured(sent.ended.unwrap())), "{other:?}");
        }
        // What was held, said by its name, is what was held.
        let own = change(entry.capture(&hold, &of(2, Channel::SMS), None, now)).hold;
        assert_eq!(own.ended.unwrap().captured.charged_as, None);
        assert_eq!(entry.capture(&own, &ALL, None, now), Ok(None));
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
        assert_eq!(entry.capture(&charged.hold, &ALL, None, ends_at), Ok(None));
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
        let part = change(entry.capture(&hold, &units(2), None, over));
        let reversal = part.reversal.unwrap();
        assert_eq!((reversal.credits, reversal.units.get(), reversal.debit), (Credits(9), 3, entry.id));
        assert!(part.hold.ended.unwrap().late);
        assert_eq!(change(entry.capture(&hold, &ALL, None, over)).reversal, None);
    }
}
