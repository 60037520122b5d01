//! The life of an invoice after the draft: finalised, paid, declined, void, uncollectible.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::invoice_object::{self, integer};
use crate::payment_methods::PaymentMethod;
use crate::store::Store;
use crate::{customers, events, identifier, money, payment_intents};

/// Draft -> open, or -> paid when the customer's balance or the minimum leaves nothing to collect.
pub(crate) fn finalize(store: &Store<'_>, invoice: Value) -> ApiResult<Value> {
    if invoice["status"] != "draft" {
        let message = "This invoice is already finalized, you can't re-finalize a non-draft invoice.";
        return Err(ApiError::state(message));
    }
    let before = invoice.clone();
    let mut invoice = invoice_object::computed(store, invoice)?;
    if invoice_object::lines_of(&invoice).is_empty() {
        let message = "You cannot finalize an invoice without line items.";
        return Err(ApiError::state(message).with("code", "invoice_no_customer_line_items"));
    }
    let due = collectible(store, &mut invoice)?;
    number(store, &mut invoice)?;
    invoice["status"] = "open".into();
    invoice["auto_advance"] = false.into();
    invoice["status_transitions"]["finalized_at"] = store.now.into();
    invoice["effective_at"] = store.now.into();
    invoice["amount_due"] = due.into();
    invoice["amount_remaining"] = due.into();
    if due > 0 {
        payment_intents::open(store, &invoice)?;
    }
    store.put(&invoice)?;
    events::emit(store, "invoice.finalized", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    if due > 0 { Ok(invoice) } else { mark_paid(store, invoice, 0) }
}

/// Open or uncollectible -> void. What the customer's balance had paid goes back to it.
pub(crate) fn void(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    refuse_while_clearing(&invoice)?;
    match invoice["status"].as_str() {
        Some("open" | "uncollectible") => {}
        Some("paid") => return Err(ApiError::state("Invoices with `paid` payments cannot be voided.")),
        _ => return Err(not_open()),
    }
    let before = invoice.clone();
    invoice["status"] = "void".into();
    invoice["status_transitions"]["voided_at"] = store.now.into();
    let applied = integer(&invoice["ending_balance"]) - integer(&invoice["starting_balance"]);
    if applied != 0 {
        let mut customer = customer_of(store, &invoice)?;
        let kind = "unapplied_from_invoice";
        customers::change_balance(store, &mut customer, -applied, kind, invoice["id"].clone())?;
    }
    payment_intents::cancel(store, &invoice)?;
    store.put(&invoice)?;
    events::emit(store, "invoice.voided", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    Ok(invoice)
}

/// Open -> uncollectible.
pub(crate) fn mark_uncollectible(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    refuse_while_clearing(&invoice)?;
    if invoice["status"] == "uncollectible" {
        return Err(ApiError::state("This invoice has already been marked uncollectible."));
    }
    if invoice["status"] != "open" {
        return Err(not_open());
    }
    let before = invoice.clone();
    invoice["status"] = "uncollectible".into();
    invoice["status_transitions"]["marked_uncollectible_at"] = store.now.into();
    store.put(&invoice)?;
    events::emit(store, "invoice.marked_uncollectible", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    Ok(invoice)
}

/// Takes the whole amount due. The invoice must be payable.
pub(crate) fn collect(store: &Store<'_>, mut invoice: Value, method: &PaymentMethod) -> ApiResult<Value> {
    let due = integer(&invoice["amount_due"]);
    payment_intents::succeed(store, &invoice, method)?;
    attempted(&mut invoice);
    invoice["_clearing"] = false.into();
    mark_paid(store, invoice, due)
}

/// Records a failed attempt: the invoice stays as it is and can be paid another way.
pub(crate) fn decline(store: &Store<'_>, mut invoice: Value, method: &PaymentMethod) -> ApiResult<Value> {
    let before = invoice.clone();
    payment_intents::fail(store, &invoice, method)?;
    attempted(&mut invoice);
    invoice["_clearing"] = false.into();
    store.put(&invoice)?;
    events::emit(store, "invoice.payment_failed", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    Ok(invoice)
}

/// A bank payment is under way: until it ends the invoice can be neither paid, voided nor written off.
pub(crate) fn begin_clearing(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    payment_intents::process(store, &invoice)?;
    attempted(&mut invoice);
    invoice["_clearing"] = true.into();
    store.put(&invoice)?;
    Ok(invoice)
}

/// Staff say that the money came some other way: paid, without a payment.
pub(crate) fn paid_out_of_band(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    payment_intents::cancel(store, &invoice)?;
    let due = integer(&invoice["amount_due"]);
    invoice["amount_paid_off_stripe"] = due.into();
    mark_paid(store, invoice, due)
}

/// Refuses unless the invoice waits for money.
pub(crate) fn payable(invoice: &Value) -> ApiResult<()> {
    refuse_while_clearing(invoice)?;
    match invoice["status"].as_str() {
        Some("open" | "uncollectible") => Ok(()),
        Some("paid") => Err(ApiError::state("Invoice is already paid")),
        Some("void") => Err(ApiError::state("This invoice is void and cannot be paid.")),
        _ => Err(not_open()),
    }
}

fn mark_paid(store: &Store<'_>, mut invoice: Value, amount: i64) -> ApiResult<Value> {
    let before = store.get("invoice", invoice["id"].as_str().unwrap_or_default())?;
    if amount == 0 {
        invoice["attempted"] = true.into();
    }
    invoice["status"] = "paid".into();
    invoice["amount_paid"] = amount.into();
    invoice["amount_remaining"] = 0.into();
    invoice["status_transitions"]["paid_at"] = store.now.into();
    store.put(&invoice)?;
    events::emit_updated(store, "invoice.updated", &before.unwrap_or_default(), &invoice)?;
    events::emit(store, "invoice.paid", &invoice)?;
    events::emit(store, "invoice.payment_succeeded", &invoice)?;
    Ok(invoice)
}

/// Applies the customer's balance and the limits; what is left to collect, in minor units.
fn collectible(store: &Store<'_>, invoice: &mut Value) -> ApiResult<i64> {
    let currency = invoice["currency"].as_str().unwrap_or_default().to_owned();
    let mut customer = customer_of(store, invoice)?;
    let starting = integer(&customer["balance"]);
    let total = integer(&invoice["total"]);
    let due = total.saturating_add(starting);
    if due > money::maximum(&currency) {
        let most = money::readable(money::maximum(&currency), &currency, false);
        let refusal = ApiError::state(format!("Amount must be no more than {most}"));
        return Err(refusal.with("code", "amount_too_large"));
    }
    // Credit that is left stays with the customer; an amount too small to charge becomes their debt.
    let collected = if due < money::minimum(&currency) { 0 } else { due };
    let ending = if collected > 0 { 0 } else { due };
    invoice["starting_balance"] = starting.into();
    invoice["ending_balance"] = ending.into();
    if ending != starting {
        let kind = if starting == 0 { "invoice_too_small" } else { "applied_to_invoice" };
        customers::change_balance(store, &mut customer, ending - starting, kind, invoice["id"].clone())?;
    }
    Ok(collected)
}

fn number(store: &Store<'_>, invoice: &mut Value) -> ApiResult<()> {
    let number = store.next("invoice_number")?;
    let token = identifier::new("", 40);
    let url = format!("{}/i/{token}", store.public_url);
    invoice["number"] = format!("SALDO-{number:04}").into();
    invoice["hosted_invoice_url"] = url.as_str().into();
    invoice["invoice_pdf"] = format!("{url}/pdf").into();
    invoice["_token"] = token.into();
    Ok(())
}

fn attempted(invoice: &mut Value) {
    invoice["attempted"] = true.into();
    invoice["attempt_count"] = (integer(&invoice["attempt_count"]) + 1).into();
}

fn customer_of(store: &Store<'_>, invoice: &Value) -> ApiResult<Value> {
    let id = invoice["customer"].as_str().unwrap_or_default();
    // A deleted customer keeps neither balance nor currency.
    Ok(store
        .get("customer", id)?
        .unwrap_or_else(|| json!({ "id": id, "object": "customer", "deleted": true })))
}

fn refuse_while_clearing(invoice: &Value) -> ApiResult<()> {
    if invoice["_clearing"] != true {
        return Ok(());
    }
    let message =
        "Invoices with pending payments waiting to clear cannot be paid, voided, or marked uncollectible.";
    Err(ApiError::state(message))
}

fn not_open() -> ApiError {
    ApiError::state("You can only pass in open invoices. This invoice isn't open.")
}
