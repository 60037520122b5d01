//! The life of a refund: pending, waiting for bank details, succeeded, failed, canceled.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::faults::RefundPlan;
use crate::invoice_object::integer;
use crate::stand_in::locked;
use crate::store::{Condition, Store};
use crate::{balance_transactions, events, identifier, money};

/// A refund may still fail this long after it succeeded.
const MAY_FAIL_SECS: i64 = 30 * 86_400;

/// What becomes of a refund that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStep {
    Succeed,
    /// The bank sends the money back: also of a refund that has succeeded, up to thirty days later.
    Fail,
    Cancel,
}

/// What a refund is asked to be.
pub(crate) struct Wanted {
    /// In minor units; everything that is left when none is given.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Value,
    pub(crate) instructions_email: Value,
    pub(crate) metadata: Value,
}

/// Refunds a charge, as far as it was not refunded already.
pub(crate) fn begin(store: &Store<'_>, mut charge: Value, wanted: Wanted) -> ApiResult<Value> {
    let plan = locked(store.next_refund).take();
    let amount = refundable(store, &charge, wanted.amount)?;
    if plan == Some(RefundPlan::BalanceInsufficient) {
        let message = "Insufficient funds in your Stripe balance to refund this amount.";
        return Err(ApiError::state(message).with("code", "balance_insufficient"));
    }
    let is_card = charge["payment_method_details"]["type"] == "card";
    let usual = if is_card { RefundPlan::Succeeds } else { RefundPlan::AsksForBankDetails };
    let email = match &wanted.instructions_email {
        Value::Null => charge["billing_details"]["email"].clone(),
        given => given.clone(),
    };
    let mut refund = blank(store, &charge, amount, &wanted, is_card);
    match plan.unwrap_or(usual) {
        RefundPlan::AsksForBankDetails => {
            if email.is_null() {
                let message =
                    "Refunds of this payment method need the customer's email: pass instructions_email.";
                return Err(ApiError::parameter("parameter_missing", "instructions_email", message));
            }
            ask_for_bank_details(store, &mut refund, &email);
        }
        RefundPlan::Pends => {
            refund["pending_reason"] = "processing".into();
            withdraw(store, &mut refund)?;
        }
        RefundPlan::Succeeds | RefundPlan::BalanceInsufficient => {
            refund["status"] = "succeeded".into();
            withdraw(store, &mut refund)?;
        }
    }
    store.put(&refund)?;
    let before = charge.clone();
    let returned = integer(&charge["amount_refunded"]).saturating_add(amount).min(integer(&charge["amount"]));
    charge["amount_refunded"] = returned.into();
    charge["refunded"] = (returned == integer(&charge["amount"])).into();
    store.put(&charge)?;
    events::emit(store, "refund.created", &refund)?;
    if before == charge {
        events::emit(store, "charge.refunded", &charge)?;
    } else {
        events::emit_updated(store, "charge.refunded", &before, &charge)?;
    }
    Ok(refund)
}

/// Takes a refund one step further. What the charge says was refunded does not fall again: whether it does at Stripe is
/// unproven, and nobody should rely on it.
pub(crate) fn step(store: &Store<'_>, mut refund: Value, step: RefundStep) -> ApiResult<Value> {
    let before = refund.clone();
    let status = refund["status"].as_str().unwrap_or_default().to_owned();
    let age = store.now - integer(&refund["created"]);
    match (step, status.as_str()) {
        (RefundStep::Succeed, "pending" | "requires_action") => {
            if refund["balance_transaction"].is_null() {
                withdraw(store, &mut refund)?;
            }
            refund["status"] = "succeeded".into();
            refund["pending_reason"] = Value::Null;
            strike(&mut refund, "next_action");
        }
        (RefundStep::Fail, "pending" | "requires_action" | "succeeded") if age <= MAY_FAIL_SECS => {
            refund["status"] = "failed".into();
            refund["failure_reason"] = "unknown".into();
            give_back(store, &mut refund)?;
        }
        (RefundStep::Cancel, "requires_action") => {
            refund["status"] = "canceled".into();
            strike(&mut refund, "next_action");
        }
        _ => {
            let message = format!("This refund is {status} and does not allow that.");
            return Err(ApiError::state(message));
        }
    }
    store.put(&refund)?;
    events::emit_updated(store, "refund.updated", &before, &refund)?;
    if refund["status"] == "failed" {
        events::emit(store, "refund.failed", &refund)?;
    }
    Ok(refund)
}

/// The refunds of a charge whose money is on its way or gone.
pub(crate) fn effective(store: &Store<'_>, charge: &Value) -> ApiResult<Vec<Value>> {
    let id = charge["id"].as_str().unwrap_or_default().to_owned();
    let all = store.all("refund", vec![Condition::equal("charge", id)])?;
    Ok(all
        .into_iter()
        .filter(|refund| refund["status"] != "failed" && refund["status"] != "canceled")
        .collect())
}

/// How much is to be refunded, in minor units, if it can be.
fn refundable(store: &Store<'_>, charge: &Value, wanted: Option<i64>) -> ApiResult<i64> {
    let id = charge["id"].as_str().unwrap_or_default();
    let refuse = |code: &str, message: String| Err(ApiError::state(message).with("code", code));
    if charge["status"] != "succeeded" {
        return refuse("charge_not_refundable", format!("Charge {id} is not refundable."));
    }
    if charge["_charged_back"] == true {
        return refuse(
            "charge_disputed",
            format!("Charge {id} has been charged back; cannot issue a refund."),
        );
    }
    let sum: i64 = effective(store, charge)?.iter().map(|refund| integer(&refund["amount"])).sum();
    let rest = integer(&charge["amount"]) - sum;
    if rest <= 0 {
        return refuse("charge_already_refunded", format!("Charge {id} has already been refunded."));
    }
    let amount = wanted.unwrap_or(rest);
    if amount <= 0 {
        let message = "Invalid positive integer";
        return Err(ApiError::parameter("parameter_invalid_integer", "amount", message));
    }
    if amount > rest {
        let currency = charge["currency"].as_str().unwrap_or_default();
        let read = |amount| money::readable(amount, currency, false);
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            read(amount),
            read(rest)
        );
        return Err(ApiError::state(message).with("code", "amount_too_large").with("param", "amount"));
    }
    Ok(amount)
}

fn blank(store: &Store<'_>, charge: &Value, amount: i64, wanted: &Wanted, is_card: bool) -> Value {
    let mut refund = json!({
        "id": identifier::new("re_3", 23), "object": "refund", "amount": amount, "balance_transaction": null,
        "charge": charge["id"], "created": store.now, "currency": charge["currency"],
        "customer": charge["customer"], "customer_account": null, "destination_details": null,
        "metadata": wanted.metadata, "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"], "pending_reason": null, "reason": wanted.reason,
        "receipt_number": null, "source_transfer_reversal": null, "status": "pending", "transfer_reversal": null,
    });
    if is_card {
        refund["destination_details"] = json!({
            "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" },
            "type": "card",
        });
    }
    if !wanted.instructions_email.is_null() {
        refund["instructions_email"] = wanted.instructions_email.clone();
    }
    refund
}

fn ask_for_bank_details(store: &Store<'_>, refund: &mut Value, email: &Value) {
    const EXPIRES_SECS: i64 = 45 * 86_400;
    let sent = json!({ "email_sent_at": store.now, "email_sent_to": email });
    refund["status"] = "requires_action".into();
    refund["next_action"] = json!({
        "display_details": { "email_sent": sent, "expires_at": store.now + EXPIRES_SECS },
        "type": "display_details",
    });
}

fn withdraw(store: &Store<'_>, refund: &mut Value) -> ApiResult<()> {
    let amount = -integer(&refund["amount"]);
    let entry = balance_transactions::record(store, "refund", amount, &refund["currency"], &refund["id"])?;
    refund["balance_transaction"] = entry["id"].clone();
    Ok(())
}

/// The money of a refund that failed is on the balance again.
fn give_back(store: &Store<'_>, refund: &mut Value) -> ApiResult<()> {
    strike(refund, "next_action");
    if refund["balance_transaction"].is_null() {
        return Ok(());
    }
    let amount = integer(&refund["amount"]);
    let kind = "refund_failure";
    let entry = balance_transactions::record(store, kind, amount, &refund["currency"], &refund["id"])?;
    refund["failure_balance_transaction"] = entry["id"].clone();
    Ok(())
}

fn strike(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}
