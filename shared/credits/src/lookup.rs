//! What the ledger has under the id of a debit.

use saldo_domain::{Debit, DebitId, OrgId, PortError, Sharding};

use crate::call::Call;
use crate::port::{Balances, Stored, Written};
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
        for ((_, id), stored) in asked.into_iter().zip(stored) {
            if stored != Stored::Nothing {
                self.answer(call, id, stored, false).await?;
            }
        }
        Ok(())
    }

    /// Answers a debit by what the ledger has under its id. An entry that was written from its stamp alone is nobody's
    /// message yet: it is completed first, which only one message can do, and that one is new.
    pub(crate) async fn answer(
        &self,
        call: &mut Call<'_>,
        id: DebitId,
        stored: Stored,
        new: bool,
    ) -> Result<(), PortError> {
        let debit: Option<&Debit> = call.left.iter().copied().find(|debit| debit.id == id);
        let completed = match (&stored, debit) {
            (Stored::Debit(entry), Some(debit)) => entry.completed_by(debit, call.actor, call.now),
            (Stored::Nothing | Stored::Debit(_) | Stored::Reversed(..) | Stored::Other, _) => None,
        };
        let Some(entry) = completed else {
            call.answer(id, &stored, !new);
            return Ok(());
        };
        match self.balances.complete(call.org, call.sharding.ledger(id), &entry).await? {
            Written::New => call.answer(id, &Stored::Debit(entry), false),
            Written::Before(there) => call.answer(id, there.first().unwrap_or(&Stored::Nothing), true),
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
