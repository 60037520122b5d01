//! What is planned to go otherwise than usual.

/// Where a request is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500 before anything is done. Like every answer it is kept under the idempotency key, and replayed.
    Before,
    /// 500 when all is done, kept and replayed: what was done can only be found by looking.
    After,
    /// Done, but the answer is lost on its way: 502 from something between, and Stripe replays the true answer.
    Lost,
}

/// A time in which the API does not do what it is asked, whoever asks and with whatever key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    /// What is answered: 429, or 500 and more.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after_secs: Option<u32>,
    /// Only requests whose path has this in it; all of them where it is empty.
    pub about: String,
}

pub(crate) struct PlannedFault {
    pub(crate) template: String,
    pub(crate) fault: Fault,
}

/// How the next refund begins. Otherwise that of a card succeeds at once, and that of a bank transfer waits for the
/// customer's bank details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundPlan {
    Succeeds,
    Pends,
    AsksForBankDetails,
    /// Refused: the seller's balance does not cover it.
    BalanceInsufficient,
}
