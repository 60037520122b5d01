//! The report of a run as it is told.

use saldo_domain::{Difference, OrgId, Report, Verdict};
use serde_json::{Value, json};

/// What was compared, what did not fit, and what was done about it.
#[must_use]
pub fn report_json(report: &Report) -> Value {
    let verdict = match report.verdict() {
        Verdict::Clean => "clean",
        Verdict::Repaired => "repaired",
        Verdict::NeedsAPerson => "needs_a_person",
    };
    json!({
        "verdict": verdict,
        "began": report.began.rfc3339(),
        "ended": report.ended.rfc3339(),
        "complete": report.complete,
        "events": report.events,
        "invoices": report.invoices,
        "organisations": report.organisations,
        "moving": report.moving,
        "entries": report.entries,
        "closings": report.closings,
        "failed": report.failed,
        "repaired": report.repaired,
        "for_a_person": report.for_a_person,
        "drift": report.drift,
        "differences": report.differences.iter().map(difference_json).collect::<Vec<_>>(),
    })
}

fn difference_json(one: &Difference) -> Value {
    json!({
        "kind": one.kind.as_str(),
        "org": one.org.as_ref().map(OrgId::as_str),
        "subject": one.subject,
        "ours": one.ours,
        "theirs": one.theirs,
        "outcome": one.outcome.as_str(),
    })
}
