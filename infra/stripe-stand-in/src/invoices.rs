//! Invoices: creating, reading, changing, and the steps of their life that move no money.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::form::Params;
use crate::invoice_life::{self, Finalized};
use crate::invoice_object::{self, load, present, save};
use crate::store::Condition;
use crate::{customer_object, events, lines, lists, money};

/// Parameters that Stripe knows and the stand-in does not.
const UNSUPPORTED: [&str; 18] = [
    "account_tax_ids",
    "application_fee_amount",
    "automatically_finalizes_at",
    "customer_account",
    "default_payment_method",
    "default_source",
    "default_tax_rates",
    "effective_at",
    "from_invoice",
    "number",
    "on_behalf_of",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "subscription",
    "test_clock",
    "transfer_data",
];

const COLLECTION_METHODS: [&str; 2] = ["charge_automatically", "send_invoice"];

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let customer = call.params.text("customer")?.ok_or_else(|| call.params.required("customer"))?;
    let mut customer = customer_object::existing(&call.store, &customer, "customer")?;
    let method = call.params.choice("collection_method", &COLLECTION_METHODS)?;
    let method = method.unwrap_or_else(|| "charge_automatically".to_owned());
    let currency = currency(&mut call.params, &customer)?;
    call.store.seller.takes(&currency, "currency")?;
    let pending = call.params.choice("pending_invoice_items_behavior", &["exclude", "include"])?;
    let mut invoice = invoice_object::blank(call.store.now, &customer, &method, &currency);
    match call.params.text("discounts")? {
        // Without the parameter a discount of the customer is inherited; the empty value refuses it.
        None => invoice["_discount"] = customer["discount"].clone(),
        Some(text) if text.is_empty() => {}
        Some(_) => return Err(call.params.invalid("discounts", "the stand-in knows only the empty value")),
    }
    apply(call, &mut invoice)?;
    invoice_life::require_email(&call.store, &invoice)?;
    if customer["currency"].is_null() {
        customer["currency"] = currency.into();
        call.store.put(&customer)?;
    }
    if pending.as_deref() == Some("include") {
        lines::take_pending(&call.store, &mut invoice)?;
    }
    let invoice = save(&call.store, invoice)?;
    events::emit(&call.store, "invoice.created", &invoice)?;
    call.answer(invoice)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = load(&call.store, call.id(0), "invoice")?;
    let invoice = present(&call.store, invoice)?;
    call.answer(invoice)
}

pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut invoice = load(&call.store, call.id(0), "id")?;
    let before = invoice.clone();
    if invoice["status"] == "draft" {
        if let Some(method) = call.params.choice("collection_method", &COLLECTION_METHODS)? {
            invoice["collection_method"] = method.into();
            invoice_life::require_email(&call.store, &invoice)?;
        }
        apply(call, &mut invoice)?;
    } else {
        invoice["metadata"] = call.params.metadata(&invoice["metadata"])?;
        if let Some(advance) = call.params.boolean("auto_advance")? {
            invoice["auto_advance"] = advance.into();
        }
        for field in ["description", "footer", "days_until_due", "due_date", "collection_method", "discounts"]
        {
            if call.params.text(field)?.is_some() {
                let refusal = ApiError::state("Finalized invoices can't be updated in this way");
                return Err(refusal.with("param", field));
            }
        }
    }
    let invoice = save(&call.store, invoice)?;
    events::emit_updated(&call.store, "invoice.updated", &before, &invoice)?;
    call.answer(invoice)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    conditions.extend(lists::range_of(call, "due_date")?);
    call.params.unsupported(&["customer_account", "subscription"])?;
    if let Some(customer) = call.params.text("customer")? {
        conditions.push(Condition::equal("customer", customer));
    }
    if let Some(method) = call.params.choice("collection_method", &COLLECTION_METHODS)? {
        conditions.push(Condition::equal("collection_method", method));
    }
    if let Some(status) = call.params.text("status")? {
        if !["draft", "open", "void", "paid", "uncollectible"].contains(&status.as_str()) {
            return Err(call
                .params
                .invalid("status", "must be one of draft, open, void, paid, or uncollectible"));
        }
        conditions.push(Condition::equal("status", status));
    }
    lists::answer(call, "invoice", conditions, Ok)
}

pub(crate) fn delete(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = load(&call.store, call.id(0), "invoice")?;
    if invoice["status"] != "draft" {
        return Err(ApiError::state("You can only delete draft invoices."));
    }
    let stub = json!({ "id": invoice["id"], "object": "invoice", "deleted": true });
    call.store.delete(call.id(0))?;
    events::emit(&call.store, "invoice.deleted", &invoice)?;
    call.answer(stub)
}

/// A draft that cannot be finalised says so, to the caller and in an event.
pub(crate) fn finalize(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut invoice = load(&call.store, call.id(0), "id")?;
    if let Some(advance) = call.params.boolean("auto_advance")? {
        invoice["auto_advance"] = advance.into();
    }
    match invoice_life::finalize(&call.store, invoice)? {
        Finalized::Done(invoice) => call.answer(invoice),
        Finalized::Failed(refusal) => call.answer_refusal(&refusal),
    }
}

/// Finalises a draft; no mail is sent.
pub(crate) fn send(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut invoice = load(&call.store, call.id(0), "invoice")?;
    invoice_life::require_email(&call.store, &invoice)?;
    if invoice["status"] == "draft" {
        invoice = match invoice_life::finalize(&call.store, invoice)? {
            Finalized::Done(invoice) => invoice,
            Finalized::Failed(refusal) => return call.answer_refusal(&refusal),
        };
    }
    if invoice["status"] != "open" && invoice["status"] != "paid" {
        return Err(ApiError::state("This invoice cannot be sent right now."));
    }
    events::emit(&call.store, "invoice.sent", &invoice)?;
    call.answer(invoice)
}

pub(crate) fn void(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = load(&call.store, call.id(0), "id")?;
    let invoice = invoice_life::void(&call.store, invoice)?;
    call.answer(invoice)
}

pub(crate) fn mark_uncollectible(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let invoice = load(&call.store, call.id(0), "id")?;
    let invoice = invoice_life::mark_uncollectible(&call.store, invoice)?;
    call.answer(invoice)
}

fn currency(params: &mut Params, customer: &Value) -> ApiResult<String> {
    let own = customer["currency"].as_str();
    let Some(currency) = params.text("currency")? else {
        return Ok(own.unwrap_or("usd").to_owned());
    };
    let currency = currency.to_lowercase();
    if !money::is_currency(&currency) {
        return Err(params.invalid("currency", "must be a three-letter currency code"));
    }
    Ok(currency)
}

/// What both creating and updating a draft accept.
fn apply(call: &mut Call<'_>, invoice: &mut Value) -> ApiResult<()> {
    let params = &mut call.params;
    for field in ["description", "footer"] {
        if let Some(value) = params.nullable(field)? {
            invoice[field] = value;
        }
    }
    if let Some(advance) = params.boolean("auto_advance")? {
        invoice["auto_advance"] = advance.into();
    }
    if let Some(mut tax) = params.object("automatic_tax")? {
        let enabled = tax.boolean("enabled")?.unwrap_or(false);
        tax.unsupported(&["liability"])?;
        if enabled {
            return Err(tax.invalid("enabled", "the stand-in computes no taxes"));
        }
        tax.finish()?;
    }
    if let Some(fields) = params.objects("custom_fields")? {
        invoice["custom_fields"] = invoice_object::custom_fields(fields)?;
    }
    if let Some(mut issuer) = params.object("issuer")? {
        issuer.unsupported(&["account"])?;
        let kind = issuer.choice("type", &["self"])?.ok_or_else(|| issuer.required("type"))?;
        issuer.finish()?;
        invoice["issuer"] = json!({ "type": kind });
    }
    if let Some(mut settings) = params.object("payment_settings")? {
        let types = settings.texts("payment_method_types")?.filter(|types| !types.is_empty());
        settings.unsupported(&["default_mandate", "payment_method_options"])?;
        settings.finish()?;
        invoice["payment_settings"]["payment_method_types"] = types.map_or(Value::Null, Value::from);
    }
    invoice["metadata"] = params.metadata(&invoice["metadata"])?;
    apply_due_date(params, invoice)?;
    params.unsupported(&UNSUPPORTED)
}

fn apply_due_date(params: &mut Params, invoice: &mut Value) -> ApiResult<()> {
    let created = invoice["created"].as_i64().unwrap_or(0);
    let days = params.integer("days_until_due")?;
    let date = params.integer("due_date")?;
    if invoice["collection_method"] != "send_invoice" {
        if days.is_some() || date.is_some() {
            let message = "You can only specify 'due_date' or 'days_until_due' if invoice collection method is \
                           'send_invoice'.";
            return Err(ApiError::new(400, "invalid_request_error", message));
        }
        return Ok(());
    }
    if days.is_some_and(|days| !(0..=3_650).contains(&days)) {
        return Err(params.invalid("days_until_due", "must be between 0 and 3650"));
    }
    match days.map(|days| created + days * 86_400).or(date) {
        Some(due) => invoice["due_date"] = due.into(),
        None if invoice["due_date"].is_null() => {
            let message = "If invoice collection method is 'send_invoice', you must specify 'due_date' or \
                           'days_until_due'.";
            return Err(ApiError::new(400, "invalid_request_error", message));
        }
        None => {}
    }
    Ok(())
}
