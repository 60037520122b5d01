//! `cargo run -- reconcile`: compares all that a data folder holds, as the function does it, and says what it found.
use std::fmt::Write;
use std::time::Duration;

use saldo_books::Scope;
use saldo_domain::{Difference, OrgId, Report};

use crate::{Options, Saldo, StartError};

/// No run on this machine is cut off.
const LEFT: Duration = Duration::from_secs(86_400);

/// Starts Saldo over the data that `options` name, without letting anything else happen, and compares everything now.
///
/// # Errors
/// When the data folder is in use, or Saldo does not start.
pub async fn reconcile(options: Options) -> Result<Report, StartError> {
    let saldo =
        Saldo::start(Options { port: 0, stripe_port: 0, schedules: false, poll: false, ..options }).await?;
    let connected = saldo_reconcile::connect(&saldo.env_of("reconcile"), &saldo.world());
    let function = connected
        .map_err(|error| StartError::Function { name: "reconcile".to_owned(), reason: error.to_string() })?;
    let report = function.run(Scope::Everything, LEFT).await;
    saldo.stop().await;
    Ok(report)
}

/// A report in words: a line for what was compared, and one for each difference.
#[must_use]
pub fn told(report: &Report) -> String {
    let mut text = format!(
        "Compared {} organisations with {} entries, {} invoices and {} events; closed {} months.",
        report.organisations, report.entries, report.invoices, report.events, report.closings
    );
    for one in &report.differences {
        let Difference { kind, org, subject, ours, theirs, outcome } = one;
        let org = org.as_ref().map_or("-", OrgId::as_str);
        let _ = write!(text, "\n{kind}  {org}  {subject}: {ours} | {theirs}  ({})", outcome.as_str());
    }
    let _ = write!(
        text,
        "\n{} repaired, {} for a person, {} not compared.",
        report.repaired,
        report.for_a_person,
        report.failed + report.moving
    );
    text
}
