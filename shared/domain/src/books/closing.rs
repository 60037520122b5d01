//! A month's closing: what its entries come to, once nothing in it changes any more.

use super::Sums;
use crate::{Credits, Month};

/// What a final month comes to, written once and never changed: whoever looks later reads it instead of the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    pub month: Month,
    /// The sum of all entries of earlier months.
    pub opening: Credits,
    pub sums: Sums,
    /// The invoice numbers of the top-ups that were credited in this month, in order.
    pub invoices: Vec<String>,
}

/// How many invoice numbers a closing names at the most, so that it stays far below the largest item of a table.
const MOST_INVOICES: usize = 1_000;

impl Closing {
    /// The closing of `month`, whose top-ups have these invoice numbers; beyond the first thousand they are left out.
    #[must_use]
    pub fn new(month: Month, opening: Credits, sums: Sums, mut invoices: Vec<String>) -> Closing {
        invoices.sort();
        invoices.truncate(MOST_INVOICES);
        Closing { month, opening, sums, invoices }
    }

    /// The sum of all entries up to the end of the month.
    #[must_use]
    pub fn closing(&self) -> Credits {
        Credits(self.opening.0.saturating_add(self.sums.total().0))
    }
}
