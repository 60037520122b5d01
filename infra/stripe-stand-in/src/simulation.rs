//! What a payer, a bank or Stripe's staff would do, for tests and for the local program.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::faults::{Fault, PlannedFault};
use crate::payment_methods::PaymentMethod;
use crate::stand_in::{Error, StandIn, Webhook, locked};
use crate::store::Store;
use crate::{customers, events, identifier, invoice_life, invoice_object, own_fields};

/// How a payer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// A transfer to a Virtual Account that arrives at once.
    VirtualAccount,
    /// A card that works.
    Card,
    /// A card that the issuer declines: `generic_decline`, `insufficient_funds`, `expired_card`, …
    DeclinedCard { code: String },
}

impl StandIn {
    /// Pays an invoice; a declined card is no error here but leaves its traces.
    pub fn pay(&self, invoice: &str, method: Method) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            invoice_life::payable(&invoice)?;
            let method = match method {
                Method::VirtualAccount => PaymentMethod::VirtualAccount { bank: "bca".to_owned() },
                Method::Card => PaymentMethod::Card { brand: "visa", last4: "4242".to_owned() },
                Method::DeclinedCard { code } => {
                    let method = PaymentMethod::DeclinedCard { decline_code: code, last4: "0002".to_owned() };
                    return invoice_life::decline(store, invoice, &method).map(drop);
                }
            };
            invoice_life::collect(store, invoice, &method).map(drop)
        })
    }

    /// A bank transfer is under way: the invoice stays open, and voiding it is refused until the transfer ends.
    pub fn start_bank_transfer(&self, invoice: &str) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            invoice_life::payable(&invoice)?;
            invoice_life::begin_clearing(store, invoice).map(drop)
        })
    }

    /// The bank transfer that was under way arrives or fails.
    pub fn finish_bank_transfer(&self, invoice: &str, succeeded: bool) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            finish_transfer(store, invoice, succeeded)
        })
    }

    /// Sets a customer's balance in minor units; negative is credit that their next invoice uses up.
    pub fn set_customer_balance(&self, customer: &str, minor_units: i64) -> Result<(), Error> {
        self.control(|store| {
            let mut customer = customers::existing(store, customer, "customer")?;
            let change = minor_units.saturating_sub(customer["balance"].as_i64().unwrap_or(0));
            customers::change_balance(store, &mut customer, change, "adjustment", Value::Null).map(drop)
        })
    }

    /// Gives a customer a discount that invoices inherit unless they are created with an empty `discounts`.
    pub fn set_customer_discount(&self, customer: &str, percent: u8) -> Result<(), Error> {
        self.control(|store| {
            let mut customer = customers::existing(store, customer, "customer")?;
            customer["discount"] = json!({
                "id": identifier::new("di_1", 23), "object": "discount", "customer": customer["id"],
                "end": null, "start": store.now, "source": { "coupon": "SALE", "type": "coupon" },
                "_percentage": percent.min(100).to_string(),
            });
            store.put(&customer)
        })
    }

    /// Moves where events go; `None` stops recording deliveries.
    pub fn set_webhook(&self, webhook: Option<Webhook>) {
        locked(&self.shared.settings).webhook = webhook;
        self.shared.bell.notify_one();
    }

    /// Moves the base of the hosted pages, for invoices that are finalised from now on.
    pub fn set_public_url(&self, url: &str) {
        locked(&self.shared.settings).public_url = url.trim_end_matches('/').to_owned();
    }

    /// Holds deliveries back, or lets them go.
    pub fn pause_webhooks(&self, paused: bool) {
        locked(&self.shared.settings).paused = paused;
        self.shared.bell.notify_one();
    }

    /// Makes every request wait before it is executed.
    pub fn set_latency(&self, latency: Duration) {
        locked(&self.shared.settings).latency = latency;
    }

    /// The next request of an endpoint, e.g. `POST /v1/invoices/{id}/finalize`, fails once.
    pub fn fail_next(&self, template: &str, fault: Fault) {
        locked(&self.shared.settings).fault = Some(PlannedFault { template: template.to_owned(), fault });
    }

    /// How many events still wait for a 2xx.
    pub fn undelivered(&self) -> usize {
        let count = |store: Store<'_>| -> ApiResult<i64> {
            let sql = "SELECT count(*) FROM deliveries";
            Ok(store.transaction.query_row(sql, [], |row| row.get(0))?)
        };
        let count = self.transact(Value::Null, count).unwrap_or(0);
        usize::try_from(count).unwrap_or(0)
    }

    /// Sends an event again, as the button in Stripe's dashboard does.
    pub fn resend(&self, event: &str) -> Result<(), Error> {
        self.control(|store| {
            let event = store.expect("event", "event", event, "id")?;
            events::enqueue(store, &event)
        })
    }

    /// Every invoice, oldest first.
    pub fn invoices(&self) -> Vec<Value> {
        let all = |store: Store<'_>| -> ApiResult<Vec<Value>> {
            let all = store.all("invoice", Vec::new())?;
            let present = |invoice| Ok(own_fields::without(&invoice_object::present(&store, invoice)?));
            all.into_iter().map(present).collect()
        };
        self.transact(Value::Null, all).unwrap_or_default()
    }

    /// Every event, oldest first, whether its type is delivered or not.
    pub fn events(&self) -> Vec<Value> {
        self.transact(Value::Null, |store| store.all("event", Vec::new())).unwrap_or_default()
    }

    /// How often each endpoint was called since the start: method and path template.
    pub fn request_counts(&self) -> BTreeMap<String, u64> {
        locked(&self.shared.requests).clone()
    }

    fn control(&self, work: impl FnOnce(&Store<'_>) -> ApiResult<()>) -> Result<(), Error> {
        let request = json!({ "id": null, "idempotency_key": null });
        let result = self.transact(request, |store| work(&store));
        self.shared.bell.notify_one();
        result.map_err(|refusal| Error::Refused(refusal.message().to_owned()))
    }
}

/// Ends a transfer that was under way.
pub(crate) fn finish_transfer(store: &Store<'_>, invoice: Value, succeeded: bool) -> ApiResult<()> {
    if invoice["_clearing"] != true {
        return Err(ApiError::state("This invoice has no transfer under way."));
    }
    let method = PaymentMethod::VirtualAccount { bank: "bca".to_owned() };
    let settle = if succeeded { invoice_life::collect } else { invoice_life::decline };
    settle(store, invoice, &method).map(drop)
}

fn find(store: &Store<'_>, invoice: &str) -> ApiResult<Value> {
    store.expect("invoice", "invoice", invoice, "id")
}
