//! What settling a top-up says of the two records before it: whether they differed, and in which way.

use saldo_domain::{Change, Credits, Difference, DifferenceKind, Nothing, OrgId, Outcome, TopUp};

/// The difference that a change shows, between the row `before` and what the provider says.
pub(crate) fn difference(before: &TopUp, change: &Change) -> Option<Difference> {
    let (kind, theirs) = match change {
        Change::Earn { earned, .. } => {
            let kind = if before.posted.granted == Credits::ZERO {
                DifferenceKind::PaidUnheard
            } else {
                DifferenceKind::ReturnUnheard
            };
            (
                kind,
                format!(
                    "granted {}, refunded {}, disputed {}",
                    earned.granted, earned.refunded, earned.disputed
                ),
            )
        }
        Change::Open(link) => (DifferenceKind::OpenUnheard, format!("{} can be paid", link.id)),
        Change::Close(ending) => (DifferenceKind::EndUnheard, ending.status().as_str().to_owned()),
        Change::NoteFailure(failure) => (DifferenceKind::RefusalUnheard, failure.code.clone()),
        Change::Review(reason) | Change::Flag(reason) => {
            (DifferenceKind::InReview, reason.as_str().to_owned())
        }
        Change::Nothing(Nothing::Contradiction) => {
            (DifferenceKind::Contradiction, "contradicts the row".to_owned())
        }
        Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => {
            // What waits for a person is told again until one has looked.
            let reason = before.review?;
            (DifferenceKind::InReview, reason.as_str().to_owned())
        }
    };
    let outcome = match kind {
        DifferenceKind::InReview | DifferenceKind::Contradiction => Outcome::ForAPerson,
        _ => Outcome::Repaired,
    };
    Some(about(kind, Some(&before.org), before.id.as_str(), shown(before), theirs, outcome))
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
    format!(
        "{}, granted {}, refunded {}, disputed {}",
        row.status.as_str(),
        posted.granted,
        posted.refunded,
        posted.disputed
    )
}
