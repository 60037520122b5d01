//! What Stripe's objects lead to: the invoice behind a payment, a refund, a dispute or a credit note, and the payer.

use std::collections::HashMap;

use miniserde::Deserialize;
use miniserde::json::Value;
use saldo_domain::{OrgId, TopUpId};
use saldo_top_ups::{Behind, Invoices, InvoicesError, Lookups};
use stripe::StripeRequest;
use stripe_billing::invoice::ListInvoice;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::customer::ListCustomer;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::answers::{DEPLOYMENT_KEY, InvoiceAnswer, List, ORG_KEY, id_of};
use super::error::StripeError;
use super::invoices::Stripe;

/// What an id begins with, and the object's place in the API.
const KINDS: [(&str, &str); 9] = [
    ("in_", "invoices"),
    ("cus_", "customers"),
    ("pi_", "payment_intents"),
    ("ch_", "charges"),
    ("py_", "charges"),
    ("re_", "refunds"),
    ("dp_", "disputes"),
    ("du_", "disputes"),
    ("cn_", "credit_notes"),
];
/// Around the making of a top-up, in seconds, its invoice is made.
const BEFORE_SECS: i64 = 60;
const AFTER_SECS: i64 = 15 * 60;
const PAGE: i64 = 100;
/// Pages at the most, when looking for one.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct Pointing {
    invoice: Option<Value>,
    payment_intent: Option<Value>,
}

#[derive(Deserialize)]
struct PayerAnswer {
    metadata: Option<HashMap<String, String>>,
}

impl Lookups for Stripe {
    fn is_named_so(&self, text: &str) -> bool {
        kind_of(text).is_some()
    }

    async fn behind(&self, id: &str) -> Result<Option<Behind>, InvoicesError> {
        let Some(kind) = kind_of(id) else { return Ok(None) };
        match kind {
            "invoices" => Ok(Some(Behind::Invoice(id.to_owned()))),
            "customers" => {
                let payer: Option<PayerAnswer> = self.object(kind, id).await?;
                Ok(payer.and_then(|payer| self.organisation(&payer)).map(Behind::Payer))
            }
            "payment_intents" => self.invoice_paid_by(id).await,
            _ => {
                let Some(object) = self.object::<Pointing>(kind, id).await? else { return Ok(None) };
                if let Some(invoice) = object.invoice.as_ref().and_then(id_of) {
                    return Ok(Some(Behind::Invoice(invoice)));
                }
                match object.payment_intent.as_ref().and_then(id_of) {
                    Some(payment) => self.invoice_paid_by(&payment).await,
                    None => Ok(None),
                }
            }
        }
    }

    async fn payers_of(&self, email: &str) -> Result<Vec<OrgId>, InvoicesError> {
        let payers: List<PayerAnswer> =
            self.ask(ListCustomer::new().email(email).limit(PAGE).build(), None).await?;
        let mut found: Vec<_> = payers.data.iter().filter_map(|payer| self.organisation(payer)).collect();
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn naming(&self, id: &TopUpId) -> Result<Option<OrgId>, InvoicesError> {
        let made = id.at().secs();
        let (gte, lte) = (Some(made - BEFORE_SECS), Some(made + AFTER_SECS));
        let created = RangeQueryTs::Bounds(RangeBoundsTs { gte, lte, ..RangeBoundsTs::default() });
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut request = ListInvoice::new().created(created).limit(PAGE);
            if let Some(after) = &after {
                request = request.starting_after(after.as_str());
            }
            let list: List<InvoiceAnswer> = self.ask(request.build(), None).await?;
            after = list.data.last().map(|invoice| invoice.id.clone());
            let named = list.data.into_iter().find_map(|invoice| invoice.organisation_of(id));
            if named.is_some() || !list.has_more {
                return Ok(named);
            }
        }
        Ok(None)
    }
}

impl Stripe {
    async fn invoice_paid_by(&self, payment: &str) -> Result<Option<Behind>, InvoicesError> {
        Ok(self.invoice_of(payment).await?.map(Behind::Invoice))
    }

    async fn object<T: Deserialize>(&self, kind: &str, id: &str) -> Result<Option<T>, InvoicesError> {
        match self.ask(RequestBuilder::new(StripeMethod::Get, format!("/{kind}/{id}")), None).await {
            Ok(object) => Ok(Some(object)),
            Err(StripeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whom a customer is, if this deployment made it.
    fn organisation(&self, payer: &PayerAnswer) -> Option<OrgId> {
        let metadata = payer.metadata.as_ref()?;
        let ours = metadata.get(DEPLOYMENT_KEY).is_some_and(|mark| self.is_marked_so(mark));
        OrgId::parse(metadata.get(ORG_KEY).filter(|_| ours)?).ok()
    }
}

fn kind_of(text: &str) -> Option<&'static str> {
    let (prefix, kind) = KINDS.iter().find(|(prefix, _)| text.starts_with(prefix))?;
    let rest = text.strip_prefix(prefix)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    ((1..=200).contains(&rest.len()) && rest.bytes().all(plain)).then_some(*kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_lead_somewhere_are_told_from_everything_else() {
        for (id, kind) in [("in_1", "invoices"), ("pi_3Qx", "payment_intents"), ("cn_1A", "credit_notes")] {
            assert_eq!(kind_of(id), Some(kind));
        }
        for text in ["", "in_", "acme", "in_1/lines", "ch_1?x", "evt_1", "IN_1", "in_1 ", "top_1"] {
            assert_eq!(kind_of(text), None, "{text}");
        }
    }
}
