//! Which handler a request goes to.

use crate::call::Handler;
use crate::{account, catalog, charges, customers, events, invoices, lines, payments};

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
    ("GET /v1/account", account::retrieve),
    ("GET /v1/balance", account::balance),
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
    ("GET /v1/charges", charges::list),
    ("GET /v1/charges/{id}", charges::retrieve),
    ("GET /v1/events", events::list),
    ("GET /v1/events/{id}", events::retrieve),
];
