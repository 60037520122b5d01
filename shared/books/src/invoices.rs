//! Every invoice of this deployment against its row.

use saldo_credits::Balances;
use saldo_domain::{
    Actor, Author, Cause, Credits, Deployment, DifferenceKind, Evidence, InvoiceStatus, Outcome, PortError,
    Report, TopUp,
};
use saldo_top_ups::{About, Handled, Invoices, Rows, Told};

use crate::port::{Books, Provider, SweepOf};
use crate::run::{Finding, Scope};
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

    /// Settles what something is told about as the worker does, and tells what it shows.
    pub(crate) async fn settle_again(
        &self,
        told: &Told,
        author: &Author,
        listed: Option<&Evidence>,
        time: Time<'_>,
        report: &mut Report,
    ) -> Result<(), PortError> {
        let invoice = match &told.about {
            About::Invoice(invoice) => invoice.clone(),
            About::Payment(payment) => match self.top_ups.invoices.invoice_of(payment).await? {
                Some(invoice) => invoice,
                None => return Ok(()),
            },
        };
        let Some(before) = self.row_before(&invoice, listed).await? else {
            return self.without_row(&invoice, listed, report).await;
        };
        match self.top_ups.handle(told, author, time.now()).await? {
            Handled::NotOurs(_) => Ok(()),
            Handled::Settled(settled) => {
                // What waits for a person is told with its organisation.
                let old = before.review.is_some() && settled.top_up.revision == before.revision;
                if let Some(found) = difference(&before, &settled.change).filter(|_| !old) {
                    report.found(found, Credits::ZERO);
                }
                Ok(())
            }
        }
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
            let found = about(
                kind,
                evidence.org.as_ref(),
                invoice,
                "no row".to_owned(),
                theirs,
                Outcome::ForAPerson,
            );
            report.found(found, Credits::ZERO);
        }
        Ok(())
    }
}
