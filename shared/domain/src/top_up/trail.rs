//! The trail of a top-up: what happened to it, one occasion after the other.

use crate::{Author, Entitlement, ReviewReason, Status, Timestamp, TopUp};

/// One occasion on which something was done about a top-up: who, why, what the provider was asked, what came of it.
///
/// One that changed the row is written in the same transaction; see [`What::changes_the_row`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// When the work on it began.
    pub at: Timestamp,
    pub author: Author,
    /// The provider's word for what it told, where an event was the cause.
    pub event: Option<String>,
    /// The requests to the provider since the occasion before, the last [`MOST_ASKED`] of them.
    pub asked: Vec<Asked>,
    pub what: What,
    /// What belongs to `what`: the word of a reason, the provider's name of an invoice, how many credits moved.
    pub detail: Option<String>,
    /// The row as it is after it.
    pub row: RowThen,
}

/// What a row said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowThen {
    pub revision: i64,
    pub status: Status,
    pub posted: Entitlement,
    pub review: Option<ReviewReason>,
}

/// One request to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What was asked for, as the provider names it, without ids.
    pub call: String,
    pub answer: Answer,
    /// By which name the provider's own log has the request; `None` where no answer came.
    pub id: Option<String>,
}

/// The comparisons with the provider that found nothing new: they are counted in the row, which is written after each of
/// them anyway, and have no occasion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub times: i64,
    /// The last time.
    pub at: Timestamp,
    /// By which name the provider's own log has the last request of it.
    pub id: Option<String>,
}

/// How the provider answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// There is no such thing.
    NotFound,
    Refused,
    /// It may have happened or not.
    Unclear,
}

/// What came of an occasion; of two that come of one call, the earlier first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The purchase was written down.
    Ordered,
    /// The provider made a draft of the invoice, which the row is about to name.
    DraftMade,
    /// The invoice can be paid.
    Opened,
    /// The bank refused a payment.
    PaymentRefused,
    /// Money is proven, and its credits were given.
    Credited,
    /// Money went back, and its credits with it.
    TakenBack,
    /// What was taken back was given again.
    GivenAgain,
    /// Other amounts went back, which moved no credits.
    ReturnsNoted,
    /// Someone asked for the end of the top-up; what came of it follows.
    CancelAsked,
    /// The provider did not let it end: a payment is under way, or it says what we do not understand.
    CancelRefused,
    Canceled,
    Expired,
    Failed,
    /// It ended in a way that does not fit.
    InReview,
    /// It stays as it is, and a person looks.
    Flagged,
    /// A person has looked, and it stays as it is.
    Released,
    /// A person gave it more time to be paid.
    Extended,
    /// Everything was as the row says.
    NothingNew,
    /// The provider has not decided yet.
    Undecided,
    /// The provider says what cannot be.
    Contradiction,
    /// It was cut off: the same comes again, or a check brings it on.
    NotDone,
}

/// How many requests of one occasion are kept: the item stays within what one write unit is billed for.
pub const MOST_ASKED: usize = 8;

impl What {
    pub const ALL: [What; 21] = [
        What::Ordered,
        What::DraftMade,
        What::Opened,
        What::PaymentRefused,
        What::Credited,
        What::TakenBack,
        What::GivenAgain,
        What::ReturnsNoted,
        What::CancelAsked,
        What::CancelRefused,
        What::Canceled,
        What::Expired,
        What::Failed,
        What::InReview,
        What::Flagged,
        What::Released,
        What::Extended,
        What::NothingNew,
        What::Undecided,
        What::Contradiction,
        What::NotDone,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            What::Ordered => "ordered",
            What::DraftMade => "draft_made",
            What::Opened => "opened",
            What::PaymentRefused => "payment_refused",
            What::Credited => "credited",
            What::TakenBack => "taken_back",
            What::GivenAgain => "given_again",
            What::ReturnsNoted => "returns_noted",
            What::CancelAsked => "cancel_asked",
            What::CancelRefused => "cancel_refused",
            What::Canceled => "canceled",
            What::Expired => "expired",
            What::Failed => "failed",
            What::InReview => "in_review",
            What::Flagged => "flagged",
            What::Released => "released",
            What::Extended => "extended",
            What::NothingNew => "nothing_new",
            What::Undecided => "undecided",
            What::Contradiction => "contradiction",
            What::NotDone => "not_done",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<What> {
        What::ALL.into_iter().find(|what| what.as_str() == text)
    }

    /// Whether the row was written with it, as its revision.
    #[must_use]
    pub fn changes_the_row(self) -> bool {
        match self {
            What::Ordered | What::Opened | What::PaymentRefused => true,
            What::Credited | What::TakenBack | What::GivenAgain | What::ReturnsNoted => true,
            What::Canceled
            | What::Expired
            | What::Failed
            | What::InReview
            | What::Flagged
            | What::Released
            | What::Extended => true,
            What::DraftMade | What::CancelAsked | What::CancelRefused => false,
            What::NothingNew | What::Undecided | What::Contradiction | What::NotDone => false,
        }
    }

    /// Whether it is kept as long as the row. Of everything else there may come any number, and it is forgotten some day.
    #[must_use]
    pub fn is_lasting(self) -> bool {
        self.changes_the_row() && !matches!(self, What::PaymentRefused | What::ReturnsNoted)
    }

    /// Whether the customer is told: what became of their order and their money, and nothing of how we work.
    #[must_use]
    pub fn is_for_customers(self) -> bool {
        self.is_lasting() || matches!(self, What::PaymentRefused | What::CancelAsked | What::CancelRefused)
    }
}

impl Answer {
    pub const ALL: [Answer; 4] = [Answer::Done, Answer::NotFound, Answer::Refused, Answer::Unclear];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Answer::Done => "done",
            Answer::NotFound => "not_found",
            Answer::Refused => "refused",
            Answer::Unclear => "unclear",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Answer> {
        Answer::ALL.into_iter().find(|answer| answer.as_str() == text)
    }
}

impl RowThen {
    #[must_use]
    pub fn of(top_up: &TopUp) -> RowThen {
        let TopUp { revision, status, posted, review, .. } = *top_up;
        RowThen { revision, status, posted, review }
    }
}

impl Occasion {
    /// The first of a top-up: it was ordered.
    #[must_use]
    pub fn ordered(top_up: &TopUp) -> Occasion {
        Occasion::of(What::Ordered, top_up, &top_up.changed_by, top_up.created_at)
    }

    /// `top_up` is the row as it is after it.
    #[must_use]
    pub fn of(what: What, top_up: &TopUp, author: &Author, now: Timestamp) -> Occasion {
        let row = RowThen::of(top_up);
        let (author, asked) = (author.clone(), Vec::new());
        Occasion { at: now, author, event: None, asked, what, detail: None, row }
    }

    /// The same with what the provider was asked, of which the earliest is left out when it is too much.
    #[must_use]
    pub fn with_asked(self, mut asked: Vec<Asked>) -> Occasion {
        let too_many = asked.len().saturating_sub(MOST_ASKED);
        asked.drain(..too_many);
        Occasion { asked, ..self }
    }

    #[must_use]
    pub fn with_detail(self, detail: &str) -> Occasion {
        Occasion { detail: Some(detail.to_owned()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_up::examples::top_up;

    #[test]
    fn an_occasion_keeps_the_last_requests_when_there_are_many() {
        let asked = |n: usize| Asked { call: format!("{n}"), answer: Answer::Done, id: None };
        let many = Occasion::ordered(&top_up(Status::Requested)).with_asked((0..20).map(asked).collect());
        assert_eq!(many.asked.first().unwrap().call, "12");
        assert_eq!(many.asked.len(), MOST_ASKED);
    }

    #[test]
    fn words_are_read_back() {
        for what in What::ALL {
            assert_eq!(What::parse(what.as_str()), Some(what));
            assert!(!what.is_lasting() || what.changes_the_row(), "{what:?}");
        }
        for answer in Answer::ALL {
            assert_eq!(Answer::parse(answer.as_str()), Some(answer));
        }
    }
}
