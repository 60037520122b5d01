//! Every invoice of this deployment against its row.

use saldo_credits::Balances;
use saldo_domain::{
    Actor, Author, Cause, Change, Credits, Deployment, DifferenceKind, Evidence, InvoiceStatus, Nothing,
    Outcome, PortError, Report, Seen, TopUp, decide,
};
use saldo_top_ups::{About, Handled, Invoices, Rows, Told};

use crate::finding::{Finding, Scope};
use crate::port::{Books, Provider, SweepOf};

use crate::settled::{about, difference};
use crate::{Reconciliation, Time};

/// How far back invoices are compared, in seconds: forty days, over the longest that one can be paid.
const COMPARED_SECS: i64 = 40 * 86_400;
/// How often, in seconds: a little less than a day.
const EVERY_SECS: i64 = 23 * 3600;
/// An invoice that was made or paid within so many seconds may still be on its way to its row.
const SETTLING_SECS: i64 = 5 * 60;
/// What a page needs at the least, in seconds.
const LEAST_SECS: u64 = 10;

impl<S, P> Reconciliation<S, P>
where
    S: Rows + Balances + Books,
    P: Invoices + Provider,
{
    /// Goes on with the sweep through invoices, or begins one when it is time. Says whether it is over.
    pub(crate) async fn sweep_invoices(
        &self,
        scope: Scope,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<bool, PortError> {
        let rows = &self.top_ups.rows;
        let before = rows.sweep(SweepOf::Invoices).await?;
        let is_due = time.now().secs_since(before.began) >= EVERY_SECS || scope == Scope::Everything;
        if before.over && !is_due {
            return Ok(true);
        }
        // Each sweep looks at all forty days: money may go back, and a row change, long after the invoice was made.
        let mut sweep = before.next(time.now(), COMPARED_SECS, COMPARED_SECS);
        let until = sweep.began.plus_secs(-SETTLING_SECS);
        while !sweep.over {
            if !time.suffices(LEAST_SECS) {
                return Ok(false);
            }
            let page = self.top_ups.invoices.invoices(sweep.since, until, sweep.after.as_deref()).await?;
            for listed in &page.items {
                self.compare_invoice(listed, time, report).await?;
            }
            sweep.over = page.next.is_none();
            sweep.after = page.next;
            rows.keep_sweep(SweepOf::Invoices, &sweep).await?;
        }
        Ok(true)
    }

    async fn compare_invoice(
        &self,
        listed: &Evidence,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<(), PortError> {
        let fresh = listed.paid_at.is_some_and(|paid| time.now().secs_since(paid) < SETTLING_SECS);
        if listed.deployment != Deployment::Ours || fresh {
            return Ok(());
        }
        report.invoices = report.invoices.saturating_add(1);
        let invoice = &listed.invoice.id;
        let paid = listed.status == InvoiceStatus::Paid;
        let told = if paid { Told::returned(invoice) } else { Told::of_invoice(invoice) };
        let author = Author { actor: Actor::System, cause: Cause::Check };
        self.settle_again(&told, &author, Some(listed), time, report).await
    }

    /// Compares what something is told about with its row, and lets the worker's use case settle it where they differ.
    /// What cannot be read is told, so that it stops nothing else.
    pub(crate) async fn settle_again(
        &self,
        told: &Told,
        author: &Author,
        listed: Option<&Evidence>,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<(), PortError> {
        let (About::Invoice(subject) | About::Payment(subject)) = &told.about;
        match self.settled_again(told, author, listed, time, report).await {
            Err(PortError::Broken(what)) => {
                let org = listed.and_then(|one| one.org.as_ref());
                let (kind, outcome) = (DifferenceKind::Unreadable, Outcome::ForAPerson);
                report.found(about(kind, org, subject, what, "readable".to_owned(), outcome), Credits::ZERO);
                Ok(())
            }
            settled => settled,
        }
    }

    async fn settled_again(
        &self,
        told: &Told,
        author: &Author,
        listed: Option<&Evidence>,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<(), PortError> {
        let invoices = &self.top_ups.invoices;
        let invoice = match &told.about {
            About::Invoice(invoice) => invoice.clone(),
            About::Payment(payment) => match invoices.invoice_of(payment).await? {
                Some(invoice) => invoice,
                None => return Ok(()),
            },
        };
        let Some(before) = self.row_before(&invoice, listed).await? else {
            return self.without_row(&invoice, listed, report).await;
        };
        let mut evidence = invoices.invoice(&invoice, None).await?;
        if let Some(paid) = evidence.as_mut().filter(|one| one.status == InvoiceStatus::Paid) {
            paid.returned = Some(invoices.returned(paid, before.payment.as_deref()).await?);
        }
        let seen = evidence.as_ref().map_or(Seen::Missing, Seen::Found);
        match decide(&before, seen, self.top_ups.policy, time.now()) {
            Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => return Ok(()),
            // A row that says of itself what its entries do not would move credits that nobody earned.
            Change::Earn { .. } if !self.row_fits(&before, time, report).await? => return Ok(()),
            _ => {}
        }
        match self.top_ups.handle(told, author, time.now()).await? {
            Handled::NotOurs(_) => Ok(()),
            Handled::Settled(settled) => {
                if let Some(found) = difference(&before, &settled.top_up, &settled.change) {
                    report.found(found, Credits::ZERO);
                }
                Ok(())
            }
        }
    }

    /// Whether a row says what its entries say; where it does not, that is told.
    async fn row_fits(&self, row: &TopUp, time: Time<'_>, report: &mut Report) -> Result<bool, PortError> {
        let Some(look) = self.steady_look(&row.org, Scope::Due, time).await? else {
            return Err(PortError::Unavailable("credits move each time that they are looked at".to_owned()));
        };
        let of_row = look.differences.into_iter().filter(|one| one.subject == row.id.as_str());
        let mut fits = true;
        for found in of_row.filter(|one| one.kind.is_of_entries()) {
            fits = false;
            report.found(found, Credits::ZERO);
        }
        Ok(fits)
    }

    /// The row that an invoice is remembered for, or that it names.
    async fn row_before(&self, invoice: &str, listed: Option<&Evidence>) -> Result<Option<TopUp>, PortError> {
        let rows = &self.top_ups.rows;
        if let Some((org, id)) = rows.kept_for(invoice).await? {
            return rows.top_up(&org, &id).await;
        }
        let named = listed.and_then(|one| Some((one.org.clone()?, one.top_up.clone()?)));
        match named {
            Some((org, id)) => rows.top_up(&org, &id).await,
            None => Ok(None),
        }
    }

    /// An invoice without a row is of no consequence unless it is ours, and money came or may come by it.
    async fn without_row(
        &self,
        invoice: &str,
        listed: Option<&Evidence>,
        report: &mut Report,
    ) -> Result<(), PortError> {
        let fetched;
        let evidence = match listed {
            Some(listed) => listed,
            None => match self.top_ups.invoices.invoice(invoice, None).await? {
                Some(evidence) => {
                    fetched = evidence;
                    &fetched
                }
                None => return Ok(()),
            },
        };
        let counts = match evidence.status {
            InvoiceStatus::Open
            | InvoiceStatus::Paid
            | InvoiceStatus::Uncollectible
            | InvoiceStatus::Unknown => true,
            InvoiceStatus::Draft | InvoiceStatus::Void => false,
        };
        if evidence.deployment == Deployment::Ours && counts {
            let theirs = format!(
                "{:?}, paid {} of {} {}",
                evidence.status,
                evidence.amount_paid,
                evidence.total,
                evidence.currency.as_str()
            );
            let kind = DifferenceKind::InvoiceWithoutRow;
            let found =
                about(kind, evidence.org.as_ref(), invoice, "no row".to_owned(), theirs, Outcome::ForAPerson);
            report.found(found, Credits::ZERO);
        }
        Ok(())
    }
}
