//! One call of the API: which handler it goes to and what a handler sees.

use serde_json::{Value, json};

use crate::form::Params;
use crate::refusal::{Outcome, Refusal};
use crate::store::Store;
use crate::{catalog, customers, expand, invoices, lines, lists, payments};

/// What a handler sees.
pub(crate) struct Call<'a> {
    pub(crate) store: Store<'a>,
    pub(crate) params: Params,
    /// The identifiers in the path, in their order.
    pub(crate) ids: Vec<String>,
    /// The path as the client wrote it.
    pub(crate) path: String,
}

/// What a handler answers; a declined payment is an answer too, since its effects stay.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) type Handler = fn(&mut Call<'_>) -> Outcome<Answer>;

impl Call<'_> {
    pub(crate) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// Checks that every parameter was read, then answers with the object, expanded as asked.
    pub(crate) fn answer(&mut self, object: Value) -> Outcome<Answer> {
        let paths = self.params.texts("expand")?.unwrap_or_default();
        std::mem::take(&mut self.params).finish()?;
        let body = expand::expanded(&self.store, object, &paths)?;
        Ok(Answer { status: 200, body })
    }
}

/// The handler of a path below `/v1`, its template for counting, and the identifiers in the path.
pub(crate) fn route(method: &str, path: &str) -> Option<(&'static str, Handler, Vec<String>)> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let found = ROUTES.iter().find_map(|(template, handler)| {
        let (verb, pattern) = template.split_once(' ')?;
        let ids = (verb == method).then(|| matching(pattern, &segments)).flatten()?;
        Some((*template, *handler, ids))
    });
    found.filter(|(_, _, ids)| ids.iter().all(|id| is_id(id)))
}

fn matching(pattern: &str, segments: &[&str]) -> Option<Vec<String>> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut ids = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        if *part == "{id}" {
            ids.push((*segment).to_owned());
        } else if part != segment {
            return None;
        }
    }
    Some(ids)
}

fn is_id(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

const ROUTES: [(&str, Handler); 39] = [
    ("GET /v1/account", account),
    ("GET /v1/balance", balance),
    ("POST /v1/customers", customers::create),
    ("GET /v1/customers", customers::list),
    ("GET /v1/customers/{id}", customers::retrieve),
    ("POST /v1/customers/{id}", customers::update),
    ("DELETE /v1/customers/{id}", customers::delete),
    ("POST /v1/customers/{id}/balance_transactions", customers::add_balance),
    ("GET /v1/customers/{id}/balance_transactions", customers::list_balance),
    ("POST /v1/products", catalog::create_product),
    ("GET /v1/products", catalog::list_products),
    ("GET /v1/products/{id}", catalog::retrieve_product),
    ("GET /v1/prices/{id}", catalog::retrieve_price),
    ("POST /v1/tax_rates", catalog::create_tax_rate),
    ("GET /v1/tax_rates", catalog::list_tax_rates),
    ("GET /v1/tax_rates/{id}", catalog::retrieve_tax_rate),
    ("POST /v1/invoiceitems", lines::create_item),
    ("GET /v1/invoiceitems", lines::list_items),
    ("GET /v1/invoiceitems/{id}", lines::retrieve_item),
    ("POST /v1/invoices", invoices::create),
    ("GET /v1/invoices", invoices::list),
    ("GET /v1/invoices/{id}", invoices::retrieve),
    ("POST /v1/invoices/{id}", invoices::update),
    ("DELETE /v1/invoices/{id}", invoices::delete),
    ("POST /v1/invoices/{id}/add_lines", lines::add),
    ("GET /v1/invoices/{id}/lines", lines::list),
    ("POST /v1/invoices/{id}/finalize", invoices::finalize),
    ("POST /v1/invoices/{id}/send", invoices::send),
    ("POST /v1/invoices/{id}/void", invoices::void),
    ("POST /v1/invoices/{id}/mark_uncollectible", invoices::mark_uncollectible),
    ("POST /v1/invoices/{id}/pay", payments::pay),
    ("GET /v1/invoice_payments", payments::list_invoice_payments),
    ("GET /v1/invoice_payments/{id}", payments::retrieve_invoice_payment),
    ("GET /v1/payment_intents", payments::list_payment_intents),
    ("GET /v1/payment_intents/{id}", payments::retrieve_payment_intent),
    ("GET /v1/charges", payments::list_charges),
    ("GET /v1/charges/{id}", payments::retrieve_charge),
    ("GET /v1/events", list_events),
    ("GET /v1/events/{id}", retrieve_event),
];

fn account(call: &mut Call<'_>) -> Outcome<Answer> {
    call.answer(json!({
        "id": "acct_1SaldoStandIn", "object": "account", "business_profile": { "name": crate::SELLER },
        "charges_enabled": true, "country": "ID", "default_currency": "idr", "details_submitted": true,
        "email": null, "metadata": {}, "payouts_enabled": true, "type": "standard",
        "settings": { "dashboard": { "display_name": crate::SELLER, "timezone": "Asia/Jakarta" } },
    }))
}

fn balance(call: &mut Call<'_>) -> Outcome<Answer> {
    let nothing = json!([{ "amount": 0, "currency": "idr", "source_types": { "card": 0 } }]);
    call.answer(json!({ "object": "balance", "available": nothing, "livemode": false, "pending": nothing }))
}

fn list_events(call: &mut Call<'_>) -> Outcome<Answer> {
    let mut conditions = Vec::new();
    let types = call.params.texts("types")?;
    if let Some(kind) = call.params.text("type")? {
        let operator = if kind.contains('*') { "GLOB" } else { "=" };
        conditions.push(crate::store::Condition { field: "type".into(), operator, value: Box::new(kind) });
    }
    if let Some(types) = types {
        let [kind] = &types[..] else {
            return Err(Refusal::new(
                400,
                "invalid_request_error",
                "The stand-in lists one event type at a time.",
            ));
        };
        conditions.push(crate::store::Condition::equal("type", kind.clone()));
    }
    conditions.extend(lists::created(call)?);
    lists::answer(call, "event", conditions, Ok)
}

fn retrieve_event(call: &mut Call<'_>) -> Outcome<Answer> {
    let event = call.store.expect("event", "event", call.id(0), "id")?;
    call.answer(event)
}
