//! Reverse: takes a debit back whose message was not sent.

use saldo_domain::{Actor, DebitId, OrgId, Reversal, Timestamp};

use crate::outcome::SpendError;
use crate::port::{Balances, Reversed, Stored};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Takes a debit back, once however often it is called, within the window that is configured. From then on its id is
    /// over.
    pub async fn reverse(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Reversal, SpendError> {
        let mut sharding = self.process.sharding(org);
        let mut stored = self.entry(org, sharding, id).await?;
        if stored == Stored::Nothing {
            let (known, all) = self.all_shards(org, now).await?;
            sharding = known;
            let pending = all.iter().find_map(|(_, shard)| Some((*shard.pending.get(&id)?, shard.credits)));
            stored = match pending {
                Some((stamp, available)) => {
                    let finished =
                        self.finish_from_stamps(org, sharding, &[(id, stamp)], available, now).await?;
                    finished.into_iter().next().map_or(Stored::Nothing, |(_, stored)| stored)
                }
                // Not pending either: it may have been finished, and acknowledged, since the ledger was read.
                None => self.entry(org, sharding, id).await?,
            };
        }
        let debit = match stored {
            Stored::Debit(debit) => debit,
            Stored::Reversed(_, before) => return Ok(before),
            Stored::Nothing | Stored::Other => return Err(SpendError::NotFound),
        };
        if !id.is_reversible(now, self.reversal_secs) {
            return Err(SpendError::ReversalWindowOver);
        }
        let reversal = Reversal::of(&debit, now);
        match self.balances.reverse(org, sharding.ledger(id), &reversal, actor).await? {
            Reversed::New => Ok(reversal),
            Reversed::Before(before) => Ok(before),
        }
    }
}
