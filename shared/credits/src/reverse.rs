//! Reverse: takes a debit back whose message was not sent.

use saldo_domain::{Actor, DebitId, OrgId, PortError, Reversal, Sharding, Stamp, Timestamp};

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
        let (sharding, stored) = self.found(org, id, false, now).await?;
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

    /// What the ledger has under the id of a debit or a hold, after it was written where it is only pending.
    pub(crate) async fn found(
        &self,
        org: &OrgId,
        id: DebitId,
        hold: bool,
        now: Timestamp,
    ) -> Result<(Sharding, Stored), PortError> {
        let sharding = self.process.sharding(org);
        let stored = self.entry(org, sharding, id, hold).await?;
        if stored != Stored::Nothing {
            return Ok((sharding, stored));
        }
        let (sharding, all) = self.all_shards(org, now).await?;
        let of = |(stamp, _): &(Stamp, _)| stamp.is_held() == hold;
        let pending =
            all.values().filter_map(|shard| Some((*shard.pending.get(&id)?, shard.credits))).find(of);
        let stored = match pending {
            Some((stamp, available)) => {
                let finished = self.finish_from_stamps(org, sharding, &[(id, stamp)], available, now).await?;
                finished.into_iter().next().map_or(Stored::Nothing, |(_, stored)| stored)
            }
            // Not pending either: it may have been finished, and acknowledged, since the ledger was read.
            None => self.entry(org, sharding, id, hold).await?,
        };
        Ok((sharding, stored))
    }
}
