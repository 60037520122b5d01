//! From a written-down top-up to an invoice that can be paid.
//!
//! The order of the steps is what makes it safe. The row names its draft before the draft is finalised, so an invoice
//! that can be paid is always one that our row points to; whoever finds the row half made goes on from there.

use std::time::Duration;

use saldo_domain::{
    Alarm, Author, Ending, Evidence, FailureReason, InvoiceStatus, PortError, Seen, Status, Timestamp, TopUp,
    what_was_ordered,
};
use tracing::{error, warn};

use super::error::{OpenError, again};
use super::payer::{Known, digest};
use super::{Buyer, Failure};
use crate::{Invoices, InvoicesError, Rows, TopUps};

/// The longest that opening may take, so that the client has an answer before the function is ended.
const DEADLINE: Duration = Duration::from_secs(18);
/// How often the row is read again because someone else brings it on at the same time.
const TRIES: usize = 4;

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Brings a requested top-up on to `open`; gives back any other as it is.
    ///
    /// Where the provider refuses for good, the top-up fails, which is an end as any other, and frees the slot; where it does not answer clearly, all
    /// stays as it is, and repeating the request goes on from there.
    pub(super) async fn bring_on(
        &self,
        top_up: TopUp,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<TopUp, Failure> {
        let (org, id) = (top_up.org.to_string(), top_up.id.to_string());
        match tokio::time::timeout(DEADLINE, self.open_retrying(top_up, buyer, now)).await {
            Ok(Ok(top_up)) => Ok(top_up),
            Ok(Err(PortError::Conflict)) => Err(Failure::Ours),
            Ok(Err(error)) => {
                error!(org, top_up = id, %error, "not opened");
                Err(Failure::Provider)
            }
            Err(_) => {
                error!(org, top_up = id, "not opened in time");
                Err(Failure::Provider)
            }
        }
    }

    async fn open_retrying(
        &self,
        mut top_up: TopUp,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<TopUp, PortError> {
        let author = &buyer.author;
        for _ in 0..TRIES {
            if top_up.status != Status::Requested {
                return Ok(top_up);
            }
            match self.open_once(&mut top_up, buyer, now).await {
                Ok(opened) => return Ok(opened),
                Err(OpenError::Port(PortError::Conflict)) => {}
                Err(OpenError::Port(error)) => return Err(error),
                Err(OpenError::Provider(error)) => match error {
                    InvoicesError::Refused { what }
                    | InvoicesError::NotFound { what }
                    | InvoicesError::PayerUnknown { what } => {
                        let why = FailureReason::ProviderRefused;
                        return self.give_up(&top_up, why, &what, author, now).await;
                    }
                    InvoicesError::Unclear { .. } | InvoicesError::Broken { .. } => return Err(error.into()),
                },
                Err(OpenError::Mismatch(reason)) => {
                    let why = FailureReason::InvoiceDiffers;
                    return self.give_up(&top_up, why, reason.as_str(), author, now).await;
                }
            }
            top_up = self.as_it_is_now(&top_up).await?;
        }
        Err(PortError::Conflict)
    }

    /// Payer, draft, line, finalise, open. `top_up` follows the row as it changes.
    async fn open_once(
        &self,
        top_up: &mut TopUp,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<TopUp, OpenError> {
        let author = &buyer.author;
        let draft = match &top_up.invoice {
            Some(link) => self.invoices.invoice(&link.id, None).await?,
            None => Some(self.draft(top_up, buyer).await?),
        };
        let Some(mut invoice) = draft else {
            return Ok(self.decide_and_commit(top_up, Seen::Missing, author, now).await?.top_up);
        };
        if invoice.status == InvoiceStatus::Draft {
            if invoice.total == 0 {
                invoice = self.add_line(top_up, invoice).await?;
            }
            what_was_ordered(top_up, &invoice).map_err(OpenError::Mismatch)?;
            invoice = self.finalize(top_up, &invoice).await?;
        }
        if invoice.status == InvoiceStatus::Open {
            what_was_ordered(top_up, &invoice).map_err(OpenError::Mismatch)?;
        }
        let settled = self.decide_and_commit(top_up, Seen::Found(&invoice), author, now).await?;
        if settled.look_again {
            return Ok(self.reconcile(&settled.top_up, author, now).await?.top_up);
        }
        Ok(settled.top_up)
    }

    /// The draft of this top-up, which the row names from here on.
    async fn draft(&self, top_up: &mut TopUp, buyer: &Buyer<'_>) -> Result<Evidence, OpenError> {
        let payer = self.payer(&top_up.org, buyer.contact).await?;
        let (payer, draft) = self.create_or_find(top_up, payer).await?;
        let mut named = top_up.changed_by(&buyer.author);
        named.payer = Some(payer);
        named.invoice = Some(draft.invoice.clone());
        self.rows.keep_invoice(&draft.invoice.id, &named).await?;
        *top_up = named;
        if let Err(error) = self.rows.save(top_up).await {
            self.drop_unless_named(top_up, &draft).await?;
            return Err(error.into());
        }
        Ok(draft)
    }

    async fn create_or_find(&self, top_up: &TopUp, payer: Known) -> Result<(String, Evidence), OpenError> {
        // A key stands for all that is sent under it, and is no place for a person's number.
        let key = match payer.tax_id() {
            Some(tax_id) => format!("{}-invoice-{:016x}", top_up.id, digest(&tax_id)),
            None => format!("{}-invoice", top_up.id),
        };
        match self.invoices.create_draft(top_up, &payer.id, payer.tax_id(), &key).await {
            Ok(draft) => Ok((payer.id, draft)),
            // Under the old key the answer would be the same for a day: look whether it happened, then use a new one.
            Err(InvoicesError::Unclear { kept: true, .. }) => {
                let found = self.invoices.invoices_of(top_up, &payer.id).await?.into_iter().next();
                let draft = match found {
                    Some(draft) => draft,
                    None => self.draft_again(top_up, &payer, &key).await?,
                };
                Ok((payer.id, draft))
            }
            Err(InvoicesError::PayerUnknown { .. }) => {
                let payer = self.new_payer(&top_up.org, payer.told, Some(&payer.id)).await?;
                let draft = self.draft_again(top_up, &payer, &key).await?;
                Ok((payer.id, draft))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn draft_again(&self, top_up: &TopUp, payer: &Known, key: &str) -> Result<Evidence, OpenError> {
        Ok(self.invoices.create_draft(top_up, &payer.id, payer.tax_id(), &again(key)).await?)
    }

    async fn add_line(&self, top_up: &TopUp, draft: Evidence) -> Result<Evidence, OpenError> {
        let invoice = &draft.invoice.id;
        let key = format!("{}-line-{invoice}", top_up.id);
        match self.invoices.add_line(invoice, &top_up.purchase, &key).await {
            Err(InvoicesError::Unclear { kept: true, .. }) => {
                match self.invoices.invoice(invoice, None).await? {
                    Some(now) if now.total != 0 => Ok(now),
                    Some(_) | None => {
                        Ok(self.invoices.add_line(invoice, &top_up.purchase, &again(&key)).await?)
                    }
                }
            }
            answer => Ok(answer?),
        }
    }

    async fn finalize(&self, top_up: &TopUp, draft: &Evidence) -> Result<Evidence, OpenError> {
        let invoice = &draft.invoice.id;
        let key = format!("{}-finalize-{invoice}", top_up.id);
        match self.invoices.finalize(invoice, &key).await {
            Ok(invoice) => Ok(invoice),
            // Someone else may have finalised it, or the answer is an old one.
            Err(InvoicesError::Refused { .. } | InvoicesError::Unclear { kept: true, .. }) => {
                match self.invoices.invoice(invoice, None).await? {
                    Some(now) if now.status != InvoiceStatus::Draft => Ok(now),
                    Some(_) | None => Ok(self.invoices.finalize(invoice, &again(&key)).await?),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A draft that no row names can never be paid, but litters: it is deleted when that is certain.
    async fn drop_unless_named(&self, top_up: &TopUp, draft: &Evidence) -> Result<(), OpenError> {
        let row = self.rows.top_up(&top_up.org, &top_up.id).await?;
        let may_be_wanted = row.is_none_or(|row| {
            row.points_to(&draft.invoice.id) || (row.invoice.is_none() && row.status == Status::Requested)
        });
        if !may_be_wanted && let Err(error) = self.invoices.delete_draft(&draft.invoice.id).await {
            warn!(top_up = top_up.id.as_str(), %error, "spare draft not deleted");
        }
        Ok(())
    }

    /// Ends a top-up that the provider will not sell as ordered: what there is of an invoice is deleted or voided, the
    /// slot freed.
    async fn give_up(
        &self,
        top_up: &TopUp,
        why: FailureReason,
        reason: &str,
        author: &Author,
        now: Timestamp,
    ) -> Result<TopUp, PortError> {
        error!(
            org = top_up.org.as_str(),
            top_up = top_up.id.as_str(),
            alarm = Alarm::InvoiceRefused.as_str(),
            reason,
            "given up"
        );
        Ok(self.close(top_up, Ending::Failed(why), author, now).await?.top_up)
    }
}
