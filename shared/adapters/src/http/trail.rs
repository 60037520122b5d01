//! The trail of a top-up as it is told: to its customer a part of it, to staff all of it.

use saldo_domain::{Asked, Occasion, TopUp, What};
use serde_json::{Value, json};

use crate::dynamo::Trail;

/// What happened, in words for the customer: nothing of how it was found out, and of no person.
#[must_use]
pub fn trail_json(trail: &Trail) -> Value {
    let steps: Vec<_> =
        trail.occasions.iter().filter(|one| one.what.is_for_customers()).map(step_json).collect();
    json!({ "steps": steps, "begins_later": trail.begins_later })
}

/// All of it, for staff: who, on what occasion, and each request to Stripe with its answer and by which name Stripe's own
/// log has it. What checks found unchanged is counted in the row.
#[must_use]
pub fn whole_trail_json(top_up: &TopUp, trail: &Trail) -> Value {
    let looked = top_up.looked.as_ref().map(
        |looked| json!({ "times": looked.times, "last_at": looked.at.rfc3339(), "last_request": looked.id }),
    );
    let steps: Vec<_> = trail.occasions.iter().map(whole_step_json).collect();
    json!({ "steps": steps, "begins_later": trail.begins_later, "found_unchanged": looked })
}

fn step_json(occasion: &Occasion) -> Value {
    json!({
        "at": occasion.at.rfc3339(),
        "what": occasion.what.as_str(),
        "detail": told(occasion.what),
        "credits": credits(occasion),
    })
}

fn whole_step_json(occasion: &Occasion) -> Value {
    let row = occasion.row;
    json!({
        "at": occasion.at.rfc3339(),
        "what": occasion.what.as_str(),
        "detail": told(occasion.what),
        "credits": credits(occasion),
        "reason": occasion.detail,
        "actor": occasion.author.actor.to_string(),
        "cause": occasion.author.cause.to_string(),
        "event": occasion.event,
        "requests": occasion.asked.iter().map(asked_json).collect::<Vec<_>>(),
        "row": {
            "revision": row.revision,
            "status": row.status.as_str(),
            "granted": row.posted.granted,
            "refunded": row.posted.refunded,
            "disputed": row.posted.disputed,
            "review": row.review.map(saldo_domain::ReviewReason::as_str),
        },
    })
}

fn asked_json(asked: &Asked) -> Value {
    json!({ "call": asked.call, "answer": asked.answer.as_str(), "request": asked.id })
}

/// How many credits came or, below zero, went.
fn credits(occasion: &Occasion) -> Option<i64> {
    match occasion.what {
        What::Credited | What::TakenBack | What::GivenAgain => occasion.detail.as_ref()?.parse().ok(),
        _ => None,
    }
}

fn told(what: What) -> &'static str {
    match what {
        What::Ordered => "The top-up was ordered.",
        What::DraftMade => "The payment provider made a draft of the invoice.",
        What::Opened => "The invoice was made, and can be paid.",
        What::PaymentRefused => "A payment was not accepted. The invoice can be paid in another way.",
        What::Credited => "The payment has arrived, and the credits were added.",
        What::TakenBack => "Money went back to the payer, and its credits were taken back.",
        What::GivenAgain => "Money that had gone back came again, and its credits were added again.",
        What::ReturnsNoted => "The payment provider told of other amounts that went back. No credits moved.",
        What::CancelAsked => "Someone asked to cancel the top-up.",
        What::CancelRefused => "It was not canceled: a payment may be under way.",
        What::Canceled => "The top-up was canceled. Its invoice cannot be paid any more.",
        What::Expired => "It was not paid in time and has ended. Its invoice cannot be paid any more.",
        What::Failed => "The payment could not be prepared, and the top-up has ended. Nothing was charged.",
        What::InReview => "The payment does not fit the order, and a person checks it.",
        What::Flagged => "Something about the payment does not fit, and a person checks it.",
        What::Released => "A person has checked the payment.",
        What::Extended => "The invoice can be paid for longer.",
        What::NothingNew => "Everything was as it is written down here.",
        What::Undecided => "The payment provider has not decided yet.",
        What::Contradiction => "The payment provider says what cannot be. Everything was kept as it is.",
        What::NotDone => "It was cut off before it was done.",
    }
}
