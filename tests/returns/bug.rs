//! What the way to provider and table can be told to do wrong.

/// One thing read wrongly, forgotten, or done twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A refund that failed still counts.
    FailedRefundCounts,
    /// A refund that was canceled still counts.
    CanceledRefundCounts,
    /// A refund counts only once it has arrived.
    PendingRefundIgnored,
    /// A refund that waits for the payer's bank does not count.
    WaitingRefundIgnored,
    /// What the charge says was refunded is believed, which does not fall when a refund fails.
    ChargeBelieved,
    /// Only the newest refund is read.
    FirstRefundOnly,
    /// Each refund is read twice, as by two pages that overlap.
    RefundsReadTwice,
    /// A dispute counts by its status, and not by where its money is.
    DisputeByStatus,
    /// A dispute that was won keeps its credits.
    WonStaysTaken,
    /// An inquiry takes credits.
    InquiryTakes,
    /// Disputes are not read.
    DisputesUnread,
    /// A credit note counts beside the refund that it is.
    NoteBesideItsRefund,
    /// A credit note that was voided counts.
    VoidedNoteCounts,
    /// Credit notes are not read.
    NotesUnread,
    /// The amounts that the event told are believed.
    EventBelieved,
    /// What went back is added to what the row has posted.
    Incremental,
    /// The provider answers with what was true before.
    StaleAnswers,
    /// What was not asked for is taken for nothing.
    UnaskedIsNothing,
    /// The row is written over whatever it is by now.
    RevisionIgnored,
    /// The postings are written and the row is not.
    RowForgotten,
    /// The row is written and the postings are not.
    PostingsForgotten,
    /// A commit that is sent again moves the balance again.
    PostedTwice,
    /// No more is taken back than is there.
    NothingOwed,
    /// An event whose handling failed does not come again.
    FailureAcknowledged,
    /// Nobody subscribed to what becomes of refunds later.
    RefundEventsUnheard,
    /// Nobody subscribed to what becomes of disputes later.
    DisputeEventsUnheard,
    /// Nobody subscribed to credit notes.
    NoteEventsUnheard,
    /// The provider is asked for a refund before its credits are taken.
    MoneyFirst,
    /// A refund that the provider refused keeps its credits.
    CreditsKept,
    /// Which refund a credit note was made for is not read.
    MarkUnread,
    /// The provider's idempotency key of a refund does nothing.
    RefundKeyIgnored,
    /// The operator's key is not remembered.
    OperatorKeyForgotten,
    /// A refund takes credits that were spent, though nobody said so.
    FloorIgnored,
    /// That somebody else has set out to ask for the same refund is not remembered.
    RepeatForgotten,
    /// What the provider tells beside a refund that is under way is not kept.
    ToldBesideForgotten,
}

impl Bug {
    /// Those that chance comes upon: the others take an order of calls (`between.rs`).
    pub(super) const ALL: [Bug; 33] = [
        Bug::FailedRefundCounts,
        Bug::CanceledRefundCounts,
        Bug::PendingRefundIgnored,
        Bug::WaitingRefundIgnored,
        Bug::ChargeBelieved,
        Bug::FirstRefundOnly,
        Bug::RefundsReadTwice,
        Bug::DisputeByStatus,
        Bug::WonStaysTaken,
        Bug::InquiryTakes,
        Bug::DisputesUnread,
        Bug::NoteBesideItsRefund,
        Bug::VoidedNoteCounts,
        Bug::NotesUnread,
        Bug::EventBelieved,
        Bug::Incremental,
        Bug::StaleAnswers,
        Bug::UnaskedIsNothing,
        Bug::RevisionIgnored,
        Bug::RowForgotten,
        Bug::PostingsForgotten,
        Bug::PostedTwice,
        Bug::NothingOwed,
        Bug::FailureAcknowledged,
        Bug::RefundEventsUnheard,
        Bug::DisputeEventsUnheard,
        Bug::NoteEventsUnheard,
        Bug::MoneyFirst,
        Bug::CreditsKept,
        Bug::MarkUnread,
        Bug::RefundKeyIgnored,
        Bug::OperatorKeyForgotten,
        Bug::FloorIgnored,
    ];
}
