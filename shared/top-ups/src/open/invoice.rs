//! From a written-down top-up to an invoice that can be paid.
//!
//! The order of the steps is what makes it safe. The row names its draft before the draft is finalised, so an invoice
//! that can be paid is always one that our row points to; whoever finds the row half made goes on from there.

use std::time::Duration;

use saldo_domain::{
    Evidence, FailureReason, InvoiceStatus, Language, Obstacle, Occasion, PortError, Seen, Status, Timestamp,
    TopUp, What, what_was_ordered,
};
use tracing::{error, warn};

use super::error::{OpenError, again};
use super::payer::{Known, digest};
use super::{Buyer, Failure};
use crate::noted::{keep, keep_cut_off};
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
        let before = top_up.clone();
        let brought = tokio::time::timeout(DEADLINE, Box::pin(self.open_retrying(top_up, buyer, now))).await;
        if !matches!(brought, Ok(Ok(_))) {
            keep_cut_off(&self.rows, &before, &buyer.author, now).await;
        }
        match brought {
            Ok(Ok(Brought::On(top_up))) => Ok(*top_up),
            Ok(Ok(Brought::Withdrawn(obstacle))) => Err(Failure::Barred(obstacle)),
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
    ) -> Result<Brought, PortError> {
        let mut seen = None;
        for _ in 0..TRIES {
            if top_up.status != Status::Requested {
                return Ok(Brought::On(Box::new(top_up)));
            }
            match Box::pin(self.open_once(&mut top_up, buyer, now)).await {
                Ok(opened) => return Ok(Brought::On(Box::new(opened))),
                Err(OpenError::Port(PortError::Conflict)) => {}
                Err(OpenError::Port(error)) => return Err(error),
                Err(OpenError::Barred(obstacle, what)) => {
                    match Box::pin(self.withdraw(&top_up, (obstacle, &what), buyer, now)).await {
                        Ok(()) => return Ok(Brought::Withdrawn(obstacle)),
                        Err(PortError::Conflict) => seen = Some(obstacle),
                        Err(error) => return left_behind(&top_up, obstacle, error),
                    }
                }
                Err(OpenError::Provider(error)) => return self.refused(&top_up, error, buyer, now).await,
                Err(OpenError::Mismatch(reason)) => {
                    let why = (FailureReason::InvoiceDiffers, reason.as_str());
                    let failed = self.give_up(&top_up, why, buyer, now).await?;
                    return Ok(Brought::On(Box::new(failed)));
                }
            }
            match self.rows.top_up(&top_up.org, &top_up.id).await? {
                Some(row) => top_up = row,
                None => return seen.map(Brought::Withdrawn).ok_or(PortError::Conflict),
            }
        }
        Err(PortError::Conflict)
    }

    async fn refused(
        &self,
        top_up: &TopUp,
        error: InvoicesError,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<Brought, PortError> {
        match error {
            InvoicesError::Refused { what } | InvoicesError::NotFound { what } => {
                let why = (FailureReason::ProviderRefused, what.as_str());
                Ok(Brought::On(Box::new(self.give_up(top_up, why, buyer, now).await?)))
            }
            unclear => Err(unclear.into()),
        }
    }

    /// Payer, draft, line, finalise, open. `top_up` follows the row as it changes.
    async fn open_once(
        &self,
        top_up: &mut TopUp,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<TopUp, OpenError> {
        let author = &buyer.author;
        let (draft, payer) = match &top_up.invoice {
            Some(link) => (self.invoices.invoice(&link.id, None).await?, None),
            None => self.draft(top_up, buyer, now).await.map(|(draft, payer)| (Some(draft), Some(payer)))?,
        };
        let Some(mut invoice) = draft else {
            return Ok(self.decide_and_commit(top_up, Seen::Missing, author, now).await?.top_up);
        };
        if invoice.status == InvoiceStatus::Draft {
            if invoice.total == 0 {
                let language = match &payer {
                    Some(payer) => payer.told.language,
                    None => self.contact(&top_up.org, buyer.contact).await?.language,
                };
                invoice = self.add_line(top_up, invoice, language).await?;
            }
            as_ordered(top_up, &invoice)?;
            invoice = self.finalize(top_up, &invoice).await?;
        }
        if invoice.status == InvoiceStatus::Open {
            as_ordered(top_up, &invoice)?;
        }
        let settled = self.decide_and_commit(top_up, Seen::Found(&invoice), author, now).await?;
        if payer.is_some_and(|payer| payer.refused) && settled.top_up.status == Status::Open {
            self.forget_refusal(top_up).await;
        }
        if settled.look_again {
            return Ok(self.reconcile(&settled.top_up, author, now).await?.top_up);
        }
        Ok(settled.top_up)
    }

    /// The draft of this top-up, which the row names from here on.
    ///
    /// One that a balance of the payer would change is deleted before the row knows of it: trying again would only repeat it.
    async fn draft(
        &self,
        top_up: &mut TopUp,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<(Evidence, Known), OpenError> {
        let payer = self.payer(&top_up.org, buyer.contact).await?;
        let (payer, draft) = self.create_or_find(top_up, payer).await?;
        if draft.from_balance != 0 {
            self.invoices.delete_draft(&draft.invoice.id).await?;
            return Err(barred_by_balance(&draft));
        }
        let made = Occasion::of(What::DraftMade, top_up, &buyer.author, now).with_detail(&draft.invoice.id);
        keep(&self.rows, top_up, made).await;
        let mut named = top_up.changed_by(&buyer.author);
        named.payer = Some(payer.id.clone());
        named.invoice = Some(draft.invoice.clone());
        self.rows.keep_invoice(&draft.invoice.id, &named).await?;
        *top_up = named;
        if let Err(error) = self.rows.save(top_up).await {
            self.drop_unless_named(top_up, &draft).await?;
            return Err(error.into());
        }
        Ok((draft, payer))
    }

    async fn create_or_find(&self, top_up: &TopUp, payer: Known) -> Result<(Known, Evidence), OpenError> {
        let key = key_of_draft(top_up, &payer);
        match self.invoices.create_draft(top_up, &payer.id, payer.tax_id(), &key).await {
            Ok(draft) => Ok((payer, draft)),
            // Under the old key the answer would be the same for a day: look whether it happened, then use a new one.
            Err(InvoicesError::Unclear { kept: true, .. }) => {
                let found = self.invoices.invoices_of(top_up, &payer.id).await?.into_iter().next();
                let draft = match found {
                    Some(draft) => draft,
                    None => self.draft_again(top_up, &payer, &key).await?,
                };
                Ok((payer, draft))
            }
            Err(InvoicesError::PayerUnknown { .. }) => {
                let id = self.new_payer(&top_up.org, &payer.told, Some(&payer.id)).await?;
                let payer = Known { id, ..payer };
                let key = key_of_draft(top_up, &payer);
                let draft = self.invoices.create_draft(top_up, &payer.id, payer.tax_id(), &key).await?;
                Ok((payer, draft))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn draft_again(&self, top_up: &TopUp, payer: &Known, key: &str) -> Result<Evidence, OpenError> {
        Ok(self.invoices.create_draft(top_up, &payer.id, payer.tax_id(), &again(key)).await?)
    }

    async fn add_line(
        &self,
        top_up: &TopUp,
        draft: Evidence,
        language: Option<Language>,
    ) -> Result<Evidence, OpenError> {
        let invoice = &draft.invoice.id;
        let key = format!("{}-line-{invoice}-{}", top_up.id, language.map_or("", Language::as_str));
        let add = async |key: &str| self.invoices.add_line(invoice, &top_up.purchase, language, key).await;
        match add(&key).await {
            Err(InvoicesError::Unclear { kept: true, .. }) => {
                match self.invoices.invoice(invoice, None).await? {
                    Some(now) if now.total != 0 => Ok(now),
                    Some(_) | None => Ok(add(&again(&key)).await?),
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
}

/// A key stands for all that is sent under it, and is no place for a person's number. A payer that is made anew has a key of
/// its own, which whoever goes on after a crash finds again.
fn key_of_draft(top_up: &TopUp, payer: &Known) -> String {
    let key = format!("{}-invoice-{}", top_up.id, payer.id);
    payer.tax_id().map_or(key.clone(), |tax_id| format!("{key}-{:016x}", digest(&tax_id)))
}

/// What came of bringing a top-up on.
enum Brought {
    On(Box<TopUp>),
    /// It is gone: the provider sells nothing before a person has acted.
    Withdrawn(Obstacle),
}

/// What you saw is what you pay.
fn as_ordered(top_up: &TopUp, invoice: &Evidence) -> Result<(), OpenError> {
    if invoice.from_balance != 0 {
        return Err(barred_by_balance(invoice));
    }
    what_was_ordered(top_up, invoice).map_err(OpenError::Mismatch)
}

fn barred_by_balance(invoice: &Evidence) -> OpenError {
    let what = format!("a balance of {} would change {}", invoice.from_balance, invoice.invoice.id);
    OpenError::Barred(Obstacle::CustomerBalance, what)
}

/// The provider does not even let us end what it does not let us sell: cleanup tries again.
fn left_behind(top_up: &TopUp, obstacle: Obstacle, error: PortError) -> Result<Brought, PortError> {
    match error {
        PortError::NotPermitted(what) => {
            warn!(org = top_up.org.as_str(), top_up = top_up.id.as_str(), what, "not withdrawn");
            Ok(Brought::Withdrawn(obstacle))
        }
        error => Err(error),
    }
}
