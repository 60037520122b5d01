//! The one line of an invoice: its words in the payer's language, its price, and the tax as we computed it.

use saldo_domain::{Language, Purchase, TaxPercent};
use stripe::StripeRequest;
use stripe_billing::invoice::{
    AddLinesInvoice, AddLinesInvoiceLines, AddLinesInvoiceLinesPriceData, AddLinesInvoiceLinesTaxAmounts,
    AddLinesInvoiceLinesTaxAmountsTaxRateData, AddLinesInvoiceLinesTaxAmountsTaxabilityReason as Reason,
    ProductData,
};
use stripe_client_core::RequestBuilder;

use super::currency::currency_of;
use super::error::StripeError;

/// What was bought, as the invoice says it; in English where the payer has chosen no language.
fn words(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Indonesian) => "Kredit pesan",
        Some(Language::English) | None => "Message credits",
    }
}

/// Adds the line. Its product is the one at Stripe with this id, or one that is made with it; the description says what was
/// bought either way, as a product has one name for all languages.
pub(super) fn add(
    invoice: &str,
    purchase: &Purchase,
    language: Option<Language>,
    product: Option<&str>,
) -> Result<RequestBuilder, StripeError> {
    let mut price = AddLinesInvoiceLinesPriceData::new(currency_of(purchase.total.currency));
    match product {
        Some(product) => price.product = Some(product.to_owned()),
        None => price.product_data = Some(ProductData::new(words(language))),
    }
    price.unit_amount = Some(purchase.unit_price.minor_units);
    let mut line = AddLinesInvoiceLines::new();
    line.description = Some(words(language).to_owned());
    line.quantity = u64::try_from(purchase.credits.0).ok();
    line.price_data = Some(price);
    if purchase.tax.minor_units > 0 {
        let percent = percentage(purchase.tax_percent)?;
        let rate = AddLinesInvoiceLinesTaxAmountsTaxRateData::new(&purchase.tax_name, false, percent);
        let (tax, taxable) = (purchase.tax.minor_units, purchase.taxable().minor_units);
        let mut amount = AddLinesInvoiceLinesTaxAmounts::new(tax, rate, taxable);
        amount.taxability_reason = purchase.other_base.map(|_| Reason::TaxableBasisReduced);
        line.tax_amounts = Some(vec![amount]);
    }
    Ok(AddLinesInvoice::new(invoice, vec![line]).build())
}

/// The one number with a fraction that Stripe wants as such; it is shown on the invoice, and nothing is computed with it.
fn percentage(rate: TaxPercent) -> Result<f64, StripeError> {
    let text = rate.to_string();
    text.parse().map_err(|_| StripeError::Broken { what: format!("tax of {text} %") })
}
