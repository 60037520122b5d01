//! Money: amounts, currencies, tax and what credits cost.

mod amount;
mod currency;
mod price_list;
mod tax;

pub use amount::Money;
pub use currency::{Currency, UnknownCurrency};
pub use price_list::{Limits, OtherBase, PriceList, PriceListError, Purchase, Quote, QuoteError};
pub use tax::{TaxBase, TaxPercent};
