//! What became of a debit, and why nothing was spent.

use std::fmt;

use saldo_domain::{
    Credits, Debit, DebitId, HoldRefused, MadeHold, OverBudget, PortError, PriceError, Units,
};

/// A debit that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debited {
    pub id: DebitId,
    pub credits: Credits,
    pub units: Units,
    /// What could be spent after it, at the least; the same for every repeat. Of an organisation whose debits are spread over
    /// shards: what the one that served it has left, so that it is never more than there is.
    pub available: Credits,
    /// What became of it, where it is a hold.
    pub hold: Option<MadeHold>,
    /// Whether it was done before.
    pub repeated: bool,
}

/// What became of one debit of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done(Debited),
    /// The id is that of another message, or of no debit: nothing was spent under it now.
    Reused,
    /// The debit was taken back: its id is over, and nothing was spent under it now.
    Reversed,
}

impl Outcome {
    /// What the sender of this debit is told, who asked for no other one.
    pub(crate) fn alone(self) -> Result<Debited, SpendError> {
        match self {
            Outcome::Done(debited) => Ok(debited),
            Outcome::Reused => Err(SpendError::Reused),
            Outcome::Reversed => Err(SpendError::Reversed),
        }
    }
}

/// Why nothing was spent, or it is not known whether it was: repeating with the same ids is always safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendError {
    /// Not covered. Not remembered: the same id may do after a top-up. `available` is negative where credits are owed.
    NotEnough {
        needed: Credits,
        available: Credits,
    },
    /// A budget does not let it pass. Not remembered, and not for good: the same id may do in the next period, or when the
    /// budget is changed.
    OverBudget(Box<OverBudget>),
    /// The id is that of another message, or of no debit.
    Reused,
    /// The debit was taken back: its id is over.
    Reversed,
    /// It is too late to take the debit back.
    ReversalWindowOver,
    /// The id is used for the first time and not of these 24 hours.
    Untimely(DebitId),
    /// There is no such debit, or no such hold.
    NotFound,
    /// The hold is not as it would have to be.
    Hold(HoldRefused),
    /// A debit would cost more than its sender lets it.
    OverMaximum {
        id: DebitId,
        credits: Credits,
        most: Credits,
    },
    /// There is no such meter, or class.
    NotSold {
        id: DebitId,
        why: PriceError,
    },
    /// What a debit may cost: its units at one rate, up to [`saldo_domain::MOST_CREDITS`].
    Unpayable,
    /// A batch is 1 to 25 debits, each with an id of its own.
    NoBatch,
    /// More debits of this organisation are pending than its balance shard holds.
    Busy,
    /// Many senders of this organisation wait for the same balance shard, and this one has waited long enough: it may come
    /// again in so many seconds, which differ so that those who wait do not come at once.
    Crowded {
        retry_after_secs: u32,
    },
    Port(PortError),
}

impl SpendError {
    /// Why a debit is refused that costs more than it may, or is not sold, and was not done before; `None` for any other one.
    pub(crate) fn if_new(debit: &Debit) -> Option<SpendError> {
        let id = debit.id;
        if let Some(why) = debit.not_sold.clone() {
            return Some(SpendError::NotSold { id, why });
        }
        let most = debit.max_credits.filter(|_| debit.is_refused_if_new())?;
        Some(SpendError::OverMaximum { id, credits: debit.credits, most })
    }
}

pub(crate) fn broken(what: &str) -> PortError {
    PortError::Broken(what.to_owned())
}

impl From<PortError> for SpendError {
    fn from(error: PortError) -> SpendError {
        SpendError::Port(error)
    }
}

impl fmt::Display for SpendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpendError::NotEnough { needed, available } => {
                write!(f, "not enough credits: {available} of {needed}")
            }
            SpendError::OverBudget(over) => {
                let (budget, debit) = (over.budget.id.as_str(), over.debit);
                write!(f, "the debit {debit} is beyond the budget {budget}")
            }
            SpendError::Reused => f.write_str("the id is of another message"),
            SpendError::Reversed => f.write_str("the debit was reversed"),
            SpendError::ReversalWindowOver => f.write_str("it is too late to reverse the debit"),
            SpendError::Untimely(id) => write!(f, "the id {id} is not of these 24 hours"),
            SpendError::Hold(refused) => write!(f, "the hold was not changed: {refused:?}"),
            SpendError::NotFound => f.write_str("no such debit"),
            SpendError::OverMaximum { id, credits, most } => {
                write!(f, "the debit {id} costs {credits} credits, and may cost {most}")
            }
            SpendError::NotSold { id, why } => write!(f, "the debit {id}: {why}"),
            SpendError::Unpayable => f.write_str("a debit costs its units at one rate, within limits"),
            SpendError::NoBatch => f.write_str("a batch is 1 to 25 debits, each with an id of its own"),
            SpendError::Busy | SpendError::Crowded { .. } => f.write_str("too many debits at once"),
            SpendError::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SpendError {}
