//! Why nothing that can be paid came of a top-up.

use crate::Status;

/// Why a top-up failed; its request is answered with it for as long as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// The provider will not make or finalise the invoice.
    ProviderRefused,
    /// The provider's invoice is not what was ordered.
    InvoiceDiffers,
    /// Its maker and all repeats ended before the invoice could be paid.
    NotCompleted,
    /// The provider sells nothing until a person acts, and the top-up could not be taken back without a trace.
    Obstacle(Obstacle),
}

/// Why the provider sells nothing to an organisation until a person removes it: trying again alone never helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The provider keeps a balance for the payer, which would change what the next invoice asks for.
    CustomerBalance,
    /// The seller's account does not take this currency.
    CurrencyNotEnabled,
    /// The total is less than the provider charges.
    AmountTooSmall,
    /// Our key may not do what is needed, or is none any more.
    KeyNotPermitted,
    /// The provider does not know the payer, and one that was just made neither.
    PayerUnknown,
}

impl Obstacle {
    pub const ALL: [Obstacle; 5] = [
        Obstacle::CustomerBalance,
        Obstacle::CurrencyNotEnabled,
        Obstacle::AmountTooSmall,
        Obstacle::KeyNotPermitted,
        Obstacle::PayerUnknown,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Obstacle::CustomerBalance => "customer_balance_at_provider",
            Obstacle::CurrencyNotEnabled => "currency_not_enabled",
            Obstacle::AmountTooSmall => "amount_below_provider_minimum",
            Obstacle::KeyNotPermitted => "provider_key_not_permitted",
            Obstacle::PayerUnknown => "customer_unknown_at_provider",
        }
    }
}

impl FailureReason {
    pub const ALL: [FailureReason; 8] = [
        FailureReason::ProviderRefused,
        FailureReason::InvoiceDiffers,
        FailureReason::NotCompleted,
        FailureReason::Obstacle(Obstacle::CustomerBalance),
        FailureReason::Obstacle(Obstacle::CurrencyNotEnabled),
        FailureReason::Obstacle(Obstacle::AmountTooSmall),
        FailureReason::Obstacle(Obstacle::KeyNotPermitted),
        FailureReason::Obstacle(Obstacle::PayerUnknown),
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::ProviderRefused => "provider_refused",
            FailureReason::InvoiceDiffers => "invoice_differs",
            FailureReason::NotCompleted => "not_completed",
            FailureReason::Obstacle(obstacle) => obstacle.as_str(),
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<FailureReason> {
        FailureReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// How a top-up ends of which nothing that could be paid is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Canceled,
    Expired,
    Failed(FailureReason),
}

impl Ending {
    /// The ending that is this status; of a failed one nobody was told why. `None` where money was involved, or for no ending.
    #[must_use]
    pub fn of(status: Status) -> Option<Ending> {
        match status {
            Status::Canceled => Some(Ending::Canceled),
            Status::Expired => Some(Ending::Expired),
            Status::Failed => Some(Ending::Failed(FailureReason::NotCompleted)),
            Status::Requested | Status::Open | Status::Paid | Status::InReview => None,
        }
    }

    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Ending::Canceled => Status::Canceled,
            Ending::Expired => Status::Expired,
            Ending::Failed(_) => Status::Failed,
        }
    }

    #[must_use]
    pub fn failure(self) -> Option<FailureReason> {
        match self {
            Ending::Canceled | Ending::Expired => None,
            Ending::Failed(reason) => Some(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_as_it_was_written() {
        for reason in FailureReason::ALL {
            assert_eq!(FailureReason::parse(reason.as_str()), Some(reason));
        }
        for obstacle in Obstacle::ALL {
            assert_eq!(FailureReason::parse(obstacle.as_str()), Some(FailureReason::Obstacle(obstacle)));
        }
        assert_eq!(FailureReason::parse("out_of_paper"), None);
    }
}
