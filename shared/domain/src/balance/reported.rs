//! What was used of a quota and is reported when that has ended already: a debit of at most what was held.
//!
//! A quota's month may be final by then, and what was held has come back. So what was used is an entry of its own, in the month
//! in which it is reported, whichever that is.

use super::charge::Charge;
use super::hold::{Hold, HoldEnded, HoldRefused, REPORTED_WITHIN_SECS, Reported};
use super::hold_use::HoldUse;
use super::{Beside, DebitEntry, DebitId, Stamp};
use crate::{EntryId, Meters, Timestamp};

/// A report that comes too late to be a capture: written only if none was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateReport {
    pub id: DebitId,
    pub stamp: Stamp,
    /// What the hold is then: it says what was reported.
    pub hold: Hold,
    pub reported: Reported,
    /// The debit as the history shows it.
    pub entry: DebitEntry,
}

impl LateReport {
    /// The id of its entry, which follows from when it was reported.
    #[must_use]
    pub fn entry_id(&self) -> EntryId {
        self.id.entry_beside(self.reported.at, Beside::Report)
    }
}

impl DebitEntry {
    /// What was used of a quota that ended at its time; `None` where the same was reported before.
    ///
    /// # Errors
    /// [`HoldRefused::Released`] where it is no quota or ended too long ago, and [`HoldRefused`] as of a capture.
    pub(super) fn report(
        &self,
        (hold, ended): (&Hold, HoldEnded),
        used: &HoldUse,
        meters: Option<&Meters>,
        now: Timestamp,
    ) -> Result<Option<LateReport>, HoldRefused> {
        if let Some(before) = hold.reported {
            let same = self.is_charged(&before.charge, used);
            return if same { Ok(None) } else { Err(HoldRefused::Reported(before)) };
        }
        let in_time = now.secs_since(ended.at) <= REPORTED_WITHIN_SECS;
        if !hold.terms.is_quota() || !in_time {
            return Err(HoldRefused::Released(ended));
        }
        let charge: Charge = self.charge(hold, used, meters)?;
        let reported = Reported { charge, at: now };
        let hold = Hold { reported: Some(reported), ..*hold };
        Ok(Some(LateReport { id: self.id, stamp: self.stamp, hold, reported, entry: self.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::hold_example::held;
    use crate::{Credits, HoldStep, HoldTerms, Month, Posting, Units};

    fn used(units: i64) -> HoldUse {
        HoldUse { units: Units::new(units), ..HoldUse::default() }
    }

    /// Five SMS at three credits that ended at their time, and when they did.
    fn ended(quota: bool) -> (DebitEntry, Hold, Timestamp) {
        let (entry, hold) = held(5, 3);
        let valid_until = Some(entry.id.at().whole_secs().plus_secs(1_800)).filter(|_| quota);
        let hold = Hold { terms: HoldTerms { valid_until, ..hold.terms }, ..hold };
        let at = hold.terms.ends_at;
        let hold = entry.end(&hold, at).unwrap().hold;
        (DebitEntry { hold: Some(hold), ..entry }, hold, at)
    }

    fn report(
        entry: &DebitEntry,
        hold: &Hold,
        units: i64,
        now: Timestamp,
    ) -> Result<Option<LateReport>, HoldRefused> {
        entry.capture(hold, &used(units), None, now).map(|step| match step {
            None => None,
            Some(HoldStep::Report(report)) => Some(*report),
            Some(HoldStep::Change(change)) => panic!("{change:?}"),
        })
    }

    #[test]
    fn a_late_report_is_a_debit_of_at_most_what_was_held_and_counts_once() {
        let (entry, hold, at) = ended(true);
        let now = at.plus_secs(40);
        let first = report(&entry, &hold, 2, now).unwrap().unwrap();
        assert_eq!((first.reported.charge.credits, first.hold.ended), (Credits(6), hold.ended));
        assert_eq!(report(&entry, &first.hold, 2, now.plus_secs(9)), Ok(None), "the same again");
        assert_eq!(report(&entry, &first.hold, 3, now), Err(HoldRefused::Reported(first.reported)));
        assert_eq!(entry.release(&first.hold, now), Err(HoldRefused::Reported(first.reported)));
        assert_eq!(entry.release(&hold, now), Ok(None), "nothing was used");
        assert_eq!(report(&entry, &hold, 6, now), Err(HoldRefused::MoreThanHeld { most: 5 }));
    }

    #[test]
    fn what_was_no_quota_or_ended_long_ago_is_over() {
        let (entry, hold, at) = ended(false);
        let over = Err(HoldRefused::Released(hold.ended.unwrap()));
        assert_eq!(report(&entry, &hold, 2, at), over);
        let (entry, hold, at) = ended(true);
        assert!(report(&entry, &hold, 2, at.plus_secs(REPORTED_WITHIN_SECS)).is_ok());
        let over = Err(HoldRefused::Released(hold.ended.unwrap()));
        assert_eq!(report(&entry, &hold, 2, at.plus_secs(REPORTED_WITHIN_SECS + 1)), over);
        let given_back = entry.release(&held(5, 3).1, at).unwrap().unwrap().hold;
        let given_back = Hold { terms: hold.terms, ..given_back };
        assert!(
            matches!(report(&entry, &given_back, 2, at), Err(HoldRefused::Released(_))),
            "its sender said so"
        );
    }

    #[test]
    fn it_is_of_the_month_in_which_it_is_reported() {
        let (entry, hold, at) = ended(true);
        let now = at.plus_secs(28 * 86_400);
        let late = report(&entry, &hold, 2, now).unwrap().unwrap();
        let posted = Posting::late_report(&late, &crate::Actor::System).entry;
        assert_eq!((posted.id.month(), posted.credits), (Month::of(now), Credits(-6)));
        assert_ne!(posted.id.month(), entry.id.entry().month());
        assert_eq!((posted.units.get(), posted.cause), (2, entry.id.to_string()));
        assert!(late.entry.id.entry_beside(now, Beside::Return) != posted.id, "an entry of its own");
    }
}
