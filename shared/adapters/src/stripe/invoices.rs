//! What Saldo asks of Stripe: a customer, an invoice of one line, its end.

use std::collections::HashMap;

use saldo_domain::{InvoiceFacts, OrgId, Purchase, Timestamp, TopUp};
use stripe::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_billing::InvoiceCollectionMethod;
use stripe_billing::invoice::{
    AddLinesInvoice, AddLinesInvoiceLines, AddLinesInvoiceLinesPriceData, AddLinesInvoiceLinesTaxAmounts,
    AddLinesInvoiceLinesTaxAmountsTaxRateData, CreateInvoice, CreateInvoicePaymentSettings,
    CreateInvoicePaymentSettingsPaymentMethodTypes, CreateInvoicePendingInvoiceItemsBehavior, DeleteInvoice,
    FinalizeInvoiceInvoice, ListInvoice, ProductData, RetrieveInvoice, VoidInvoiceInvoice,
};
use stripe_client_core::RequestBuilder;
use stripe_core::customer::CreateCustomer;
use stripe_types::RangeQueryTs;

use super::answers::{Identified, InvoiceAnswer, InvoiceList, ORG_KEY, TOP_UP_KEY};
use super::client::{Connection, StripeError, StripeHttp};

/// Stripe, for one key.
#[derive(Clone, Debug)]
pub struct Stripe {
    connection: Connection,
}

/// The line on the invoice.
const PRODUCT: &str = "Message credits";
/// With every invoice comes what a decision needs: its payments and why the last one was refused.
const EXPAND: [&str; 2] = ["payments", "payments.data.payment.payment_intent"];
/// Invoices asked for at a time, and pages at the most, when looking for one.
const PAGE: i64 = 100;
const PAGES: usize = 10;

impl Stripe {
    pub(crate) fn new(http: StripeHttp, base: &str, key: &str) -> Stripe {
        Stripe { connection: Connection::new(http, base, key) }
    }

    /// Makes the customer of an organisation and gives its id.
    pub async fn create_customer(&self, org: &OrgId, key: &str) -> Result<String, StripeError> {
        let request = CreateCustomer::new()
            .name(org.as_str())
            .metadata([(ORG_KEY.to_owned(), org.to_string())].into_iter().collect::<HashMap<_, _>>());
        let customer: Identified = self.ask(request.build(), Some(key)).await?;
        Ok(customer.id)
    }

    /// Makes an empty draft that names its top-up, takes no pending items and inherits no discount, and that Stripe
    /// leaves alone.
    pub async fn create_draft(
        &self,
        top_up: &TopUp,
        customer: &str,
        payment_methods: &[String],
        key: &str,
    ) -> Result<InvoiceFacts, StripeError> {
        let metadata: HashMap<_, _> =
            [(TOP_UP_KEY.to_owned(), top_up.id.to_string()), (ORG_KEY.to_owned(), top_up.org.to_string())]
                .into();
        let mut request = CreateInvoice::new()
            .customer(customer)
            .currency(currency(&top_up.purchase))
            .collection_method(InvoiceCollectionMethod::SendInvoice)
            .days_until_due(days_until_due(top_up))
            .auto_advance(false)
            .pending_invoice_items_behavior(CreateInvoicePendingInvoiceItemsBehavior::Exclude)
            .metadata(metadata);
        if !payment_methods.is_empty() {
            let types = payment_methods.iter().map(|kind| payment_method(kind)).collect();
            let settings = CreateInvoicePaymentSettings {
                payment_method_types: Some(types),
                ..CreateInvoicePaymentSettings::new()
            };
            request = request.payment_settings(settings);
        }
        let mut request = request.build();
        // An empty text keeps the customer's discounts away; a typed empty list is left out of the body.
        if let Some(body) = request.body.as_mut() {
            body.push_str("&discounts=");
        }
        self.ask::<InvoiceAnswer>(request, Some(key)).await?.into_facts(None)
    }

    /// Adds the one line: credits times unit price, and the tax as we computed it.
    pub async fn add_line(
        &self,
        invoice: &str,
        purchase: &Purchase,
        key: &str,
    ) -> Result<InvoiceFacts, StripeError> {
        let mut price = AddLinesInvoiceLinesPriceData::new(currency(purchase));
        price.product_data = Some(ProductData::new(PRODUCT));
        price.unit_amount = Some(purchase.unit_price.minor_units);
        let mut line = AddLinesInvoiceLines::new();
        line.quantity = u64::try_from(purchase.credits.0).ok();
        line.price_data = Some(price);
        if purchase.tax.minor_units > 0 {
            let percent: f64 = purchase.tax_percent.to_string().parse().unwrap_or_default();
            let rate = AddLinesInvoiceLinesTaxAmountsTaxRateData::new(&purchase.tax_name, false, percent);
            let (tax, taxable) = (purchase.tax.minor_units, purchase.subtotal.minor_units);
            line.tax_amounts = Some(vec![AddLinesInvoiceLinesTaxAmounts::new(tax, rate, taxable)]);
        }
        let request = AddLinesInvoice::new(invoice, vec![line]);
        self.ask::<InvoiceAnswer>(request.build(), Some(key)).await?.into_facts(None)
    }

    /// Makes a draft payable.
    pub async fn finalize(&self, invoice: &str, key: &str) -> Result<InvoiceFacts, StripeError> {
        let request = FinalizeInvoiceInvoice::new(invoice).auto_advance(false).expand(expand());
        self.ask::<InvoiceAnswer>(request.build(), Some(key)).await?.into_facts(None)
    }

    /// The invoice as it is now; `None` when there is none with this id.
    pub async fn invoice(
        &self,
        invoice: &str,
        failed_at: Option<Timestamp>,
    ) -> Result<Option<InvoiceFacts>, StripeError> {
        let plain = invoice.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || invoice.is_empty() {
            return Ok(None);
        }
        let request = RetrieveInvoice::new(invoice).expand(expand());
        match self.ask::<InvoiceAnswer>(request.build(), None).await {
            Ok(answer) => answer.into_facts(failed_at).map(Some),
            Err(StripeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every invoice that names this top-up, newest first. Looking a thing up by its metadata is what makes it safe to
    /// repeat a creation whose answer was lost; Stripe's search is not used, as it lags behind.
    pub async fn invoices_of(
        &self,
        top_up: &TopUp,
        customer: &str,
    ) -> Result<Vec<InvoiceFacts>, StripeError> {
        const CLOCK_SKEW_SECS: i64 = 600;
        let since = RangeQueryTs::gte(top_up.created_at.secs() - CLOCK_SKEW_SECS);
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut request = ListInvoice::new().customer(customer).created(since).limit(PAGE);
            if let Some(after) = &after {
                request = request.starting_after(after.as_str());
            }
            let list: InvoiceList = self.ask(request.build(), None).await?;
            after = list.data.last().map(|invoice| invoice.id.clone());
            for answer in list.data {
                let facts = answer.into_facts(None)?;
                if facts.top_up_id.as_deref() == Some(top_up.id.as_str()) {
                    found.push(facts);
                }
            }
            if !list.has_more {
                return Ok(found);
            }
        }
        Err(StripeError::Broken {
            what: format!("customer {customer} has too many invoices to look through"),
        })
    }

    /// Deletes a draft; one that is gone already is fine.
    pub async fn delete_draft(&self, invoice: &str) -> Result<(), StripeError> {
        match self.ask::<Identified>(DeleteInvoice::new(invoice).build(), None).await {
            Ok(_) | Err(StripeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends an invoice as far as Stripe lets us, and tells what became of it: a draft is deleted (`None`), an open or
    /// uncollectible one voided. An answer that can still be paid means that Stripe refused: a payment is under way.
    pub async fn close(&self, invoice: &str) -> Result<Option<InvoiceFacts>, StripeError> {
        let key = format!("void-{invoice}-{:016x}", fastrand::u64(..));
        match self.void(invoice, &key).await {
            Ok(facts) => return Ok(Some(facts)),
            Err(StripeError::NotFound { .. }) => return Ok(None),
            Err(StripeError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        let facts = self.invoice(invoice, None).await?;
        let is_draft = facts.as_ref().is_some_and(|facts| facts.status == saldo_domain::InvoiceStatus::Draft);
        if !is_draft {
            return Ok(facts);
        }
        match self.delete_draft(invoice).await {
            Ok(()) => Ok(None),
            // It was finalised meanwhile, and so is no draft any more.
            Err(StripeError::Refused { .. }) => self.invoice(invoice, None).await,
            Err(error) => Err(error),
        }
    }

    async fn void(&self, invoice: &str, key: &str) -> Result<InvoiceFacts, StripeError> {
        let request = VoidInvoiceInvoice::new(invoice).expand(expand());
        self.ask::<InvoiceAnswer>(request.build(), Some(key)).await?.into_facts(None)
    }

    async fn ask<T: miniserde::Deserialize>(
        &self,
        request: RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, StripeError> {
        let mut request = request.customize::<T>();
        if let Some(key) = key {
            let key =
                IdempotencyKey::new(key).map_err(|error| StripeError::Broken { what: error.to_string() })?;
            request = request.request_strategy(RequestStrategy::Idempotent(key));
        }
        request.send(&self.connection).await
    }
}

fn expand() -> Vec<String> {
    EXPAND.map(str::to_owned).to_vec()
}

fn currency(purchase: &Purchase) -> stripe_types::Currency {
    let code = purchase.total.currency.as_str().to_ascii_lowercase();
    code.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn payment_method(kind: &str) -> CreateInvoicePaymentSettingsPaymentMethodTypes {
    kind.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// Whole days from the making to the end of the top-up's life, at least one. The hosted page lives 30 days longer.
fn days_until_due(top_up: &TopUp) -> u32 {
    const DAY_SECS: u32 = 24 * 3600;
    let secs = u32::try_from(top_up.expires_at.secs_since(top_up.created_at)).unwrap_or_default();
    secs.max(1).div_ceil(DAY_SECS)
}
