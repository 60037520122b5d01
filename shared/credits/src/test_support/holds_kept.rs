//! What the table keeps of where open holds are.

use saldo_domain::Timestamp;

use crate::port::OpenHoldsOf;

/// Where the open holds of the organisation are kept to be.
#[derive(Clone, Debug)]
pub struct HoldsKept {
    pub of: Option<OpenHoldsOf>,
    /// Whether the organisation is on the list, and when it is due.
    pub(super) listed: bool,
    pub(super) due_at: Option<Timestamp>,
    /// Runs that one answer gives.
    pub page: usize,
}

impl Default for HoldsKept {
    /// As many as DynamoDB is asked for.
    fn default() -> HoldsKept {
        HoldsKept { of: None, listed: false, due_at: None, page: 500 }
    }
}

impl HoldsKept {
    /// When the holds are looked at; `None` where the organisation is not on the list.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.due_at.filter(|_| self.listed)
    }
}
