//! `cargo run -- doctor`: looks at Stripe's account before the first payment does, and changes nothing there.

mod account;
mod endpoint;
mod keys;
mod report;
mod settings;

pub use report::{Finding, Report, Verdict};
pub use settings::Settings;

use crate::stripe_http::Http;

/// Looks at mode, keys, webhook endpoint, account and product, in this order.
pub async fn run(settings: &Settings) -> Report {
    let mut report = Report::default();
    keys::modes(settings, &mut report);
    let http = |key: &str| Http::new(&settings.base, key);
    let (write, read) = (http(&settings.write_key), http(&settings.read_key));
    keys::permissions(&write, "write_key", &settings.write_permissions(), &mut report).await;
    keys::permissions(&read, "read_key", settings.read_permissions(), &mut report).await;
    keys::no_more_than_needed(&write, &read, &mut report).await;
    if settings.product.is_some() {
        account::product(&write, settings, &mut report).await;
    }
    match &settings.staff_key {
        Some(key) => {
            let staff = http(key);
            endpoint::look(&staff, settings, &mut report).await;
            account::look(&staff, settings, &mut report).await;
        }
        None => {
            let how = "set STRIPE_API_KEY to a key that may read the account and its webhook endpoints";
            for what in ["webhook endpoint", "account"] {
                report.add(Finding::not_looked_at(what, "no key for it", how));
            }
        }
    }
    report
}
