//! What the ledger has under the id of a debit.

use saldo_domain::{Debit, DebitId, OrgId, PortError, Sharding};

use crate::call::Call;
use crate::port::{Balances, Stored, Written};
use crate::spender::Spender;

/// How often an entry is completed that changes: a hold ends once.
const TRIES: usize = 3;

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
        let asked: Vec<_> = ids.into_iter().map(|id| (call.ledger(id), id)).collect();
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
        let (mut stored, mut new) = (stored, new);
        for _ in 0..TRIES {
            let debit: Option<&Debit> = call.left.iter().copied().find(|debit| debit.id == id);
            let completed = match (&stored, debit) {
                (Stored::Debit(entry), Some(debit)) => entry.completed_by(debit, call.actor, call.now),
                (Stored::Nothing | Stored::Debit(_) | Stored::Reversed(..) | Stored::Other, _) => None,
            };
            let Some(entry) = completed else { break };
            match self.balances.complete(call.org, call.ledger(id), &entry).await? {
                Written::New => {
                    call.answer(id, &Stored::Debit(entry), false);
                    return Ok(());
                }
                // Someone else completed it, or ended it where it is a hold: then it is completed as it is now.
                Written::Before(there) => {
                    (stored, new) = (there.into_iter().next().unwrap_or(Stored::Nothing), false);
                }
            }
        }
        call.answer(id, &stored, !new);
        Ok(())
    }

    pub(crate) async fn entry(
        &self,
        org: &OrgId,
        sharding: Sharding,
        id: DebitId,
        hold: bool,
    ) -> Result<Stored, PortError> {
        let mut stored = self.balances.entries(org, &[(sharding.ledger_of(id, hold), id)]).await?;
        Ok(stored.pop().unwrap_or(Stored::Nothing))
    }
}
