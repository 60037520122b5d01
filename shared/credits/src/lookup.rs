//! What the ledger has under the id of a debit.

use saldo_domain::{DebitId, OrgId, PortError, Sharding};

use crate::call::Call;
use crate::port::{Balances, Stored};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Answers those of these debits that have an entry.
    pub(crate) async fn answer_from_ledger(
        &self,
        call: &mut Call<'_>,
        ids: Vec<DebitId>,
    ) -> Result<(), PortError> {
        if ids.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = ids.into_iter().map(|id| (call.sharding.ledger(id), id)).collect();
        let stored = self.balances.entries(call.org, &asked).await?;
        for ((_, id), stored) in asked.iter().zip(&stored) {
            if *stored != Stored::Nothing {
                call.answer(*id, stored, true);
            }
        }
        Ok(())
    }

    pub(crate) async fn entry(
        &self,
        org: &OrgId,
        sharding: Sharding,
        id: DebitId,
    ) -> Result<Stored, PortError> {
        let mut stored = self.balances.entries(org, &[(sharding.ledger(id), id)]).await?;
        Ok(stored.pop().unwrap_or(Stored::Nothing))
    }
}
