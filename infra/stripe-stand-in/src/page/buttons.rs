//! The buttons of the front page: what staff, banks and issuers may do after a payment.

use serde_json::Value;

use crate::api_error::{ApiError, ApiResult};
use crate::dispute_life::{self, DisputeKind, DisputeStep};
use crate::form::Params;
use crate::invoice_object::integer;
use crate::page::html::{escape, text};
use crate::page::words::Words;
use crate::refund_life::{self, RefundStep};
use crate::store::{Condition, Store};
use crate::{charge_object, staff};

/// A row with the buttons that make sense for a paid invoice now; none for one without a charge.
pub(crate) fn render(store: &Store<'_>, invoice: &Value, words: &Words) -> ApiResult<String> {
    let Some(charge) = charge_object::paid_by(store, text(&invoice["id"]))? else { return Ok(String::new()) };
    let refunds = refund_life::effective(store, &charge)?;
    let returned: i64 = refunds.iter().map(|refund| integer(&refund["amount"])).sum();
    let dispute = dispute_of(store, &charge)?;
    let contested =
        dispute.as_ref().is_some_and(|dispute| dispute_life::is_contested(text(&dispute["status"])));
    let is_card = charge["payment_method_details"]["type"] == "card";
    let waiting = refunds.iter().any(|refund| refund["status"] != "succeeded");
    let offers = [
        ("refund", words.refund, returned < integer(&charge["amount"]) && charge["_charged_back"] != true),
        ("complete_refund", words.complete_refund, waiting),
        ("fail_refund", words.fail_refund, !refunds.is_empty()),
        ("dispute", words.dispute, is_card && dispute.is_none()),
        ("win", words.win, contested),
        ("lose", words.lose, contested),
    ];
    let each = |(action, label, _): &(&str, &str, bool)| {
        format!(r#"<button class="quiet" name="action" value="{action}">{label}</button>"#)
    };
    let buttons: String = offers.iter().filter(|(_, _, offered)| *offered).map(each).collect();
    if buttons.is_empty() {
        return Ok(buttons);
    }
    Ok(format!(
        r#"<tr class="staff"><td colspan="3"><form method="post" action="/" aria-label="{} {}">
<input type="hidden" name="charge" value="{}">{buttons}</form></td></tr>"#,
        words.staff,
        escape(text(&invoice["number"])),
        escape(text(&charge["id"])),
    ))
}

/// Does what a button says.
pub(crate) fn press(store: &Store<'_>, params: &mut Params) -> ApiResult<()> {
    let id = params.text("charge")?.unwrap_or_default();
    let charge = store.expect("charge", "charge", &id, "charge")?;
    let action = params.text("action")?.unwrap_or_default();
    match action.as_str() {
        "refund" => staff::refund(store, &charge, None).map(drop),
        "complete_refund" => {
            let waiting = refund_life::effective(store, &charge)?;
            let waiting = waiting.into_iter().find(|refund| refund["status"] != "succeeded");
            refund_life::step(store, waiting.ok_or_else(nothing)?, RefundStep::Succeed).map(drop)
        }
        "fail_refund" => {
            let last = refund_life::effective(store, &charge)?.pop();
            refund_life::step(store, last.ok_or_else(nothing)?, RefundStep::Fail).map(drop)
        }
        "dispute" => dispute_life::open(store, charge, DisputeKind::Chargeback, None).map(drop),
        "win" | "lose" => {
            let step = if action == "win" { DisputeStep::Win } else { DisputeStep::Lose };
            let dispute = dispute_of(store, &charge)?;
            dispute_life::step(store, dispute.ok_or_else(nothing)?, step).map(drop)
        }
        _ => Err(nothing()),
    }
}

fn dispute_of(store: &Store<'_>, charge: &Value) -> ApiResult<Option<Value>> {
    let of_charge = Condition::equal("charge", text(&charge["id"]).to_owned());
    Ok(store.all("dispute", vec![of_charge])?.pop())
}

fn nothing() -> ApiError {
    ApiError::state("There is nothing to do that with.")
}
