//! The rules of buying and spending credits: pure, without I/O, clock or async.
//!
//! Time and identifiers come in as arguments. What the payment provider says comes in as [`Evidence`]; what to do about it
//! goes out as a [`Change`]; every movement of credits is a [`Posting`].

mod account;
mod alarm;
mod balance;
mod books;
mod call_budget;
mod ledger;
mod meters;
mod metric;
mod money;
mod operation;
mod outage;
mod port_error;
mod timestamp;
mod top_up;

pub use account::{
    Actor, Author, BillingContact, Cause, ContactField, IdempotencyKey, InvalidContact, InvalidId, Language,
    OperationId, OrgId, Payer, Permission, Permissions, Settings, Subject, TopUpId,
};
pub use alarm::Alarm;
pub use balance::{
    Admission, Allowance, AtEnd, BalanceShard, BalanceShards, Beside, Budget, BudgetBy, BudgetId, BudgetName,
    BudgetTerms, Budgets, Charge, ChargedAs, Codes, Count, Counted, Counters, Counting, Crowd, Day, Debit,
    DebitEntry, DebitId, Details, Giver, Group, Guard, HOLD_SECS, HeldLine, HeldOf, Hold, HoldChange,
    HoldEnded, HoldRefused, HoldStep, HoldTerms, HoldUse, HowEnded, Known, LEAST_HOLD_SECS,
    LONGEST_RETRY_AFTER_SECS, LONGEST_WAIT_MS, LateReport, Limiting, Look, MOST_ACKNOWLEDGED, MOST_BUDGETS,
    MOST_CARRIED, MOST_HOLD_SECS, MOST_IN_BATCH, MOST_SHARDS, MOST_VALID_SECS, MadeHold, NEARLY_PERCENT,
    NotCounted, NotSet, OverBudget, PENDING_MOST, PENDING_ROOM, PendingChange, Period, REPORTED_WITHIN_SECS,
    Reached, Rebalance, Reference, Refusal, Reported, Reservation, ReservedDebit, Resume, Reversal, Round,
    RunId, SEQUENCE_STEP, ShardCounts, ShardCountsError, ShardId, Sharding, Stamp, Told, Turn, Watermark,
    allowance, covered, gather, in_portions, rebalance, refusal, resume, to_acknowledge_at_once, total, turn,
    why_refused,
};
pub use books::{
    Closing, Comparison, Cut, Difference, DifferenceKind, LedgerCheck, LedgerLine, Moved, Outcome, Report,
    RowBooks, Sums, Sweep, Used, Verdict,
};
pub use call_budget::{CallBudget, CallBudgets, CallBudgetsError, CallKind, KindBudgets, Taken};
pub use ledger::{Credits, Entry, EntryId, EntryKind, Floor, Month, Once, Posting};
pub use meters::{
    Channel, Class, ClassTariff, Country, MOST_CREDITS, MOST_METERS, MOST_RATE, MOST_UNITS, Meter, Meters,
    MetersError, Price, PriceError, RateVersion, Tariff, Units,
};
pub use metric::{METRICS, Metric, Unit};
pub use money::{
    Currency, Limits, Money, OtherBase, PriceList, PriceListError, Purchase, Quote, QuoteError, TaxBase,
    TaxPercent, UnknownCurrency,
};
pub use operation::{Action, Audit, Facts, Operation, Proposal, Reason, needs_a_second_person};
pub use outage::{Breaker, Leave, PutOff, Waiting, hidden_secs};
pub use port_error::PortError;
pub use timestamp::Timestamp;
pub use top_up::{
    Answer, Asked, Change, Commit, CreditNote, Deployment, Disagreement, Dispute, DisputeStatus, Ending,
    Entitlement, Evidence, FailureReason, InvoiceLink, InvoiceStatus, LONGEST_LIFE_DAYS, Looked, MOST_ASKED,
    NotExtended, NotRefunded, NotReleased, NoteDocument, Nothing, Obstacle, Occasion, PaidWith, Payment,
    PaymentFailure, PaymentKind, Policy, Proven, Refund, RefundOrder, RefundState, RefundUnderWay,
    ReleasedAs, Returned, Returns, ReviewReason, RowThen, Seen, Side, Standing, Status, Step, ToldBeside,
    TopUp, What, apply, begin_refund, decide, disagreements, entitled, extend, lifecycle, prove, release,
    undo_refund, what_was_ordered,
};
