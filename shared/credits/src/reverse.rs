//! Reverse: takes a debit back whose message was not sent.

use saldo_domain::{Actor, DebitId, OrgId, Reversal, Timestamp};

use crate::outcome::SpendError;
use crate::port::{Balances, Reversed, Stored};
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Takes a debit back, once however often it is called.
    pub async fn reverse(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Reversal, SpendError> {
        if let Some(reversal) = self.balances.reversal(org, id).await? {
            return Ok(reversal);
        }
        let mut stored = self.entry(org, self.process.sharding(org), id).await?;
        if stored == Stored::Nothing {
            let (sharding, all) = self.all_shards(org, now).await?;
            let pending = all.iter().find_map(|(_, shard)| Some((*shard.pending.get(&id)?, shard.credits)));
            stored = match pending {
                Some((stamp, available)) => {
                    self.finish_from_stamp(org, sharding, id, stamp, available).await?
                }
                // Not pending either: it may have been finished, and acknowledged, since the ledger was read.
                None => self.entry(org, sharding, id).await?,
            };
        }
        let Stored::Debit(debit) = stored else { return Err(SpendError::NotFound) };
        let reversal = Reversal::of(&debit, now);
        match self.balances.reverse(org, &reversal, actor).await? {
            Reversed::New => Ok(reversal),
            Reversed::Before(before) => Ok(before),
        }
    }
}
