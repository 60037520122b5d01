//! The account that sells: its name on every invoice.

/// The seller's name.
pub(crate) const NAME: &str = "Saldo";
