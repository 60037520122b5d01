//! What the staff do: an action, by whom, when and why, and what was before and after it.

use std::collections::BTreeMap;

use crate::{Actor, Credits, InvalidId, OperationId, OrgId, Timestamp};

/// Why somebody does something: 1 to 500 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    pub fn parse(text: &str) -> Result<Reason, InvalidId> {
        let text = text.trim();
        let fits = (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Reason(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A top-up is compared with the provider, and settled as the rules say.
    Settle,
    /// An unfinished top-up is ended.
    Void,
    /// A doubt is over, and the organisation has its credits.
    ReleaseAsPaid,
    /// A doubt is over, and there is nothing to credit.
    ReleaseAsNothing,
    /// A balance is set right.
    Adjust,
    /// A balance is to be set right by more than one person may decide alone.
    ProposeAdjustment,
    /// A second person agrees to that.
    ApproveAdjustment,
    /// What the provider keeps for a payer beside its invoices is brought to zero.
    ZeroBalance,
    /// Money of a top-up is given back, and its credits are taken first.
    Refund,
    /// The provider has refused to give it back, and its credits are given again.
    UndoRefund,
}

impl Action {
    pub const ALL: [Action; 10] = [
        Action::Settle,
        Action::Void,
        Action::ReleaseAsPaid,
        Action::ReleaseAsNothing,
        Action::Adjust,
        Action::ProposeAdjustment,
        Action::ApproveAdjustment,
        Action::ZeroBalance,
        Action::Refund,
        Action::UndoRefund,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Settle => "settle",
            Action::Void => "void",
            Action::ReleaseAsPaid => "release_as_paid",
            Action::ReleaseAsNothing => "release_as_nothing",
            Action::Adjust => "adjust",
            Action::ProposeAdjustment => "propose_adjustment",
            Action::ApproveAdjustment => "approve_adjustment",
            Action::ZeroBalance => "zero_balance",
            Action::Refund => "refund",
            Action::UndoRefund => "undo_refund",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// One thing that somebody of the staff does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: OperationId,
    pub action: Action,
    pub org: OrgId,
    /// The top-up or the adjustment that it is about.
    pub about: String,
    /// An operator.
    pub by: Actor,
    pub at: Timestamp,
    pub reason: Reason,
}

/// What something was, by names that stay.
pub type Facts = BTreeMap<String, String>;

/// What was done: never edited, and written together with the change where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub operation: Operation,
    pub before: Facts,
    /// The same as before where nothing was to be changed.
    pub after: Facts,
}

/// An adjustment that waits for a second person, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The operation that proposed it.
    pub id: OperationId,
    pub org: OrgId,
    /// Added to the balance; negative where credits leave.
    pub credits: Credits,
    pub by: Actor,
    pub at: Timestamp,
    pub reason: Reason,
    /// Whether a second person has agreed, and it is posted.
    pub posted: bool,
}

/// Whether one person may not decide alone on so many credits.
#[must_use]
pub fn needs_a_second_person(credits: Credits, limit: Credits) -> bool {
    credits.0.unsigned_abs() > limit.0.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_said_on_one_line_and_bounded() {
        assert_eq!(
            Reason::parse("  a test message was charged ").unwrap().as_str(),
            "a test message was charged"
        );
        for text in ["", "   ", "a\nb", &"x".repeat(501)] {
            assert_eq!(Reason::parse(text), Err(InvalidId), "{text}");
        }
        assert!(Reason::parse(&"é".repeat(500)).is_ok());
    }

    #[test]
    fn a_second_person_is_needed_above_the_limit_either_way() {
        for (credits, needed) in
            [(0, false), (10, false), (-10, false), (11, true), (-11, true), (i64::MIN, true)]
        {
            assert_eq!(needs_a_second_person(Credits(credits), Credits(10)), needed, "{credits}");
        }
    }
}
