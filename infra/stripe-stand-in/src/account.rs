//! The seller's account, its balance, and where its events go.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::{lists, seller};

const WEBHOOK_ENDPOINT: &str = "we_1SaldoStandIn";

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.answer(json!({
        "id": seller::ID, "object": "account", "business_profile": { "name": seller::NAME },
        "business_type": null, "charges_enabled": call.store.seller.charges_enabled, "country": seller::COUNTRY, "created": call.store.now,
        "default_currency": "idr", "details_submitted": true, "email": null, "metadata": {},
        "payouts_enabled": true, "type": "standard",
    }))
}

pub(crate) fn balance(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let nothing = json!([{ "amount": 0, "currency": "idr", "source_types": { "card": 0 } }]);
    call.answer(json!({ "object": "balance", "available": nothing, "livemode": false, "pending": nothing }))
}

/// What accounts of a country can take: only the account's own country is known.
pub(crate) fn retrieve_country(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    if call.id(0) != seller::COUNTRY {
        return Err(ApiError::missing("country", call.id(0), "id"));
    }
    let all = || ["idr", "usd", "eur", "sgd", "myr", "jpy", "gbp", "aud"].map(str::to_owned).to_vec();
    let currencies = call.store.seller.currencies.clone().unwrap_or_else(all);
    let fields = json!({ "additional": [], "minimum": [] });
    call.answer(json!({
        "id": seller::COUNTRY, "object": "country_spec", "default_currency": "idr",
        "supported_bank_account_currencies": { "idr": ["ID"] }, "supported_payment_currencies": currencies,
        "supported_payment_methods": ["card", "stripe"], "supported_transfer_countries": ["ID"],
        "verification_fields": { "company": fields, "individual": fields },
    }))
}

/// The one endpoint, when there is one.
pub(crate) fn list_webhook_endpoints(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let known: Vec<Value> = webhook_endpoint(call).into_iter().collect();
    lists::answer_from(call, &known)
}

pub(crate) fn retrieve_webhook_endpoint(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let known = webhook_endpoint(call).filter(|_| call.id(0) == WEBHOOK_ENDPOINT);
    let missing = || ApiError::missing("webhook endpoint", call.id(0), "id");
    let endpoint = known.ok_or_else(missing)?;
    call.answer(endpoint)
}

fn webhook_endpoint(call: &Call<'_>) -> Option<Value> {
    let url = call.store.webhook_url?;
    let seller = call.store.seller;
    Some(json!({
        "id": WEBHOOK_ENDPOINT, "object": "webhook_endpoint", "api_version": seller.api_version,
        "application": null, "created": call.store.now, "description": null,
        "enabled_events": seller.enabled_events, "livemode": false, "metadata": {},
        "status": if seller.endpoint_enabled { "enabled" } else { "disabled" }, "url": url,
    }))
}
