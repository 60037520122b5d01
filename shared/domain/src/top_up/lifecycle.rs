//! The first question about a top-up: what becomes of it, as its invoice stands.

use crate::Status;

/// What an invoice amounts to for its top-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no such invoice: a draft that was deleted, or none was ever made.
    Missing,
    Draft,
    Payable,
    Void,
    /// Paid, and the money is proven.
    Proven,
    /// Said to be paid, without proof.
    Doubtful,
    /// The provider says something that we do not know.
    Unknown,
}

/// What becomes of the top-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It can be paid now.
    Opens,
    /// It ends, and frees the slot if it held it.
    Closes(Status),
    Stays,
    /// The provider says what cannot be after what it said before: everything is kept.
    Contradicts,
}

/// Decides; `over` is whether an unpaid invoice has had its time.
///
/// Money decides: whatever our own state says, proven money makes a top-up paid.
#[must_use]
pub fn lifecycle(status: Status, invoice: Standing, over: bool) -> Step {
    use Standing::{Doubtful, Draft, Missing, Payable, Proven, Unknown, Void};
    use Status::{Canceled, Expired, Failed, InReview, Open, Paid, Requested};

    match (invoice, status) {
        (Proven | Doubtful, Paid) => Step::Stays,
        (Proven, Requested | Open | Canceled | Expired | Failed | InReview) => Step::Closes(Paid),
        (Doubtful, Requested | Open | Canceled | Expired | Failed | InReview) => Step::Closes(InReview),

        (Missing, Requested) => Step::Closes(Failed),
        (Draft, Requested) => Step::Stays,
        (Payable, Requested) => Step::Opens,
        (Payable, Open) => Step::Stays,
        // What is not there, or is a draft, cannot be paid; it may be there again, so that it has its time.
        (Missing | Draft, Open) if over => Step::Closes(InReview),
        (Missing | Draft, Open) => Step::Contradicts,
        (Void, Requested | Open) => Step::Closes(if over { Expired } else { Canceled }),

        (Missing | Draft | Void, Canceled | Expired | Failed | InReview) => Step::Stays,
        (Payable, Canceled | Expired | Failed) => Step::Contradicts,
        (Payable, InReview | Paid) => Step::Stays,
        (Missing | Draft | Void, Paid) => Step::Contradicts,

        (Unknown, Requested | Open | Paid | Canceled | Expired | Failed | InReview) => Step::Contradicts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proven_money_makes_every_top_up_paid_and_nothing_else_does() {
        for status in Status::ALL {
            let paid = status == Status::Paid;
            let expected = if paid { Step::Stays } else { Step::Closes(Status::Paid) };
            assert_eq!(lifecycle(status, Standing::Proven, true), expected, "{status:?}");
            for invoice in [
                Standing::Missing,
                Standing::Draft,
                Standing::Payable,
                Standing::Void,
                Standing::Doubtful,
                Standing::Unknown,
            ] {
                let step = lifecycle(status, invoice, false);
                assert_ne!(step, Step::Closes(Status::Paid), "{status:?} {invoice:?}");
                assert!(!paid || matches!(step, Step::Stays | Step::Contradicts), "{invoice:?}");
            }
        }
    }
}
