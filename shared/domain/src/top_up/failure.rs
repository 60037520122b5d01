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
}

impl FailureReason {
    pub const ALL: [FailureReason; 3] =
        [FailureReason::ProviderRefused, FailureReason::InvoiceDiffers, FailureReason::NotCompleted];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::ProviderRefused => "provider_refused",
            FailureReason::InvoiceDiffers => "invoice_differs",
            FailureReason::NotCompleted => "not_completed",
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
