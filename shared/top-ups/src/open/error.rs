//! Why a step of opening did not succeed, and the key under which it is tried anew.

use saldo_domain::{PortError, ReviewReason};

use crate::InvoicesError;

/// Why a top-up could not be opened.
pub(super) enum OpenError {
    Port(PortError),
    Provider(InvoicesError),
    /// The provider's invoice is not what was ordered.
    Mismatch(ReviewReason),
}

/// Another key for the same step: under the old one the provider would repeat its answer.
pub(super) fn again(key: &str) -> String {
    format!("{key}-{:016x}", fastrand::u64(..))
}

impl From<PortError> for OpenError {
    fn from(error: PortError) -> OpenError {
        OpenError::Port(error)
    }
}

impl From<InvoicesError> for OpenError {
    fn from(error: InvoicesError) -> OpenError {
        OpenError::Provider(error)
    }
}
