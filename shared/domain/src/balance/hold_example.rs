//! A hold as tests have it.

use super::hold::{AtEnd, Hold, HoldTerms};
use super::{Counted, DebitEntry, DebitId, Details, Known, Stamp};
use crate::{Actor, Channel, Credits, Units};

/// So many SMS at this rate, held for an hour.
pub(super) fn held(units: i64, rate: i64) -> (DebitEntry, Hold) {
    let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
    let made = id.at().whole_secs();
    let terms = HoldTerms { ends_at: made.plus_secs(3600), at_end: AtEnd::Release, valid_until: None };
    let hold = Hold { held: Credits(units * rate), terms, ended: None, reported: None };
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
        counted: Counted::default(),
    };
    (entry, hold)
}
