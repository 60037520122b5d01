//! A run: everything that is due, as far as there is time, and its report.

use std::collections::HashSet;

use saldo_credits::Balances;
use saldo_domain::{Metric, OrgId, PortError, Report, measure};
use saldo_top_ups::{Invoices, Rows};
use tracing::{error, info, warn};

use crate::finding::{Finding, Scope};
use crate::organisation::Checked;
use crate::port::{Books, DueOrganisation, Provider};
use crate::{Reconciliation, Time};

/// Between two looks at an organisation, in seconds: a little less than a day, so that it keeps its hour.
const DAY_SECS: i64 = 23 * 3600;
/// For how long an organisation is put off while it is looked at, in seconds: over the longest that a run may take.
const CLAIMED_SECS: i64 = 3600;
/// Later than anything is ever due, in seconds: ten years.
const FAR_SECS: i64 = 10 * 366 * 86_400;
/// What an organisation needs at the least, in seconds; with less it is not begun.
const LEAST_SECS: u64 = 5;
/// The parts of the list of organisations.
const PARTS: u8 = 8;

impl<S, P> Reconciliation<S, P>
where
    S: Rows + Balances + Books,
    P: Invoices + Provider,
{
    /// Compares what is due with the provider and with itself, repairs what the rules of money would, tells every difference,
    /// and keeps a report. What fails is told and counted, and comes again with the next run.
    pub async fn run(&self, scope: Scope, time: Time<'_>) -> Report {
        let mut report = Report { began: time.now(), complete: true, ..Report::default() };
        // Boxed, as the requests of all adapters together are too deep for the compiler to lay out in one piece.
        let swept = Box::pin(self.sweep_events(time.part(3), &mut report)).await;
        report.done(swept, "events");
        let swept = Box::pin(self.sweep_invoices(scope, time.part(2), &mut report)).await;
        report.done(swept, "invoices");
        let checked = Box::pin(self.check_organisations(scope, time, &mut report)).await;
        report.done(checked, "organisations");
        report.ended = time.now();
        if let Err(error) = self.top_ups.rows.keep_report(&report).await {
            error!(%error, "report not kept");
            report.failed = report.failed.saturating_add(1);
        }
        measure!(Metric::Drift, report.drift.0);
        info!(
            events = report.events,
            invoices = report.invoices,
            organisations = report.organisations,
            moving = report.moving,
            entries = report.entries,
            closings = report.closings,
            failed = report.failed,
            repaired = report.repaired,
            for_a_person = report.for_a_person,
            drift = report.drift.0,
            complete = report.complete,
            "reconciled"
        );
        report
    }

    async fn check_organisations(
        &self,
        scope: Scope,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<bool, PortError> {
        let until = match scope {
            Scope::Due => report.began,
            Scope::Everything => report.began.plus_secs(FAR_SECS),
        };
        // Another part comes first in each run, so that none is always cut off.
        let first = u8::try_from(report.began.secs() / 60 % i64::from(PARTS)).unwrap_or_default();
        let mut seen: HashSet<OrgId> = HashSet::new();
        for part in (0..PARTS).map(|part| (first + part) % PARTS) {
            let mut after: Option<DueOrganisation> = None;
            loop {
                let due = self.top_ups.rows.due_organisations(part, until, after.as_ref()).await?;
                let Some(last) = due.last().cloned() else { break };
                for organisation in due {
                    if !time.suffices(LEAST_SECS) {
                        return Ok(false);
                    }
                    // One that was put off may come again further down the list.
                    if seen.insert(organisation.org.clone()) {
                        self.check_one(&organisation, scope, time, report).await;
                    }
                }
                after = Some(last);
            }
        }
        Ok(true)
    }

    /// Whatever comes of it, the next organisation has its turn.
    async fn check_one(
        &self,
        organisation: &DueOrganisation,
        scope: Scope,
        time: Time<'_>,
        report: &mut Report,
    ) {
        let org = &organisation.org;
        // It is put off first: who dies over it, or has no time left for it, does not come back to it before the others.
        let claimed = self.top_ups.rows.put_off(organisation, time.now().plus_secs(CLAIMED_SECS)).await;
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(PortError::Conflict) => return,
            Err(error) => return report.failed(org, &error),
        };
        let checked = tokio::time::timeout(time.left(), Box::pin(self.check(org, scope, time, report))).await;
        match checked {
            Err(_) => {
                warn!(org = org.as_str(), "no time left to compare it");
                report.complete = false;
            }
            Ok(Err(error)) => report.failed(org, &error),
            Ok(Ok(Checked::Moving)) => {
                info!(org = org.as_str(), "credits moved each time");
                report.moving = report.moving.saturating_add(1);
            }
            Ok(Ok(Checked::Compared)) => {
                report.organisations = report.organisations.saturating_add(1);
                let next = time.now().plus_secs(DAY_SECS);
                match self.top_ups.rows.put_off(&claimed, next).await {
                    Ok(_) | Err(PortError::Conflict) => {}
                    Err(error) => report.failed(org, &error),
                }
            }
        }
    }
}
