//! From a call of spending to the table and back.

use std::future::Future;

use saldo_domain::{
    Actor, Allowance, BalanceShard, BalanceShards, Budgets, Counted, Day, DebitEntry, DebitId, EntryId,
    HoldChange, IdempotencyKey, LateReport, Month, OrgId, PortError, Reached, Rebalance, Reservation, Resume,
    Reversal, ShardId, Stamp, Timestamp, Turn,
};

use super::{Answer, Op};
use crate::port::{Balances, Keys, OpenHolds, OpenHoldsOf, Reserved, Reversed, Stored, Written};

/// How one call reaches the table, and what the caller hears.
pub trait Way {
    /// Waits for so many milliseconds; not at all where nobody counts time.
    fn pause(&self, _ms: i64) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    fn call(&self, op: Op) -> impl Future<Output = Result<Answer, PortError>> + Send;
}

/// The table at the end of a way. It holds one organisation, whichever is asked for.
#[derive(Clone, Debug)]
pub struct InMemory<W>(pub W);

/// Makes a call whose answer is of one kind.
macro_rules! answered {
    ($table:expr, $op:expr, $kind:ident) => {
        match $table.0.call($op).await? {
            Answer::$kind(answer) => Ok(answer),
            other => Err(PortError::Broken(format!("not the answer to this call: {other:?}"))),
        }
    };
}

impl<W: Way + Sync> Balances for InMemory<W> {
    async fn reserve(
        &self,
        _: &OrgId,
        shard: ShardId,
        reservation: &Reservation,
    ) -> Result<Reserved, PortError> {
        answered!(self, Op::Reserve(shard, reservation.clone()), Reserved)
    }

    async fn make_ready(&self, _: &OrgId) -> Result<(), PortError> {
        answered!(self, Op::MakeReady, Done)
    }

    async fn put_entries(
        &self,
        _: &OrgId,
        ledger: ShardId,
        entries: &[DebitEntry],
    ) -> Result<Written, PortError> {
        answered!(self, Op::PutEntries(ledger, entries.to_vec()), Written)
    }

    async fn complete(&self, _: &OrgId, ledger: ShardId, entry: &DebitEntry) -> Result<Written, PortError> {
        answered!(self, Op::Complete(ledger, entry.clone()), Written)
    }

    async fn fence(&self, _: &OrgId, shard: ShardId, at_once: bool) -> Result<BalanceShard, PortError> {
        let fenced: Result<Option<BalanceShard>, PortError> =
            answered!(self, Op::Fence(shard, at_once), Shard);
        fenced.map(Option::unwrap_or_default)
    }

    async fn give_back(
        &self,
        _: &OrgId,
        id: DebitId,
        stamp: Stamp,
        counted: &Counted,
    ) -> Result<(), PortError> {
        answered!(self, Op::GiveBack(id, stamp, counted.clone()), Done)
    }

    async fn acknowledge(
        &self,
        _: &OrgId,
        shard: ShardId,
        written: &[(DebitId, Stamp)],
    ) -> Result<(), PortError> {
        answered!(self, Op::Acknowledge(shard, written.to_vec()), Done)
    }

    async fn entries(&self, _: &OrgId, ids: &[(ShardId, DebitId)]) -> Result<Vec<Stored>, PortError> {
        answered!(self, Op::Entries(ids.to_vec()), Entries)
    }

    async fn shard(&self, _: &OrgId, id: ShardId) -> Result<BalanceShard, PortError> {
        let shard: Result<Option<BalanceShard>, PortError> = answered!(self, Op::Shard(id), Shard);
        shard.map(Option::unwrap_or_default)
    }

    async fn pause(&self, ms: i64) {
        self.0.pause(ms).await;
    }

    /// One after the other, as they are read there too.
    async fn all_shards(&self, _: &OrgId) -> Result<BalanceShards, PortError> {
        let mut all = BalanceShards::new();
        for id in ShardId::balances() {
            let shard: Result<Option<BalanceShard>, PortError> = answered!(self, Op::Shard(id), Shard);
            if let Some(shard) = shard? {
                all.insert(id, shard);
            }
        }
        Ok(all)
    }

    async fn rebalance(&self, _: &OrgId, rebalance: &Rebalance) -> Result<(), PortError> {
        answered!(self, Op::Rebalance(rebalance.clone()), Done)
    }

    async fn resume(&self, _: &OrgId, resume: &Resume) -> Result<(), PortError> {
        answered!(self, Op::Resume(resume.clone()), Done)
    }

    async fn announce_sharding(&self, _: &OrgId) -> Result<(), PortError> {
        answered!(self, Op::AnnounceSharding, Done)
    }

    async fn start_sharding(&self, _: &OrgId, since: Timestamp) -> Result<(), PortError> {
        answered!(self, Op::StartSharding(since), Done)
    }

    async fn set_shards(&self, _: &OrgId, shards: Option<u8>) -> Result<(), PortError> {
        answered!(self, Op::SetShards(shards), Done)
    }

    async fn reverse(
        &self,
        _: &OrgId,
        ledger: ShardId,
        reversal: &Reversal,
        uncounted: &Counted,
        _: &Actor,
    ) -> Result<Reversed, PortError> {
        answered!(self, Op::Reverse(ledger, *reversal, uncounted.clone()), Reversed)
    }

    async fn budgets(&self, _: &OrgId) -> Result<Budgets, PortError> {
        answered!(self, Op::Budgets, Budgets)
    }

    async fn set_budgets(&self, _: &OrgId, before: &Budgets, after: &Budgets) -> Result<(), PortError> {
        answered!(self, Op::SetBudgets(before.clone(), after.clone()), Done)
    }

    async fn turn(&self, _: &OrgId, turn: &Turn) -> Result<(), PortError> {
        answered!(self, Op::Turn(turn.clone()), Done)
    }

    async fn allow(&self, _: &OrgId, allowance: &Allowance) -> Result<(), PortError> {
        answered!(self, Op::Allow(allowance.clone()), Done)
    }

    async fn remember_told(
        &self,
        _: &OrgId,
        number: i64,
        period: Day,
        reached: Reached,
    ) -> Result<bool, PortError> {
        answered!(self, Op::RememberTold(number, (period, reached)), Told)
    }

    async fn close(&self, _: &OrgId, ledger: ShardId, id: DebitId) -> Result<Stored, PortError> {
        let there: Result<Vec<Stored>, PortError> = answered!(self, Op::Close(ledger, id), Entries);
        there.map(|mut there| there.pop().unwrap_or(Stored::Nothing))
    }

    async fn begin_holds(&self, _: &OrgId, now: Timestamp) -> Result<(), PortError> {
        answered!(self, Op::BeginHolds(now), Done)
    }

    async fn change_hold(
        &self,
        _: &OrgId,
        change: &HoldChange,
        uncounted: &Counted,
        _: &Actor,
    ) -> Result<(), PortError> {
        answered!(self, Op::ChangeHold(change.clone(), uncounted.clone()), Done)
    }

    async fn report_late(&self, _: &OrgId, report: &LateReport, _: &Actor) -> Result<bool, PortError> {
        answered!(self, Op::ReportLate(Box::new(report.clone())), Told)
    }
}

impl<W: Way + Sync> OpenHolds for InMemory<W> {
    async fn open_holds(&self, _: &OrgId) -> Result<OpenHoldsOf, PortError> {
        answered!(self, Op::OpenHolds, OpenHolds)
    }

    async fn keep_open_holds(
        &self,
        _: &OrgId,
        of: &OpenHoldsOf,
        next: Option<Timestamp>,
    ) -> Result<(), PortError> {
        answered!(self, Op::KeepOpenHolds(of.clone(), next), Done)
    }

    async fn holds(
        &self,
        _: &OrgId,
        month: Month,
        from: Timestamp,
        after: Option<EntryId>,
    ) -> Result<(Vec<DebitEntry>, Option<EntryId>), PortError> {
        answered!(self, Op::Holds(month, from, after), Holds)
    }
}

impl<W: Way + Sync> Keys for InMemory<W> {
    async fn claimed(&self, _: &OrgId, key: &IdempotencyKey) -> Result<Option<DebitId>, PortError> {
        answered!(self, Op::Claimed(key.to_string()), Key)
    }

    async fn claim(&self, _: &OrgId, key: &IdempotencyKey, id: DebitId) -> Result<DebitId, PortError> {
        let stands_for: Result<Option<DebitId>, PortError> =
            answered!(self, Op::Claim(key.to_string(), id), Key);
        stands_for.and_then(|id| id.ok_or(PortError::Conflict))
    }

    async fn replace(
        &self,
        _: &OrgId,
        key: &IdempotencyKey,
        before: DebitId,
        id: DebitId,
    ) -> Result<DebitId, PortError> {
        let stands_for: Result<Option<DebitId>, PortError> =
            answered!(self, Op::Replace(key.to_string(), before, id), Key);
        stands_for.and_then(|id| id.ok_or(PortError::Conflict))
    }
}
