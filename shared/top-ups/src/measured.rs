//! What is measured of top-ups.

use saldo_domain::{Author, Cause, Change, Metric, Status, Timestamp, TopUp, measure};

/// A committed change of `before` to `after`.
pub(crate) fn measure_change(
    before: &TopUp,
    after: &TopUp,
    change: &Change,
    author: &Author,
    now: Timestamp,
) {
    if after.status != before.status {
        measure!(Metric::TopUps, 1, after.status.as_str());
    }
    let Change::Earn { .. } = change else { return };
    let gained = |of: fn(&TopUp) -> i64| of(after) - of(before);
    let granted = gained(|top_up| top_up.posted.granted.0);
    if granted > 0 {
        measure!(Metric::CreditsGranted, granted);
        if let Some(paid_at) = after.paid_at {
            measure!(Metric::PaymentToCredit, (now.ms() - paid_at.ms()).max(0));
        }
        if !matches!(author.cause, Cause::Event(_)) && before.status != Status::Requested {
            measure!(Metric::CreditedUnheard, 1);
        }
    }
    measure_moved(before, after);
}

/// Credits that went with money that went back.
pub(crate) fn measure_moved(before: &TopUp, after: &TopUp) {
    let gained = |of: fn(&TopUp) -> i64| of(after) - of(before);
    for (kind, credits) in [
        ("refund", gained(|top_up| top_up.posted.refunded.0)),
        ("dispute", gained(|top_up| top_up.posted.disputed.0)),
    ] {
        if credits > 0 {
            measure!(Metric::CreditsTakenBack, credits, kind);
        }
    }
}
