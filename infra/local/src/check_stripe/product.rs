//! The product's own requests to Stripe: what is proven with these is what is sent.

use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::stripe::{LIMITS, Stripe};
use saldo_adapters::world::{Endpoints, World};
use saldo_domain::{Actor, BillingContact, Currency, Evidence, OrgId, PriceList, Returned, TopUp, TopUpId};
use saldo_top_ups::{Invoices, InvoicesError};

use crate::obstacle::Obstacle;

/// Prices as they are sold: rupiah with tax, dollars without.
const PRICES: &str = r#"{"version":"check","default_currency":"IDR","currencies":{
    "IDR":{"unit_price":25000,"tax_percent":"11","minimum_credits":1000,"maximum_credits":1000000,"presets":[1000],"low_below":200},
    "USD":{"unit_price":2,"tax_percent":"0","minimum_credits":1000,"maximum_credits":1000000,"presets":[1000],"low_below":200}}}"#;
/// The rupiah price with tax of another base than the price.
const OTHER_BASE: [&str; 2] = [r#""tax_percent":"11""#, r#""tax_percent":"12","tax_base":"11/12""#];
const ORG: &str = "check-stripe";
const THREE_DAYS_SECS: i64 = 3 * 24 * 3600;

/// The product with one key.
pub(super) struct Product {
    stripe: Stripe,
    clock: Clock,
}

impl Product {
    pub(super) fn with_key(base: &str, key: &str) -> Result<Product, String> {
        let variables = [("SALDO_STRIPE_LIVEMODE", "false"), ("SALDO_DEPLOYMENT", ORG)];
        let env: Env =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let clock = Clock::system();
        let endpoints =
            Endpoints { dynamodb: None, sqs: None, secrets_manager: None, stripe: base.to_owned() };
        let stripe = World::at(endpoints, clock.clone()).stripe_with_key(&env, key);
        let stripe = stripe.map_err(|error| error.to_string())?;
        Ok(Product { stripe, clock })
    }

    /// A top-up of 1000 credits that nobody has heard of.
    pub(super) fn order(&self, currency: &str) -> Result<TopUp, Obstacle> {
        self.order_by(PRICES, currency)
    }

    /// The same in rupiah, with tax of another base than the price.
    pub(super) fn order_of_another_base(&self) -> Result<TopUp, Obstacle> {
        let [plain, ruled] = OTHER_BASE;
        self.order_by(&PRICES.replace(plain, ruled), "IDR")
    }

    fn order_by(&self, prices: &str, currency: &str) -> Result<TopUp, Obstacle> {
        let broken = |what: String| Obstacle(format!("no order in {currency}: {what}"));
        let prices = PriceList::from_json(prices, LIMITS).map_err(|error| broken(error.0))?;
        let currency: Currency = currency.parse().map_err(|_| broken("unknown".to_owned()))?;
        let quote = prices.quote(currency, None).map_err(|error| broken(format!("{error:?}")))?;
        let now = self.clock.now();
        let (id, buyer) = (TopUpId::new(now), Actor::System);
        Ok(TopUp::requested(id, org()?, quote.purchase, &buyer, now, THREE_DAYS_SECS))
    }

    pub(super) async fn customer(&self) -> Result<String, Obstacle> {
        let contact =
            BillingContact { email: Some("check@saldo.example".to_owned()), ..BillingContact::default() };
        Ok(self.stripe.create_payer(&org()?, &contact, &once()).await?)
    }

    pub(super) async fn draft(
        &self,
        order: &TopUp,
        customer: &str,
        methods: &[&str],
    ) -> Result<Evidence, InvoicesError> {
        let methods: Vec<String> = methods.iter().map(|method| (*method).to_owned()).collect();
        let by_currency =
            [(order.purchase.total.currency, methods)].into_iter().filter(|(_, all)| !all.is_empty());
        let stripe = self.stripe.clone().with_payment_methods(by_currency.collect());
        stripe.create_draft(order, customer, None, &once()).await
    }

    pub(super) async fn add_line(&self, invoice: &str, order: &TopUp) -> Result<Evidence, InvoicesError> {
        self.add_line_under(invoice, order, &once()).await
    }

    pub(super) async fn add_line_under(
        &self,
        invoice: &str,
        order: &TopUp,
        key: &str,
    ) -> Result<Evidence, InvoicesError> {
        self.stripe.add_line(invoice, &order.purchase, None, key).await
    }

    /// The same of a product that is there already.
    pub(super) async fn add_line_of(
        &self,
        invoice: &str,
        order: &TopUp,
        product: &str,
    ) -> Result<Evidence, InvoicesError> {
        let stripe = self.stripe.clone().with_product(Some(product));
        stripe.add_line(invoice, &order.purchase, None, &once()).await
    }

    pub(super) async fn finalize(&self, invoice: &str) -> Result<Evidence, InvoicesError> {
        self.stripe.finalize(invoice, &once()).await
    }

    /// The invoice as the credit worker fetches it.
    pub(super) async fn invoice(&self, invoice: &str) -> Result<Evidence, Obstacle> {
        let found = self.stripe.invoice(invoice, None).await?;
        found.ok_or_else(|| Obstacle(format!("there is no invoice {invoice}")))
    }

    /// The invoice that a payment is on, and what went back of it, as the credit worker looks.
    pub(super) async fn returned(&self, of: &Evidence, payment: &str) -> Result<Returned, Obstacle> {
        let on = self.stripe.invoice_of(payment).await?;
        if on.as_ref() != Some(&of.invoice.id) {
            return Err(Obstacle(format!("{payment} is on {}", on.as_deref().unwrap_or("no invoice"))));
        }
        Ok(self.stripe.returned(of, Some(payment)).await?)
    }

    pub(super) async fn invoices_of(
        &self,
        order: &TopUp,
        customer: &str,
    ) -> Result<Vec<Evidence>, InvoicesError> {
        self.stripe.invoices_of(order, customer).await
    }

    /// Voids or deletes, as cancelling and cleanup do; `None` when nothing is left.
    pub(super) async fn close(&self, invoice: &str) -> Result<Option<Evidence>, InvoicesError> {
        self.stripe.close(invoice).await
    }
}

/// A key that no other run has used.
pub(super) fn once() -> String {
    format!("check-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

fn org() -> Result<OrgId, Obstacle> {
    OrgId::parse(ORG).map_err(|_| Obstacle(format!("{ORG} is no organisation")))
}
