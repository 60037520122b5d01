//! Products, their one-off prices, and tax rates.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::identifier;
use crate::lists;
use crate::money;
use crate::store::{Condition, Store};

/// Parameters of a product that Stripe knows and the stand-in does not.
const UNSUPPORTED: [&str; 10] = [
    "default_price_data",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "tax_details",
    "type",
    "url",
];

pub(crate) fn create_product(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let product = product_from(&call.store, &mut call.params)?;
    call.answer(product)
}

pub(crate) fn retrieve_product(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let product = call.store.expect("product", "product", call.id(0), "id")?;
    call.answer(product)
}

pub(crate) fn list_products(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    if let Some(active) = call.params.boolean("active")? {
        conditions.push(Condition::equal("active", active));
    }
    lists::answer(call, "product", conditions, Ok)
}

pub(crate) fn retrieve_price(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let price = call.store.expect("price", "price", call.id(0), "price")?;
    call.answer(price)
}

pub(crate) fn create_tax_rate(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let rate = tax_rate_from(&call.store, &mut call.params)?;
    call.answer(rate)
}

pub(crate) fn retrieve_tax_rate(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let rate = call.store.expect("tax_rate", "tax rate", call.id(0), "tax_rate")?;
    call.answer(rate)
}

pub(crate) fn list_tax_rates(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["active", "inclusive"] {
        if let Some(value) = call.params.boolean(field)? {
            conditions.push(Condition::equal(field, value));
        }
    }
    lists::answer(call, "tax_rate", conditions, Ok)
}

/// Changes what is told of a product, a price or a tax rate beside what it is.
fn update(call: &mut Call<'_>, kind: &str) -> ApiResult<ApiAnswer> {
    let mut object = call.store.expect(kind, &kind.replace('_', " "), call.id(0), "id")?;
    object["metadata"] = call.params.metadata(&object["metadata"])?;
    if let Some(active) = call.params.boolean("active")? {
        object["active"] = active.into();
    }
    call.store.put(&object)?;
    call.answer(object)
}

pub(crate) fn update_product(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    update(call, "product")
}

pub(crate) fn update_price(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    update(call, "price")
}

pub(crate) fn update_tax_rate(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    update(call, "tax_rate")
}

/// A product from its parameters, also from `product_data` inside a price.
pub(crate) fn product_from(store: &Store<'_>, params: &mut Params) -> ApiResult<Value> {
    store.permissions.require("rak_product_write")?;
    let name = params.text("name")?.ok_or_else(|| params.required("name"))?;
    let id = params.text("id")?.unwrap_or_else(|| identifier::new("prod_", 14));
    if store.taken(&id)? {
        let message = "Product already exists.";
        return Err(ApiError::parameter("resource_already_exists", "id", message));
    }
    let description = params.nullable("description")?.unwrap_or(Value::Null);
    let unit_label = params.nullable("unit_label")?.unwrap_or(Value::Null);
    let active = params.boolean("active")?.unwrap_or(true);
    let metadata = params.metadata(&json!({}))?;
    params.unsupported(&UNSUPPORTED)?;
    let product = json!({
        "id": id, "object": "product", "active": active, "created": store.now,
        "default_price": null, "description": description, "images": [], "livemode": false,
        "marketing_features": [], "metadata": metadata, "name": name, "package_dimensions": null,
        "shippable": null, "statement_descriptor": null, "tax_code": null, "type": "service",
        "unit_label": unit_label, "updated": store.now, "url": null,
    });
    store.put(&product)?;
    Ok(product)
}

/// The one-off price that Stripe mints behind a line; `unit` is in minor units, as a decimal.
pub(crate) fn mint_price(
    store: &Store<'_>,
    product: &Value,
    currency: &str,
    unit: &str,
) -> ApiResult<String> {
    let id = identifier::new("price_1", 23);
    let unit_amount = unit.parse::<i64>().map_or(Value::Null, Value::from);
    store.put(&json!({
        "id": id, "object": "price", "active": false, "billing_scheme": "per_unit", "created": store.now,
        "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": null, "product": product, "recurring": null, "tax_behavior": "unspecified",
        "tiers_mode": null, "transform_quantity": null, "type": "one_time", "unit_amount": unit_amount,
        "unit_amount_decimal": unit,
    }))?;
    Ok(id)
}

/// What a tax rate may be of. Source: the SDK's class `TaxRate` of the API version that is answered.
const TAX_TYPES: [&str; 18] = [
    "amusement_tax",
    "communications_tax",
    "digital_excise_tax",
    "gst",
    "hst",
    "igst",
    "jct",
    "lease_tax",
    "mass_transit_parking_tax",
    "parking_tax",
    "pst",
    "qst",
    "retail_delivery_fee",
    "rst",
    "sales_tax",
    "service_tax",
    "utility_users_tax",
    "vat",
];

/// A tax rate from its parameters, also from `tax_rate_data` of a line's tax amount.
pub(crate) fn tax_rate_from(store: &Store<'_>, params: &mut Params) -> ApiResult<Value> {
    store.permissions.require("rak_tax_rate_write")?;
    let display_name = params.text("display_name")?.ok_or_else(|| params.required("display_name"))?;
    let inclusive = params.boolean("inclusive")?.ok_or_else(|| params.required("inclusive"))?;
    let percentage = params.text("percentage")?.ok_or_else(|| params.required("percentage"))?;
    let exact = money::decimal(&percentage).filter(|value| (0..=100_000_000_000_000).contains(value));
    exact.ok_or_else(|| params.invalid("percentage", "must be a decimal between 0 and 100"))?;
    let metadata = params.metadata(&json!({}))?;
    let active = params.boolean("active")?.unwrap_or(true);
    let mut rate = json!({
        "id": identifier::new("txr_1", 23), "object": "tax_rate", "active": active, "country": null,
        "created": store.now, "description": null, "display_name": display_name,
        "effective_percentage": null, "flat_amount": null, "inclusive": inclusive, "jurisdiction": null,
        "jurisdiction_level": null, "livemode": false, "metadata": metadata,
        "percentage": number(&percentage)?, "rate_type": "percentage", "state": null, "tax_type": null,
        "_percentage": percentage,
    });
    for field in ["country", "description", "jurisdiction", "jurisdiction_level", "state"] {
        if let Some(value) = params.nullable(field)? {
            rate[field] = value;
        }
    }
    if let Some(kind) = params.choice("tax_type", &TAX_TYPES)? {
        rate["tax_type"] = kind.into();
    }
    store.put(&rate)?;
    Ok(rate)
}

/// A decimal as Stripe writes it: always with a point.
fn number(decimal: &str) -> ApiResult<Value> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let whole = whole.trim_start_matches('0');
    let with_point = format!("{whole:0>1}.{fraction:0<1}");
    Ok(serde_json::from_str(&with_point)?)
}
