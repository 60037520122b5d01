//! The heads of an organisation: all of them, and how it comes to have several.

use saldo_domain::{Funds, Head, OrgId, Shard, Split, Timestamp};

use super::port::Heads;
use super::spender::Spender;
use crate::PortError;

/// How long before entries go to the shards' ledgers this is decided, in seconds: five minutes that an id may be ahead of
/// our clock when it is used first, and as many for our clocks and calls.
const SPLIT_AHEAD_SECS: i64 = 600;
/// How often the main head is asked to split.
const TRIES: usize = 4;

impl<H: Heads> Spender<H> {
    /// All heads of the organisation whose main head is `main`.
    pub async fn heads_beside(&self, org: &OrgId, main: Head) -> Result<Funds, PortError> {
        match main.split {
            Split::No | Split::Coming => Ok(Funds::from([(Shard::MAIN, main)])),
            Split::Since(_) => {
                let funds = self.heads.heads(org).await?;
                self.memory.saw_all(org, &funds);
                Ok(funds)
            }
        }
    }

    /// All heads, and what the main one says of a split: where one is about to come, it is there now.
    pub async fn all_heads(&self, org: &OrgId, now: Timestamp) -> Result<(Split, Funds), PortError> {
        let mut main = self.heads.head(org).await?;
        if main.split == Split::Coming {
            main.split = self.make_split(org, now).await?;
        }
        let split = main.split;
        Ok((split, self.heads_beside(org, main).await?))
    }

    /// How the organisation is split, as far as it is known; one that is to be split is.
    pub(super) async fn known_split(&self, org: &OrgId, now: Timestamp) -> Result<Split, PortError> {
        match self.memory.split(org) {
            Split::No | Split::Coming if self.shards.of(org).is_some() => self.make_split(org, now).await,
            known => Ok(known),
        }
    }

    /// Splits an organisation that has a head. In two steps: after the first one nobody takes who does not know of it, so
    /// that all ids that were taken by others are older than the moment that the second one names. That holds while our
    /// clocks differ by less than five minutes and `now` is not older than that.
    pub(super) async fn make_split(&self, org: &OrgId, now: Timestamp) -> Result<Split, PortError> {
        for _ in 0..TRIES {
            let main = self.heads.head(org).await?;
            let step = match main.split {
                Split::Since(_) => {
                    let split = main.split;
                    self.heads_beside(org, main).await?;
                    return Ok(split);
                }
                Split::No if !main.ready => match self.heads.make_ready(org).await {
                    // Without a head there is nothing to split, and nothing to spend.
                    Err(PortError::Conflict) => return Ok(Split::No),
                    made => made,
                },
                Split::No => self.heads.announce_split(org).await,
                Split::Coming => self.heads.split(org, now.plus_secs(SPLIT_AHEAD_SECS)).await,
            };
            match step {
                // Someone else was faster.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(PortError::Unavailable("the main head was not split".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::DebitId;

    use super::*;

    #[test]
    fn entries_move_later_than_any_id_that_was_taken_before() {
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let latest_taker = id.at().plus_secs(-300);
        assert!(id.is_timely(latest_taker));
        let since = Split::Since(latest_taker.plus_secs(SPLIT_AHEAD_SECS));
        assert_eq!(since.ledger(id), Shard::MAIN);
    }
}
