//! What a sender is told of a hold.

use saldo_adapters::http::{Problem, ProblemCode};
use saldo_credits::{Debited, Held};
use saldo_domain::{AtEnd, Charge, ChargedAs, Credits, Hold, HoldRefused, Units};
use serde_json::{Value, json};

use crate::order;

/// A hold as it was made, or made before.
pub(crate) fn made(done: &Debited, hold: &Hold) -> Value {
    let answer = json!({
        "id": done.id.to_string(),
        "state": hold.state(),
        "held": hold.held,
        "available_credits": done.available,
        "expires_at": hold.terms.ends_at.rfc3339(),
        "at_end": at_end(hold),
    });
    with_units(answer, done.units)
}

/// Named where there is more than one: who sends messages one by one reads what they always read.
pub(crate) fn with_units(mut answer: Value, units: Units) -> Value {
    if units != Units::ONE {
        answer["units"] = json!(units.get());
    }
    answer
}

/// A hold as it is.
pub(crate) fn now(now: &Held) -> Value {
    let Held { entry, hold, available } = now;
    let mut answer = json!({
        "id": entry.id.to_string(),
        "state": hold.state(),
        "held": hold.held,
        "captured": hold.ended.map_or(Credits::ZERO, |ended| ended.captured.credits),
        "released": hold.released(),
        "available_credits": available,
        "expires_at": hold.terms.ends_at.rfc3339(),
        "at_end": at_end(hold),
        "channel": entry.channel,
        "units": entry.details.units.get(),
        "captured_units": hold.ended.map_or(0, |ended| ended.captured.units),
    });
    if let Some(ended) = hold.ended {
        answer["ended_at"] = json!(ended.at.rfc3339());
        with_captured_as(&mut answer, &ended.captured);
    }
    answer
}

/// Named where it is something else than what was held.
fn with_captured_as(answer: &mut Value, charge: &Charge) {
    let Some(ChargedAs { channel, class, country, version }) = charge.charged_as else { return };
    answer["captured_as"] = json!({
        "channel": channel,
        "class": class,
        "country": country,
        "rate": Units::new(charge.units).and_then(|units| units.rate(charge.credits)),
        "rate_version": version.0,
    });
}

fn at_end(hold: &Hold) -> &'static str {
    match hold.terms.at_end {
        AtEnd::Release => "release",
        AtEnd::Capture => "capture",
    }
}

pub(crate) fn not_found() -> Problem {
    Problem::new(ProblemCode::HoldNotFound, "There is no hold with this id.")
}

/// Why nothing was done with a hold.
pub(crate) fn refused(refused: &HoldRefused) -> Problem {
    match refused {
        HoldRefused::Captured(ended) => {
            let detail = "This hold was captured already: what it says of units and credits stands.";
            Problem::new(ProblemCode::HoldAlreadyCaptured, detail)
                .with("captured", json!(ended.captured.credits))
                .with("captured_units", json!(ended.captured.units))
        }
        HoldRefused::Released(_) => Problem::new(
            ProblemCode::HoldReleased,
            "This hold was released, or its time was over: all of it came back.",
        ),
        HoldRefused::MoreThanHeld { most } => {
            let detail =
                format!("What is held is enough for {most} units of it, and no more can be captured.");
            Problem::new(ProblemCode::MoreThanHeld, detail)
                .with("field", json!("units"))
                .with("most", json!(most))
        }
        HoldRefused::NoPrice(error) => order::no_price("", error),
    }
}
