//! What becomes of an order that the provider refuses: the slot is freed, and a person is told once.

use saldo_domain::{Alarm, Ending, FailureReason, Obstacle, PortError, Timestamp, TopUp};
use tracing::{error, warn};

use super::Buyer;
use crate::{Invoices, InvoicesError, Rows, TopUps};

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Takes back an order that cannot be sold before a person has acted: the draft is deleted, and with it the intent, so
    /// that trying in vain fills neither the history nor the provider. What must leave a trace fails instead: an invoice that
    /// was to be seen, and the top-up of another request.
    pub(super) async fn withdraw(
        &self,
        top_up: &TopUp,
        (obstacle, what): (Obstacle, &str),
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let why = FailureReason::Obstacle(obstacle);
        self.tell_once(top_up, why, what).await;
        let gone = match &top_up.invoice {
            Some(link) => self.is_deleted(&link.id).await?,
            None => true,
        };
        if let (true, Some(request)) = (gone, buyer.request) {
            return self.rows.withdraw(top_up, request).await;
        }
        self.close(top_up, Ending::Failed(why), &buyer.author, now).await.map(drop)
    }

    /// Deletes a draft, which asks less of the provider than ending an invoice of any kind; whether it is gone.
    async fn is_deleted(&self, draft: &str) -> Result<bool, PortError> {
        match self.invoices.delete_draft(draft).await {
            Ok(()) => Ok(true),
            Err(InvoicesError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a top-up that the provider will not sell as ordered: what there is of an invoice is deleted or voided, the
    /// slot freed.
    pub(super) async fn give_up(
        &self,
        top_up: &TopUp,
        (why, what): (FailureReason, &str),
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<TopUp, PortError> {
        self.tell_once(top_up, why, what).await;
        Ok(self.close(top_up, Ending::Failed(why), &buyer.author, now).await?.top_up)
    }

    /// Raises the alarm when this organisation meets this refusal for the first time since it could last buy: each further
    /// try is only written down. Rather twice than not at all, where remembering fails.
    async fn tell_once(&self, top_up: &TopUp, why: FailureReason, what: &str) {
        let (org, id, reason) = (top_up.org.as_str(), top_up.id.as_str(), why.as_str());
        let told = self.rows.settings(&top_up.org).await.is_ok_and(|settings| settings.refused == Some(why));
        if told {
            warn!(org, top_up = id, reason, what, "refused again");
            return;
        }
        error!(org, top_up = id, alarm = Alarm::InvoiceRefused.as_str(), reason, what, "refused");
        if let Err(error) = self.rows.keep_refusal(&top_up.org, Some(why)).await {
            warn!(org, %error, "a refusal is not remembered");
        }
    }

    /// The provider sells again: the next refusal is told anew.
    pub(super) async fn forget_refusal(&self, top_up: &TopUp) {
        if let Err(error) = self.rows.keep_refusal(&top_up.org, None).await {
            warn!(org = top_up.org.as_str(), %error, "a refusal is still remembered");
        }
    }
}
