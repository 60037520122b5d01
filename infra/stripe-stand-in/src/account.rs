//! The account and its balance.

use serde_json::json;

use crate::api_error::ApiResult;
use crate::call::{ApiAnswer, Call};
use crate::seller;

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.answer(json!({
        "id": "acct_1SaldoStandIn", "object": "account", "business_profile": { "name": seller::NAME },
        "charges_enabled": true, "country": "ID", "default_currency": "idr", "details_submitted": true,
        "email": null, "metadata": {}, "payouts_enabled": true, "type": "standard",
        "settings": { "dashboard": { "display_name": seller::NAME, "timezone": "Asia/Jakarta" } },
    }))
}

pub(crate) fn balance(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let nothing = json!([{ "amount": 0, "currency": "idr", "source_types": { "card": 0 } }]);
    call.answer(json!({ "object": "balance", "available": nothing, "livemode": false, "pending": nothing }))
}
