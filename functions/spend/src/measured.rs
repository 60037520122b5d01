//! What is measured of debits.

use saldo_credits::{Debited, Outcome, SpendError};
use saldo_domain::{Metric, measure};

/// Counts what came of one call, by result: one number for all debits with the same one.
pub(crate) fn measure_debits(outcomes: &Result<Vec<Outcome>, SpendError>, asked: usize) {
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return tell(refused(error), asked),
    };
    let of = |result: &str| outcomes.iter().filter(|outcome| done(outcome) == result).count();
    for result in ["new", "repeated", "reused", "reversed"] {
        tell(result, of(result));
    }
    let spent = outcomes.iter().map(|outcome| match outcome {
        Outcome::Done(Debited { credits, repeated: false, .. }) => credits.0,
        Outcome::Done(_) | Outcome::Reused | Outcome::Reversed => 0,
    });
    let spent: i64 = spent.fold(0, i64::saturating_add);
    if spent > 0 {
        measure!(Metric::CreditsSpent, spent);
    }
}

fn tell(result: &str, debits: usize) {
    if debits > 0 {
        measure!(Metric::Debits, i64::try_from(debits).unwrap_or(i64::MAX), result);
    }
}

fn done(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(Debited { repeated: false, .. }) => "new",
        Outcome::Done(_) => "repeated",
        Outcome::Reused => "reused",
        Outcome::Reversed => "reversed",
    }
}

fn refused(error: &SpendError) -> &'static str {
    match error {
        SpendError::NotEnough { .. } => "not_enough",
        SpendError::OverBudget(_) => "over_budget",
        SpendError::Reused => "reused",
        SpendError::Reversed => "reversed",
        SpendError::Busy | SpendError::Crowded { .. } => "busy",
        SpendError::Untimely(_)
        | SpendError::OverMaximum { .. }
        | SpendError::NotSold { .. }
        | SpendError::NoBatch
        | SpendError::NotFound
        | SpendError::Hold(_)
        | SpendError::ReversalWindowOver => "invalid",
        SpendError::Unpayable | SpendError::Port(_) => "failed",
    }
}
