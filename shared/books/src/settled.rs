//! What settling a top-up shows of the two records before it: whether they differed, and in which way.

use saldo_domain::{Change, Credits, Difference, DifferenceKind, Nothing, OrgId, Outcome, Status, TopUp};

/// The difference that there was between a row and the provider, by what settling it made of the row and by what was
/// decided last.
pub(crate) fn difference(before: &TopUp, after: &TopUp, last: &Change) -> Option<Difference> {
    let kind = kind_of(before, after, last)?;
    let (outcome, theirs) = match kind {
        DifferenceKind::Contradiction => (Outcome::ForAPerson, "says what contradicts it".to_owned()),
        DifferenceKind::InReview => {
            let reason = after.review.map_or("", |reason| reason.as_str());
            (Outcome::ForAPerson, reason.to_owned())
        }
        _ => (Outcome::Repaired, shown(after)),
    };
    Some(about(kind, Some(&before.org), before.id.as_str(), shown(before), theirs, outcome))
}

fn kind_of(before: &TopUp, after: &TopUp, last: &Change) -> Option<DifferenceKind> {
    if matches!(last, Change::Nothing(Nothing::Contradiction)) {
        return Some(DifferenceKind::Contradiction);
    }
    if after.posted != before.posted || after.returns != before.returns {
        let paid = before.posted.granted == Credits::ZERO;
        return Some(if paid { DifferenceKind::PaidUnheard } else { DifferenceKind::ReturnUnheard });
    }
    // What waits for a person is told again until one has looked.
    if after.review.is_some() {
        return Some(DifferenceKind::InReview);
    }
    if after.status != before.status {
        let opened = after.status == Status::Open;
        return Some(if opened { DifferenceKind::OpenUnheard } else { DifferenceKind::EndUnheard });
    }
    (after.payment_failure != before.payment_failure).then_some(DifferenceKind::RefusalUnheard)
}

pub(crate) fn about(
    kind: DifferenceKind,
    org: Option<&OrgId>,
    subject: &str,
    ours: String,
    theirs: String,
    outcome: Outcome,
) -> Difference {
    Difference { kind, org: org.cloned(), subject: subject.to_owned(), ours, theirs, outcome }
}

/// A row in few words.
fn shown(row: &TopUp) -> String {
    let posted = row.posted;
    let refused = row.payment_failure.as_ref().map(|failure| format!(", refused: {}", failure.code));
    format!(
        "{}, granted {}, refunded {}, disputed {}{}",
        row.status.as_str(),
        posted.granted,
        posted.refunded,
        posted.disputed,
        refused.unwrap_or_default()
    )
}
