//! Why something of Stripe could not be tried.

use std::fmt;

use saldo_top_ups::InvoicesError;

/// Why it could not be tried.
#[derive(Debug)]
pub(crate) struct Obstacle(pub(crate) String);

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<InvoicesError> for Obstacle {
    fn from(error: InvoicesError) -> Obstacle {
        Obstacle(error.to_string())
    }
}
