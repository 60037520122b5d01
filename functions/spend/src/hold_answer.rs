//! What a sender is told of a hold.

use saldo_adapters::http::{Problem, ProblemCode};
use saldo_credits::{Debited, Held};
use saldo_domain::{
    AtEnd, Beside, Charge, ChargedAs, Credits, DebitEntry, Hold, HoldEnded, HoldRefused, HoldTerms, MadeHold,
    Reported, Reversal, Units,
};
use serde_json::{Value, json};

use crate::message;

/// A hold as it was made, or made before.
pub(crate) fn made(done: &Debited, hold: &MadeHold) -> Value {
    let answer = json!({
        "id": done.id.to_string(),
        "state": hold.state(),
        "held": hold.held,
        "available_credits": done.available,
        "expires_at": hold.terms.ends_at.rfc3339(),
        "at_end": at_end(&hold.terms),
    });
    with_units(with_validity(answer, &hold.terms), done.units)
}

/// Named where there is more than one: who sends messages one by one reads what they always read.
pub(crate) fn with_units(mut answer: Value, units: Units) -> Value {
    if units != Units::ONE {
        answer["units"] = json!(units.get());
    }
    answer
}

/// Of a quota: until when its sender may use it.
fn with_validity(mut answer: Value, terms: &HoldTerms) -> Value {
    if let Some(until) = terms.valid_until {
        answer["valid_until"] = json!(until.rfc3339());
    }
    answer
}

/// A hold as it is.
pub(crate) fn now(held: &Held) -> Value {
    let Held { entry, hold, reversed, .. } = held;
    let mut answer = settled(entry, hold, reversed.as_ref());
    answer["available_credits"] = json!(held.available);
    answer
}

/// A hold as it was left, whatever there is to spend now.
pub(crate) fn settled(entry: &DebitEntry, hold: &Hold, reversed: Option<&Reversal>) -> Value {
    let answer = json!({
        "id": entry.id.to_string(),
        "state": hold.state(),
        "held": hold.held,
        "captured": hold.ended.map_or(Credits::ZERO, |ended| ended.captured.credits),
        "released": hold.released(),
        "expires_at": hold.terms.ends_at.rfc3339(),
        "at_end": at_end(&hold.terms),
        "channel": entry.channel,
        "units": entry.details.units.get(),
        "captured_units": hold.ended.map_or(0, |ended| ended.captured.units),
    });
    let mut answer = with_validity(answer, &hold.terms);
    if let Some(ended) = hold.ended {
        answer["ended_at"] = json!(ended.at.rfc3339());
        with_charged_as(&mut answer, "captured_as", &ended.captured);
    }
    if let Some(Reported { charge, at }) = hold.reported {
        let mut reported = json!({
            "credits": charge.credits,
            "units": charge.units,
            "at": at.rfc3339(),
            "entry": entry.id.entry_beside(at, Beside::Report).to_string(),
        });
        with_charged_as(&mut reported, "charged_as", &charge);
        answer["reported"] = reported;
    }
    if let Some(reversal) = reversed {
        answer["reversed_at"] = json!(reversal.at.rfc3339());
    }
    answer
}

/// Named where it is something else than what was held.
fn with_charged_as(answer: &mut Value, member: &str, charge: &Charge) {
    let Some(ChargedAs { channel, class, country, version }) = charge.charged_as else { return };
    answer[member] = json!({
        "channel": channel,
        "class": class,
        "country": country,
        "rate": Units::new(charge.units).and_then(|units| units.rate(charge.credits)),
        "rate_version": version.0,
    });
}

fn at_end(terms: &HoldTerms) -> &'static str {
    match terms.at_end {
        AtEnd::Release => "release",
        AtEnd::Capture => "capture",
    }
}

pub(crate) fn not_found() -> Problem {
    Problem::new(ProblemCode::HoldNotFound, "There is no hold with this id.")
}

/// Why nothing was done with a hold; `path` is how the members of the request are named, if not by themselves.
pub(crate) fn refused(path: &str, refused: &HoldRefused) -> Problem {
    match refused {
        HoldRefused::Captured(HoldEnded { captured: charge, .. })
        | HoldRefused::Reported(Reported { charge, .. }) => {
            let detail = "This hold was captured already: what it says of units and credits stands.";
            Problem::new(ProblemCode::HoldAlreadyCaptured, detail)
                .with("captured", json!(charge.credits))
                .with("captured_units", json!(charge.units))
        }
        HoldRefused::Released(_) => Problem::new(
            ProblemCode::HoldReleased,
            "This hold was released, or its time was over: all of it came back.",
        ),
        HoldRefused::MoreThanHeld { most } => {
            let detail =
                format!("What is held is enough for {most} units of it, and no more can be captured.");
            Problem::new(ProblemCode::MoreThanHeld, detail)
                .with("field", json!(format!("{path}units")))
                .with("most", json!(most))
        }
        HoldRefused::NotCaptured => {
            let detail = "Nothing was charged of this hold: release it, and all of it comes back.";
            Problem::new(ProblemCode::HoldNotCaptured, detail)
        }
        HoldRefused::NoPrice(error) => message::no_price(path, error),
    }
}
