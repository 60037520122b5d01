//! An organisation's ledger as it is found: where it lies, and whether a month of it is final.

use saldo_adapters::dynamo::Ledger;
use saldo_adapters::http::Problem;
use saldo_domain::{Month, OrgId, ShardId, Sharding};
use tracing::warn;

use crate::{Function, unavailable};

/// Whose ledger, and what was found of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) org: &'a OrgId,
    pub(crate) sharding: Sharding,
    /// Whether there may be holds.
    pub(crate) holds: bool,
    /// Whether nothing of the month that was asked for changes any more.
    pub(crate) is_final: bool,
}

impl<'a> Kept<'a> {
    pub(crate) fn ledger(&self, month: Month) -> Ledger<'a> {
        Ledger { org: self.org, month, sharding: self.sharding, holds: self.holds }
    }
}

impl Function {
    /// Of a month that may be final, and where a reading begins, abandoned debits are finished, so that they are in it:
    /// what cannot be finished now is only not shown yet, and while there is any of it, nothing is final.
    pub(crate) async fn kept<'a>(
        &self,
        org: &'a OrgId,
        month: Month,
        at_beginning: bool,
    ) -> Result<Kept<'a>, Problem> {
        let now = self.clock.now();
        let shards = self.spender.all_shards(org, now).await;
        let (sharding, all) = shards.map_err(|error| unavailable(org, &error))?;
        let may_be_final = month.final_from() <= now;
        let mut finished = true;
        if (at_beginning || may_be_final)
            && let Err(error) = self.spender.repair(org, &all, now).await
        {
            warn!(org = org.as_str(), %error, "debits not finished");
            finished = false;
        }
        let holds = all.get(&ShardId::MAIN).is_some_and(|main| main.holds);
        Ok(Kept { org, sharding, holds, is_final: may_be_final && finished })
    }
}
