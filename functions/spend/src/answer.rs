//! What a sender is told.

use lambda_http::http::StatusCode;
use saldo_adapters::PortError;
use saldo_adapters::http::{Problem, ProblemCode};
use saldo_credits::{Debited, Outcome, SpendError};
use saldo_domain::{Credits, DebitId, MOST_IN_BATCH, OrgId, OverBudget, Reversal};
use serde_json::{Value, json};
use tracing::error;

use crate::hold_answer::{self, with_units};
use crate::message::no_price;

const REUSED_DETAIL: &str = "This id was used for another message. Make a new id for every message.";
const REVERSED_DETAIL: &str = "This debit was reversed. Make a new id to send the message again.";

const KEY_REVERSED_DETAIL: &str = "This key's debit was reversed. Use a new key to send the message again.";
const KEY_REUSED_DETAIL: &str =
    "This Idempotency-Key was used for another message. Use a new key for every message.";

/// 201 when something was spent now, 200 for a repeat.
pub(crate) fn status(new: bool) -> StatusCode {
    if new { StatusCode::CREATED } else { StatusCode::OK }
}

pub(crate) fn debited(done: &Debited) -> Value {
    let answer = json!({
        "id": done.id.to_string(),
        "credits": done.credits,
        "available_credits": done.available,
    });
    with_units(answer, done.units)
}

/// One debit of a batch.
pub(crate) fn outcome(id: DebitId, outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Done(done) => debited(done),
        Outcome::Reused => {
            json!({"id": id.to_string(), "code": ProblemCode::DebitIdReused.as_str(), "detail": REUSED_DETAIL})
        }
        Outcome::Reversed => {
            json!({"id": id.to_string(), "code": ProblemCode::DebitReversed.as_str(), "detail": REVERSED_DETAIL})
        }
    }
}

pub(crate) fn reversed(reversal: &Reversal) -> Value {
    let answer = json!({
        "id": reversal.debit.to_string(),
        "credits": reversal.credits,
        "reversed_at": reversal.at.rfc3339(),
        "entry": reversal.entry.to_string(),
    });
    with_units(answer, reversal.units)
}

pub(crate) fn not_found() -> Problem {
    Problem::new(ProblemCode::DebitNotFound, "There is no debit with this id.")
}

pub(crate) fn problem(org: &OrgId, ids: &[DebitId], error: &SpendError) -> Problem {
    match error {
        SpendError::NotEnough { needed, available } => not_enough(ids, *needed, *available),
        SpendError::OverBudget(over) => over_budget(ids, over),
        SpendError::Reused => Problem::new(ProblemCode::DebitIdReused, REUSED_DETAIL),
        SpendError::Reversed => Problem::new(ProblemCode::DebitReversed, REVERSED_DETAIL),
        SpendError::ReversalWindowOver => {
            Problem::new(ProblemCode::ReversalWindowOver, "This debit is too old to be reversed.")
        }
        SpendError::Untimely(id) => {
            let detail = "The id must be made when it is first sent: its time is too long ago, more than 24 hours for a debit or 10 minutes for a hold, or in the future.";
            Problem::invalid(&field_of(ids, *id, "id"), detail)
        }
        SpendError::OverMaximum { id, credits, most } => {
            over_maximum(&field_of(ids, *id, "max_credits"), *credits, *most)
        }
        SpendError::NotSold { id, why } => no_price(&field_of(ids, *id, ""), why),
        SpendError::NoBatch => {
            let detail = format!("A batch has 1 to {MOST_IN_BATCH} debits, each with an id of its own.");
            Problem::invalid("debits", detail)
        }
        SpendError::NotFound => not_found(),
        SpendError::Hold(refused) => hold_answer::refused("", refused),
        SpendError::Busy => crowded(1),
        SpendError::Crowded { retry_after_secs } => crowded(*retry_after_secs),
        SpendError::Port(PortError::Conflict) => Problem::unavailable(),
        SpendError::Unpayable
        | SpendError::Port(PortError::Unavailable(_) | PortError::NotPermitted(_) | PortError::Broken(_)) => {
            let debit = ids.first().map(DebitId::to_string);
            error!(org = org.as_str(), debit, debits = ids.len(), %error, "not debited");
            Problem::unavailable()
        }
    }
}

/// Why a debit was not made under a key.
pub(crate) fn problem_of_key(org: &OrgId, error: &SpendError) -> Problem {
    match error {
        SpendError::Reused => Problem::new(ProblemCode::IdempotencyKeyReused, KEY_REUSED_DETAIL),
        SpendError::Reversed => Problem::new(ProblemCode::DebitReversed, KEY_REVERSED_DETAIL),
        error => problem(org, &[], error),
    }
}

fn not_enough(ids: &[DebitId], needed: Credits, available: Credits) -> Problem {
    let (left, owed) = (available.max(Credits::ZERO), available.negated().max(Credits::ZERO));
    let detail = if owed > Credits::ZERO {
        format!(
            "{owed} credits are owed, since a payment was given back whose credits were spent. Top up more than that, then send the same again."
        )
    } else if ids.len() < 2 {
        format!("This costs {needed} credits and {left} are left. Top up, then send the same again.")
    } else {
        format!(
            "These messages cost {needed} credits and {left} are left, so none was debited. Top up, then send the same batch again, or send fewer."
        )
    };
    Problem::new(ProblemCode::InsufficientCredits, detail)
        .with("credits", json!(needed))
        .with("available_credits", json!(left))
        .with("owed", json!(owed))
}

fn crowded(retry_after_secs: u32) -> Problem {
    let detail =
        "Too many debits of this organisation are under way. Send the same again, under the same id or key.";
    Problem::new(ProblemCode::TooManyDebits, detail).retry_after(retry_after_secs)
}

fn over_maximum(field: &str, credits: Credits, most: Credits) -> Problem {
    let detail = format!(
        "This would cost {credits} credits and may cost {most}, so nothing was taken. Check the units, or send the same with a higher max_credits."
    );
    Problem::new(ProblemCode::MaxCreditsExceeded, detail)
        .with("field", json!(field))
        .with("credits", json!(credits))
        .with("max_credits", json!(most))
}

/// Names the debit too, of which a batch has several.
fn over_budget(ids: &[DebitId], over: &OverBudget) -> Problem {
    let OverBudget { debit, budget, spent, ends } = over;
    let (limit, spent) = (budget.terms.limit, (*spent).max(Credits::ZERO));
    let detail = format!(
        "This is more than the budget {} has left: of {limit} credits a {} {spent} are spent, so nothing was taken. Send the same again when the period has ended, or when the budget was raised.",
        budget.id.as_str(),
        budget.terms.period.as_str()
    );
    Problem::new(ProblemCode::BudgetExceeded, detail)
        .with("field", json!(field_of(ids, *debit, "id")))
        .with("budget", json!(budget.id.as_str()))
        .with("limit", json!(limit))
        .with("spent", json!(spent))
        .with("period_ends_at", json!(ends.rfc3339()))
}

/// How a member of one of these debits is called in its request.
fn field_of(ids: &[DebitId], id: DebitId, member: &str) -> String {
    match ids.iter().position(|one| *one == id) {
        Some(at) if ids.len() > 1 => format!("debits[{at}].{member}"),
        Some(_) | None => member.to_owned(),
    }
}
