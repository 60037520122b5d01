//! Credit notes: what is taken back of an invoice, and where its money goes.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::credit_note_lines::{self, Sums};
use crate::customer_object::change_balance;
use crate::invoice_object::integer;
use crate::refund_life::Wanted;
use crate::store::{Condition, Store};
use crate::{charge_object, events, identifier, invoice_life, lists, refund_life};

const REASONS: [&str; 4] = ["duplicate", "fraudulent", "order_change", "product_unsatisfactory"];

/// Where the money of a credit note goes, in minor units.
struct Destinations {
    refund: i64,
    credit: i64,
    out_of_band: i64,
    /// Refunds that were made before, with how much of each counts here.
    linked: Vec<(Value, i64)>,
}

pub(crate) fn create(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    call.params.unsupported(&["effective_at", "shipping_cost"])?;
    let id = call.params.text("invoice")?.ok_or_else(|| call.params.required("invoice"))?;
    let invoice = call.store.get("invoice", &id)?;
    let invoice = invoice.ok_or_else(|| ApiError::missing_reference("invoice", &id, "invoice"))?;
    let sums = credit_note_lines::read(&call.store, &mut call.params, &invoice)?;
    let places = Destinations::read(call)?;
    let memo = call.params.nullable("memo")?.unwrap_or(Value::Null);
    let reason = call.params.choice("reason", &REASONS)?.map_or(Value::Null, Value::from);
    let metadata = call.params.metadata(&json!({}))?;
    // Mail is sent by default at Stripe; none leaves here.
    call.params.choice("email_type", &["credit_note", "none"])?;
    let mut note = blank(&call.store, &invoice, &sums)?;
    note["memo"] = memo;
    note["reason"] = reason;
    note["metadata"] = metadata;
    match invoice["status"].as_str() {
        Some("paid") => after_payment(&call.store, invoice, &mut note, &places)?,
        Some("open") => before_payment(&call.store, invoice, &mut note, &places)?,
        _ => {
            let message = "You can only create credit notes for open or paid invoices.";
            return Err(ApiError::state(message));
        }
    }
    call.store.put(&note)?;
    events::emit(&call.store, "credit_note.created", &note)?;
    call.answer(note)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let note = load(call)?;
    call.answer(note)
}

pub(crate) fn list(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut conditions = lists::created(call)?;
    for field in ["customer", "invoice"] {
        if let Some(id) = call.params.text(field)? {
            conditions.push(Condition::equal(field, id));
        }
    }
    call.params.unsupported(&["customer_account"])?;
    lists::answer(call, "credit_note", conditions, Ok)
}

pub(crate) fn list_lines(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let note = load(call)?;
    let lines = note["lines"]["data"].as_array().cloned().unwrap_or_default();
    lists::answer_from(call, &lines)
}

pub(crate) fn update(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let mut note = load(call)?;
    let before = note.clone();
    if let Some(memo) = call.params.nullable("memo")? {
        note["memo"] = memo;
    }
    note["metadata"] = call.params.metadata(&note["metadata"])?;
    call.store.put(&note)?;
    events::emit_updated(&call.store, "credit_note.updated", &before, &note)?;
    call.answer(note)
}

/// Only while its invoice is open.
pub(crate) fn void(call: &mut Call<'_>) -> ApiResult<ApiAnswer> {
    let note = load(call)?;
    let invoice = call.store.get("invoice", note["invoice"].as_str().unwrap_or_default())?;
    if !invoice.is_some_and(|invoice| invoice["status"] == "open") {
        return Err(ApiError::state("You can only void credit notes for open invoices."));
    }
    let note = end(&call.store, note)?;
    call.answer(note)
}

/// Issued -> void: what was due before is due again.
pub(crate) fn end(store: &Store<'_>, mut note: Value) -> ApiResult<Value> {
    if note["status"] != "issued" {
        return Err(ApiError::state("This credit note is void already."));
    }
    note["status"] = "void".into();
    note["voided_at"] = store.now.into();
    let id = note["invoice"].as_str().unwrap_or_default();
    let mut invoice = store.expect("invoice", "invoice", id, "invoice")?;
    let before = invoice.clone();
    for (field, part) in [
        ("pre_payment_credit_notes_amount", "pre_payment_amount"),
        ("post_payment_credit_notes_amount", "post_payment_amount"),
    ] {
        invoice[field] = (integer(&invoice[field]) - integer(&note[part])).into();
    }
    let due = integer(&note["pre_payment_amount"]);
    invoice["amount_due"] = (integer(&invoice["amount_due"]) + due).into();
    invoice["amount_remaining"] = (integer(&invoice["amount_remaining"]) + due).into();
    invoice_life::follow_amount(store, &invoice)?;
    store.put(&invoice)?;
    store.put(&note)?;
    events::emit(store, "credit_note.voided", &note)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)?;
    Ok(note)
}

impl Destinations {
    fn read(call: &mut Call<'_>) -> ApiResult<Destinations> {
        let mut amount = |name: &str| -> ApiResult<i64> {
            let amount = call.params.integer(name)?.unwrap_or(0);
            if amount < 0 { Err(call.params.invalid(name, "must not be negative")) } else { Ok(amount) }
        };
        let (refund, credit) = (amount("refund_amount")?, amount("credit_amount")?);
        let out_of_band = amount("out_of_band_amount")?;
        let mut linked = Vec::new();
        for mut params in call.params.objects("refunds")?.unwrap_or_default() {
            params.unsupported(&["payment_record_refund"])?;
            params.choice("type", &["refund"])?;
            let id = params.text("refund")?.ok_or_else(|| params.required("refund"))?;
            let found = call.store.get("refund", &id)?;
            let found = found.ok_or_else(|| ApiError::missing_reference("refund", &id, "refunds"))?;
            let amount = params.integer("amount_refunded")?.unwrap_or_else(|| integer(&found["amount"]));
            params.finish()?;
            linked.push((found, amount));
        }
        Ok(Destinations { refund, credit, out_of_band, linked })
    }

    fn sum(&self) -> i64 {
        let linked: i64 = self.linked.iter().map(|(_, amount)| amount).sum();
        self.refund.saturating_add(self.credit).saturating_add(self.out_of_band).saturating_add(linked)
    }
}

/// Of a paid invoice: the money goes where the request says, to the last unit.
fn after_payment(
    store: &Store<'_>,
    mut invoice: Value,
    note: &mut Value,
    places: &Destinations,
) -> ApiResult<()> {
    let amount = integer(&note["amount"]);
    if places.sum() != amount {
        let message = "The sum of refund_amount, credit_amount, out_of_band_amount and refunds must equal the \
                       post payment amount of the credit note.";
        return Err(ApiError::state(message));
    }
    let before = invoice.clone();
    let noted = integer(&invoice["post_payment_credit_notes_amount"]) + amount;
    if noted > integer(&invoice["amount_paid"]) {
        let message = "The credit note is larger than what is left of the invoice.";
        return Err(ApiError::state(message).with("code", "amount_too_large"));
    }
    let mut refunds: Vec<Value> = places.linked.iter().map(|(refund, part)| link(refund, *part)).collect();
    if places.refund > 0 {
        store.permissions.require("rak_charge_write")?;
        let id = invoice["id"].as_str().unwrap_or_default();
        let charge = charge_object::paid_by(store, id)?;
        let charge = charge.ok_or_else(|| ApiError::state("The invoice has no charge to refund."))?;
        let wanted = Wanted {
            amount: Some(places.refund),
            reason: Value::Null,
            instructions_email: Value::Null,
            metadata: json!({}),
        };
        refunds.push(link(&refund_life::begin(store, charge, wanted)?, places.refund));
    }
    if places.credit > 0 {
        let mut customer = store.expect(
            "customer",
            "customer",
            invoice["customer"].as_str().unwrap_or_default(),
            "customer",
        )?;
        let mut entry =
            change_balance(store, &mut customer, -places.credit, "credit_note", invoice["id"].clone())?;
        entry["credit_note"] = note["id"].clone();
        store.put(&entry)?;
        note["customer_balance_transaction"] = entry["id"].clone();
    }
    note["type"] = "post_payment".into();
    note["post_payment_amount"] = amount.into();
    note["refunds"] = refunds.into();
    if places.out_of_band > 0 {
        note["out_of_band_amount"] = places.out_of_band.into();
    }
    invoice["post_payment_credit_notes_amount"] = noted.into();
    store.put(&invoice)?;
    events::emit_updated(store, "invoice.updated", &before, &invoice)
}

/// Of an open invoice: less is due.
fn before_payment(
    store: &Store<'_>,
    mut invoice: Value,
    note: &mut Value,
    places: &Destinations,
) -> ApiResult<()> {
    let amount = integer(&note["amount"]);
    if places.sum() != 0 {
        let message = "An open invoice has no money yet that could be refunded or credited.";
        return Err(ApiError::state(message));
    }
    let rest = integer(&invoice["amount_remaining"]) - amount;
    if rest < 0 {
        let message = "The credit note is larger than what is left of the invoice.";
        return Err(ApiError::state(message).with("code", "amount_too_large"));
    }
    note["type"] = "pre_payment".into();
    note["pre_payment_amount"] = amount.into();
    let noted = integer(&invoice["pre_payment_credit_notes_amount"]) + amount;
    invoice["pre_payment_credit_notes_amount"] = noted.into();
    invoice_life::reduce(store, invoice, rest)
}

fn link(refund: &Value, amount: i64) -> Value {
    json!({ "amount_refunded": amount, "payment_record_refund": null, "refund": refund["id"], "type": "refund" })
}

fn load(call: &Call<'_>) -> ApiResult<Value> {
    call.store.expect("credit_note", "credit note", call.id(0), "id")
}

fn blank(store: &Store<'_>, invoice: &Value, sums: &Sums) -> ApiResult<Value> {
    let id = identifier::new("cn_1", 23);
    let token = identifier::new("", 40);
    let of_invoice = Condition::equal("invoice", invoice["id"].as_str().unwrap_or_default().to_owned());
    let count = store.all("credit_note", vec![of_invoice])?.len() + 1;
    let number = format!("{}-CN-{count:02}", invoice["number"].as_str().unwrap_or_default());
    Ok(json!({
        "id": id, "object": "credit_note", "amount": sums.total, "amount_shipping": 0, "created": store.now,
        "currency": invoice["currency"], "customer": invoice["customer"], "customer_account": null,
        "customer_balance_transaction": null, "discount_amount": 0, "discount_amounts": [],
        "effective_at": store.now, "invoice": invoice["id"],
        "lines": {
            "object": "list", "data": sums.lines, "has_more": false, "total_count": sums.lines.len(),
            "url": format!("/v1/credit_notes/{id}/lines") },
        "livemode": false, "memo": null, "metadata": {}, "number": number, "out_of_band_amount": null,
        "pdf": format!("{}/cn/{token}/pdf", store.public_url), "post_payment_amount": 0,
        "pre_payment_amount": 0, "pretax_credit_amounts": [], "reason": null, "refunds": [],
        "shipping_cost": null, "status": "issued", "subtotal": sums.subtotal,
        "subtotal_excluding_tax": sums.subtotal, "total": sums.total, "total_excluding_tax": sums.subtotal,
        "total_taxes": sums.taxes, "type": "post_payment", "voided_at": null, "_token": token,
    }))
}
