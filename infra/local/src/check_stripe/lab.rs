//! Where facts are tried: Stripe as the product reaches it, Stripe as others do, and what is made on the way.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::product::Product;
use super::settings::Settings;
use crate::obstacle::Obstacle;
use crate::stripe_http::Http;

pub(super) struct Lab {
    pub(super) product: Product,
    pub(super) http: Http,
    pub(super) write_key: Option<Product>,
    pub(super) read_key: Option<Product>,
    /// The read key again, for requests that the product does not make.
    pub(super) read_only: Option<Http>,
    customers: Mutex<Vec<String>>,
}

/// An open invoice of a customer of its own.
pub(super) struct Opened {
    pub(super) customer: String,
    pub(super) invoice: String,
    pub(super) total: i64,
}

impl Lab {
    pub(super) fn open(settings: &Settings) -> Result<Lab, String> {
        let with = |key: &String| Product::with_key(&settings.base, key);
        Ok(Lab {
            product: with(&settings.key)?,
            http: Http::new(&settings.base, &settings.key),
            write_key: settings.write_key.as_ref().map(with).transpose()?,
            read_key: settings.read_key.as_ref().map(with).transpose()?,
            read_only: settings.read_key.as_ref().map(|key| Http::new(&settings.base, key)),
            customers: Mutex::default(),
        })
    }

    /// Whether Stripe answers to the key at all.
    pub(super) async fn reach(&self) -> Result<(), Obstacle> {
        self.http.get("/customers?limit=1").await?.made().map(drop)
    }

    /// A customer as the product makes it, with an e-mail address.
    pub(super) async fn customer(&self) -> Result<String, Obstacle> {
        let customer = self.product.customer().await?;
        self.remember(&customer);
        Ok(customer)
    }

    /// A customer with just this.
    pub(super) async fn customer_with(&self, form: &[(&str, &str)]) -> Result<String, Obstacle> {
        let made = self.http.post("/customers", form).await?.made()?;
        let customer = id(&made)?;
        self.remember(&customer);
        Ok(customer)
    }

    /// An open invoice of the product.
    pub(super) async fn opened(&self, currency: &str, methods: &[&str]) -> Result<Opened, Obstacle> {
        let customer = self.customer().await?;
        let order = self.product.order(currency)?;
        let draft = self.product.draft(&order, &customer, methods).await?;
        self.product.add_line(&draft.invoice.id, &order).await?;
        let open = self.product.finalize(&draft.invoice.id).await?;
        Ok(Opened { customer, invoice: open.invoice.id, total: order.purchase.total.minor_units })
    }

    /// The intent that pays an open invoice.
    pub(super) async fn intent_of(&self, invoice: &str) -> Result<Value, Obstacle> {
        let path = format!("/invoices/{invoice}?expand[]=payments.data.payment.payment_intent");
        let answer = self.http.get(&path).await?.made()?;
        let intent = answer["payments"]["data"][0]["payment"]["payment_intent"].clone();
        if intent.is_object() {
            Ok(intent)
        } else {
            Err(Obstacle(format!("{invoice} has no payment intent")))
        }
    }

    /// Deletes the customers that were made, and with them what they could still pay.
    pub(super) async fn tidy(&self) {
        let customers = std::mem::take(&mut *self.customers.lock().unwrap_or_else(PoisonError::into_inner));
        for customer in customers {
            // One that is gone or must stay is no reason to stop.
            let _ = self.http.delete(&format!("/customers/{customer}")).await;
        }
    }

    /// Leaves a customer, because a person is asked to pay.
    pub(super) fn keep(&self, customer: &str) {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != customer);
    }

    /// A customer to be deleted at the end.
    pub(super) fn remember(&self, customer: &str) {
        self.customers.lock().unwrap_or_else(PoisonError::into_inner).push(customer.to_owned());
    }
}

pub(super) fn id(object: &Value) -> Result<String, Obstacle> {
    object["id"].as_str().map(str::to_owned).ok_or_else(|| Obstacle("an object without an id".to_owned()))
}
