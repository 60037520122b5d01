//! From a written-down top-up to an invoice that can be paid: every step can be cut off and repeated.
//!
//! The order of the steps is what makes it safe. The row names its draft before the draft is finalised, so an invoice
//! that can be paid is always one that our row points to; whoever finds the row half made goes on from there.

use std::time::Duration;

use saldo_adapters::PortError;
use saldo_adapters::http::Problem;
use saldo_adapters::stripe::StripeError;
use saldo_domain::{Alarm, InvoiceFacts, InvoiceStatus, OrgId, Seen, Status, TopUp};
use tracing::{error, warn};

use crate::Function;

/// The longest that opening may take, so that the client has an answer before the function is ended.
const DEADLINE: Duration = Duration::from_secs(18);
/// How often the row is read again because someone else brings it on at the same time.
const TRIES: usize = 4;

/// Why a top-up could not be opened.
enum OpenError {
    Port(PortError),
    Stripe(StripeError),
    /// Stripe's invoice is not what was ordered.
    Mismatch(&'static str),
}

impl Function {
    /// Brings a requested top-up on to `open`; gives back any other as it is.
    ///
    /// Where Stripe refuses for good, the top-up fails and the slot is freed; where Stripe does not answer clearly, all
    /// stays as it is, and repeating the request goes on from there.
    pub(crate) async fn open(&self, top_up: TopUp) -> Result<TopUp, Problem> {
        let (org, id) = (top_up.org.to_string(), top_up.id.to_string());
        let opened = tokio::time::timeout(DEADLINE, self.open_retrying(top_up)).await;
        match opened {
            Ok(Ok(top_up)) if top_up.status == Status::Failed => Err(Problem::payment_provider_unavailable()),
            Ok(Ok(top_up)) => Ok(top_up),
            Ok(Err(PortError::Conflict)) => Err(Problem::unavailable()),
            Ok(Err(error)) => {
                error!(org, top_up = id, %error, "not opened");
                Err(Problem::payment_provider_unavailable())
            }
            Err(_) => {
                error!(org, top_up = id, "not opened in time");
                Err(Problem::payment_provider_unavailable())
            }
        }
    }

    async fn open_retrying(&self, mut top_up: TopUp) -> Result<TopUp, PortError> {
        for _ in 0..TRIES {
            if top_up.status != Status::Requested {
                return Ok(top_up);
            }
            match self.open_once(&mut top_up).await {
                Ok(opened) => return Ok(opened),
                Err(OpenError::Port(PortError::Conflict)) => {}
                Err(OpenError::Port(error)) => return Err(error),
                Err(OpenError::Stripe(
                    refused @ (StripeError::Refused { .. } | StripeError::NotFound { .. }),
                )) => {
                    return self.give_up(&top_up, &refused.to_string()).await;
                }
                Err(OpenError::Stripe(error)) => return Err(error.into()),
                Err(OpenError::Mismatch(reason)) => return self.give_up(&top_up, reason).await,
            }
            let row = self.settlement.store.top_up(&top_up.org, &top_up.id).await?;
            top_up = row.ok_or_else(|| PortError::Broken("the row is gone".to_owned()))?;
        }
        Err(PortError::Conflict)
    }

    /// Customer, draft, line, finalise, open. `top_up` follows the row as it changes.
    async fn open_once(&self, top_up: &mut TopUp) -> Result<TopUp, OpenError> {
        let draft = match &top_up.invoice {
            Some(link) => self.settlement.stripe.invoice(&link.id, None).await?,
            None => Some(self.draft(top_up).await?),
        };
        let Some(mut invoice) = draft else {
            return Ok(self
                .settlement
                .decide_and_commit(top_up, Seen::Missing, self.clock.now())
                .await?
                .top_up);
        };
        if invoice.status == InvoiceStatus::Draft {
            if invoice.total == 0 {
                invoice = self.add_line(top_up, invoice).await?;
            }
            compare(top_up, &invoice).map_err(OpenError::Mismatch)?;
            invoice = self.finalize(top_up, &invoice).await?;
        }
        if invoice.status == InvoiceStatus::Open {
            compare(top_up, &invoice).map_err(OpenError::Mismatch)?;
        }
        let settled =
            self.settlement.decide_and_commit(top_up, Seen::Found(&invoice), self.clock.now()).await?;
        Ok(settled.top_up)
    }

    /// The draft of this top-up, which the row names from here on.
    async fn draft(&self, top_up: &mut TopUp) -> Result<InvoiceFacts, OpenError> {
        let known = self.settlement.store.customer(&top_up.org).await?;
        let customer = match known {
            Some(customer) => customer,
            None => self.new_customer(&top_up.org, None).await?,
        };
        let (customer, invoice) = self.create_or_find(top_up, customer).await?;
        top_up.customer = Some(customer);
        top_up.invoice = Some(invoice.link.clone());
        top_up.revision = top_up.revision.saturating_add(1);
        if let Err(error) = self.settlement.store.save(top_up).await {
            self.drop_unless_named(top_up, &invoice).await?;
            return Err(error.into());
        }
        Ok(invoice)
    }

    async fn create_or_find(
        &self,
        top_up: &TopUp,
        customer: String,
    ) -> Result<(String, InvoiceFacts), OpenError> {
        let stripe = &self.settlement.stripe;
        let methods = self.prices.payment_methods(top_up.purchase.total.currency);
        let key = format!("{}-invoice", top_up.id);
        match stripe.create_draft(top_up, &customer, methods, &key).await {
            Ok(invoice) => Ok((customer, invoice)),
            // Under the old key the answer would be the same for a day: look whether it happened, then use a new one.
            Err(StripeError::Unclear { replayed: true, .. }) => {
                let found = stripe.invoices_of(top_up, &customer).await?.into_iter().next();
                let invoice = match found {
                    Some(invoice) => invoice,
                    None => stripe.create_draft(top_up, &customer, methods, &again(&key)).await?,
                };
                Ok((customer, invoice))
            }
            Err(StripeError::Refused { code, what, .. })
                if code == "resource_missing" && what.contains("customer") =>
            {
                let customer = self.new_customer(&top_up.org, Some(&customer)).await?;
                let invoice = stripe.create_draft(top_up, &customer, methods, &again(&key)).await?;
                Ok((customer, invoice))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn new_customer(&self, org: &OrgId, deleted: Option<&str>) -> Result<String, OpenError> {
        let stripe = &self.settlement.stripe;
        let key = format!("customer-{org}-{}", deleted.unwrap_or("first"));
        let customer = match stripe.create_customer(org, &key).await {
            Err(StripeError::Unclear { replayed: true, .. }) => {
                stripe.create_customer(org, &again(&key)).await?
            }
            answer => answer?,
        };
        match self.settlement.store.keep_customer(org, &customer, deleted).await {
            Ok(()) => Ok(customer),
            // Someone else made one at the same time: theirs is kept.
            Err(PortError::Conflict) => Ok(self.settlement.store.customer(org).await?.unwrap_or(customer)),
            Err(error) => Err(error.into()),
        }
    }

    async fn add_line(&self, top_up: &TopUp, draft: InvoiceFacts) -> Result<InvoiceFacts, OpenError> {
        let (stripe, invoice) = (&self.settlement.stripe, &draft.link.id);
        let key = format!("{}-line-{invoice}", top_up.id);
        match stripe.add_line(invoice, &top_up.purchase, &key).await {
            Err(StripeError::Unclear { replayed: true, .. }) => match stripe.invoice(invoice, None).await? {
                Some(now) if now.total != 0 => Ok(now),
                Some(_) | None => Ok(stripe.add_line(invoice, &top_up.purchase, &again(&key)).await?),
            },
            answer => Ok(answer?),
        }
    }

    async fn finalize(&self, top_up: &TopUp, draft: &InvoiceFacts) -> Result<InvoiceFacts, OpenError> {
        let (stripe, invoice) = (&self.settlement.stripe, &draft.link.id);
        let key = format!("{}-finalize-{invoice}", top_up.id);
        match stripe.finalize(invoice, &key).await {
            Ok(invoice) => Ok(invoice),
            // Someone else may have finalised it, or the answer is an old one.
            Err(StripeError::Refused { .. } | StripeError::Unclear { replayed: true, .. }) => {
                match stripe.invoice(invoice, None).await? {
                    Some(now) if now.status != InvoiceStatus::Draft => Ok(now),
                    Some(_) | None => Ok(stripe.finalize(invoice, &again(&key)).await?),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A draft that no row names can never be paid, but litters: it is deleted when that is certain.
    async fn drop_unless_named(&self, top_up: &TopUp, draft: &InvoiceFacts) -> Result<(), OpenError> {
        let row = self.settlement.store.top_up(&top_up.org, &top_up.id).await?;
        let may_be_wanted = row.is_none_or(|row| {
            row.points_to(&draft.link.id) || (row.invoice.is_none() && row.status == Status::Requested)
        });
        if !may_be_wanted && let Err(error) = self.settlement.stripe.delete_draft(&draft.link.id).await {
            warn!(top_up = top_up.id.as_str(), %error, "spare draft not deleted");
        }
        Ok(())
    }

    /// Ends a top-up that Stripe will not sell as ordered: what there is of an invoice is deleted or voided, the slot
    /// freed.
    async fn give_up(&self, top_up: &TopUp, reason: &str) -> Result<TopUp, PortError> {
        error!(
            org = top_up.org.as_str(),
            top_up = top_up.id.as_str(),
            alarm = Alarm::InvoiceRefused.as_str(),
            reason,
            "given up"
        );
        Ok(self.settlement.close(top_up, Status::Failed, self.clock.now()).await?.top_up)
    }
}

/// What you saw is what you pay: the invoice must be the row's to the last minor unit, with nothing taken from a balance.
fn compare(top_up: &TopUp, invoice: &InvoiceFacts) -> Result<(), &'static str> {
    let total = top_up.purchase.total;
    let points_back = invoice.top_up_id.as_deref() == Some(top_up.id.as_str())
        && invoice.org.as_deref() == Some(top_up.org.as_str());
    if !points_back {
        Err("the invoice does not name the top-up")
    } else if invoice.customer != top_up.customer {
        Err("the invoice is another customer's")
    } else if invoice.currency != total.currency {
        Err("the invoice has another currency")
    } else if invoice.total != total.minor_units {
        Err("the invoice has another total")
    } else if invoice.starting_balance != 0 || invoice.amount_due != total.minor_units {
        Err("the customer's balance would pay for it")
    } else {
        Ok(())
    }
}

fn again(key: &str) -> String {
    format!("{key}-{:016x}", fastrand::u64(..))
}

impl From<PortError> for OpenError {
    fn from(error: PortError) -> OpenError {
        OpenError::Port(error)
    }
}

impl From<StripeError> for OpenError {
    fn from(error: StripeError) -> OpenError {
        OpenError::Stripe(error)
    }
}
