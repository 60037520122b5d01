//! Why a step of opening did not succeed, and the key under which it is tried anew.

use saldo_domain::{Obstacle, PortError, ReviewReason};

use crate::InvoicesError;

/// Why a top-up could not be opened.
pub(super) enum OpenError {
    Port(PortError),
    Provider(InvoicesError),
    /// The provider sells nothing before a person has acted; with its words.
    Barred(Obstacle, String),
    /// The provider's invoice is not what was ordered.
    Mismatch(ReviewReason),
}

/// Another key for the same step: under the old one the provider would repeat its answer.
pub(super) fn again(key: &str) -> String {
    format!("{key}-{:016x}", fastrand::u64(..))
}

impl From<PortError> for OpenError {
    fn from(error: PortError) -> OpenError {
        match error {
            PortError::NotPermitted(what) => OpenError::Barred(Obstacle::KeyNotPermitted, what),
            error => OpenError::Port(error),
        }
    }
}

impl From<InvoicesError> for OpenError {
    fn from(error: InvoicesError) -> OpenError {
        match error {
            InvoicesError::Barred { what, obstacle } => OpenError::Barred(obstacle, what),
            InvoicesError::PayerUnknown { what } => OpenError::Barred(Obstacle::PayerUnknown, what),
            error => OpenError::Provider(error),
        }
    }
}
