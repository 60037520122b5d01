//! The environment, read once, and the settings made from it.

use std::collections::HashMap;
use std::fmt;

use saldo_domain::{CallBudgets, Credits, Meters, Policy, PriceList, ShardCounts};

use crate::http::ClaimNames;
use crate::stripe::LIMITS;

/// What is sold may be longer than all that a function can be told by its environment, which is 4 KB: so it is a part of
/// the code, and a release of it one like any other.
const METERS: (&str, &str) = ("infra/meters.json", include_str!("../../../infra/meters.json"));

/// A function's environment variables.
#[derive(Clone, Debug, Default)]
pub struct Env(HashMap<String, String>);

/// A setting is missing or cannot be used; names the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub variable: String,
    pub reason: String,
}

impl Env {
    /// The variables of this process: only `main` calls it.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn of_process() -> Env {
        std::env::vars().collect()
    }

    /// All of them, to start another process with.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(variable, value)| (variable.as_str(), value.as_str()))
    }

    /// The value, or `None` when it is absent or empty.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn require(&self, variable: &str) -> Result<&str, ConfigError> {
        self.get(variable).ok_or_else(|| ConfigError::new(variable, "is not set"))
    }

    fn flag(&self, variable: &str) -> Result<bool, ConfigError> {
        match self.require(variable)? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(ConfigError::new(variable, "is `true` or `false`")),
        }
    }

    /// `SALDO_PRICES`.
    pub fn price_list(&self) -> Result<PriceList, ConfigError> {
        let variable = "SALDO_PRICES";
        PriceList::from_json(self.require(variable)?, LIMITS)
            .map_err(|error| ConfigError::new(variable, &error.0))
    }

    /// What is sold: `SALDO_METERS`, and where it is empty `infra/meters.json` as it was when this was built.
    pub fn meters(&self) -> Result<Meters, ConfigError> {
        let variable = "SALDO_METERS";
        let (named, text) = self.get(variable).map_or(METERS, |text| (variable, text));
        Meters::from_json(text).map_err(|error| ConfigError::new(named, &error.0))
    }

    /// `SALDO_SHARDS`: `{"acme":4}` spreads the debits of one organisation over four heads; empty for none.
    pub fn shards(&self) -> Result<ShardCounts, ConfigError> {
        let variable = "SALDO_SHARDS";
        let text = self.get(variable).unwrap_or("{}");
        ShardCounts::from_json(text).map_err(|error| ConfigError::new(variable, &error.0))
    }

    /// `SALDO_CALL_BUDGETS`: how often an organisation and each caller may call; the defaults where it says nothing.
    pub fn budgets(&self) -> Result<CallBudgets, ConfigError> {
        let variable = "SALDO_CALL_BUDGETS";
        let text = self.get(variable).unwrap_or("{}");
        CallBudgets::from_json(text).map_err(|error| ConfigError::new(variable, &error.0))
    }

    /// `SALDO_REVERSAL_HOURS`, in seconds: for how long after its id's time a debit may be reversed, 1 hour to a year; 72
    /// hours when it is not set.
    pub fn reversal_secs(&self) -> Result<i64, ConfigError> {
        let variable = "SALDO_REVERSAL_HOURS";
        match self.get(variable).unwrap_or("72").parse::<i64>() {
            Ok(hours) if (1..=8_784).contains(&hours) => Ok(hours * 3600),
            Ok(_) | Err(_) => Err(ConfigError::new(variable, "is a whole number of hours from 1 to 8784")),
        }
    }

    /// `SALDO_ADJUSTMENT_LIMIT`: on how many credits one person of the staff may decide alone, 0 to a thousand million.
    pub fn adjustment_limit(&self) -> Result<Credits, ConfigError> {
        let variable = "SALDO_ADJUSTMENT_LIMIT";
        match self.require(variable)?.parse::<i64>() {
            Ok(credits) if (0..=1_000_000_000).contains(&credits) => Ok(Credits(credits)),
            Ok(_) | Err(_) => Err(ConfigError::new(variable, "is a whole number from 0 to 1000000000")),
        }
    }

    /// `SALDO_ORG_CLAIM`, `SALDO_PERMISSIONS_CLAIM`, `SALDO_CURRENCY_CLAIM`, `SALDO_SUBJECT_CLAIM`, `SALDO_NAME_CLAIM`
    /// and `SALDO_EMAIL_CLAIM`: where a token says who it is for.
    #[must_use]
    pub fn claim_names(&self) -> ClaimNames {
        let name = |variable, default: &str| self.get(variable).unwrap_or(default).to_owned();
        ClaimNames {
            org: name("SALDO_ORG_CLAIM", "org_id"),
            permissions: name("SALDO_PERMISSIONS_CLAIM", "permissions"),
            currency: name("SALDO_CURRENCY_CLAIM", "billing_currency"),
            subject: name("SALDO_SUBJECT_CLAIM", "sub"),
            name: name("SALDO_NAME_CLAIM", "name"),
            email: name("SALDO_EMAIL_CLAIM", "email"),
        }
    }

    /// `SALDO_SPENDERS_REVERSE`: whether who may spend may also take a debit back.
    pub fn spenders_reverse(&self) -> Result<bool, ConfigError> {
        self.flag("SALDO_SPENDERS_REVERSE")
    }

    /// `SALDO_ACCEPT_OUT_OF_BAND`, and `SALDO_REVIEW_WORKING_DAYS`, 0 to 30; 2 when it is not set.
    pub fn policy(&self) -> Result<Policy, ConfigError> {
        let variable = "SALDO_REVIEW_WORKING_DAYS";
        let days = self.get(variable).unwrap_or("2").parse().ok().filter(|days| *days <= 30);
        let days = days.ok_or_else(|| ConfigError::new(variable, "is a whole number of days from 0 to 30"));
        Ok(Policy { accept_out_of_band: self.flag("SALDO_ACCEPT_OUT_OF_BAND")?, review_working_days: days? })
    }

    /// `SALDO_STRIPE_LIVEMODE`: whether this system lives in Stripe's live mode.
    pub fn livemode(&self) -> Result<bool, ConfigError> {
        self.flag("SALDO_STRIPE_LIVEMODE")
    }

    /// `SALDO_DEPLOYMENT`: what marks this deployment's invoices among all that sell through the same Stripe account; up to
    /// 255 bytes, and never changed while invoices can be paid.
    pub fn deployment(&self) -> Result<&str, ConfigError> {
        let variable = "SALDO_DEPLOYMENT";
        let mark = self.require(variable)?;
        if mark.len() <= 255 { Ok(mark) } else { Err(ConfigError::new(variable, "is longer than 255 bytes")) }
    }

    /// `SALDO_STRIPE_PRODUCT`: the product at Stripe that lines of invoices are of, `prod_…` or an id of one's own choice; none
    /// when it is not set.
    pub fn stripe_product(&self) -> Result<Option<&str>, ConfigError> {
        let variable = "SALDO_STRIPE_PRODUCT";
        let Some(id) = self.get(variable) else { return Ok(None) };
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if plain && id.len() <= 255 {
            Ok(Some(id))
        } else {
            Err(ConfigError::new(variable, "is the id of a product, like prod_…"))
        }
    }

    /// `SALDO_TOP_UP_LIFETIME_HOURS`, in seconds: 1 hour to 25 days, as the hosted page lives 30.
    pub fn lifetime_secs(&self) -> Result<i64, ConfigError> {
        let variable = "SALDO_TOP_UP_LIFETIME_HOURS";
        match self.require(variable)?.parse::<i64>() {
            Ok(hours) if (1..=600).contains(&hours) => Ok(hours * 3600),
            Ok(_) | Err(_) => Err(ConfigError::new(variable, "is a whole number of hours from 1 to 600")),
        }
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Env {
        Env(pairs.into_iter().collect())
    }
}

impl ConfigError {
    #[must_use]
    pub fn new(variable: &str, reason: &str) -> ConfigError {
        ConfigError { variable: variable.to_owned(), reason: reason.to_owned() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.reason)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_error_names_the_variable_and_never_its_value() {
        let error = env(&[("SALDO_STRIPE_PRODUCT", "a secret")]).stripe_product().unwrap_err();
        assert_eq!(error.to_string(), "SALDO_STRIPE_PRODUCT is the id of a product, like prod_…");
        assert_eq!(env(&[]).price_list().unwrap_err().to_string(), "SALDO_PRICES is not set");
        assert_eq!(
            env(&[("SALDO_STRIPE_LIVEMODE", "yes")]).livemode().unwrap_err().variable,
            "SALDO_STRIPE_LIVEMODE"
        );
    }

    #[test]
    fn a_product_is_an_id() {
        let of = |value: &str| {
            let env = env(&[("SALDO_STRIPE_PRODUCT", value)]);
            env.stripe_product().map(|id| id.map(str::to_owned)).map_err(|error| error.variable)
        };
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("prod_Abc1"), Ok(Some("prod_Abc1".to_owned())));
        for value in ["Message credits", "prod_1&x=y", "https://dashboard.stripe.com/products/prod_1"] {
            assert_eq!(of(value), Err("SALDO_STRIPE_PRODUCT".to_owned()), "{value}");
        }
    }

    #[test]
    fn a_review_takes_some_working_days() {
        let of = |days| {
            let env = env(&[("SALDO_ACCEPT_OUT_OF_BAND", "false"), ("SALDO_REVIEW_WORKING_DAYS", days)]);
            env.policy().map(|policy| policy.review_working_days)
        };
        assert_eq!(of("3"), Ok(3));
        assert_eq!(of(""), Ok(2));
        for days in ["31", "-1", "two"] {
            assert!(of(days).is_err(), "{days}");
        }
    }

    #[test]
    fn a_lifetime_is_hours_within_reason() {
        let of = |value| env(&[("SALDO_TOP_UP_LIFETIME_HOURS", value)]).lifetime_secs();
        assert_eq!(of("72"), Ok(259_200));
        for value in ["0", "-1", "601", "72h", ""] {
            assert!(of(value).is_err(), "{value}");
        }
    }
}
