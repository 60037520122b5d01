//! Which handler a request goes to, and what a restricted key needs for it.

use crate::call::Handler;
use crate::{
    account, balance_transactions, catalog, charges, credit_notes, customers, disputes, events,
    fraud_warnings, intents, invoices, lines, payments, refunds, saved_methods, tax_ids,
};

/// Where a request goes.
pub(crate) struct Destination {
    /// Method and path with `{id}` in it, for counting.
    pub(crate) template: &'static str,
    pub(crate) handler: Handler,
    /// Stripe's name of the permission; `None` where every key may go.
    pub(crate) permission: Option<&'static str>,
    /// The identifiers in the path, in their order.
    pub(crate) ids: Vec<String>,
}

/// Where a request to a path below `/v1` goes.
pub(crate) fn find(method: &str, path: &str) -> Option<Destination> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let found = ROUTES.iter().flat_map(|routes| routes.iter()).find_map(|(template, permission, handler)| {
        let (verb, pattern) = template.split_once(' ')?;
        let ids = (verb == method).then(|| matching(pattern, &segments)).flatten()?;
        let permission = Some(*permission).filter(|name| !name.is_empty());
        Some(Destination { template, handler: *handler, permission, ids })
    });
    found.filter(|found| found.ids.iter().all(|id| is_id(id)))
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

/// Words in the place of an id that are endpoints of their own at Stripe, and not here.
const NOT_IDS: [&str; 4] = ["search", "create_preview", "upcoming", "preview"];

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= 255 && text.bytes().all(plain) && !NOT_IDS.contains(&text)
}

type Route = (&'static str, &'static str, Handler);

const ROUTES: [&[Route]; 4] = [&SELLER, &BUYERS, &INVOICES, &PAYMENTS];

const SELLER: [Route; 7] = [
    // Seen in reports of the real thing; that it is the whole set is unproven.
    ("GET /v1/account", "rak_accounts_kyc_id_numbers_read", account::retrieve),
    // In no list of permissions that could be found.
    ("GET /v1/country_specs/{id}", "", account::retrieve_country),
    ("GET /v1/balance", "rak_balance_read", account::balance),
    ("GET /v1/webhook_endpoints", "rak_webhook_endpoint_read", account::list_webhook_endpoints),
    ("GET /v1/webhook_endpoints/{id}", "rak_webhook_endpoint_read", account::retrieve_webhook_endpoint),
    ("GET /v1/events", "rak_event_read", events::list),
    ("GET /v1/events/{id}", "rak_event_read", events::retrieve),
];

const BUYERS: [Route; 21] = [
    ("POST /v1/customers", "rak_customer_write", customers::create),
    ("GET /v1/customers", "rak_customer_read", customers::list),
    ("GET /v1/customers/{id}", "rak_customer_read", customers::retrieve),
    ("POST /v1/customers/{id}", "rak_customer_write", customers::update),
    ("DELETE /v1/customers/{id}", "rak_customer_write", customers::delete),
    ("POST /v1/customers/{id}/balance_transactions", "rak_customer_write", customers::add_balance),
    ("GET /v1/customers/{id}/balance_transactions", "rak_customer_read", customers::list_balance),
    ("POST /v1/customers/{id}/tax_ids", "rak_customer_write", tax_ids::create),
    ("GET /v1/customers/{id}/tax_ids", "rak_customer_read", tax_ids::list),
    ("GET /v1/customers/{id}/tax_ids/{id}", "rak_customer_read", tax_ids::retrieve),
    ("DELETE /v1/customers/{id}/tax_ids/{id}", "rak_customer_write", tax_ids::delete),
    ("POST /v1/products", "rak_product_write", catalog::create_product),
    ("GET /v1/products", "rak_product_read", catalog::list_products),
    ("GET /v1/products/{id}", "rak_product_read", catalog::retrieve_product),
    ("POST /v1/products/{id}", "rak_product_write", catalog::update_product),
    ("POST /v1/prices/{id}", "rak_plan_write", catalog::update_price),
    ("POST /v1/tax_rates/{id}", "rak_tax_rate_write", catalog::update_tax_rate),
    ("GET /v1/prices/{id}", "rak_plan_read", catalog::retrieve_price),
    ("POST /v1/tax_rates", "rak_tax_rate_write", catalog::create_tax_rate),
    ("GET /v1/tax_rates", "rak_tax_rate_read", catalog::list_tax_rates),
    ("GET /v1/tax_rates/{id}", "rak_tax_rate_read", catalog::retrieve_tax_rate),
];

const INVOICES: [Route; 24] = [
    ("POST /v1/invoiceitems", "rak_invoice_item_write", lines::create_item),
    ("GET /v1/invoiceitems", "rak_invoice_item_read", lines::list_items),
    ("POST /v1/invoiceitems/{id}", "rak_invoice_item_write", lines::update_item),
    ("GET /v1/invoiceitems/{id}", "rak_invoice_item_read", lines::retrieve_item),
    ("POST /v1/invoices", "rak_invoice_write", invoices::create),
    ("GET /v1/invoices", "rak_invoice_read", invoices::list),
    ("GET /v1/invoices/{id}", "rak_invoice_read", invoices::retrieve),
    ("POST /v1/invoices/{id}", "rak_invoice_write", invoices::update),
    ("DELETE /v1/invoices/{id}", "rak_invoice_write", invoices::delete),
    ("POST /v1/invoices/{id}/add_lines", "rak_invoice_write", lines::add),
    ("GET /v1/invoices/{id}/lines", "rak_invoice_read", lines::list),
    ("POST /v1/invoices/{id}/finalize", "rak_invoice_write", invoices::finalize),
    ("POST /v1/invoices/{id}/send", "rak_invoice_write", invoices::send),
    ("POST /v1/invoices/{id}/void", "rak_invoice_write", invoices::void),
    ("POST /v1/invoices/{id}/mark_uncollectible", "rak_invoice_write", invoices::mark_uncollectible),
    ("POST /v1/invoices/{id}/pay", "rak_invoice_write", payments::pay),
    ("GET /v1/invoice_payments", "rak_invoice_payment_read", payments::list_invoice_payments),
    ("GET /v1/invoice_payments/{id}", "rak_invoice_payment_read", payments::retrieve_invoice_payment),
    ("POST /v1/credit_notes", "rak_credit_note_write", credit_notes::create),
    ("GET /v1/credit_notes", "rak_credit_note_read", credit_notes::list),
    ("GET /v1/credit_notes/{id}", "rak_credit_note_read", credit_notes::retrieve),
    ("GET /v1/credit_notes/{id}/lines", "rak_credit_note_read", credit_notes::list_lines),
    ("POST /v1/credit_notes/{id}", "rak_credit_note_write", credit_notes::update),
    ("POST /v1/credit_notes/{id}/void", "rak_credit_note_write", credit_notes::void),
];

const PAYMENTS: [Route; 22] = [
    ("POST /v1/payment_intents", "rak_payment_intent_write", intents::create),
    ("POST /v1/payment_intents/{id}/confirm", "rak_payment_intent_write", intents::confirm),
    ("POST /v1/payment_intents/{id}/cancel", "rak_payment_intent_write", intents::cancel),
    ("POST /v1/payment_methods/{id}/attach", "rak_payment_method_write", saved_methods::attach),
    ("GET /v1/payment_methods/{id}", "rak_payment_method_read", saved_methods::retrieve),
    ("GET /v1/payment_intents", "rak_payment_intent_read", intents::list),
    ("GET /v1/payment_intents/{id}", "rak_payment_intent_read", intents::retrieve),
    ("GET /v1/charges", "rak_charge_read", charges::list),
    ("GET /v1/charges/{id}", "rak_charge_read", charges::retrieve),
    ("GET /v1/balance_transactions", "rak_balance_transaction_source_read", balance_transactions::list),
    (
        "GET /v1/balance_transactions/{id}",
        "rak_balance_transaction_source_read",
        balance_transactions::retrieve,
    ),
    ("POST /v1/refunds", "rak_charge_write", refunds::create),
    ("GET /v1/refunds", "rak_charge_read", refunds::list),
    ("GET /v1/refunds/{id}", "rak_charge_read", refunds::retrieve),
    ("POST /v1/refunds/{id}", "rak_charge_write", refunds::update),
    ("POST /v1/refunds/{id}/cancel", "rak_charge_write", refunds::cancel),
    ("GET /v1/disputes", "rak_dispute_read", disputes::list),
    ("GET /v1/disputes/{id}", "rak_dispute_read", disputes::retrieve),
    ("POST /v1/disputes/{id}", "rak_dispute_write", disputes::update),
    ("POST /v1/disputes/{id}/close", "rak_dispute_write", disputes::close),
    ("GET /v1/radar/early_fraud_warnings", "rak_early_fraud_warning_read", fraud_warnings::list),
    ("GET /v1/radar/early_fraud_warnings/{id}", "rak_early_fraud_warning_read", fraud_warnings::retrieve),
];
