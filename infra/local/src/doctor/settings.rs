//! What is looked at, with which keys: the names are those of the functions' own environment where they have one.

use saldo_adapters::config::Env;
use saldo_adapters::stripe::{OPERATE_KEY, READ_KEY, WRITE_KEY, WRITE_KEY_WITH_PRODUCT};
use saldo_adapters::world::STRIPE_URL;
use saldo_domain::Currency;

use crate::template::default_of;

/// What is looked at, with which keys.
pub struct Settings {
    /// The base URL of Stripe.
    pub(super) base: String,
    pub(super) write_key: String,
    pub(super) read_key: String,
    /// One that may read the account and its webhook endpoints.
    pub(super) staff_key: Option<String>,
    /// Whether the deployment is configured for live keys.
    pub(super) livemode: bool,
    pub(super) webhook_url: Option<String>,
    pub(super) product: Option<String>,
    /// Those that credits are sold in.
    pub(super) currencies: Vec<Currency>,
}

impl Settings {
    /// From `STRIPE_WRITE_KEY`, `STRIPE_READ_KEY` and `SALDO_STRIPE_LIVEMODE`, and where they are set `STRIPE_API_KEY`,
    /// `STRIPE_API_BASE`, `SALDO_WEBHOOK_URL`, `SALDO_STRIPE_PRODUCT` and `SALDO_PRICES`.
    ///
    /// The error is a sentence that says what is wrong; no key is repeated in it.
    pub fn read(environment: impl Fn(&str) -> Option<String>) -> Result<Settings, String> {
        let key = |name: &str| environment(name).map(|key| one_of_stripes(name, key)).transpose();
        let needed = |name: &str| key(name)?.ok_or(format!("{name} is missing: the key to look at"));
        let (write_key, read_key) = (needed("STRIPE_WRITE_KEY")?, needed("STRIPE_READ_KEY")?);
        let staff_key = key("STRIPE_API_KEY")?;
        let base = environment("STRIPE_API_BASE").unwrap_or_else(|| STRIPE_URL.to_owned());
        let live = [Some(&write_key), Some(&read_key), staff_key.as_ref()];
        if base != STRIPE_URL && live.into_iter().flatten().any(|key| is_live(key)) {
            return Err("a live key is sent to Stripe alone, and STRIPE_API_BASE is another".to_owned());
        }
        let env = functions_environment(&environment)?;
        Ok(Settings {
            base,
            write_key,
            read_key,
            staff_key,
            livemode: env.livemode().map_err(|error| format!("{error}, as StripeLivemode is deployed"))?,
            webhook_url: environment("SALDO_WEBHOOK_URL"),
            product: env.stripe_product().map_err(|error| error.to_string())?.map(str::to_owned),
            currencies: currencies(&env)?,
        })
    }

    /// Stripe's names of what the write key must be allowed.
    pub(super) fn write_permissions(&self) -> Vec<&'static str> {
        let selling = if self.product.is_some() { WRITE_KEY_WITH_PRODUCT } else { WRITE_KEY };
        [&selling[..], &OPERATE_KEY].concat()
    }

    pub(super) fn read_permissions(&self) -> &'static [&'static str] {
        &READ_KEY
    }
}

pub(super) fn is_live(key: &str) -> bool {
    ["sk_live_", "rk_live_"].iter().any(|prefix| key.starts_with(prefix))
}

/// The prices are the template's own where none are named.
fn functions_environment(environment: &impl Fn(&str) -> Option<String>) -> Result<Env, String> {
    let prices = match environment("SALDO_PRICES") {
        Some(prices) => Some(prices),
        None => default_of("Prices").map_err(|error| error.to_string())?,
    };
    let named = ["SALDO_STRIPE_LIVEMODE", "SALDO_STRIPE_PRODUCT"];
    let named = named.map(|name| (name.to_owned(), environment(name).unwrap_or_default()));
    Ok(named.into_iter().chain([("SALDO_PRICES".to_owned(), prices.unwrap_or_default())]).collect())
}

fn currencies(env: &Env) -> Result<Vec<Currency>, String> {
    let prices = env.price_list().map_err(|error| error.to_string())?;
    Ok(prices.payment_methods().into_keys().collect())
}

fn one_of_stripes(name: &str, key: String) -> Result<String, String> {
    let begins = ["sk_test_", "rk_test_", "sk_live_", "rk_live_"];
    if begins.iter().any(|prefix| key.starts_with(prefix)) {
        Ok(key)
    } else {
        Err(format!("{name} must start with rk_test_ or rk_live_"))
    }
}
