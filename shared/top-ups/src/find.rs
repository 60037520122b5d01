//! Finding the organisation and the top-up behind what the staff have at hand.

use std::future::Future;

use saldo_domain::{OrgId, PortError, TopUpId};

use crate::{Invoices, InvoicesError, Rows, TopUps};

/// What the provider knows of whom an object is. Nothing that it answers is a proof: it only leads to a row.
pub trait Lookups: Send + Sync {
    /// Whether a text has the form of one of the provider's ids that leads anywhere.
    fn is_named_so(&self, text: &str) -> bool;

    /// What is behind an id of the provider's: a payer, or the invoice that a payment, refund, dispute or credit note is
    /// about. `None` when the provider does not know it.
    fn behind(&self, id: &str) -> impl Future<Output = Result<Option<Behind>, InvoicesError>> + Send;

    /// The organisations of this deployment that the provider knows by exactly this e-mail address.
    fn payers_of(&self, email: &str) -> impl Future<Output = Result<Vec<OrgId>, InvoicesError>> + Send;

    /// The organisation that an invoice names beside this top-up, of those made within a quarter of an hour of the top-up.
    fn naming(&self, id: &TopUpId) -> impl Future<Output = Result<Option<OrgId>, InvoicesError>> + Send;
}

/// What is behind an id of the provider's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    Payer(OrgId),
    Invoice(String),
}

/// An organisation, and the top-up of it that was meant, if it was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub org: OrgId,
    pub top_up: Option<TopUpId>,
}

impl<R: Rows, I: Invoices + Lookups> TopUps<R, I> {
    /// The organisations and top-ups behind the id of a top-up, the number of an invoice, any id of the provider's, or an
    /// e-mail address. Each top-up is one whose row exists.
    pub async fn find(&self, text: &str) -> Result<Vec<Found>, PortError> {
        if let Ok(id) = TopUpId::parse(text) {
            let org = self.invoices.naming(&id).await?;
            return self.with_row(org.map(|org| (org, id))).await;
        }
        if self.invoices.is_named_so(text) {
            return match self.invoices.behind(text).await? {
                Some(Behind::Payer(org)) => Ok(vec![Found { org, top_up: None }]),
                Some(Behind::Invoice(invoice)) => self.of_invoice(&invoice).await,
                None => self.with_row(self.rows.kept_for(text).await?).await,
            };
        }
        let mut found = self.with_row(self.rows.kept_for(text).await?).await?;
        if text.contains('@') {
            let payers = self.invoices.payers_of(text).await?;
            found.extend(payers.into_iter().map(|org| Found { org, top_up: None }));
        }
        Ok(found)
    }

    /// What the invoice is remembered for, or else what it names.
    async fn of_invoice(&self, invoice: &str) -> Result<Vec<Found>, PortError> {
        if let Some(kept) = self.rows.kept_for(invoice).await? {
            return self.with_row(Some(kept)).await;
        }
        let evidence = self.invoices.invoice(invoice, None).await?;
        self.with_row(evidence.and_then(|evidence| Some((evidence.org?, evidence.top_up?)))).await
    }

    async fn with_row(&self, named: Option<(OrgId, TopUpId)>) -> Result<Vec<Found>, PortError> {
        let Some((org, id)) = named else { return Ok(Vec::new()) };
        let row = self.rows.top_up(&org, &id).await?;
        Ok(row.map(|row| Found { org: row.org, top_up: Some(row.id) }).into_iter().collect())
    }
}
