//! Invoice lines and the invoice items behind them.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::store::{Condition, Store};
use crate::{catalog, customer_object, events, identifier, invoice_object, lists, money};

const MAXIMUM_LINES: usize = 250;

/// Parameters of a line that Stripe knows and the stand-in does not.
const TAXABILITY_REASONS: [&str; 15] = [
    "customer_exempt",
    "not_collecting",
    "not_subject_to_tax",
    "not_supported",
    "portion_product_exempt",
    "portion_reduced_rated",
    "portion_standard_rated",
    "product_exempt",
    "product_exempt_holiday",
    "proportionally_rated",
    "reduced_rated",
    "reverse_charge",
    "standard_rated",
    "taxable_basis_reduced",
    "zero_rated",
];
const UNSUPPORTED: [&str; 5] = ["discountable", "discounts", "quantity_decimal", "tax_behavior", "tax_code"];

pub(crate) fn add(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut invoice = editable(invoice_object::load(&call.store, call.id(0), "invoice")?)?;
    let before = invoice.clone();
    let given = call.params.objects("lines")?.ok_or_else(|| call.params.required("lines"))?;
    if given.is_empty() || given.len() + invoice_object::lines_of(&invoice).len() > MAXIMUM_LINES {
        return Err(call.params.invalid("lines", "an invoice has between 1 and 250 lines"));
    }
    for mut params in given {
        let line = Draft::read(&call.store, &mut params, text(&invoice["currency"]))?;
        params.finish()?;
        line.attach(&call.store, &mut invoice)?;
    }
    if call.params.object("invoice_metadata")?.is_some() {
        return Err(call.params.invalid("invoice_metadata", "the stand-in takes metadata on the invoice"));
    }
    let invoice = invoice_object::save(&call.store, invoice)?;
    events::emit_updated(&call.store, "invoice.updated", &before, &invoice)?;
    call.answer(invoice)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = invoice_object::load(&call.store, call.id(0), "invoice")?;
    lists::answer_from(call, &invoice_object::lines_of(&invoice))
}

/// Creates an item on an explicit draft, or one that waits for the next invoice of its customer.
pub(crate) fn create_item(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&["customer_account", "price", "subscription", "unit_amount"])?;
    let customer = call.params.text("customer")?;
    if let Some(customer) = &customer {
        customer_object::existing(&call.store, customer, "customer")?;
    }
    let Some(id) = call.params.text("invoice")? else {
        let customer = customer.ok_or_else(|| call.params.required("customer"))?;
        let currency = call.params.clone().text("currency")?.unwrap_or_else(|| "usd".to_owned());
        let line = Draft::read(&call.store, &mut call.params, &currency.to_lowercase())?;
        let (item, _) = line.keep(&call.store, &customer.into(), &Value::Null)?;
        events::emit(&call.store, "invoiceitem.created", &item)?;
        return call.answer(item);
    };
    let invoice = call.store.get("invoice", &id)?;
    let mut invoice =
        editable(invoice.ok_or_else(|| ApiError::missing_reference("invoice", &id, "invoice"))?)?;
    if customer.is_some_and(|customer| invoice["customer"] != customer.as_str()) {
        return Err(call.params.invalid("customer", "the invoice belongs to another customer"));
    }
    let before = invoice.clone();
    let line = Draft::read(&call.store, &mut call.params, text(&invoice["currency"]))?;
    let item = line.attach(&call.store, &mut invoice)?;
    let invoice = invoice_object::save(&call.store, invoice)?;
    events::emit(&call.store, "invoiceitem.created", &item)?;
    events::emit_updated(&call.store, "invoice.updated", &before, &invoice)?;
    call.answer(item)
}

/// Puts the items that waited on a new invoice of their customer and currency.
pub(crate) fn take_pending(store: &Store<'_>, invoice: &mut Value) -> ApiResult<()> {
    let of_customer = Condition::equal("customer", text(&invoice["customer"]).to_owned());
    let in_currency = Condition::equal("currency", text(&invoice["currency"]).to_owned());
    for mut item in store.all("invoiceitem", vec![of_customer, in_currency])? {
        if !item["invoice"].is_null() {
            continue;
        }
        item["invoice"] = invoice["id"].clone();
        let mut line = std::mem::take(&mut item["_line"]);
        line["invoice"] = invoice["id"].clone();
        store.put(&item)?;
        push(invoice, line);
    }
    Ok(())
}

pub(crate) fn retrieve_item(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let item = call.store.expect("invoiceitem", "Invoice Item", call.id(0), "id")?;
    call.answer(item)
}

/// Changes what is told of an item that waits or is on a draft beside what it costs.
pub(crate) fn update_item(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut item = call.store.expect("invoiceitem", "Invoice Item", call.id(0), "id")?;
    item["metadata"] = call.params.metadata(&item["metadata"])?;
    call.store.put(&item)?;
    call.answer(item)
}

pub(crate) fn list_items(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = Vec::new();
    for field in ["invoice", "customer"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    lists::answer(call, "invoiceitem", conditions, Ok)
}

fn editable(invoice: Value) -> ApiResult<Value> {
    if invoice["status"] == "draft" {
        return Ok(invoice);
    }
    let message = "Invalid invoice: This invoice is no longer editable";
    Err(ApiError::state(message).with("code", "invoice_not_editable").with("param", "invoice"))
}

/// A line that is read but not yet on an invoice.
struct Draft {
    amount: i64,
    currency: String,
    description: Option<String>,
    metadata: Value,
    quantity: i64,
    /// Price of one, in minor units, as Stripe writes decimals.
    unit: String,
    product: Value,
    taxes: Vec<Value>,
    period: Option<(i64, i64)>,
}

impl Draft {
    fn read(store: &Store<'_>, params: &mut Params, currency: &str) -> ApiResult<Draft> {
        let given = params.text("currency")?.unwrap_or_else(|| currency.to_owned()).to_lowercase();
        let amount = params.integer("amount")?;
        let quantity = params.integer("quantity")?;
        if amount.is_some() && quantity.is_some() {
            let message = "You may only specify one of these parameters: amount, quantity.";
            let param = params.path("amount");
            return Err(ApiError::new(400, "invalid_request_error", message).with("param", param));
        }
        let priced = price(store, params)?;
        let quantity = quantity.unwrap_or(1);
        if !(0..=999_999_999_999).contains(&quantity) {
            return Err(params.invalid("quantity", "must be a whole number from 0 to 12 digits"));
        }
        let (unit, product, given) = match (&amount, priced) {
            (Some(amount), None) => (amount.to_string(), None, given),
            (None, Some(price)) => (price.unit, price.product, price.currency.unwrap_or(given)),
            _ => return Err(params.required("amount")),
        };
        if given != currency {
            let rule = format!("the invoice is in {currency}, the line in {given}");
            return Err(params.invalid("currency", &rule));
        }
        let exact = money::decimal(&unit).and_then(|unit| money::times(unit, quantity));
        let amount =
            exact.ok_or_else(|| params.invalid("unit_amount_decimal", "must be a decimal number"))?;
        let description = params.text("description")?;
        let taxes = taxes(store, params, amount)?;
        let metadata = params.metadata(&json!({}))?;
        let period = period(params)?;
        params.unsupported(&UNSUPPORTED)?;
        let product = match product {
            Some(product) => product,
            None => one_off_product(store, description.as_deref())?,
        };
        Ok(Draft { amount, currency: given, description, metadata, quantity, unit, product, taxes, period })
    }

    /// Puts the line on the invoice and keeps its item, which is returned.
    fn attach(self, store: &Store<'_>, invoice: &mut Value) -> ApiResult<Value> {
        let (item, line) = self.keep(store, &invoice["customer"], &invoice["id"])?;
        push(invoice, line);
        Ok(item)
    }

    /// Keeps the item, which remembers its line as long as it has no invoice.
    fn keep(self, store: &Store<'_>, customer: &Value, invoice: &Value) -> ApiResult<(Value, Value)> {
        store.permissions.require("rak_invoice_item_write")?;
        let item_id = identifier::new("ii_1", 23);
        let price = catalog::mint_price(store, &self.product, &self.currency, &self.unit)?;
        let pricing = json!({
            "price_details": { "price": price, "product": self.product }, "type": "price_details",
            "unit_amount_decimal": self.unit,
        });
        let (start, end) = self.period.unwrap_or((store.now, store.now));
        let description = match self.description {
            Some(description) => Value::String(description),
            None => {
                store.get("product", text(&self.product))?.map_or(Value::Null, |found| found["name"].clone())
            }
        };
        let details = json!({
            "invoice_item": item_id, "proration": false, "proration_details": { "credited_items": null },
            "subscription": null,
        });
        let line = json!({
            "id": identifier::new("il_1", 23), "object": "line_item", "amount": self.amount,
            "currency": self.currency, "description": description, "discount_amounts": [],
            "discountable": true, "discounts": [], "invoice": invoice, "livemode": false,
            "metadata": self.metadata,
            "parent": {
                "invoice_item_details": details, "subscription_item_details": null,
                "type": "invoice_item_details" },
            "period": { "end": end, "start": start }, "pretax_credit_amounts": [], "pricing": pricing,
            "quantity": self.quantity, "quantity_decimal": self.quantity.to_string(), "subscription": null,
            "subtotal": self.amount, "taxes": self.taxes,
        });
        let mut item = json!({
            "id": item_id, "object": "invoiceitem", "amount": self.amount,
            "currency": self.currency, "customer": customer, "customer_account": null,
            "date": store.now, "description": description, "discountable": true, "discounts": [],
            "invoice": invoice, "livemode": false, "metadata": self.metadata, "net_amount": self.amount,
            "parent": null, "period": { "end": end, "start": start }, "pricing": pricing, "proration": false,
            "proration_details": null, "quantity": self.quantity, "quantity_decimal": self.quantity.to_string(),
            "tax_rates": [], "test_clock": null,
        });
        if invoice.is_null() {
            item["_line"] = line.clone();
        }
        store.put(&item)?;
        Ok((item, line))
    }
}

fn push(invoice: &mut Value, line: Value) {
    if let Some(lines) = invoice["lines"]["data"].as_array_mut() {
        lines.push(line);
    }
}

struct Price {
    unit: String,
    product: Option<Value>,
    currency: Option<String>,
}

/// The price of a line: `price_data`, `pricing[price]`, or a bare `unit_amount_decimal`.
fn price(store: &Store<'_>, params: &mut Params) -> ApiResult<Option<Price>> {
    if let Some(mut data) = params.object("price_data")? {
        store.permissions.require("rak_plan_write")?;
        let currency = data.text("currency")?.ok_or_else(|| data.required("currency"))?.to_lowercase();
        let product = product(store, &mut data)?;
        let whole = data.integer("unit_amount")?.map(|unit| unit.to_string());
        let unit = whole.or(data.text("unit_amount_decimal")?).ok_or_else(|| data.required("unit_amount"))?;
        data.unsupported(&["tax_behavior"])?;
        data.finish()?;
        return Ok(Some(Price { unit, product: Some(product), currency: Some(currency) }));
    }
    if let Some(mut pricing) = params.object("pricing")? {
        let id = pricing.text("price")?.ok_or_else(|| pricing.required("price"))?;
        pricing.finish()?;
        let price = store.get("price", &id)?;
        let price = price.ok_or_else(|| ApiError::missing_reference("price", &id, "pricing[price]"))?;
        let unit = text(&price["unit_amount_decimal"]).to_owned();
        let currency = Some(text(&price["currency"]).to_owned());
        return Ok(Some(Price { unit, product: Some(price["product"].clone()), currency }));
    }
    let unit = params.text("unit_amount_decimal")?;
    Ok(unit.map(|unit| Price { unit, product: None, currency: None }))
}

fn product(store: &Store<'_>, data: &mut Params) -> ApiResult<Value> {
    match (data.text("product")?, data.object("product_data")?) {
        (Some(id), None) => {
            store.permissions.require("rak_product_read")?;
            let found = store.get("product", &id)?;
            let param = data.path("product");
            Ok(found.ok_or_else(|| ApiError::missing_reference("product", &id, &param))?["id"].clone())
        }
        (None, Some(mut inline)) => {
            let product = catalog::product_from(store, &mut inline)?;
            inline.finish()?;
            Ok(product["id"].clone())
        }
        _ => Err(data.required("product")),
    }
}

fn one_off_product(store: &Store<'_>, description: Option<&str>) -> ApiResult<Value> {
    let name = description.filter(|text| !text.is_empty()).unwrap_or("Invoice item");
    let mut params = Params::single("name", name);
    Ok(catalog::product_from(store, &mut params)?["id"].clone())
}

/// Taxes from `tax_amounts` (given) or from `tax_rates` (computed).
fn taxes(store: &Store<'_>, params: &mut Params, amount: i64) -> ApiResult<Vec<Value>> {
    let given = params.objects("tax_amounts")?.unwrap_or_default();
    let rates = params.texts("tax_rates")?.unwrap_or_default();
    if !given.is_empty() && !rates.is_empty() {
        return Err(params.invalid("tax_rates", "cannot be used together with tax_amounts"));
    }
    let mut taxes = Vec::new();
    for mut tax in given {
        let sum = tax.integer("amount")?.ok_or_else(|| tax.required("amount"))?;
        let taxable = tax.integer("taxable_amount")?.ok_or_else(|| tax.required("taxable_amount"))?;
        let reason = tax.choice("taxability_reason", &TAXABILITY_REASONS)?;
        let mut data = tax.object("tax_rate_data")?.ok_or_else(|| tax.required("tax_rate_data"))?;
        let rate = catalog::tax_rate_from(store, &mut data)?;
        data.finish()?;
        tax.finish()?;
        taxes.push(tax_entry(&rate, sum, taxable, reason.as_deref()));
    }
    for id in rates {
        let rate = store.get("tax_rate", &id)?;
        let param = params.path("tax_rates");
        let rate = rate.ok_or_else(|| ApiError::missing_reference("tax rate", &id, &param))?;
        let percentage = money::decimal(text(&rate["_percentage"]));
        let sum = percentage.and_then(|percentage| money::percent(amount, percentage));
        if rate["inclusive"] == true {
            return Err(params.invalid("tax_rates", "the stand-in computes exclusive rates only"));
        }
        let sum = sum.ok_or_else(|| params.invalid("tax_rates", "the tax is too large"))?;
        taxes.push(tax_entry(&rate, sum, amount, None));
    }
    Ok(taxes)
}

fn tax_entry(rate: &Value, amount: i64, taxable: i64, reason: Option<&str>) -> Value {
    let behavior = if rate["inclusive"] == true { "inclusive" } else { "exclusive" };
    json!({
        "amount": amount, "tax_behavior": behavior, "tax_rate_details": { "tax_rate": rate["id"] },
        "taxability_reason": reason.unwrap_or("not_available"), "taxable_amount": taxable,
        "type": "tax_rate_details",
    })
}

fn period(params: &mut Params) -> ApiResult<Option<(i64, i64)>> {
    let Some(mut period) = params.object("period")? else { return Ok(None) };
    let start = period.integer("start")?.ok_or_else(|| period.required("start"))?;
    let end = period.integer("end")?.ok_or_else(|| period.required("end"))?;
    period.finish()?;
    Ok(Some((start, end)))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
