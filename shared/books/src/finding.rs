//! What a run looks at, and what it does with what it finds.

use saldo_domain::{Alarm, Credits, Difference, Metric, OrgId, PortError, Report, measure};
use tracing::error;

/// What a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What is due: events always, invoices and each organisation once a day, months that are not closed.
    Due,
    /// Everything now, also months that are closed.
    Everything,
}

/// What a run does with what it finds.
pub(crate) trait Finding {
    /// Tells a difference, and takes it down; `off` is by how much a balance is off.
    fn found(&mut self, difference: Difference, off: Credits);
    fn failed(&mut self, org: &OrgId, error: &PortError);
    fn done(&mut self, part: Result<bool, PortError>, what: &'static str);
}

impl Finding for Report {
    fn found(&mut self, difference: Difference, off: Credits) {
        if !self.add(difference.clone(), off) {
            return;
        }
        let Difference { kind, org, subject, ours, theirs, outcome } = &difference;
        measure!(Metric::Differences, 1, outcome.as_str());
        error!(
            alarm = Alarm::BooksDiffer.as_str(),
            kind = kind.as_str(),
            org = org.as_ref().map(OrgId::as_str),
            subject,
            ours,
            theirs,
            drift = off.0,
            outcome = outcome.as_str(),
            "the books differ"
        );
    }

    fn failed(&mut self, org: &OrgId, error: &PortError) {
        error!(org = org.as_str(), %error, "not compared");
        self.failed = self.failed.saturating_add(1);
    }

    fn done(&mut self, part: Result<bool, PortError>, what: &'static str) {
        match part {
            Ok(over) => self.complete &= over,
            Err(error) => {
                error!(%error, what, "not compared");
                self.failed = self.failed.saturating_add(1);
                self.complete = false;
            }
        }
    }
}
