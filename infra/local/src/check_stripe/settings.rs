//! Where facts are tried, and with which keys.

use saldo_adapters::world::STRIPE_URL;

/// Where to try, and with which keys; all of test mode.
pub struct Settings {
    /// The base URL of Stripe.
    pub(super) base: String,
    pub(super) key: String,
    /// The restricted keys of the functions.
    pub(super) write_key: Option<String>,
    pub(super) read_key: Option<String>,
}

impl Settings {
    /// From `STRIPE_API_KEY` and, where they are set, `STRIPE_API_BASE`, `STRIPE_WRITE_KEY` and `STRIPE_READ_KEY`.
    ///
    /// The error is a sentence that says what is wrong; no key is repeated in it.
    pub fn read(environment: impl Fn(&str) -> Option<String>) -> Result<Settings, String> {
        let key = |name: &str| environment(name).map(|key| of_test_mode(name, key)).transpose();
        Ok(Settings {
            base: environment("STRIPE_API_BASE").unwrap_or_else(|| STRIPE_URL.to_owned()),
            key: key("STRIPE_API_KEY")?.ok_or("STRIPE_API_KEY=sk_test_… is missing")?,
            write_key: key("STRIPE_WRITE_KEY")?,
            read_key: key("STRIPE_READ_KEY")?,
        })
    }
}

fn of_test_mode(name: &str, key: String) -> Result<String, String> {
    if ["sk_test_", "rk_test_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Ok(key);
    }
    if ["sk_live_", "rk_live_"].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(format!("{name} is a live key: what is tried here makes and voids invoices"));
    }
    Err(format!("{name} must start with sk_test_ or rk_test_"))
}
