//! What a payer or a bank would do, what is looked at and what is made to go wrong: for tests and the local program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::faults::{Fault, Outage, PlannedFault};
use crate::keys::RestrictedKey;
use crate::payment_methods::{Aftermath, PaymentMethod};
use crate::seller::Seller;
use crate::stand_in::{Error, StandIn, Webhook, locked};
use crate::store::Store;
use crate::{customer_object, events, identifier, invoice_life, invoice_object, own_fields};

/// How a payer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// A transfer to a Virtual Account that arrives at once.
    VirtualAccount,
    /// A card that works.
    Card,
    /// A card whose issuer wants to see the payer first; [`StandIn::authenticate`] ends that.
    ChallengedCard,
    /// A card that the issuer declines: `generic_decline`, `insufficient_funds`, `expired_card`, …
    DeclinedCard { code: String },
}

/// An event that reaches the endpoint and is none of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Foreign {
    /// Of another account that is connected to this one.
    ConnectedAccount { kind: String, object: Value },
    /// Of the second API: without the object, its time in words.
    Thin { kind: String },
    /// Of the dashboard's button "send test event": an object that does not exist.
    TestButton { kind: String },
}

impl StandIn {
    /// Pays an invoice; a declined card is no error here but leaves its traces.
    pub fn pay(&self, invoice: &str, method: Method) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            invoice_life::payable(&invoice)?;
            let method = match method {
                Method::VirtualAccount => PaymentMethod::VirtualAccount,
                Method::Card => {
                    PaymentMethod::Card { brand: "visa", last4: "4242".to_owned(), then: Aftermath::Nothing }
                }
                Method::ChallengedCard => return invoice_life::challenge(store, invoice).map(drop),
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
            invoice_life::begin_clearing(store, invoice, &transfer()).map(drop)
        })
    }

    /// The bank transfer that was under way arrives or fails.
    pub fn finish_bank_transfer(&self, invoice: &str, succeeded: bool) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            finish_transfer(store, invoice, succeeded)
        })
    }

    /// The payer has shown up at the issuer, or has not: a challenged card pays or is declined.
    pub fn authenticate(&self, invoice: &str, passed: bool) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            finish_challenge(store, invoice, passed)
        })
    }

    /// By bank transfer more arrives than was due, in minor units.
    pub fn overpay(&self, invoice: &str, extra: i64) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            invoice_life::payable(&invoice)?;
            invoice_life::collect_too_much(store, invoice, extra.max(1), &transfer()).map(drop)
        })
    }

    /// Stripe tries to finalise a draft by itself and cannot, e.g. for `customer_tax_location_invalid`.
    pub fn fail_finalization(&self, invoice: &str, code: &str) -> Result<(), Error> {
        self.control(|store| {
            let invoice = find(store, invoice)?;
            let refusal = ApiError::state("The invoice could not be finalized.").with("code", code);
            invoice_life::fail_finalization(store, invoice, &refusal)
        })
    }

    /// Registers a restricted key, `rk_test_…`, with permissions by Stripe's names, e.g. `rak_invoice_write`, which
    /// includes reading. From the first one on, restricted keys that are not registered are unknown.
    pub fn restrict_key(&self, key: &str, permissions: &[&str]) {
        let names = permissions.iter().map(|name| (*name).to_owned()).collect();
        let mut settings = locked(&self.shared.settings);
        settings.restricted_keys.retain(|known| known.key != key);
        settings.restricted_keys.push(RestrictedKey { key: key.to_owned(), names });
    }

    /// Changes how the seller's account is set up.
    pub fn set_up_seller(&self, change: impl FnOnce(&mut Seller)) {
        change(&mut locked(&self.shared.settings).seller);
    }

    /// The calls that were made since this was last asked, method and path template, each with the permissions that it needs
    /// of a restricted key, by Stripe's names.
    pub fn take_needs(&self) -> BTreeMap<String, BTreeSet<String>> {
        std::mem::take(&mut *locked(&self.shared.needs))
    }

    /// Sends an event that is not ours, as a shared account gets them.
    pub fn send_foreign(&self, event: &Foreign) -> Result<(), Error> {
        self.control(|store| events::send(store, &foreign(store.now, event)))
    }

    /// Sets a customer's balance in minor units; negative is credit that their next invoice uses up.
    pub fn set_customer_balance(&self, customer: &str, minor_units: i64) -> Result<(), Error> {
        self.control(|store| {
            let mut customer = customer_object::existing(store, customer, "customer")?;
            let change = minor_units.saturating_sub(customer["balance"].as_i64().unwrap_or(0));
            customer_object::change_balance(store, &mut customer, change, "adjustment", Value::Null).map(drop)
        })
    }

    /// Gives a customer a discount that invoices inherit unless they are created with an empty `discounts`.
    pub fn set_customer_discount(&self, customer: &str, percent: u8) -> Result<(), Error> {
        self.control(|store| {
            let mut customer = customer_object::existing(store, customer, "customer")?;
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

    /// From now on the API is away; `None` ends that. What is under way is answered.
    pub fn set_outage(&self, outage: Option<Outage>) {
        locked(&self.shared.settings).outage = outage;
    }

    /// How many requests outages have met until now.
    pub fn unanswered(&self) -> u64 {
        self.shared.unanswered.load(Ordering::Relaxed)
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
}

/// Ends a transfer that was under way.
pub(crate) fn finish_transfer(store: &Store<'_>, invoice: Value, succeeded: bool) -> ApiResult<()> {
    if invoice["_clearing"] != true {
        return Err(ApiError::state("This invoice has no transfer under way."));
    }
    let end = if succeeded { invoice_life::collect } else { invoice_life::decline };
    end(store, invoice, &transfer()).map(drop)
}

/// Ends the challenge of a card.
pub(crate) fn finish_challenge(store: &Store<'_>, invoice: Value, passed: bool) -> ApiResult<()> {
    if invoice["_challenged"] != true {
        return Err(ApiError::state("This invoice has no card whose payer must show up."));
    }
    let card = PaymentMethod::ChallengedCard { last4: "3184".to_owned() };
    let end = if passed { invoice_life::collect } else { invoice_life::decline };
    end(store, invoice, &card).map(drop)
}

fn transfer() -> PaymentMethod {
    PaymentMethod::VirtualAccount
}

fn foreign(now: i64, event: &Foreign) -> Value {
    let id = identifier::new("evt_1", 23);
    match event {
        Foreign::ConnectedAccount { kind, object } => {
            let account = identifier::new("acct_1", 15);
            let mut event = events::event(now, kind, json!({ "object": object }));
            event["account"] = account.into();
            event
        }
        Foreign::Thin { kind } => json!({
            "id": id, "object": "v2.core.event", "context": null, "created": rfc3339(now), "livemode": false,
            "reason": null, "related_object": null, "type": kind,
        }),
        Foreign::TestButton { kind } => {
            let noun = kind.split('.').next().unwrap_or_default();
            let object =
                json!({ "id": "in_00000000000000", "object": noun, "livemode": false, "metadata": {} });
            let mut event = events::event(now, kind, json!({ "object": object }));
            event["id"] = "evt_00000000000000".into();
            event
        }
    }
}

fn rfc3339(now: i64) -> String {
    let moment = time::UtcDateTime::from_unix_timestamp(now).ok();
    let format = &time::format_description::well_known::Rfc3339;
    moment.and_then(|moment| moment.format(format).ok()).unwrap_or_default()
}

fn find(store: &Store<'_>, invoice: &str) -> ApiResult<Value> {
    store.expect("invoice", "invoice", invoice, "id")
}
