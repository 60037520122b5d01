//! The life of a dispute: inquiries that move no money, chargebacks that take it, and what gives it back.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::invoice_object::integer;
use crate::store::Store;
use crate::{balance_transactions, events, identifier};

/// How a dispute begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeKind {
    /// The money is taken at once.
    Chargeback,
    /// The issuer only asks: no money moves.
    Inquiry,
    /// Settled by the network before it became a chargeback; the money is gone all the same.
    Prevented,
}

/// What becomes of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStep {
    /// Evidence is handed in.
    Respond,
    /// An inquiry becomes a chargeback.
    Escalate,
    Win,
    Lose,
    /// What was lost is asked for again; it may be won or lost once more.
    Appeal,
    /// An inquiry ends without a chargeback.
    CloseInquiry,
}

/// A payer's bank disputes a charge, in minor units of its currency.
pub(crate) fn open(
    store: &Store<'_>,
    mut charge: Value,
    kind: DisputeKind,
    amount: Option<i64>,
) -> ApiResult<Value> {
    if charge["status"] != "succeeded" || charge["disputed"] == true {
        return Err(ApiError::state("Only a charge that succeeded is disputed, and once."));
    }
    if charge["payment_method_details"]["type"] != "card" {
        return Err(ApiError::state("Bank transfers have no chargebacks."));
    }
    let amount = amount.unwrap_or_else(|| integer(&charge["amount"]));
    let mut dispute = blank(store, &charge, kind, amount);
    charge["disputed"] = true.into();
    store.put(&charge)?;
    if kind == DisputeKind::Inquiry {
        store.put(&dispute)?;
        events::emit(store, "charge.dispute.created", &dispute)?;
        return Ok(dispute);
    }
    withdraw(store, &mut dispute)?;
    store.put(&dispute)?;
    events::emit(store, "charge.dispute.created", &dispute)?;
    events::emit(store, "charge.dispute.funds_withdrawn", &dispute)?;
    Ok(dispute)
}

/// Takes a dispute one step further.
pub(crate) fn step(store: &Store<'_>, mut dispute: Value, step: DisputeStep) -> ApiResult<Value> {
    let before = dispute.clone();
    let status = dispute["status"].as_str().unwrap_or_default().to_owned();
    let next = match (step, status.as_str()) {
        (DisputeStep::Respond, "needs_response") => "under_review",
        (DisputeStep::Respond, "warning_needs_response") => "warning_under_review",
        (DisputeStep::Respond, "appeal_needs_response") => "appeal_under_review",
        (DisputeStep::Escalate, "warning_needs_response" | "warning_under_review") => "needs_response",
        (DisputeStep::CloseInquiry, "warning_needs_response" | "warning_under_review") => "warning_closed",
        (DisputeStep::Appeal, "lost") => "appeal_needs_response",
        (DisputeStep::Win, status) if is_contested(status) => "won",
        (DisputeStep::Lose, status) if is_contested(status) => "lost",
        _ => return Err(ApiError::state(format!("This dispute is {status} and does not allow that."))),
    };
    dispute["status"] = next.into();
    let moved = match step {
        DisputeStep::Escalate => {
            withdraw(store, &mut dispute)?;
            Some("charge.dispute.funds_withdrawn")
        }
        DisputeStep::Win => {
            reinstate(store, &mut dispute)?;
            Some("charge.dispute.funds_reinstated")
        }
        _ => None,
    };
    if step == DisputeStep::Respond {
        dispute["evidence_details"]["has_evidence"] = true.into();
        let count = integer(&dispute["evidence_details"]["submission_count"]) + 1;
        dispute["evidence_details"]["submission_count"] = count.into();
    }
    store.put(&dispute)?;
    events::emit_updated(store, "charge.dispute.updated", &before, &dispute)?;
    if let Some(moved) = moved {
        events::emit(store, moved, &dispute)?;
    }
    if ["won", "lost", "warning_closed"].contains(&next) {
        events::emit(store, "charge.dispute.closed", &dispute)?;
    }
    Ok(dispute)
}

/// Whether somebody must still decide it, and the money is gone meanwhile.
pub(crate) fn is_contested(status: &str) -> bool {
    matches!(status, "needs_response" | "under_review" | "appeal_needs_response" | "appeal_under_review")
}

fn withdraw(store: &Store<'_>, dispute: &mut Value) -> ApiResult<()> {
    let amount = -integer(&dispute["amount"]);
    book(store, dispute, amount)?;
    dispute["is_charge_refundable"] = false.into();
    mark_charge(store, dispute, true)
}

fn reinstate(store: &Store<'_>, dispute: &mut Value) -> ApiResult<()> {
    let amount = integer(&dispute["amount"]);
    book(store, dispute, amount)?;
    mark_charge(store, dispute, false)
}

/// At most two movements: money withdrawn, money reinstated.
fn book(store: &Store<'_>, dispute: &mut Value, amount: i64) -> ApiResult<()> {
    let entry =
        balance_transactions::record(store, "adjustment", amount, &dispute["currency"], &dispute["id"])?;
    if let Some(entries) = dispute["balance_transactions"].as_array_mut() {
        entries.push(entry);
    }
    Ok(())
}

/// A charge whose money was taken back cannot be refunded as well.
fn mark_charge(store: &Store<'_>, dispute: &Value, charged_back: bool) -> ApiResult<()> {
    let id = dispute["charge"].as_str().unwrap_or_default();
    let mut charge = store.expect("charge", "charge", id, "charge")?;
    charge["_charged_back"] = charged_back.into();
    store.put(&charge)
}

fn blank(store: &Store<'_>, charge: &Value, kind: DisputeKind, amount: i64) -> Value {
    const ANSWER_SECS: i64 = 9 * 86_400;
    let status = match kind {
        DisputeKind::Chargeback => "needs_response",
        DisputeKind::Inquiry => "warning_needs_response",
        DisputeKind::Prevented => "prevented",
    };
    json!({
        "id": identifier::new("du_1", 23), "object": "dispute", "amount": amount, "balance_transactions": [],
        "charge": charge["id"], "created": store.now, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": evidence(charge),
        "evidence_details": {
            "due_by": store.now + ANSWER_SECS, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0 },
        "is_charge_refundable": kind == DisputeKind::Inquiry, "livemode": false, "metadata": {},
        "network_reason_code": "10.4", "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa", "case_type": case_type(kind), "network": "visa", "network_reason_code": "10.4" },
            "type": "card" },
        "reason": "fraudulent", "status": status,
    })
}

fn case_type(kind: DisputeKind) -> &'static str {
    match kind {
        DisputeKind::Chargeback => "chargeback",
        DisputeKind::Inquiry => "inquiry",
        DisputeKind::Prevented => "resolution",
    }
}

/// Nothing is handed in yet, but for what the charge says of its payer.
fn evidence(charge: &Value) -> Value {
    const FIELDS: [&str; 24] = [
        "access_activity_log",
        "billing_address",
        "cancellation_policy",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_communication",
        "customer_purchase_ip",
        "customer_signature",
        "duplicate_charge_documentation",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "receipt",
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "service_documentation",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_documentation",
        "shipping_tracking_number",
        "uncategorized_text",
    ];
    let empty = FIELDS.iter().map(|field| ((*field).to_owned(), Value::Null));
    let mut evidence = Value::Object(empty.collect());
    evidence["uncategorized_file"] = Value::Null;
    evidence["enhanced_evidence"] = json!({});
    evidence["customer_email_address"] = charge["billing_details"]["email"].clone();
    evidence["customer_name"] = charge["billing_details"]["name"].clone();
    evidence
}
