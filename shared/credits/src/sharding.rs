//! The balance shards of an organisation: all of them, how many there are to be, and how there come to be several.

use saldo_domain::{
    BalanceShard, BalanceShards, MOST_SHARDS, OrgId, PortError, ShardId, Sharding, Timestamp,
};

use crate::port::Balances;
use crate::spender::Spender;

/// How long before entries go to the shards' ledgers this is decided, in seconds: five minutes that an id may be ahead of
/// our clock when it is used first, and as many for our clocks and calls.
const SHARDING_AHEAD_SECS: i64 = 600;
/// How often the main shard is asked to say from when on.
const TRIES: usize = 4;

impl<B: Balances> Spender<B> {
    /// Lets an organisation that has bought credits say over how many balance shards its debits are spread: 0 for none, up
    /// to [`MOST_SHARDS`]; `None` leaves it to the configuration. Processes learn it when they next see the main shard.
    ///
    /// [`PortError::Conflict`] when there is no balance yet, [`PortError::Broken`] for more.
    pub async fn set_shards(&self, org: &OrgId, shards: Option<u8>) -> Result<(), PortError> {
        if shards.is_some_and(|shards| shards > MOST_SHARDS) {
            return Err(PortError::Broken(format!("an organisation has at most {MOST_SHARDS} shards")));
        }
        self.balances.set_shards(org, shards).await
    }

    /// All balance shards of the organisation whose main one is `main`.
    pub async fn shards_beside(&self, org: &OrgId, main: BalanceShard) -> Result<BalanceShards, PortError> {
        match main.sharding {
            Sharding::No | Sharding::Announced => Ok(BalanceShards::from([(ShardId::MAIN, main)])),
            Sharding::Since(_) => {
                let all = self.balances.all_shards(org).await?;
                self.process.saw_all(org, &all);
                Ok(all)
            }
        }
    }

    /// All balance shards, and what the main one says of sharding: where that is announced, it begins now.
    pub async fn all_shards(
        &self,
        org: &OrgId,
        now: Timestamp,
    ) -> Result<(Sharding, BalanceShards), PortError> {
        let mut main = self.balances.main_shard(org).await?;
        if main.sharding == Sharding::Announced {
            main.sharding = self.make_sharded(org, now).await?;
        }
        let sharding = main.sharding;
        Ok((sharding, self.shards_beside(org, main).await?))
    }

    /// How the organisation's debits are spread, as far as it is known; where they are to be, they are.
    pub(crate) async fn known_sharding(&self, org: &OrgId, now: Timestamp) -> Result<Sharding, PortError> {
        match self.process.sharding(org) {
            Sharding::No | Sharding::Announced if self.shards(org) > 0 => self.make_sharded(org, now).await,
            known => Ok(known),
        }
    }

    /// Spreads the debits of an organisation that has a balance. In two steps: after the first one nobody reserves who
    /// does not know of it, so that all ids that were reserved by others are older than the moment that the second one
    /// names. That holds while our clocks differ by less than five minutes and `now` is not older than that.
    pub(crate) async fn make_sharded(&self, org: &OrgId, now: Timestamp) -> Result<Sharding, PortError> {
        for _ in 0..TRIES {
            let main = self.balances.main_shard(org).await?;
            let step = match main.sharding {
                Sharding::Since(_) => {
                    let sharding = main.sharding;
                    self.shards_beside(org, main).await?;
                    return Ok(sharding);
                }
                Sharding::No if !main.ready => match self.balances.make_ready(org).await {
                    // Without a balance there is nothing to spread, and nothing to spend.
                    Err(PortError::Conflict) => return Ok(Sharding::No),
                    made => made,
                },
                Sharding::No => self.balances.announce_sharding(org).await,
                Sharding::Announced => {
                    self.balances.start_sharding(org, now.plus_secs(SHARDING_AHEAD_SECS)).await
                }
            };
            match step {
                // Someone else was faster.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(PortError::Unavailable("the debits were not spread".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::DebitId;

    use super::*;

    #[test]
    fn entries_move_later_than_any_id_that_was_reserved_before() {
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let latest = id.at().plus_secs(-300);
        assert!(id.is_timely(latest));
        let since = Sharding::Since(latest.plus_secs(SHARDING_AHEAD_SECS));
        assert_eq!(since.ledger(id), ShardId::MAIN);
    }
}
