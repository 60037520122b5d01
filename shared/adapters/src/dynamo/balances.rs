//! What spending needs of a table, by DynamoDB.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use saldo_credits::{Balances, Reserved, Reversed, Stored, Written};
use saldo_domain::{
    Actor, Allowance, BalanceShard, BalanceShards, Budgets, Counted, Day, DebitEntry, DebitId, HoldChange,
    LateReport, OrgId, PendingChange, Posting, Reached, Rebalance, Reservation, Resume, Reversal, ShardId,
    Stamp, Timestamp, Turn, why_refused,
};

use super::Store;
use super::attributes::Item;
use super::balance_shards::shard_of;
use super::budgets::budgets_of;
use super::errors::port_error;
use super::keys::{self, PK};
use super::posting::Posted;
use super::runs::{OfRun, stored_in};
use super::transactions::{not_built, until_no_collision};
use crate::PortError;

/// A reservation waits less for a transaction on its shard to end than a transaction does.
const FIRST_PAUSE_MS: u64 = 10;
/// How often entries are written anew because the item of their run has become someone else's, and what is pending because others
/// have changed the groups that it is about.
const TRIES: u32 = 4;

impl Balances for Store {
    async fn reserve(
        &self,
        org: &OrgId,
        shard: ShardId,
        reservation: &Reservation,
    ) -> Result<Reserved, PortError> {
        let mut seen = None;
        for _ in 0..TRIES {
            let before = match updated(self.reserve_update(org, shard, reservation, seen.as_ref())).await? {
                Ok(done) => {
                    let item = done.attributes.ok_or_else(|| PortError::Broken("no new shard".to_owned()))?;
                    return Ok(Reserved::Done(shard_of(&item)?));
                }
                Err(before) => before.as_ref().map(shard_of).transpose()?,
            };
            if why_refused(before.as_ref(), reservation).is_some() {
                return Ok(Reserved::Refused(before));
            }
            // Other groups are pending than were supposed to be.
            seen = before;
        }
        Ok(Reserved::Refused(seen))
    }

    async fn make_ready(&self, org: &OrgId) -> Result<(), PortError> {
        or_conflict(updated(self.ready_update(org)).await?)
    }

    async fn put_entries(
        &self,
        org: &OrgId,
        ledger: ShardId,
        entries: &[DebitEntry],
    ) -> Result<Written, PortError> {
        let first = entries.first().ok_or_else(|| PortError::Broken("no entries to write".to_owned()))?;
        let run = first.id.run();
        let mut of_run = OfRun::of(first);
        for _ in 0..TRIES {
            let before = match updated(self.entries_update(org, ledger, run, &of_run, entries)).await? {
                Ok(_) => return Ok(Written::New),
                Err(before) => before,
            };
            let stored = entries.iter().map(|entry| stored_in(before.as_ref(), entry.id));
            let stored: Vec<_> = stored.collect::<Result<_, _>>()?;
            if stored.iter().any(|stored| *stored != Stored::Nothing) {
                return Ok(Written::Before(stored));
            }
            // The item says something else for all: then each of these entries says it itself.
            of_run = before.as_ref().map_or(Ok(of_run), OfRun::read)?;
        }
        Err(PortError::Unavailable("the item of a run changes".to_owned()))
    }

    async fn complete(&self, org: &OrgId, ledger: ShardId, entry: &DebitEntry) -> Result<Written, PortError> {
        match updated(self.complete_update(org, ledger, entry)).await? {
            Ok(_) => Ok(Written::New),
            Err(before) => Ok(Written::Before(vec![stored_in(before.as_ref(), entry.id)?])),
        }
    }

    async fn fence(&self, org: &OrgId, shard: ShardId, at_once: bool) -> Result<BalanceShard, PortError> {
        let fenced =
            updated(self.fence_update(org, shard, at_once)).await?.ok().and_then(|done| done.attributes);
        shard_of(&fenced.ok_or_else(|| PortError::Broken("no fenced shard".to_owned()))?)
    }

    async fn give_back(
        &self,
        org: &OrgId,
        id: DebitId,
        stamp: Stamp,
        counted: &Counted,
    ) -> Result<(), PortError> {
        if !stamp.is_in_group() {
            return self.give_back_alone(org, id, stamp, counted).await;
        }
        for _ in 0..TRIES {
            // What else is in its group has to be known.
            let seen = self.shard(org, stamp.shard()).await?;
            let change = PendingChange::giving_back(id, stamp, Some(&seen));
            let Some(change) = change else { return Ok(()) };
            let uncounted = Some(counted).filter(|counted| seen.budgets.can_uncount(counted)).cloned();
            let update = self.give_back_update(org, stamp, &change, &uncounted.unwrap_or_default());
            if updated(update).await?.is_ok() {
                return Ok(());
            }
        }
        Err(PortError::Unavailable("a group changes".to_owned()))
    }

    async fn acknowledge(
        &self,
        org: &OrgId,
        shard: ShardId,
        written: &[(DebitId, Stamp)],
    ) -> Result<(), PortError> {
        let mut seen = None;
        for _ in 0..TRIES {
            let update = self.acknowledge_update(org, shard, written, seen.as_ref());
            let Some(update) = update else { return Ok(()) };
            let Err(before) = updated(update).await? else { return Ok(()) };
            let before = before.as_ref().map(shard_of).transpose()?;
            seen = before.filter(|before| before.ready && before.has_or_has_not(written));
            if seen.is_none() {
                return Err(PortError::Conflict);
            }
        }
        Err(PortError::Conflict)
    }

    async fn entries(&self, org: &OrgId, ids: &[(ShardId, DebitId)]) -> Result<Vec<Stored>, PortError> {
        let key = |(ledger, id): &(ShardId, DebitId)| keys::run(org, *ledger, id.run());
        let mut runs = HashMap::new();
        for one in ids {
            runs.insert((one.0, one.1.run()), key(one));
        }
        let items = self.items(runs.into_values().collect()).await?;
        let of_key =
            |key: &Item| items.iter().find(|item| key.iter().all(|(name, is)| item.get(name) == Some(is)));
        ids.iter().map(|one| stored_in(of_key(&key(one)), one.1)).collect()
    }

    async fn shard(&self, org: &OrgId, id: ShardId) -> Result<BalanceShard, PortError> {
        let item = self.item(keys::shard(org, id)).await?;
        item.as_ref().map_or_else(|| Ok(BalanceShard::default()), shard_of)
    }

    async fn pause(&self, ms: i64) {
        tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
    }

    async fn all_shards(&self, org: &OrgId) -> Result<BalanceShards, PortError> {
        let items = self.items(ShardId::balances().map(|shard| keys::shard(org, shard)).collect()).await?;
        let mut all = BalanceShards::new();
        for id in ShardId::balances() {
            let key = keys::shard(org, id);
            if let Some(item) = items.iter().find(|item| item.get(PK) == key.get(PK)) {
                all.insert(id, shard_of(item)?);
            }
        }
        Ok(all)
    }

    async fn rebalance(&self, org: &OrgId, rebalance: &Rebalance) -> Result<(), PortError> {
        let updates = self.rebalance_updates(org, rebalance).map_err(not_built)?;
        self.transact(updates).await?.map_err(|_| PortError::Conflict)
    }

    async fn resume(&self, org: &OrgId, resume: &Resume) -> Result<(), PortError> {
        let updates = self.resume_updates(org, resume).map_err(not_built)?;
        self.transact(updates).await?.map_err(|_| PortError::Conflict)
    }

    async fn announce_sharding(&self, org: &OrgId) -> Result<(), PortError> {
        or_conflict(updated(self.announce_sharding_update(org)).await?)
    }

    async fn start_sharding(&self, org: &OrgId, since: Timestamp) -> Result<(), PortError> {
        or_conflict(updated(self.start_sharding_update(org, since)).await?)
    }

    async fn set_shards(&self, org: &OrgId, shards: Option<u8>) -> Result<(), PortError> {
        or_conflict(updated(self.shards_update(org, shards)).await?)
    }

    async fn budgets(&self, org: &OrgId) -> Result<Budgets, PortError> {
        let item = self.item(keys::budgets(org)).await?;
        item.as_ref().map_or_else(|| Ok(Budgets::default()), budgets_of)
    }

    async fn set_budgets(&self, org: &OrgId, before: &Budgets, after: &Budgets) -> Result<(), PortError> {
        let updates = self.budgets_updates(org, before, after)?;
        self.transact(updates).await?.map_err(|_| PortError::Conflict)
    }

    async fn turn(&self, org: &OrgId, turn: &Turn) -> Result<(), PortError> {
        let updates = self.turn_updates(org, turn)?;
        if let [alone] = updates.as_slice()
            && let Some(update) = self.alone(alone)
        {
            return or_conflict(updated(update).await?);
        }
        self.transact(updates).await?.map_err(|_| PortError::Conflict)
    }

    async fn allow(&self, org: &OrgId, allowance: &Allowance) -> Result<(), PortError> {
        self.transact(self.allow_updates(org, allowance)?).await?.map_err(|_| PortError::Conflict)
    }

    async fn remember_told(
        &self,
        org: &OrgId,
        number: i64,
        period: Day,
        reached: Reached,
    ) -> Result<bool, PortError> {
        updated(self.told_update(org, number, period, reached)).await.map(|told| told.is_ok())
    }

    async fn reverse(
        &self,
        org: &OrgId,
        ledger: ShardId,
        reversal: &Reversal,
        uncounted: &Counted,
        actor: &Actor,
    ) -> Result<Reversed, PortError> {
        let posting = Posting::reversal(reversal, ledger, Some(actor));
        match self.post(org, &Posting { uncounted: uncounted.clone(), ..posting }).await? {
            Posted::New => Ok(Reversed::New),
            Posted::Before(entry) => Ok(Reversed::Before(Reversal {
                entry: entry.id,
                credits: entry.credits,
                at: entry.at,
                ..*reversal
            })),
        }
    }

    async fn close(&self, org: &OrgId, ledger: ShardId, id: DebitId) -> Result<Stored, PortError> {
        match updated(self.close_update(org, ledger, id)).await? {
            Ok(_) => Ok(Stored::Other),
            Err(before) => stored_in(before.as_ref(), id),
        }
    }

    async fn begin_holds(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        self.look_for_holds(org, now).await
    }

    async fn change_hold(
        &self,
        org: &OrgId,
        change: &HoldChange,
        uncounted: &Counted,
        actor: &Actor,
    ) -> Result<(), PortError> {
        self.write_hold(org, change, uncounted, actor).await
    }

    async fn report_late(&self, org: &OrgId, report: &LateReport, actor: &Actor) -> Result<bool, PortError> {
        self.write_late_report(org, report, actor).await
    }
}

impl Store {
    /// Gives back what is pending by itself; a refusal says that it was given back before.
    async fn give_back_alone(
        &self,
        org: &OrgId,
        id: DebitId,
        stamp: Stamp,
        counted: &Counted,
    ) -> Result<(), PortError> {
        let Some(change) = PendingChange::giving_back(id, stamp, None) else { return Ok(()) };
        let given = updated(self.give_back_update(org, stamp, &change, counted)).await?;
        if given.is_err() && !counted.numbers.is_empty() {
            // It may be the counters that are others now.
            updated(self.give_back_update(org, stamp, &change, &Counted::default())).await?.ok();
        }
        Ok(())
    }
}

/// Sends a conditional update; where the condition did not hold, gives the item that was there, if it was asked for.
///
/// One that collides with a transaction is tried again after a short random pause.
pub(super) async fn updated(
    update: UpdateItemFluentBuilder,
) -> Result<Result<UpdateItemOutput, Option<Item>>, PortError> {
    match until_no_collision(FIRST_PAUSE_MS, || update.clone().send(), in_transaction).await {
        Ok(done) => Ok(Ok(done)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item().cloned())),
            _ => Err(port_error(&error)),
        },
    }
}

pub(super) fn or_conflict<T, U>(updated: Result<T, U>) -> Result<(), PortError> {
    updated.map(drop).map_err(|_| PortError::Conflict)
}

fn in_transaction(error: &SdkError<UpdateItemError>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("TransactionConflictException")
}
