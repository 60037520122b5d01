//! The report of a run: what was compared, and what did not fit.

use super::{Difference, DifferenceKind, Outcome};
use crate::{Credits, Timestamp};

/// What a run compared and found. It names fifty differences at the most, and counts them all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Events that were looked at.
    pub events: u64,
    /// Invoices that were compared with their rows.
    pub invoices: u64,
    /// Organisations whose books were compared.
    pub organisations: u64,
    /// Organisations whose credits moved each time that they were looked at: they are looked at again.
    pub moving: u64,
    /// Entries that were read.
    pub entries: u64,
    /// Months that were closed.
    pub closings: u64,
    /// What could not be compared: it is tried again.
    pub failed: u64,
    pub repaired: u64,
    pub for_a_person: u64,
    /// By how many credits balances are off, all together, whichever way.
    pub drift: Credits,
    /// Whether there was time for everything that was due.
    pub complete: bool,
    pub differences: Vec<Difference>,
}

/// What a run comes to, as whoever started it wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    Repaired,
    NeedsAPerson,
}

const MOST_NAMED: usize = 50;

impl Report {
    /// Takes a difference down, and says whether it is new; `off` is by how much a balance is off.
    pub fn add(&mut self, difference: Difference, off: Credits) -> bool {
        let Difference { kind, org, subject, .. } = &difference;
        let same = |one: &Difference| (&one.kind, &one.org, &one.subject) == (kind, org, subject);
        if self.differences.iter().any(same) {
            return false;
        }
        match difference.outcome {
            Outcome::Repaired => self.repaired = self.repaired.saturating_add(1),
            Outcome::ForAPerson => self.for_a_person = self.for_a_person.saturating_add(1),
        }
        if difference.kind == DifferenceKind::Balance {
            self.drift = Credits(self.drift.0.saturating_add(off.0.saturating_abs()));
        }
        if self.differences.len() < MOST_NAMED {
            self.differences.push(difference);
        }
        true
    }

    /// What could not be compared needs a person, like what was not repaired.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.for_a_person > 0 || self.failed > 0 {
            Verdict::NeedsAPerson
        } else if self.repaired > 0 {
            Verdict::Repaired
        } else {
            Verdict::Clean
        }
    }
}
