//! What is kept of reconciling: how far sweeps have come, and the reports of runs.

use saldo_books::SweepOf;
use saldo_domain::{
    Credits, Difference, DifferenceKind, OrgId, Outcome, PortError, Report, Sweep, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::errors::port_error;
use super::keys::{self, TTL};
use super::reads::{Page, page_size};

/// How long a report is kept, in seconds: 90 days.
const KEPT_SECS: i64 = 90 * 86_400;
/// The longest text of a difference that is kept, in characters.
const LONGEST_TEXT: usize = 200;

/// A difference as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    org: Option<String>,
    subject: String,
    ours: String,
    theirs: String,
    outcome: String,
}

impl Store {
    pub(super) async fn kept_sweep(&self, of: SweepOf) -> Result<Sweep, PortError> {
        let Some(item) = self.item(keys::sweep(named(of))).await? else { return Ok(Sweep::default()) };
        let row = Reader(&item);
        Ok(Sweep {
            since: row.moment("since")?,
            began: row.moment("began")?,
            after: row.optional_text("after").map(str::to_owned),
            over: row.optional_text("after").is_none() && row.number("over")? == 1,
        })
    }

    pub(super) async fn write_sweep(&self, of: SweepOf, sweep: &Sweep) -> Result<(), PortError> {
        let item = Writer(keys::sweep(named(of)))
            .number("since", sweep.since.ms())
            .number("began", sweep.began.ms())
            .number("over", i64::from(sweep.over))
            .optional_text("after", sweep.after.as_deref())
            .0;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    pub(super) async fn write_report(&self, report: &Report) -> Result<(), PortError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(report_item(report)?));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// Reports of runs that began before `before`, the newest first: at most `limit`. A page may have a next one that is empty.
    pub async fn reports(
        &self,
        limit: usize,
        before: Option<Timestamp>,
    ) -> Result<Page<Report, Timestamp>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::RECONCILE))
            .expression_attribute_values(":prefix", text(keys::RUN_PREFIX))
            .set_exclusive_start_key(before.map(keys::run_report))
            .scan_index_forward(false)
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let items: Vec<_> = answer.items().iter().map(report_of).collect::<Result<_, _>>()?;
        let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
        let next = items.last().map(|report| report.began).filter(|_| more);
        Ok(Page { items, next })
    }
}

fn named(of: SweepOf) -> &'static str {
    match of {
        SweepOf::Events => "events",
        SweepOf::Invoices => "invoices",
    }
}

fn report_item(report: &Report) -> Result<Item, PortError> {
    let kept: Vec<_> = report.differences.iter().map(kept).collect();
    let kept = serde_json::to_string(&kept).map_err(|error| PortError::Broken(error.to_string()))?;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Writer(keys::run_report(report.began))
        .number("began", report.began.ms())
        .number("ended", report.ended.ms())
        .number("events", count(report.events))
        .number("invoices", count(report.invoices))
        .number("organisations", count(report.organisations))
        .number("moving", count(report.moving))
        .number("entries", count(report.entries))
        .number("closings", count(report.closings))
        .number("failed", count(report.failed))
        .number("repaired", count(report.repaired))
        .number("for_a_person", count(report.for_a_person))
        .number("drift", report.drift.0)
        .number("complete", i64::from(report.complete))
        .text("differences", kept)
        .number(TTL, report.began.plus_secs(KEPT_SECS).secs())
        .0)
}

fn report_of(item: &Item) -> Result<Report, PortError> {
    let row = Reader(item);
    let count = |name| row.number(name).map(|count| u64::try_from(count).unwrap_or_default());
    let kept: Vec<Kept> = row.parsed("differences", |json| serde_json::from_str(json).ok())?;
    Ok(Report {
        began: row.moment("began")?,
        ended: row.moment("ended")?,
        events: count("events")?,
        invoices: count("invoices")?,
        organisations: count("organisations")?,
        moving: count("moving")?,
        entries: count("entries")?,
        closings: count("closings")?,
        failed: count("failed")?,
        repaired: count("repaired")?,
        for_a_person: count("for_a_person")?,
        drift: Credits(row.number("drift")?),
        complete: row.number("complete")? == 1,
        differences: kept
            .into_iter()
            .map(|one| one.read().ok_or_else(|| row.fault("differences")))
            .collect::<Result<_, _>>()?,
    })
}

fn kept(one: &Difference) -> Kept {
    let short = |text: &str| text.chars().take(LONGEST_TEXT).collect();
    Kept {
        kind: one.kind.as_str().to_owned(),
        org: one.org.as_ref().map(OrgId::to_string),
        subject: short(&one.subject),
        ours: short(&one.ours),
        theirs: short(&one.theirs),
        outcome: one.outcome.as_str().to_owned(),
    }
}

impl Kept {
    fn read(self) -> Option<Difference> {
        let org = match self.org {
            Some(org) => Some(OrgId::parse(&org).ok()?),
            None => None,
        };
        Some(Difference {
            kind: DifferenceKind::parse(&self.kind)?,
            org,
            subject: self.subject,
            ours: self.ours,
            theirs: self.theirs,
            outcome: Outcome::parse(&self.outcome)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back_and_stays_small() {
        let difference = |kind, text: &str| Difference {
            kind,
            org: OrgId::parse("acme").ok(),
            subject: text.to_owned(),
            ours: text.to_owned(),
            theirs: text.to_owned(),
            outcome: Outcome::ForAPerson,
        };
        let mut report =
            Report { began: Timestamp::from_secs(7), organisations: 3, complete: true, ..Report::default() };
        for kind in DifferenceKind::ALL {
            report.add(difference(*kind, kind.as_str()), Credits(-2));
        }
        assert_eq!(report.drift, Credits(2), "only of a balance");
        assert_eq!(report_of(&report_item(&report).unwrap()).unwrap(), report);
        for number in 0..1_000 {
            let text = format!("{number} {}", "x".repeat(10_000));
            report.add(difference(DifferenceKind::Unreadable, &text), Credits::ZERO);
        }
        let item = report_item(&report).unwrap();
        assert!(crate::dynamo::attributes::bytes(&item) < 60_000);
        assert!(report_of(&item).unwrap().for_a_person > 1_000);
    }
}
