//! What the provider keeps for a payer beside its invoices, and bringing it to zero.

use std::future::Future;

use saldo_domain::{Audit, Facts, Money, OperationId, PortError, Timestamp};

use crate::audited::Audits;
use crate::operate::{OperateError, Operated, Wish};
use crate::{Invoices, InvoicesError, TopUps};

/// Balances of payers at the provider: below zero the payer has credit that the next invoice would use up, above zero a debt
/// that it would add.
pub trait PayerBalances: Send + Sync {
    /// The balance as it is now; `None` when the provider does not know the payer, or never billed it.
    fn payer_balance(&self, payer: &str)
    -> impl Future<Output = Result<Option<Money>, InvoicesError>> + Send;

    /// The latest hundred changes, the newest first.
    fn balance_changes(
        &self,
        payer: &str,
    ) -> impl Future<Output = Result<Vec<BalanceChange>, InvoicesError>> + Send;

    /// Adds to the balance in the name of an operation, once behind the change with the id `after`: of two operations that
    /// saw the same changes the provider refuses one.
    fn change_balance(
        &self,
        payer: &str,
        by: Money,
        of: &OperationId,
        after: Option<&str>,
    ) -> impl Future<Output = Result<BalanceChange, InvoicesError>> + Send;
}

/// A change of a payer's balance, as the provider keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceChange {
    pub id: String,
    /// What was added.
    pub amount: Money,
    /// The balance after it.
    pub after: Money,
    /// The operation that it names.
    pub operation: Option<String>,
}

impl<R: Audits + Clone, I: Invoices + PayerBalances + Clone> TopUps<R, I> {
    /// Brings what the provider keeps for `payer` to zero, if it is still what was `seen`: so nobody takes away more than he
    /// looked at. What was begun and cut off is found again at the provider, by the operation that it names.
    pub async fn zero_balance(
        &self,
        wish: &Wish,
        payer: &str,
        seen: Money,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let operation = match self.asked(wish, now).await? {
            Ok(operation) => operation,
            Err(done) => return Ok(done),
        };
        let id = &operation.id;
        // Before the balance, so that a change that comes between the two is seen in the balance.
        let changes = self.invoices.balance_changes(payer).await.map_err(PortError::from)?;
        let own = changes.iter().find(|change| change.operation.as_deref() == Some(id.as_str()));
        let change = match own {
            Some(change) => Some(change.clone()),
            None => {
                let balance = self.invoices.payer_balance(payer).await.map_err(PortError::from)?;
                let is_seen = balance.map_or(seen.minor_units == 0, |balance| balance == seen);
                if !is_seen {
                    return Err(OperateError::BalanceChanged(balance));
                }
                let by = Money::new(seen.currency, seen.minor_units.saturating_neg());
                let after = changes.first().map(|change| change.id.as_str());
                match by.minor_units {
                    0 => None,
                    _ => {
                        let changed = self.invoices.change_balance(payer, by, id, after).await;
                        Some(changed.map_err(PortError::from)?)
                    }
                }
            }
        };
        let (before, mut after) = match &change {
            None => (fact(0), fact(0)),
            Some(BalanceChange { amount, after, .. }) => {
                let before = after.minor_units.saturating_sub(amount.minor_units);
                (fact(before), fact(after.minor_units))
            }
        };
        after.extend(change.map(|change| ("transaction".to_owned(), change.id)));
        let audit = Audit { operation: operation.clone(), before, after };
        self.rows.keep_audit(&audit).await?;
        self.done(&operation, true).await
    }
}

/// In minor units; the operation says of which currency.
fn fact(minor_units: i64) -> Facts {
    Facts::from([("balance".to_owned(), minor_units.to_string())])
}
