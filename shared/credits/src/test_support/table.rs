//! One organisation's items, and what each call does to them.

use std::collections::BTreeMap;

use saldo_domain::{
    BalanceShard, BalanceShards, Counted, Credits, DebitEntry, DebitId, EntryId, PortError, Reservation,
    Reversal, SEQUENCE_STEP, ShardId, Sharding, Stamp, Timestamp, total,
};

use super::holds_kept::HoldsKept;
use super::spending::{self, Spending};
use super::stamps::{acknowledged_in, given};
use super::{Answer, Bug, Op};
use crate::port::{Reserved, Stored, Written};

/// What [`Bug::StaleReads`] misses: what was written so many calls ago or less.
pub(super) const STALE_CALLS: u64 = 6;
/// How much too early [`Bug::ShardedAtOnce`] lets sharding begin.
const SHARDED_EARLY_SECS: i64 = -600;

/// The items of one organisation.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub bug: Option<Bug>,
    pub shards: BalanceShards,
    pub ledger: BTreeMap<(ShardId, EntryId), Row>,
    /// By where the debits' entries lie.
    pub reversals: BTreeMap<(ShardId, DebitId), Reversal>,
    /// Applications of each debit that were not given back.
    pub charged: BTreeMap<DebitId, i64>,
    /// What all balance shards had together, after each call.
    pub totals: Vec<i64>,
    /// The first thing that was false at any moment.
    pub wrong: Option<String>,
    /// Whether the books are left alone after each call: a look at them takes as long as the ledger is.
    pub unchecked: bool,
    /// How many calls there had been when each debit was first reserved: what all shards had together then stands there in
    /// `totals`.
    pub reserved_at: BTreeMap<DebitId, usize>,
    /// Debits by when their entry came, in calls.
    pub(super) written_at: BTreeMap<DebitId, u64>,
    pub(super) calls: u64,
    /// Whether anything was ever taken back, so that there may be debt.
    pub(super) taken_back: bool,
    pub spending: Spending,
    pub holds: HoldsKept,
    /// Which debit each key of a sender stands for.
    pub keys: BTreeMap<String, DebitId>,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Debit(Box<DebitEntry>),
    Reversal(Credits),
    TopUp(Credits),
    /// What was used of a quota that had ended; negative.
    Reported(Credits),
    /// Credits that went with money that was given back; negative.
    TakenBack(Credits),
    /// Nothing, for ever.
    Closed,
}

impl Table {
    #[must_use]
    pub fn new(bug: Option<Bug>) -> Table {
        Table { bug, ..Table::default() }
    }

    /// The main balance shard; made if there is none.
    pub fn main(&mut self) -> &mut BalanceShard {
        self.shards.entry(ShardId::MAIN).or_default()
    }

    /// What the transaction of a paid top-up does.
    pub fn credit(&mut self, entry: EntryId, credits: Credits) {
        self.ledger.insert((ShardId::MAIN, entry), Row::TopUp(credits));
        let forgets = self.bug == Some(Bug::TopUpForgetsPending);
        let main = self.main();
        main.credits.0 += credits.0;
        main.movements += 1;
        if forgets {
            main.pending.clear();
        }
        self.begin_epoch(ShardId::MAIN);
        self.check();
    }

    pub fn apply(&mut self, op: &Op) -> Result<Answer, PortError> {
        self.calls += 1;
        let answer = match op {
            Op::Reserve(shard, reservation) => Ok(Answer::Reserved(self.reserve(*shard, reservation))),
            Op::MakeReady => self.on_main(|main| main.ready = true),
            Op::PutEntries(ledger, entries) => Ok(Answer::Written(self.put_entries(*ledger, entries))),
            Op::Complete(ledger, entry) => Ok(Answer::Written(self.complete(*ledger, entry))),
            Op::Fence(id, at_once) => Ok(Answer::Shard(Some(self.fence(*id, *at_once)))),
            Op::GiveBack(id, stamp, counted) => {
                self.give_back(*id, *stamp, counted);
                Ok(Answer::Done(()))
            }
            Op::Acknowledge(shard, written) => self.acknowledge(*shard, written).map(Answer::Done),
            Op::Entries(ids) => Ok(Answer::Entries(ids.iter().map(|one| self.entry(*one)).collect())),
            Op::Shard(id) => Ok(Answer::Shard(self.shard(*id))),
            Op::Rebalance(rebalance) => self.rebalance(rebalance).map(Answer::Done),
            Op::Resume(resume) => self.resume(resume).map(Answer::Done),
            Op::TakeBack(entry, credits) => {
                self.take_back(*entry, *credits);
                Ok(Answer::Done(()))
            }
            Op::AnnounceSharding => self.set_sharding(Sharding::No, Sharding::Announced).map(Answer::Done),
            Op::StartSharding(since) => {
                let early = self.bug == Some(Bug::ShardedAtOnce);
                let since = if early { since.plus_secs(SHARDED_EARLY_SECS) } else { *since };
                self.set_sharding(Sharding::Announced, Sharding::Since(since)).map(Answer::Done)
            }
            Op::SetShards(shards) => self.on_main(|main| main.shards = *shards),
            Op::Reverse(ledger, reversal, uncounted) => {
                self.reverse(*ledger, *reversal, uncounted).map(Answer::Reversed)
            }
            Op::Budgets => Ok(Answer::Budgets(self.spending.budgets.clone())),
            Op::SetBudgets(before, after) => self.set_budgets(before, after).map(Answer::Done),
            Op::Turn(turn) => self.turn(turn).map(Answer::Done),
            Op::Allow(allowance) => self.allow(allowance).map(Answer::Done),
            Op::RememberTold(number, told) => Ok(Answer::Told(self.remember_told(*number, *told))),
            Op::BeginHolds(now) => self.begin_holds(*now).map(Answer::Done),
            Op::ChangeHold(change, uncounted) => self.change_hold(change, uncounted).map(Answer::Done),
            Op::ReportLate(report) => self.report_late(report).map(Answer::Told),
            Op::OpenHolds => self.open_holds().map(Answer::OpenHolds),
            Op::KeepOpenHolds(of, next) => self.keep_open_holds(of, *next).map(Answer::Done),
            Op::Holds(month, from, after) => Ok(Answer::Holds(self.holds(*month, *from, *after))),
            Op::Claimed(key) => Ok(Answer::Key(self.keys.get(key).copied())),
            Op::Claim(key, id) => Ok(Answer::Key(Some(self.claim(key, *id)))),
            Op::Replace(key, before, id) => self.replace(key, *before, *id).map(Some).map(Answer::Key),
            Op::Close(ledger, id) => Ok(Answer::Entries(vec![self.close(*ledger, *id)])),
        };
        self.check();
        answer
    }

    fn on_main(&mut self, act: impl FnOnce(&mut BalanceShard)) -> Result<Answer, PortError> {
        let main = self.shards.get_mut(&ShardId::MAIN).ok_or(PortError::Conflict)?;
        act(main);
        Ok(Answer::Done(()))
    }

    fn reserve(&mut self, id: ShardId, reservation: &Reservation) -> Reserved {
        let bug = self.bug;
        let Reservation { debits, acknowledged, at, counting, .. } = reservation;
        if acknowledged.iter().any(|(id, _)| debits.iter().any(|debit| debit.id == *id)) {
            let wrong = "a debit writes and removes the same path, which DynamoDB refuses";
            self.wrong.get_or_insert(wrong.to_owned());
        }
        let Some(shard) = self.shards.get_mut(&id) else { return Reserved::Refused(None) };
        let checked = if bug == Some(Bug::BatchChecksFirstId) { 1 } else { debits.len() };
        let absent = debits.iter().take(checked).all(|debit| !shard.pending.contains_key(&debit.id));
        let needed = match debits.first() {
            Some(first) if bug == Some(Bug::BatchChecksFirstCredits) => first.credits,
            Some(_) | None => reservation.credits(),
        };
        let gives = gives(bug, shard, reservation, needed, absent);
        if !gives {
            if bug == Some(Bug::RefusalCounted) {
                spending::count(bug, shard, counting);
            }
            return Reserved::Refused(Some(shard.clone()));
        }
        let before = shard.clone();
        shard.reserved_at = Timestamp::from_secs(at.secs());
        let change = reservation.change(Some(&before));
        acknowledged_in(bug, shard, acknowledged);
        if bug == Some(Bug::UnwrittenAcknowledged) {
            shard.pending.pop_first();
        }
        spending::count(bug, shard, counting);
        let mut stamps = Vec::new();
        for debit in debits {
            let stamp = given(bug, shard.sequence, debit);
            let stamp = if change.groups_hold(debit.id) { stamp.in_group() } else { stamp };
            stamps.push(stamp);
            shard.credits.0 -= debit.credits.0;
            shard.pending.insert(debit.id, stamp);
            *self.charged.entry(debit.id).or_default() += 1;
            self.reserved_at.entry(debit.id).or_insert(self.totals.len());
        }
        if bug != Some(Bug::SequenceStands) {
            shard.sequence += SEQUENCE_STEP;
        }
        let now = shard.clone();
        for (debit, stamp) in debits.iter().zip(stamps) {
            self.stands(debit, stamp, reservation);
        }
        if total(&self.shards).0 < 0 {
            self.wrong.get_or_insert_with(|| format!("credits were reserved on {id:?} that are not there"));
        }
        match bug {
            Some(Bug::CreditsShownAsBefore) => {
                Reserved::Done(BalanceShard { credits: before.credits, ..now })
            }
            _ => Reserved::Done(now),
        }
    }

    fn put_entries(&mut self, ledger: ShardId, entries: &[DebitEntry]) -> Written {
        if self.bug == Some(Bug::EntryNotWritten) {
            return Written::New;
        }
        let there: Vec<Stored> = entries.iter().map(|entry| self.stored(ledger, entry.id)).collect();
        let checked = if self.bug == Some(Bug::BatchWritesOverEntries) { 1 } else { there.len() };
        let absent = there.iter().take(checked).all(|stored| *stored == Stored::Nothing);
        if !absent && self.bug != Some(Bug::EntryOverwritten) {
            let fits = |(stored, entry): (Stored, &DebitEntry)| match stored {
                Stored::Debit(there) if self.bug == Some(Bug::AnyStampFits) => {
                    Stored::Debit(DebitEntry { stamp: entry.stamp, ..there })
                }
                stored => stored,
            };
            return Written::Before(there.into_iter().zip(entries).map(fits).collect());
        }
        for entry in entries {
            if entry.credits == Credits::ZERO && self.bug == Some(Bug::FreeDebitNotEntered) {
                continue;
            }
            self.ledger.insert((ledger, entry.id.entry()), Row::Debit(Box::new(entry.clone())));
            self.written_at.insert(entry.id, self.calls);
        }
        Written::New
    }

    fn fence(&mut self, id: ShardId, at_once: bool) -> BalanceShard {
        let bug = self.bug;
        let shard = self.shards.entry(id).or_default();
        match (at_once, bug) {
            (_, Some(Bug::FenceForgotten)) => {}
            (true, _) => shard.epoch += 1,
            (false, _) => shard.refused = true,
        }
        shard.clone()
    }

    /// Credits came.
    pub(super) fn begin_epoch(&mut self, id: ShardId) {
        let bug = self.bug;
        if let Some(shard) = self.shards.get_mut(&id) {
            shard.epoch += i64::from(shard.refused && bug != Some(Bug::EpochStands));
            shard.refused = false;
        }
    }

    fn give_back(&mut self, id: DebitId, stamp: Stamp, counted: &Counted) {
        let bug = self.bug;
        let Some(shard) = self.shards.get_mut(&stamp.shard()) else { return };
        let there = shard.pending.get(&id) == Some(&stamp);
        if bug == Some(Bug::NoGiveBack) || (!there && bug != Some(Bug::UnguardedGiveBack)) {
            return;
        }
        shard.credits.0 += stamp.credits().0;
        shard.movements += 1;
        if bug != Some(Bug::GivenBackStaysPending) {
            shard.pending.remove(&id);
        }
        *self.charged.entry(id).or_default() -= 1;
        let uncounted = self.uncount(stamp.shard(), counted, stamp.credits());
        self.over(id, stamp, uncounted);
        self.begin_epoch(stamp.shard());
    }

    fn acknowledge(&mut self, id: ShardId, written: &[(DebitId, Stamp)]) -> Result<(), PortError> {
        let unguarded = self.bug == Some(Bug::UnguardedRepair);
        let Some(shard) = self.shards.get_mut(&id) else { return Err(PortError::Conflict) };
        if !shard.ready || (!unguarded && !shard.has_or_has_not(written)) {
            return Err(PortError::Conflict);
        }
        acknowledged_in(self.bug, shard, written);
        Ok(())
    }

    fn entry(&self, (ledger, id): (ShardId, DebitId)) -> Stored {
        let fresh = self.written_at.get(&id).is_some_and(|at| self.calls - at < STALE_CALLS);
        if fresh && self.bug == Some(Bug::StaleReads) {
            return Stored::Nothing;
        }
        self.stored(ledger, id)
    }

    /// An entry that is no debit is the first of its run and has it for itself.
    pub(super) fn stored(&self, ledger: ShardId, id: DebitId) -> Stored {
        let other = |row: &Row| !matches!(row, Row::Debit(_) | Row::Closed);
        if self.ledger.get(&(ledger, id.run().first())).is_some_and(other) {
            return Stored::Other;
        }
        match self.ledger.get(&(ledger, id.entry())) {
            Some(Row::Debit(entry)) => match self.reversals.get(&(ledger, id)) {
                Some(reversal) if self.bug != Some(Bug::ReversalLeavesNoMark) => {
                    Stored::Reversed(DebitEntry::clone(entry), Reversal::of(entry, reversal.at))
                }
                Some(_) | None => Stored::Debit(DebitEntry::clone(entry)),
            },
            Some(Row::Reversal(_) | Row::TopUp(_) | Row::Reported(_) | Row::TakenBack(_) | Row::Closed) => {
                Stored::Other
            }
            None => Stored::Nothing,
        }
    }

    fn shard(&self, id: ShardId) -> Option<BalanceShard> {
        let last = self.shards.keys().last() == Some(&id) && id != ShardId::MAIN;
        let unseen = last && self.bug == Some(Bug::LastShardUnseen);
        self.shards.get(&id).filter(|_| !unseen).cloned()
    }
}

/// Whether a reservation of so much finds the shard as it has to be; `absent` says that its ids are not pending.
fn gives(
    bug: Option<Bug>,
    shard: &BalanceShard,
    reservation: &Reservation,
    needed: Credits,
    absent: bool,
) -> bool {
    let Reservation { acknowledged, unsharded, epoch, counting, .. } = reservation;
    let written = shard.has_or_has_not(acknowledged);
    shard.ready
        && (shard.credits >= needed || bug == Some(Bug::NoBalanceCheck))
        && (absent || bug == Some(Bug::NoPendingCheck))
        && shard.seats() < reservation.room(Some(shard))
        && (written || bug == Some(Bug::UnguardedAcknowledging))
        && (shard.epoch == *epoch || bug == Some(Bug::EpochIgnored))
        && spending::fits(bug, shard, counting)
        && (!shard.halted || bug == Some(Bug::HaltedServes))
        && (!unsharded || shard.sharding == Sharding::No || bug == Some(Bug::NoShardingFence))
}
