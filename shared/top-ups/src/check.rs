//! Looking after a top-up that is due.

use saldo_domain::{
    Actor, Author, Cause, Change, Ending, FailureReason, InvoiceStatus, OrgId, PortError, Status, Timestamp,
    TopUp, TopUpId,
};

use crate::noted::{last_request, noting};
use crate::{Invoices, Rows, Settled, TopUps};

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Looks after a top-up that is due: it is compared with its invoice, ended when its time is over, and due again later
    /// while it is unfinished.
    pub async fn check(&self, org: &OrgId, id: &TopUpId, now: Timestamp) -> Result<TopUp, PortError> {
        noting(None, Box::pin(self.check_noted(org, id, now))).await
    }

    async fn check_noted(&self, org: &OrgId, id: &TopUpId, now: Timestamp) -> Result<TopUp, PortError> {
        let author = Author { actor: Actor::System, cause: Cause::Check };
        let row = self.rows.top_up(org, id).await?;
        let Some(top_up) = row else { return Err(PortError::Broken("the index names no row".to_owned())) };
        if !top_up.status.is_unfinished() || top_up.due_at.is_none_or(|due| due > now) {
            return Ok(top_up);
        }
        let after = match top_up.status {
            Status::Requested => self.adopt_or_fail(&top_up, &author, now).await?,
            _ if top_up.is_over(now) => self.close(&top_up, Ending::Expired, &author, now).await?,
            _ => self.reconcile(&top_up, &author, now).await?,
        };
        self.look_again_later(after, &author, now).await
    }

    /// A request whose maker is long gone: an invoice that can be paid is adopted, anything less is removed.
    async fn adopt_or_fail(
        &self,
        top_up: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let settled = self.reconcile(top_up, author, now).await?;
        if settled.top_up.status != Status::Requested {
            if settled.top_up.status == Status::Failed {
                self.delete_spare_drafts(&settled.top_up).await?;
            }
            return Ok(settled);
        }
        let ending = Ending::Failed(FailureReason::NotCompleted);
        self.close(&settled.top_up, ending, author, now).await
    }

    /// Drafts that were made and never named by the row: they cannot be paid, and nobody wants them.
    async fn delete_spare_drafts(&self, top_up: &TopUp) -> Result<(), PortError> {
        let payer = match &top_up.payer {
            Some(payer) => Some(payer.clone()),
            None => self.rows.settings(&top_up.org).await?.payer.map(|payer| payer.id),
        };
        let Some(payer) = payer else { return Ok(()) };
        for invoice in self.invoices.invoices_of(top_up, &payer).await? {
            if invoice.status == InvoiceStatus::Draft {
                self.invoices.delete_draft(&invoice.invoice.id).await?;
            }
        }
        Ok(())
    }

    async fn look_again_later(
        &self,
        Settled { top_up, change, .. }: Settled,
        author: &Author,
        now: Timestamp,
    ) -> Result<TopUp, PortError> {
        if !top_up.status.is_unfinished() {
            return Ok(top_up);
        }
        let later = match change {
            Change::Nothing(_) => top_up.looked_at(author, now, last_request().as_deref()),
            _ => top_up.due_again(author, now),
        };
        match self.rows.save(&later).await {
            // Whoever changed it meanwhile knows better; it stays due and is looked at in the next run.
            Ok(()) | Err(PortError::Conflict) => Ok(later),
            Err(error) => Err(error),
        }
    }
}
