//! Errors of the outside world, named by what the caller does next.

use std::fmt;

/// Why a call to the outside did not do what it should.
///
/// The text is for the log of whoever runs the system; it never goes to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortError {
    /// Someone else changed it meanwhile: read again now and decide again.
    Conflict,
    /// It may have happened or not: try again later.
    Unavailable(String),
    /// We may not do it with the key that we have: wake someone.
    NotPermitted(String),
    /// It will not get better by itself: wake someone.
    Broken(String),
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortError::Conflict => f.write_str("changed meanwhile"),
            PortError::Unavailable(reason) => write!(f, "unavailable: {reason}"),
            PortError::NotPermitted(reason) => write!(f, "not permitted: {reason}"),
            PortError::Broken(reason) => write!(f, "broken: {reason}"),
        }
    }
}

impl std::error::Error for PortError {}
