//! One organisation: its balance against its ledger, its rows against entries and provider, and its final months closed.

use std::collections::HashSet;

use saldo_credits::Balances;
use saldo_domain::{
    Actor, Author, Cause, Closing, Credits, DebitId, Difference, DifferenceKind, LedgerCheck, Month, OrgId,
    Outcome, PortError, Report, Stamp, Timestamp, TopUp,
};
use saldo_top_ups::{Invoices, Rows};

use crate::cut::{Moment, last_month};
use crate::finding::{Finding, Scope};
use crate::port::{Books, Place, Provider};

use crate::settled::{about, difference};
use crate::{Reconciliation, Time};

/// What came of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Compared,
    /// Its credits moved each time.
    Moving,
}

/// A difference is told once it was seen in so many looks on end, exactly the same.
const LOOKS: usize = 2;
/// How often is looked at the most.
const TRIES: usize = 5;

/// What one look found.
pub(crate) struct Look {
    pub(crate) differences: Vec<Difference>,
    drift: Credits,
    closings: Vec<Closing>,
    entries: u64,
    open: Vec<TopUp>,
}

impl<S, P> Reconciliation<S, P>
where
    S: Rows + Balances + Books,
    P: Invoices + Provider,
{
    /// Finishes the organisation's debits, compares its books, closes its final months if they are right, and asks the
    /// provider about its open rows.
    pub(crate) async fn check(
        &self,
        org: &OrgId,
        scope: Scope,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<Checked, PortError> {
        let (half_done, look) = match self.finished_and_looked_at(org, scope, time).await {
            Ok((half_done, Some(look))) => (half_done, look),
            Ok((_, None)) => return Ok(Checked::Moving),
            // What cannot be read stops nobody else, and is for a person as much as what does not fit.
            Err(PortError::Broken(what)) => {
                let kind = DifferenceKind::Unreadable;
                let found = about(kind, Some(org), "table", what, "readable".to_owned(), Outcome::ForAPerson);
                report.found(found, Credits::ZERO);
                return Ok(Checked::Compared);
            }
            Err(error) => return Err(error),
        };
        for (id, stamp) in half_done {
            let ours = format!("{} reserved, stamp {}", stamp.credits(), stamp.number());
            let kind = DifferenceKind::HalfDone;
            let found =
                about(kind, Some(org), &id.to_string(), ours, "no entry".to_owned(), Outcome::Repaired);
            report.found(found, Credits::ZERO);
        }
        report.entries = report.entries.saturating_add(look.entries);
        if look.differences.is_empty() {
            for closing in &look.closings {
                self.top_ups.rows.keep_closing(org, closing).await?;
                report.closings = report.closings.saturating_add(1);
            }
        }
        // A row that says of itself what its entries do not would move credits that nobody earned.
        let doubtful: HashSet<_> = look.differences.iter().map(|one| one.subject.clone()).collect();
        for found in look.differences {
            report.found(found, look.drift);
        }
        for row in look.open.into_iter().filter(|row| !doubtful.contains(row.id.as_str())) {
            self.ask_about(&row, time, report).await?;
        }
        Ok(Checked::Compared)
    }

    async fn finished_and_looked_at(
        &self,
        org: &OrgId,
        scope: Scope,
        time: Time<'_>,
    ) -> Result<(Vec<(DebitId, Stamp)>, Option<Look>), PortError> {
        let half_done = self.spender.finish_abandoned(org, time.now()).await?;
        Ok((half_done, self.steady_look(org, scope, time).await?))
    }

    /// A look that found nothing, or found the same twice on end: what is only on its way is not told.
    pub(crate) async fn steady_look(
        &self,
        org: &OrgId,
        scope: Scope,
        time: Time<'_>,
    ) -> Result<Option<Look>, PortError> {
        let mut before: Option<Vec<Difference>> = None;
        let mut same = 1;
        for _ in 0..TRIES {
            let Some(look) = self.look(org, scope, time).await? else { return Ok(None) };
            if look.differences.is_empty() {
                return Ok(Some(look));
            }
            same = if before.as_ref() == Some(&look.differences) { same + 1 } else { 1 };
            if same >= LOOKS {
                return Ok(Some(look));
            }
            before = Some(look.differences);
        }
        Ok(None)
    }

    async fn look(&self, org: &OrgId, scope: Scope, time: Time<'_>) -> Result<Option<Look>, PortError> {
        let closings = self.top_ups.rows.closings(org).await?;
        let Some(moment) = self.moment(org, time).await? else { return Ok(None) };
        let Moment { cut, sharding, holds, rows, first_row, open } = moment;
        let closed: &[Closing] = if scope == Scope::Everything { &[] } else { &closings };
        let mut month = first_month(&closings, closed, first_row, time);
        let mut check = LedgerCheck::new(cut, closed);
        let (mut differences, mut new) = (Vec::new(), Vec::new());
        let mut gapless = true;
        while month <= last_month(time) {
            for place in Place::of_month(month, sharding, holds) {
                self.count(org, place, &mut check).await?;
            }
            let made = check.end_month(month, |top_up| rows.number_of(top_up));
            match (closings.iter().find(|one| one.month == month), made) {
                (Some(kept), made) => differences.extend(against_closing(org, kept, made.as_ref())),
                (None, Some(made)) if gapless && month.final_from() <= time.now() => new.push(made),
                (None, Some(_) | None) => gapless = false,
            }
            month = month.next();
        }
        differences.extend(check.differences(org, &rows));
        let entries = u64::try_from(check.entries()).unwrap_or_default();
        Ok(Some(Look { differences, drift: check.comparison().drift(), closings: new, entries, open }))
    }

    async fn count(&self, org: &OrgId, place: Place, check: &mut LedgerCheck) -> Result<(), PortError> {
        let mut after = None;
        loop {
            let page = self.top_ups.rows.ledger(org, place, after).await?;
            page.lines.iter().for_each(|line| check.count(line));
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Lets the provider decide about a row that waits for it, or for a person.
    async fn ask_about(&self, row: &TopUp, time: Time<'_>, report: &mut Report) -> Result<(), PortError> {
        let author = Author { actor: Actor::System, cause: Cause::Check };
        let settled = self.top_ups.reconcile(row, &author, time.now()).await?;
        if let Some(found) = difference(row, &settled.top_up, &settled.change) {
            report.found(found, Credits::ZERO);
        }
        Ok(())
    }
}

/// Behind the last closing, or where the first credits came.
fn first_month(all: &[Closing], read: &[Closing], first_row: Option<Month>, time: Time<'_>) -> Month {
    let after_closings = read.last().map(|closing| closing.month.next());
    let closed_from = all.first().map(|closing| closing.month);
    let bought = first_row.unwrap_or_else(|| Month::of(without_rows(time)));
    after_closings.unwrap_or_else(|| closed_from.map_or(bought, |first| first.min(bought)))
}

/// From when on the entries of an organisation are looked for that never bought anything: a quarter of a year.
fn without_rows(time: Time<'_>) -> Timestamp {
    time.now().plus_secs(-92 * 86_400)
}

/// A closing that is not what its entries come to now.
fn against_closing(org: &OrgId, kept: &Closing, now: Option<&Closing>) -> Option<Difference> {
    let shown = |closing: &Closing| {
        let sum = closing.sums.total();
        format!("opening {}, {} entries, sum {sum}", closing.opening, closing.sums.entries())
    };
    let same = now.is_some_and(|now| now.sums == kept.sums && now.opening == kept.opening);
    let theirs = now.map_or_else(|| "entries that are not final".to_owned(), shown);
    let (kind, month) = (DifferenceKind::Closing, kept.month.to_string());
    (!same).then(|| about(kind, Some(org), &month, shown(kept), theirs, Outcome::ForAPerson))
}
