//! What credits cost: the price list per currency, and the quote made from it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Credits, Currency, Money};

/// Prices per currency, checked as a whole when it is read.
#[derive(Clone, Debug)]
pub struct PriceList {
    version: String,
    default_currency: Currency,
    prices: BTreeMap<Currency, Price>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Minor units per credit, before tax.
    unit_price: i64,
    tax_percent: TaxPercent,
    #[serde(default = "default_tax_name")]
    tax_name: String,
    minimum_credits: i64,
    maximum_credits: i64,
    /// The amounts to choose from; the first is the one chosen at the start.
    presets: Vec<i64>,
    /// A balance below this many credits is low.
    low_below: i64,
    /// Stripe's ways to pay for invoices in this currency; none leaves it to the account's settings.
    #[serde(default)]
    payment_methods: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceListFile {
    version: String,
    default_currency: Currency,
    currencies: BTreeMap<String, Price>,
}

/// Why a configured price list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListError(pub String);

/// A tax rate with at most four decimals, kept as a whole number of ten-thousandths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxPercent(i64);

/// Everything that is bought, as the payer saw it. All amounts have one currency.
///
/// `subtotal = credits x unit_price` and `total = subtotal + tax`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub credits: Credits,
    pub unit_price: Money,
    pub subtotal: Money,
    pub tax_percent: TaxPercent,
    pub tax_name: String,
    pub tax: Money,
    pub total: Money,
    pub price_list_version: String,
}

/// The price of an amount of credits now, with the limits and the amounts to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub purchase: Purchase,
    pub minimum_credits: Credits,
    pub maximum_credits: Credits,
    pub presets: Vec<Credits>,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteError {
    BelowMinimum { minimum: Credits },
    AboveMaximum { maximum: Credits },
    CurrencyNotSold(Currency),
}

/// More credits than any purchase may have; keeps every amount far from overflow.
const LARGEST_PURCHASE: i64 = 1_000_000_000;

impl PriceList {
    /// Reads and checks a price list: see `SALDO_PRICES` in the README.
    pub fn from_json(text: &str) -> Result<PriceList, PriceListError> {
        let file: PriceListFile =
            serde_json::from_str(text).map_err(|error| PriceListError(error.to_string()))?;
        if !(1..=64).contains(&file.version.len()) {
            return Err(PriceListError("version: 1 to 64 characters".to_owned()));
        }
        let mut prices = BTreeMap::new();
        for (code, price) in file.currencies {
            let currency = code
                .parse()
                .map_err(|_| PriceListError(format!("{code}: not a three-letter currency code")))?;
            price.check(currency).map_err(|reason| PriceListError(format!("{code}: {reason}")))?;
            prices.insert(currency, price);
        }
        if !prices.contains_key(&file.default_currency) {
            return Err(PriceListError(format!("default_currency {} has no prices", file.default_currency)));
        }
        Ok(PriceList { version: file.version, default_currency: file.default_currency, prices })
    }

    #[must_use]
    pub fn default_currency(&self) -> Currency {
        self.default_currency
    }

    /// The price now of `credits`, or of the first preset when none are named.
    pub fn quote(&self, currency: Currency, credits: Option<Credits>) -> Result<Quote, QuoteError> {
        let price = self.price(currency)?;
        let credits = credits.unwrap_or_else(|| price.first_preset());
        if credits.0 < price.minimum_credits {
            return Err(QuoteError::BelowMinimum { minimum: Credits(price.minimum_credits) });
        }
        if credits.0 > price.maximum_credits {
            return Err(QuoteError::AboveMaximum { maximum: Credits(price.maximum_credits) });
        }
        let above = QuoteError::AboveMaximum { maximum: Credits(price.maximum_credits) };
        let purchase = price.purchase(currency, credits, &self.version).ok_or(above)?;
        Ok(Quote {
            purchase,
            minimum_credits: Credits(price.minimum_credits),
            maximum_credits: Credits(price.maximum_credits),
            presets: price.presets.iter().map(|preset| Credits(*preset)).collect(),
        })
    }

    /// The balance below which to warn.
    pub fn low_below(&self, currency: Currency) -> Result<Credits, QuoteError> {
        Ok(Credits(self.price(currency)?.low_below))
    }

    /// Stripe's payment method types for invoices in this currency; empty leaves it to the account's settings.
    #[must_use]
    pub fn payment_methods(&self, currency: Currency) -> &[String] {
        self.prices.get(&currency).map_or(&[], |price| &price.payment_methods)
    }

    fn price(&self, currency: Currency) -> Result<&Price, QuoteError> {
        self.prices.get(&currency).ok_or(QuoteError::CurrencyNotSold(currency))
    }
}

impl Price {
    fn purchase(&self, currency: Currency, credits: Credits, version: &str) -> Option<Purchase> {
        let subtotal = self.unit_price.checked_mul(credits.0)?;
        let tax = self.tax_percent.of(subtotal, currency.payable_step())?;
        Some(Purchase {
            credits,
            unit_price: Money::new(currency, self.unit_price),
            subtotal: Money::new(currency, subtotal),
            tax_percent: self.tax_percent,
            tax_name: self.tax_name.clone(),
            tax: Money::new(currency, tax),
            total: Money::new(currency, subtotal.checked_add(tax)?),
            price_list_version: version.to_owned(),
        })
    }

    fn first_preset(&self) -> Credits {
        Credits(self.presets.first().copied().unwrap_or(self.minimum_credits))
    }

    fn check(&self, currency: Currency) -> Result<(), String> {
        let limits = self.minimum_credits..=self.maximum_credits;
        if self.unit_price < 1 {
            return Err("unit_price is at least 1 minor unit".to_owned());
        }
        if self.unit_price % currency.payable_step() != 0 {
            return Err(format!(
                "unit_price must be a multiple of {}: smaller cannot be paid",
                currency.payable_step()
            ));
        }
        if self.minimum_credits < 1 || limits.is_empty() || self.maximum_credits > LARGEST_PURCHASE {
            return Err(format!("1 <= minimum_credits <= maximum_credits <= {LARGEST_PURCHASE}"));
        }
        if self.presets.is_empty()
            || self.presets.len() > 12
            || !self.presets.iter().all(|p| limits.contains(p))
        {
            return Err("presets: 1 to 12 amounts within the limits".to_owned());
        }
        if self.low_below < 0 {
            return Err("low_below is not negative".to_owned());
        }
        if !(1..=50).contains(&self.tax_name.len()) {
            return Err("tax_name: 1 to 50 characters".to_owned());
        }
        let largest =
            self.purchase(currency, Credits(self.maximum_credits), "").map(|purchase| purchase.total);
        match largest {
            Some(total) if total.minor_units <= currency.largest_amount() => Ok(()),
            _ => Err(format!("maximum_credits costs more than Stripe takes in {currency}")),
        }
    }
}

const PERCENT_SCALE: i64 = 10_000;

impl TaxPercent {
    /// Reads `11` or `7.25`: 0 to 100, at most four decimals, as Stripe takes.
    #[must_use]
    pub fn parse(text: &str) -> Option<TaxPercent> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(fraction, 4) {
            return None;
        }
        let fraction: i64 = format!("{fraction:0<4}").parse().ok()?;
        let scaled = whole.parse::<i64>().ok()? * PERCENT_SCALE + fraction;
        (scaled <= 100 * PERCENT_SCALE).then_some(TaxPercent(scaled))
    }

    /// The tax on an amount, rounded half up to a multiple of `step` minor units; `None` when it does not fit.
    fn of(self, minor_units: i64, step: i64) -> Option<i64> {
        let divisor = i128::from(100 * PERCENT_SCALE) * i128::from(step);
        let steps = (i128::from(minor_units) * i128::from(self.0) + divisor / 2) / divisor;
        i64::try_from(steps * i128::from(step)).ok()
    }
}

impl fmt::Display for TaxPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / PERCENT_SCALE, self.0 % PERCENT_SCALE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:04}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Serialize for TaxPercent {
    /// As a JSON number.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % PERCENT_SCALE == 0 {
            return serializer.serialize_i64(self.0 / PERCENT_SCALE);
        }
        serializer.serialize_f64(self.to_string().parse().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for TaxPercent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TaxPercent::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("tax_percent is text like \"11\" or \"7.25\""))
    }
}

fn default_tax_name() -> String {
    "Tax".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"version":"v1","default_currency":"IDR","currencies":{
        "IDR":{"unit_price":25000,"tax_percent":"11","tax_name":"PPN","minimum_credits":1000,"maximum_credits":1000000,
               "presets":[1000,2500],"low_below":200},
        "USD":{"unit_price":2,"tax_percent":"7.25","minimum_credits":1000,"maximum_credits":1000000,
               "presets":[1000],"low_below":200}}}"#;

    fn list() -> PriceList {
        PriceList::from_json(LIST).unwrap()
    }

    #[test]
    fn a_thousand_credits_cost_277500_rupiah_with_tax() {
        let quote = list().quote(Currency::IDR, None).unwrap();
        assert_eq!(quote.purchase.credits, Credits(1000));
        assert_eq!(quote.purchase.subtotal.decimal(), "250000.00");
        assert_eq!(quote.purchase.tax.decimal(), "27500.00");
        assert_eq!(quote.purchase.total.decimal(), "277500.00");
    }

    #[test]
    fn every_idr_total_is_whole_rupiah() {
        for credits in 1000..3000 {
            let purchase = list().quote(Currency::IDR, Some(Credits(credits))).unwrap().purchase;
            assert_eq!(purchase.total.minor_units % 100, 0, "{credits}");
            assert_eq!(purchase.subtotal.checked_add(purchase.tax), Some(purchase.total), "{credits}");
            let exact = purchase.subtotal.minor_units * 11;
            assert!((purchase.tax.minor_units * 100 - exact).abs() <= 50 * 100, "{credits}");
        }
    }

    #[test]
    fn the_limits_themselves_can_be_bought() {
        let list = list();
        let quote = |credits| list.quote(Currency::IDR, Some(Credits(credits)));
        assert!(quote(1_000).is_ok() && quote(1_000_000).is_ok());
        let below = QuoteError::BelowMinimum { minimum: Credits(1000) };
        let above = QuoteError::AboveMaximum { maximum: Credits(1_000_000) };
        for credits in [999, 0, -1, i64::MIN] {
            assert_eq!(quote(credits), Err(below), "{credits}");
        }
        for credits in [1_000_001, i64::MAX] {
            assert_eq!(quote(credits), Err(above), "{credits}");
        }
        let yen = "JPY".parse().unwrap();
        assert_eq!(list.quote(yen, None), Err(QuoteError::CurrencyNotSold(yen)));
    }

    #[test]
    fn tax_rounds_half_up_and_prints_as_it_was_written() {
        assert_eq!(TaxPercent::parse("7.25").unwrap().of(2_000, 1), Some(145));
        assert_eq!(TaxPercent::parse("50").unwrap().of(1, 1), Some(1));
        assert_eq!(TaxPercent::parse("11").unwrap().of(25_025_000, 100), Some(2_752_800));
        for text in ["0", "11", "7.25", "0.0001", "100"] {
            assert_eq!(TaxPercent::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "-1", "100.0001", "101", "1.23456", "1e1", "1.", ".5", "1,5"] {
            assert_eq!(TaxPercent::parse(text), None, "{text}");
        }
        assert_eq!(serde_json::to_string(&TaxPercent::parse("7.25").unwrap()).unwrap(), "7.25");
    }

    #[test]
    fn a_price_list_that_cannot_work_is_refused_naming_the_currency() {
        for (from, to, named) in [
            ("25000", "25050", "IDR: unit_price must be a multiple of 100"),
            ("25000", "0", "IDR: unit_price"),
            ("[1000,2500]", "[]", "IDR: presets"),
            ("[1000,2500]", "[999]", "IDR: presets"),
            ("\"minimum_credits\":1000", "\"minimum_credits\":0", "minimum_credits"),
            ("\"maximum_credits\":1000000", "\"maximum_credits\":100000000", "costs more than Stripe takes"),
            ("\"default_currency\":\"IDR\"", "\"default_currency\":\"EUR\"", "EUR has no prices"),
            ("\"7.25\"", "\"107.25\"", "tax_percent"),
            ("\"low_below\":200", "\"low\":200", "low"),
        ] {
            let error = PriceList::from_json(&LIST.replace(from, to)).unwrap_err();
            assert!(error.0.contains(named), "{from} -> {to}: {}", error.0);
        }
    }
}
