//! The account that sells.

/// The seller's name, on every invoice.
pub(crate) const NAME: &str = "Saldo";
/// The account's id.
pub(crate) const ID: &str = "acct_1SaldoStandIn";
