//! Invoices by Stripe: a customer, an invoice of one line, its end.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::try_join;
use saldo_domain::{
    BillingContact, Currency, Evidence, InvoiceStatus, Language, OrgId, PaidWith, Purchase, RefundUnderWay,
    Returned, Timestamp, TopUp,
};
use saldo_top_ups::{Invoices, InvoicesError};
use stripe::{IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_billing::InvoiceCollectionMethod;
use stripe_billing::invoice::{
    CreateInvoice, CreateInvoicePaymentSettings, CreateInvoicePaymentSettingsPaymentMethodTypes,
    CreateInvoicePendingInvoiceItemsBehavior, CustomFieldParams, DeleteInvoice, FinalizeInvoiceInvoice,
    ListInvoice, RetrieveInvoice, VoidInvoiceInvoice,
};
use stripe_client_core::RequestBuilder;
use stripe_types::RangeQueryTs;

use super::answers::{DEPLOYMENT_KEY, Identified, InvoiceAnswer, List, ORG_KEY, System, TOP_UP_KEY};
use super::client::{Connection, StripeHttp};
use super::currency::currency_of;
use super::error::StripeError;
use super::returns::{
    self, ChargeAnswer, CreditNoteAnswer, DisputeAnswer, InvoicePaymentAnswer, Listed, RefundAnswer,
};
use super::secrets::Key;
use super::{customers, line};
use crate::clock::Clock;

/// Stripe, for one key. What each call does stands at [`Invoices`].
#[derive(Clone, Debug)]
pub struct Stripe {
    connection: Connection,
    system: System,
    payment_methods: BTreeMap<Currency, Vec<String>>,
    /// The product that lines are of; none makes one with each line.
    product: Option<String>,
}

/// How a tax id is named on the invoice. A field of our own takes every form, where Stripe's tax ids of a customer are
/// judged one by one, and those of 16 digits are not known to be taken.
const TAX_ID: &str = "NPWP / NIK";
/// With every invoice comes what a decision needs: its payments and why the last one was refused.
const EXPAND: [&str; 2] = ["payments", "payments.data.payment.payment_intent"];
/// Invoices asked for at a time, and pages at the most, when looking for one.
const PAGE: i64 = 100;
const PAGES: usize = 10;

impl Invoices for Stripe {
    async fn create_payer(
        &self,
        org: &OrgId,
        contact: &BillingContact,
        key: &str,
    ) -> Result<String, InvoicesError> {
        let customer: Identified = self.ask(customers::create(self.marks(org), contact), Some(key)).await?;
        Ok(customer.id)
    }

    async fn update_payer(&self, payer: &str, contact: &BillingContact) -> Result<(), InvoicesError> {
        let key = format!("customer-{payer}-{:016x}", fastrand::u64(..));
        match self.ask::<Identified>(customers::update(payer, contact), Some(&key)).await {
            Ok(_) => Ok(()),
            Err(StripeError::NotFound { what }) => Err(InvoicesError::PayerUnknown { what }),
            Err(error) => Err(error.into()),
        }
    }

    async fn create_draft(
        &self,
        top_up: &TopUp,
        payer: &str,
        tax_id: Option<&str>,
        key: &str,
    ) -> Result<Evidence, InvoicesError> {
        let mut metadata = self.marks(&top_up.org);
        metadata.insert(TOP_UP_KEY.to_owned(), top_up.id.to_string());
        let mut request = CreateInvoice::new()
            .customer(payer)
            .currency(currency_of(top_up.purchase.total.currency))
            .collection_method(InvoiceCollectionMethod::SendInvoice)
            .days_until_due(days_until_due(top_up))
            .auto_advance(false)
            .pending_invoice_items_behavior(CreateInvoicePendingInvoiceItemsBehavior::Exclude)
            .metadata(metadata);
        if let Some(tax_id) = tax_id {
            request = request.custom_fields(vec![CustomFieldParams::new(TAX_ID, tax_id)]);
        }
        let methods = self.payment_methods.get(&top_up.purchase.total.currency);
        if let Some(methods) = methods.filter(|methods| !methods.is_empty()) {
            let types = methods.iter().map(|kind| payment_method(kind)).collect();
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
        self.evidence(request, key).await
    }

    async fn add_line(
        &self,
        invoice: &str,
        purchase: &Purchase,
        language: Option<Language>,
        key: &str,
    ) -> Result<Evidence, InvoicesError> {
        let request = line::add(invoice, purchase, language, self.product.as_deref())?;
        self.evidence(request, key).await
    }

    async fn finalize(&self, invoice: &str, key: &str) -> Result<Evidence, InvoicesError> {
        let request = FinalizeInvoiceInvoice::new(invoice).auto_advance(false).expand(expand());
        self.evidence(request.build(), key).await
    }

    async fn invoice(
        &self,
        invoice: &str,
        failed_at: Option<Timestamp>,
    ) -> Result<Option<Evidence>, InvoicesError> {
        let plain = invoice.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || invoice.is_empty() {
            return Ok(None);
        }
        let request = RetrieveInvoice::new(invoice).expand(expand());
        match self.ask::<InvoiceAnswer>(request.build(), None).await {
            Ok(answer) => Ok(Some(answer.evidence(&self.system, failed_at)?)),
            Err(StripeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn invoice_of(&self, payment: &str) -> Result<Option<String>, InvoicesError> {
        let request = returns::invoice_payments(payment);
        match self.ask::<List<InvoicePaymentAnswer>>(request, None).await {
            Ok(list) => Ok(list.data.iter().find_map(InvoicePaymentAnswer::invoice)),
            // Of a payment that Stripe does not know it may say so with either.
            Err(StripeError::NotFound { .. } | StripeError::Refused { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn paid_with(&self, payment: &str) -> Result<Option<PaidWith>, InvoicesError> {
        match self.ask::<List<ChargeAnswer>>(returns::charges(payment), None).await {
            Ok(list) => Ok(list.data.into_iter().find_map(ChargeAnswer::paid_with)),
            Err(StripeError::NotFound { .. } | StripeError::Refused { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn returned(&self, of: &Evidence, payment: Option<&str>) -> Result<Returned, InvoicesError> {
        let mut payments: Vec<&str> = of.paid_by().collect();
        payments.extend(payment.filter(|payment| !of.paid_by().any(|one| one == *payment)));
        let mut returned = Returned::default();
        let mut listed = Vec::new();
        for payment in payments {
            let refunds = self.all::<RefundAnswer>(|after| returns::refunds(payment, after));
            let disputes = self.all::<DisputeAnswer>(|after| returns::disputes(payment, after));
            let (refunds, disputes) = try_join(refunds, disputes).await?;
            returned.refunds.extend(refunds.iter().map(|refund| refund.refund(of)));
            returned.disputes.extend(disputes.iter().map(|dispute| dispute.dispute(of)));
            listed.extend(refunds);
        }
        // Notes come last: one that is told of was made with its refund, which may be younger than the list of refunds.
        let notes =
            self.all::<CreditNoteAnswer>(|after| returns::credit_notes(&of.invoice.id, after)).await?;
        returned.refunds.extend(notes.iter().flat_map(|note| note.unlisted(&listed, of)));
        returned.credit_notes = notes.iter().map(|note| note.credit_note(of)).collect();
        Ok(returned)
    }

    async fn give_back(
        &self,
        top_up: &TopUp,
        refund: &RefundUnderWay,
        key: &str,
    ) -> Result<(), InvoicesError> {
        let invoice = top_up.invoice.as_ref().map(|link| link.id.as_str());
        let invoice =
            invoice.ok_or_else(|| InvoicesError::Refused { what: "it has no invoice".to_owned() })?;
        let mut marks = self.marks(&top_up.org);
        marks.insert(TOP_UP_KEY.to_owned(), top_up.id.to_string());
        self.ask::<Identified>(returns::give_back(invoice, refund, marks), Some(key)).await?;
        Ok(())
    }

    // Looking a thing up by its metadata is what makes it safe to repeat a creation whose answer was lost; Stripe's search
    // is not used, as it lags behind.
    async fn invoices_of(&self, top_up: &TopUp, payer: &str) -> Result<Vec<Evidence>, InvoicesError> {
        const CLOCK_SKEW_SECS: i64 = 600;
        let since = RangeQueryTs::gte(top_up.created_at.secs() - CLOCK_SKEW_SECS);
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut request = ListInvoice::new().customer(payer).created(since).limit(PAGE);
            if let Some(after) = &after {
                request = request.starting_after(after.as_str());
            }
            let list: List<InvoiceAnswer> = self.ask(request.build(), None).await?;
            after = list.data.last().map(|invoice| invoice.id.clone());
            for answer in list.data {
                let evidence = answer.evidence(&self.system, None)?;
                if evidence.top_up.as_ref() == Some(&top_up.id) {
                    found.push(evidence);
                }
            }
            if !list.has_more {
                return Ok(found);
            }
        }
        Err(InvoicesError::Broken { what: format!("customer {payer} has too many invoices to look through") })
    }

    async fn delete_draft(&self, invoice: &str) -> Result<(), InvoicesError> {
        match self.ask::<Identified>(DeleteInvoice::new(invoice).build(), None).await {
            Ok(_) | Err(StripeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn close(&self, invoice: &str) -> Result<Option<Evidence>, InvoicesError> {
        let key = format!("void-{invoice}-{:016x}", fastrand::u64(..));
        let request = VoidInvoiceInvoice::new(invoice).expand(expand());
        match self.evidence(request.build(), &key).await {
            Ok(evidence) => return Ok(Some(evidence)),
            Err(InvoicesError::NotFound { .. }) => return Ok(None),
            Err(InvoicesError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        let evidence = self.invoice(invoice, None).await?;
        let is_draft = evidence.as_ref().is_some_and(|evidence| evidence.status == InvoiceStatus::Draft);
        if !is_draft {
            return Ok(evidence);
        }
        match self.delete_draft(invoice).await {
            Ok(()) => Ok(None),
            // It was finalised meanwhile, and so is no draft any more.
            Err(InvoicesError::Refused { .. }) => self.invoice(invoice, None).await,
            Err(error) => Err(error),
        }
    }
}

impl Stripe {
    /// `livemode` is the mode that this system lives in, and `deployment` its mark there; `key` is of that mode.
    pub(crate) fn new(
        (http, base): (StripeHttp, &str),
        key: Key,
        (livemode, deployment): (bool, &str),
        clock: Clock,
    ) -> Stripe {
        let connection = Connection::new(http, base, key, clock);
        let system = System { livemode, deployment: deployment.to_owned() };
        Stripe { connection, system, payment_methods: BTreeMap::new(), product: None }
    }

    /// Until when Stripe is not asked by this process, as it answers nobody; `None` while it is asked. At that moment one
    /// question goes to it first, and the others only if it is answered.
    #[must_use]
    pub fn away_until(&self) -> Option<Timestamp> {
        self.connection.closed_until()
    }

    /// The same as whole seconds from now.
    #[must_use]
    pub fn away_secs(&self) -> Option<u32> {
        self.connection.closed_for()
    }

    /// Reads the key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.connection.prepare().await;
    }

    /// What says of an object whose it is.
    fn marks(&self, org: &OrgId) -> HashMap<String, String> {
        let deployment = (DEPLOYMENT_KEY.to_owned(), self.system.deployment.clone());
        [(ORG_KEY.to_owned(), org.to_string()), deployment].into()
    }

    /// The same with ways to pay for invoices, by currency; where there are none, the account's settings hold.
    #[must_use]
    pub fn with_payment_methods(self, payment_methods: BTreeMap<Currency, Vec<String>>) -> Stripe {
        Stripe { payment_methods, ..self }
    }

    /// The same with the product at Stripe, `prod_…`, that lines are of; without it each line makes one of its own.
    #[must_use]
    pub fn with_product(self, product: Option<&str>) -> Stripe {
        Stripe { product: product.map(str::to_owned), ..self }
    }

    /// Everything that is listed, page by page.
    async fn all<T: miniserde::Deserialize + Listed>(
        &self,
        page: impl Fn(Option<&str>) -> RequestBuilder,
    ) -> Result<Vec<T>, InvoicesError> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..PAGES {
            let list: List<T> = self.ask(page(all.last().map(Listed::id)), None).await?;
            all.extend(list.data);
            if !list.has_more {
                return Ok(all);
            }
        }
        Err(InvoicesError::Broken {
            what: "one payment has more refunds or notes than can be read".to_owned(),
        })
    }

    /// Asks for a change of an invoice.
    async fn evidence(&self, request: RequestBuilder, key: &str) -> Result<Evidence, InvoicesError> {
        let answer = self.ask::<InvoiceAnswer>(request, Some(key)).await?;
        Ok(answer.evidence(&self.system, None)?)
    }

    /// Whether this is our deployment's mark.
    pub(super) fn is_marked_so(&self, mark: &str) -> bool {
        self.system.deployment == mark
    }

    /// Whether this system lives in Stripe's live mode.
    pub(super) fn is_live(&self) -> bool {
        self.system.livemode
    }

    /// What a listed invoice says, where it can be read.
    pub(super) fn evidence_of(&self, answer: InvoiceAnswer) -> Option<Evidence> {
        answer.evidence(&self.system, None).ok()
    }

    pub(super) async fn ask<T: miniserde::Deserialize>(
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

fn payment_method(kind: &str) -> CreateInvoicePaymentSettingsPaymentMethodTypes {
    kind.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// Whole days from the making to the end of the top-up's life, at least one. The hosted page lives 30 days longer.
fn days_until_due(top_up: &TopUp) -> u32 {
    const DAY_SECS: u32 = 24 * 3600;
    let secs = u32::try_from(top_up.expires_at.secs_since(top_up.created_at)).unwrap_or_default();
    secs.max(1).div_ceil(DAY_SECS)
}
