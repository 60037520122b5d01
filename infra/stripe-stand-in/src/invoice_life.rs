//! The life of an invoice after the draft: finalised, paid, declined, void, uncollectible.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::invoice_object::{self, integer};
use crate::payment_methods::PaymentMethod;
use crate::store::Store;
use crate::{customer_object, events, identifier, money, payment_intents};

/// What became of a draft that was to be finalised.
pub(crate) enum Finalized {
    Done(Value),
    /// It stays a draft, keeps why, and an event tells it.
    Failed(ApiError),
}

/// Draft -> open, or -> paid when the customer's balance or the minimum leaves nothing to collect.
pub(crate) fn finalize(store: &Store<'_>, invoice: Value) -> ApiResult<Finalized> {
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
    if let Err(refusal) = require_email(store, &invoice).and_then(|()| require_limit(store, &invoice)) {
        fail_finalization(store, invoice, &refusal)?;
        return Ok(Finalized::Failed(refusal));
    }
    let due = collectible(store, &mut invoice)?;
    number(store, &mut invoice)?;
    invoice["status"] = "open".into();
    invoice["status_transitions"]["finalized_at"] = store.now.into();
    invoice["effective_at"] = store.now.into();
    invoice["last_finalization_error"] = Value::Null;
    invoice["amount_due"] = due.into();
    invoice["amount_remaining"] = due.into();
    if due > 0 {
        payment_intents::open(store, &invoice)?;
    }
    store.put(&invoice)?;
    events::emit(store, "invoice.finalized", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    if due > 0 {
        return Ok(Finalized::Done(invoice));
    }
    mark_paid(store, invoice, 0, 0).map(Finalized::Done)
}

/// Stripe could not finalise a draft: it says why in the invoice and in an event.
pub(crate) fn fail_finalization(store: &Store<'_>, mut invoice: Value, refusal: &ApiError) -> ApiResult<()> {
    invoice["last_finalization_error"] = refusal.body()["error"].clone();
    store.put(&invoice)?;
    events::emit(store, "invoice.finalization_failed", &invoice)
}

/// An invoice that is sent needs somebody to send it to, already as an empty draft.
pub(crate) fn require_email(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    if invoice["collection_method"] != "send_invoice" {
        return Ok(());
    }
    let customer = customer_of(store, invoice)?;
    if customer["email"].as_str().is_some_and(|email| !email.is_empty()) {
        return Ok(());
    }
    let message = "Missing email. In order to create invoices that are sent to the customer, the customer must have a \
                   valid email.";
    Err(ApiError::new(400, "invalid_request_error", message))
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
        customer_object::change_balance(store, &mut customer, -applied, kind, invoice["id"].clone())?;
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
    mark_paid(store, invoice, due, 0)
}

/// More arrives than was due. What is too much becomes the customer's credit. That `amount_paid` includes it is
/// unproven.
pub(crate) fn collect_too_much(
    store: &Store<'_>,
    mut invoice: Value,
    extra: i64,
    method: &PaymentMethod,
) -> ApiResult<Value> {
    let due = integer(&invoice["amount_due"]);
    payment_intents::succeed(store, &invoice, method)?;
    payment_intents::pay_again(store, &invoice, extra, method)?;
    attempted(&mut invoice);
    let mut customer = customer_of(store, &invoice)?;
    if customer["currency"].is_null() {
        customer["currency"] = invoice["currency"].clone();
    }
    let id = invoice["id"].clone();
    customer_object::change_balance(store, &mut customer, -extra, "invoice_overpaid", id)?;
    mark_paid(store, invoice, due, extra)
}

/// The issuer wants to see the payer first: the invoice stays open until the payer has shown up, or pays otherwise.
pub(crate) fn challenge(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    payment_intents::challenge(store, &invoice)?;
    attempted(&mut invoice);
    invoice["_challenged"] = true.into();
    store.put(&invoice)?;
    events::emit(store, "invoice.payment_action_required", &invoice)?;
    Ok(invoice)
}

/// Records a failed attempt: the invoice stays as it is and can be paid another way.
pub(crate) fn decline(store: &Store<'_>, mut invoice: Value, method: &PaymentMethod) -> ApiResult<Value> {
    let before = invoice.clone();
    payment_intents::fail(store, &invoice, method)?;
    attempted(&mut invoice);
    store.put(&invoice)?;
    events::emit(store, "invoice.payment_failed", &invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    Ok(invoice)
}

/// A bank payment is under way: until it ends the invoice can be neither paid, voided nor written off.
pub(crate) fn begin_clearing(
    store: &Store<'_>,
    mut invoice: Value,
    method: &PaymentMethod,
) -> ApiResult<Value> {
    payment_intents::process(store, &invoice, method)?;
    attempted(&mut invoice);
    invoice["_clearing"] = true.into();
    store.put(&invoice)?;
    Ok(invoice)
}

/// Staff say that the money came some other way: paid, without a payment that succeeded.
pub(crate) fn paid_out_of_band(store: &Store<'_>, mut invoice: Value) -> ApiResult<Value> {
    payment_intents::cancel(store, &invoice)?;
    let due = integer(&invoice["amount_due"]);
    invoice["amount_paid_off_stripe"] = due.into();
    mark_paid(store, invoice, due, 0)
}

/// Less is due than before, since a part was credited; nothing more may make it paid.
pub(crate) fn reduce(store: &Store<'_>, mut invoice: Value, rest: i64) -> ApiResult<()> {
    refuse_while_clearing(&invoice)?;
    let before = store.get("invoice", invoice["id"].as_str().unwrap_or_default())?.unwrap_or_default();
    invoice["amount_due"] = rest.into();
    invoice["amount_remaining"] = rest.into();
    follow_amount(store, &invoice)?;
    store.put(&invoice)?;
    if rest > 0 {
        return events::emit_updated(store, "invoice.updated", &before, &invoice);
    }
    payment_intents::cancel(store, &invoice)?;
    mark_paid(store, invoice, 0, 0).map(drop)
}

/// The intent that an open invoice waits for asks for what is due now.
pub(crate) fn follow_amount(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    if invoice["status"] != "open" {
        return Ok(());
    }
    payment_intents::ask_for(store, invoice, integer(&invoice["amount_remaining"]))
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

fn mark_paid(store: &Store<'_>, mut invoice: Value, due: i64, extra: i64) -> ApiResult<Value> {
    let before = store.get("invoice", invoice["id"].as_str().unwrap_or_default())?;
    if due == 0 {
        invoice["attempted"] = true.into();
    }
    invoice["status"] = "paid".into();
    invoice["amount_paid"] = (due + extra).into();
    invoice["amount_overpaid"] = extra.into();
    invoice["amount_remaining"] = 0.into();
    invoice["status_transitions"]["paid_at"] = store.now.into();
    store.put(&invoice)?;
    events::emit_updated(store, "invoice.updated", &before.unwrap_or_default(), &invoice)?;
    events::emit(store, "invoice.paid", &invoice)?;
    // Money that went past Stripe is no payment of Stripe's.
    if integer(&invoice["amount_paid_off_stripe"]) == 0 {
        events::emit(store, "invoice.payment_succeeded", &invoice)?;
    }
    if extra > 0 {
        events::emit(store, "invoice.overpaid", &invoice)?;
    }
    Ok(invoice)
}

fn require_limit(store: &Store<'_>, invoice: &Value) -> ApiResult<()> {
    let currency = invoice["currency"].as_str().unwrap_or_default();
    let starting = customer_object::balance_in(&customer_of(store, invoice)?, currency);
    if integer(&invoice["total"]).saturating_add(starting) <= money::maximum(currency) {
        return Ok(());
    }
    let most = money::readable(money::maximum(currency), currency, false);
    let refusal = ApiError::state(format!("Amount must be no more than {most}"));
    Err(refusal.with("code", "amount_too_large"))
}

/// Applies the customer's balance and the limits; what is left to collect, in minor units.
fn collectible(store: &Store<'_>, invoice: &mut Value) -> ApiResult<i64> {
    let currency = invoice["currency"].as_str().unwrap_or_default().to_owned();
    let mut customer = customer_of(store, invoice)?;
    let starting = customer_object::balance_in(&customer, &currency);
    let total = integer(&invoice["total"]);
    let due = total.saturating_add(starting);
    // Credit that is left stays with the customer; an amount too small to charge becomes their debt.
    let collected = if due < money::minimum(&currency) { 0 } else { due };
    let ending = if collected > 0 { 0 } else { due };
    invoice["starting_balance"] = starting.into();
    invoice["ending_balance"] = ending.into();
    let shared = customer["currency"].is_null() || customer["currency"] == currency.as_str();
    if ending != starting && shared {
        if customer["currency"].is_null() {
            customer["currency"] = invoice["currency"].clone();
        }
        let kind = if starting == 0 { "invoice_too_small" } else { "applied_to_invoice" };
        customer_object::change_balance(
            store,
            &mut customer,
            ending - starting,
            kind,
            invoice["id"].clone(),
        )?;
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
    invoice["_clearing"] = false.into();
    invoice["_challenged"] = false.into();
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
