//! The payer: the organisation as the payment provider knows it, kept in step with whom to bill.

use std::hash::{DefaultHasher, Hash, Hasher};

use saldo_domain::{BillingContact, OrgId, Payer, PortError};
use tracing::error;

use super::Failure;
use super::error::{OpenError, again};
use crate::{Invoices, InvoicesError, Rows, TopUps};

/// A payer that the provider knows, and what it was told of it.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) told: BillingContact,
    /// Whether the provider refused to sell to it since it could last buy.
    pub(super) refused: bool,
}

impl Known {
    pub(super) fn tax_id(&self) -> Option<&str> {
        self.told.tax_id.as_deref()
    }
}

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Whether there is somewhere to send an invoice to: the provider makes none without.
    pub(super) async fn has_email(&self, org: &OrgId, ordered: &BillingContact) -> Result<bool, Failure> {
        if ordered.email.is_some() {
            return Ok(true);
        }
        let settings = self.rows.settings(org).await.map_err(|error| {
            error!(org = org.as_str(), %error, "settings not read");
            Failure::Ours
        })?;
        Ok(settings.billing.email.is_some())
    }

    /// Whom to bill now: what the settings say, and where they leave it open what was ordered.
    pub(super) async fn contact(
        &self,
        org: &OrgId,
        ordered: &BillingContact,
    ) -> Result<BillingContact, OpenError> {
        Ok(self.rows.settings(org).await?.billing.or(ordered))
    }

    /// The payer, made or told anew where what it was told is not whom to bill now. One that was made without an e-mail
    /// address is mended here too.
    pub(super) async fn payer(&self, org: &OrgId, ordered: &BillingContact) -> Result<Known, OpenError> {
        let settings = self.rows.settings(org).await?;
        let refused = settings.refused.is_some();
        let contact = settings.billing.or(ordered);
        let id = match settings.payer {
            Some(Payer { id, told }) if told.as_ref() == Some(&contact) => id,
            Some(Payer { id, .. }) => self.told_anew(org, id, &contact).await?,
            None => self.new_payer(org, &contact, None).await?,
        };
        Ok(Known { id, told: contact, refused })
    }

    async fn told_anew(
        &self,
        org: &OrgId,
        id: String,
        contact: &BillingContact,
    ) -> Result<String, OpenError> {
        match self.invoices.update_payer(&id, contact).await {
            Ok(()) => {}
            Err(InvoicesError::PayerUnknown { .. }) => return self.new_payer(org, contact, Some(&id)).await,
            Err(error) => return Err(error.into()),
        }
        match self.rows.keep_told(org, &id, contact).await {
            // Someone else made another one at the same time: this one is known to the provider all the same.
            Ok(()) | Err(PortError::Conflict) => Ok(id),
            Err(error) => Err(error.into()),
        }
    }

    /// The name of a payer made now; `gone` is one that the provider no longer knows.
    pub(super) async fn new_payer(
        &self,
        org: &OrgId,
        contact: &BillingContact,
        gone: Option<&str>,
    ) -> Result<String, OpenError> {
        let key = format!("customer-{org}-{}-{:016x}", gone.unwrap_or("first"), digest(contact));
        let id = match self.invoices.create_payer(org, contact, &key).await {
            Err(InvoicesError::Unclear { kept: true, .. }) => {
                self.invoices.create_payer(org, contact, &again(&key)).await?
            }
            answer => answer?,
        };
        match self.rows.keep_payer(org, &id, contact, gone).await {
            Ok(()) => Ok(id),
            // Someone else made one at the same time: theirs is kept.
            Err(PortError::Conflict) => Ok(self.rows.settings(org).await?.payer.map_or(id, |payer| payer.id)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Tells apart in the keys of requests what is sent under them. Another build may give another one: then the key is new.
pub(super) fn digest(sent: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    sent.hash(&mut hasher);
    hasher.finish()
}
