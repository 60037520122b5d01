//! What credits cost: the price list per currency, and the quote made from it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Credits, Currency, Money, TaxBase, TaxPercent};

/// What the payment provider takes, in its minor units.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The smallest step that a payer can really pay.
    pub payable_step: fn(Currency) -> i64,
    /// The smallest amount that is charged, as far as it is known beforehand.
    pub smallest_amount: fn(Currency) -> i64,
    /// The largest amount.
    pub largest_amount: fn(Currency) -> i64,
}

/// Prices per currency, checked as a whole when it is read.
#[derive(Clone, Debug)]
pub struct PriceList {
    version: String,
    default_currency: Currency,
    prices: BTreeMap<Currency, Price>,
    limits: Limits,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    /// Minor units per credit, before tax.
    unit_price: i64,
    tax_percent: TaxPercent,
    /// The part of the price that tax is taken of; none is the price itself.
    tax_base: Option<TaxBase>,
    #[serde(default = "default_tax_name")]
    tax_name: String,
    minimum_credits: i64,
    maximum_credits: i64,
    /// The amounts to choose from; the first is the one chosen at the start.
    presets: Vec<i64>,
    /// A balance below this many credits is low.
    low_below: i64,
    /// The smallest total that the provider charges, in minor units, where that is not what is known beforehand: it is judged
    /// after conversion.
    smallest_total: Option<i64>,
    /// The provider's ways to pay for invoices in this currency; none leaves it to the account's settings.
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

/// Everything that is bought, as the payer saw it. All amounts have one currency.
///
/// `subtotal = credits x unit_price` and `total = subtotal + tax`. The tax is `tax_percent` of the other base when there is
/// one, otherwise of the subtotal; base and tax are each rounded half up to what can be paid (whole rupiah, as the forms of
/// e-Faktur compute it under PMK 131/2024, so that the tax may differ by Rp 1 from 11 % of the subtotal).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub credits: Credits,
    pub unit_price: Money,
    pub subtotal: Money,
    pub tax_percent: TaxPercent,
    pub tax_name: String,
    pub other_base: Option<OtherBase>,
    pub tax: Money,
    pub total: Money,
    pub price_list_version: String,
}

/// What tax is taken of instead of the subtotal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherBase {
    /// The part of the subtotal.
    pub part: TaxBase,
    /// That part, in what can be paid.
    pub amount: Money,
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
    /// Reads and checks a price list, whose every amount must be within `limits`: see `SALDO_PRICES` in the README.
    pub fn from_json(text: &str, limits: Limits) -> Result<PriceList, PriceListError> {
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
            price.check(currency, limits).map_err(|reason| PriceListError(format!("{code}: {reason}")))?;
            prices.insert(currency, price);
        }
        if !prices.contains_key(&file.default_currency) {
            return Err(PriceListError(format!("default_currency {} has no prices", file.default_currency)));
        }
        Ok(PriceList { version: file.version, default_currency: file.default_currency, prices, limits })
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
        let purchase = price.purchase(currency, credits, &self.version, self.limits).ok_or(above)?;
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

    /// The provider's ways to pay for invoices, by currency; where there are none, the account's settings hold.
    #[must_use]
    pub fn payment_methods(&self) -> BTreeMap<Currency, Vec<String>> {
        self.prices.iter().map(|(currency, price)| (*currency, price.payment_methods.clone())).collect()
    }

    fn price(&self, currency: Currency) -> Result<&Price, QuoteError> {
        self.prices.get(&currency).ok_or(QuoteError::CurrencyNotSold(currency))
    }
}

impl Purchase {
    /// What the tax is taken of: the other base when there is one, otherwise the subtotal.
    #[must_use]
    pub fn taxable(&self) -> Money {
        self.other_base.map_or(self.subtotal, |base| base.amount)
    }
}

impl Price {
    fn purchase(
        &self,
        currency: Currency,
        credits: Credits,
        version: &str,
        limits: Limits,
    ) -> Option<Purchase> {
        let subtotal = self.unit_price.checked_mul(credits.0)?;
        let step = (limits.payable_step)(currency);
        let other_base = match self.tax_base {
            Some(part) => Some(OtherBase { part, amount: Money::new(currency, part.of(subtotal, step)?) }),
            None => None,
        };
        let taxable = other_base.map_or(subtotal, |base| base.amount.minor_units);
        let tax = self.tax_percent.of(taxable, step)?;
        Some(Purchase {
            credits,
            unit_price: Money::new(currency, self.unit_price),
            subtotal: Money::new(currency, subtotal),
            tax_percent: self.tax_percent,
            tax_name: self.tax_name.clone(),
            other_base,
            tax: Money::new(currency, tax),
            total: Money::new(currency, subtotal.checked_add(tax)?),
            price_list_version: version.to_owned(),
        })
    }

    fn first_preset(&self) -> Credits {
        Credits(self.presets.first().copied().unwrap_or(self.minimum_credits))
    }

    fn check(&self, currency: Currency, provider: Limits) -> Result<(), String> {
        let step = (provider.payable_step)(currency);
        let limits = self.minimum_credits..=self.maximum_credits;
        if self.unit_price < 1 {
            return Err("unit_price is at least 1 minor unit".to_owned());
        }
        if self.unit_price % step != 0 {
            return Err(format!("unit_price must be a multiple of {step}: smaller cannot be paid"));
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
        if self.tax_base.is_some() && self.tax_percent.is_zero() {
            return Err("tax_base needs a tax_percent above 0".to_owned());
        }
        if !(1..=50).contains(&self.tax_name.len()) {
            return Err("tax_name: 1 to 50 characters".to_owned());
        }
        self.check_amounts(currency, provider)
    }

    /// Whatever is sold can be charged.
    fn check_amounts(&self, currency: Currency, provider: Limits) -> Result<(), String> {
        let costs = |credits| {
            let purchase = self.purchase(currency, Credits(credits), "", provider);
            purchase.map_or(i64::MAX, |purchase| purchase.total.minor_units)
        };
        if costs(self.maximum_credits) > (provider.largest_amount)(currency) {
            return Err(format!("maximum_credits costs more than the provider takes in {currency}"));
        }
        let smallest = self.smallest_total.unwrap_or_else(|| (provider.smallest_amount)(currency));
        if smallest < 1 {
            return Err("smallest_total is at least 1 minor unit".to_owned());
        }
        if costs(self.minimum_credits) < smallest {
            return Err(format!("minimum_credits costs less than the provider charges in {currency}"));
        }
        Ok(())
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

    /// A provider that takes whole rupiah, twelve digits of them; eight digits of any other currency.
    const PROVIDER: Limits = Limits {
        payable_step: |currency| if currency == Currency::IDR { 100 } else { 1 },
        smallest_amount: |currency| if currency == Currency::IDR { 825_000 } else { 50 },
        largest_amount: |currency| if currency == Currency::IDR { 999_999_999_999 } else { 99_999_999 },
    };

    fn list() -> PriceList {
        PriceList::from_json(LIST, PROVIDER).unwrap()
    }

    #[test]
    fn a_thousand_credits_cost_277500_rupiah_with_tax() {
        let quote = list().quote(Currency::IDR, None).unwrap();
        assert_eq!(quote.purchase.credits, Credits(1000));
        assert_eq!(quote.purchase.subtotal.decimal(2), "250000.00");
        assert_eq!(quote.purchase.tax.decimal(2), "27500.00");
        assert_eq!(quote.purchase.total.decimal(2), "277500.00");
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

    fn list_by_the_tax_office() -> PriceList {
        let rule = r#""tax_percent":"12","tax_base":"11/12","tax_name":"PPN""#;
        PriceList::from_json(&LIST.replace(r#""tax_percent":"11","tax_name":"PPN""#, rule), PROVIDER).unwrap()
    }

    #[test]
    fn by_the_other_base_1003_credits_are_taxed_27582_rupiah() {
        let taxed = |list: PriceList| list.quote(Currency::IDR, Some(Credits(1003))).unwrap().purchase;
        let purchase = taxed(list_by_the_tax_office());
        assert_eq!(purchase.subtotal.decimal(2), "250750.00");
        assert_eq!(purchase.other_base.unwrap().amount.decimal(2), "229854.00");
        assert_eq!(purchase.taxable().decimal(2), "229854.00");
        assert_eq!(purchase.tax.decimal(2), "27582.00");
        assert_eq!(purchase.total.decimal(2), "278332.00");
        let plain = taxed(list());
        assert_eq!((plain.other_base, plain.tax.decimal(2)), (None, "27583.00".to_owned()));
        assert_eq!(plain.taxable(), plain.subtotal);
    }

    #[test]
    fn every_tax_by_the_other_base_is_the_nearest_rupiah_twice() {
        // The nearest whole number by its definition: the tie goes up.
        let nearest = |amount: i64, times: i64, of: i64| {
            let (whole, rest) = (amount * times / of, amount * times % of);
            if rest * 2 >= of { whole + 1 } else { whole }
        };
        let mut unlike_eleven_percent = 0;
        for credits in 1000..=3000 {
            let purchase =
                list_by_the_tax_office().quote(Currency::IDR, Some(Credits(credits))).unwrap().purchase;
            let rupiah = credits * 250;
            let (base, plain) = (nearest(rupiah, 11, 12), nearest(rupiah, 11, 100));
            let tax = nearest(base, 12, 100);
            assert_eq!(purchase.taxable().minor_units, base * 100, "{credits}");
            assert_eq!(purchase.tax.minor_units, tax * 100, "{credits}");
            assert_eq!(purchase.total.minor_units, (rupiah + tax) * 100, "{credits}");
            assert!((tax - plain).abs() <= 1, "{credits}");
            unlike_eleven_percent += i64::from(tax != plain);
        }
        assert_eq!(unlike_eleven_percent, 333, "every sixth amount");
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
    fn a_price_list_that_cannot_work_is_refused_naming_the_currency() {
        for (from, to, named) in [
            ("25000", "25050", "IDR: unit_price must be a multiple of 100"),
            ("25000", "0", "IDR: unit_price"),
            ("[1000,2500]", "[]", "IDR: presets"),
            ("[1000,2500]", "[999]", "IDR: presets"),
            ("\"minimum_credits\":1000", "\"minimum_credits\":0", "minimum_credits"),
            (
                "\"maximum_credits\":1000000",
                "\"maximum_credits\":100000000",
                "costs more than the provider takes",
            ),
            ("\"default_currency\":\"IDR\"", "\"default_currency\":\"EUR\"", "EUR has no prices"),
            ("\"7.25\"", "\"107.25\"", "tax_percent"),
            ("\"7.25\"", "\"7.25\",\"tax_base\":\"0/12\"", "tax_base"),
            ("\"7.25\"", "\"7.25\",\"tax_base\":\"13/12\"", "tax_base"),
            ("\"7.25\"", "\"0\",\"tax_base\":\"11/12\"", "USD: tax_base"),
            ("\"7.25\"", "\"112\",\"tax_base\":\"11/12\"", "tax_percent"),
            ("\"low_below\":200", "\"low\":200", "low"),
        ] {
            let error = PriceList::from_json(&LIST.replace(from, to), PROVIDER).unwrap_err();
            assert!(error.0.contains(named), "{from} -> {to}: {}", error.0);
        }
    }
}
