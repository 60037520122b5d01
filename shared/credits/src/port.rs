//! What spending needs of a table.

use std::future::Future;

use saldo_domain::{
    Actor, Allowance, BalanceShard, BalanceShards, Budgets, Counted, Day, DebitEntry, DebitId, EntryId,
    HoldChange, IdempotencyKey, LateReport, Month, OrgId, PortError, Reached, Rebalance, Reservation, Resume,
    Reversal, Round, ShardId, Stamp, Timestamp, Turn,
};

/// Balances and debit entries of organisations. Every read is consistent and every write conditional; an error means that
/// a write may have been applied, may still be applied later, or not at all.
pub trait Balances {
    /// Reserves credits for all debits or for none: if this balance shard has them, has none of the ids pending, has room,
    /// has each acknowledged debit pending under its stamp or not at all, and does not know of a sharding that the process
    /// does not know of, and is in the epoch that the process knows, and is not halted, and knows the same budgets and is within
    /// the hard ones ([`saldo_domain::Counting::fits`]). Then, in one step: credits less, the sequence one step
    /// further, each id pending with the stamp `sequence before + code`, the acknowledged ones pending no more, the
    /// counters of budgets more, and the time of it.
    fn reserve(
        &self,
        org: &OrgId,
        shard: ShardId,
        reservation: &Reservation,
    ) -> impl Future<Output = Result<Reserved, PortError>> + Send;

    /// Makes a main shard that was only ever credited ready for debits; no change when it is.
    fn make_ready(&self, org: &OrgId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes the entries, which are of one run, into this ledger, all of them or none: none when one is there.
    fn put_entries(
        &self,
        org: &OrgId,
        ledger: ShardId,
        entries: &[DebitEntry],
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Replaces an entry that was written from its stamp alone by this one, which has the same stamp and says all; where
    /// there is none such, gives what there is.
    fn complete(
        &self,
        org: &OrgId,
        ledger: ShardId,
        entry: &DebitEntry,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Gives back what was reserved under this stamp, and ends its being pending, if it is pending with this stamp. The
    /// budgets that counted it count it no more, if the shard is still of that day and knows them all; else they go on
    /// counting it.
    fn give_back(
        &self,
        org: &OrgId,
        id: DebitId,
        stamp: Stamp,
        counted: &Counted,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Ends the being pending of debits whose entries are written, if each is pending on this shard with its stamp or not
    /// at all: of at most [`saldo_domain::MOST_ACKNOWLEDGED`] seats.
    fn acknowledge(
        &self,
        org: &OrgId,
        shard: ShardId,
        written: &[(DebitId, Stamp)],
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Sees to it that no attempt of before can reserve on this shard any more: when `at_once`, from now on, by a new epoch;
    /// else from when credits come again, by letting the shard keep that someone was refused. Makes the shard if there is
    /// none, and gives it as it is then.
    fn fence(
        &self,
        org: &OrgId,
        shard: ShardId,
        at_once: bool,
    ) -> impl Future<Output = Result<BalanceShard, PortError>> + Send;

    /// What is in these ledgers under these ids, in their order.
    fn entries(
        &self,
        org: &OrgId,
        ids: &[(ShardId, DebitId)],
    ) -> impl Future<Output = Result<Vec<Stored>, PortError>> + Send;

    /// This balance shard; an empty one when there is none.
    fn shard(&self, org: &OrgId, id: ShardId)
    -> impl Future<Output = Result<BalanceShard, PortError>> + Send;

    /// The main balance shard; an empty one when there is none.
    fn main_shard(&self, org: &OrgId) -> impl Future<Output = Result<BalanceShard, PortError>> + Send {
        self.shard(org, ShardId::MAIN)
    }

    /// Waits for so many milliseconds of the time that its calls take place in.
    fn pause(&self, ms: i64) -> impl Future<Output = ()> + Send;

    /// All balance shards there are, each as it was at some moment of the call.
    fn all_shards(&self, org: &OrgId) -> impl Future<Output = Result<BalanceShards, PortError>> + Send;

    /// Moves credits, and makes the shard that gets them if there is none; [`PortError::Conflict`] when a giver has less.
    fn rebalance(
        &self,
        org: &OrgId,
        rebalance: &Rebalance,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets halted shards serve again, each in a new epoch if someone was refused, and moves what they give to the main one;
    /// [`PortError::Conflict`] when a giver has less, or when the main one would still owe.
    fn resume(&self, org: &OrgId, resume: &Resume) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets the main shard say [`saldo_domain::Sharding::Announced`] if it says nothing, else [`PortError::Conflict`].
    fn announce_sharding(&self, org: &OrgId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets a main shard that says [`saldo_domain::Sharding::Announced`] say since when, else [`PortError::Conflict`].
    fn start_sharding(
        &self,
        org: &OrgId,
        since: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets the main shard say over how many shards debits are to be spread, 0 for none, or nothing; [`PortError::Conflict`]
    /// when there is no main shard.
    fn set_shards(
        &self,
        org: &OrgId,
        shards: Option<u8>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The budgets of the organisation; none where none were ever set.
    fn budgets(&self, org: &OrgId) -> impl Future<Output = Result<Budgets, PortError>> + Send;

    /// Replaces the budgets, and lets every balance shard know it, in one step: counters that are over are forgotten, and all
    /// shards but the main one are to be settled. Makes the shards there are not; [`PortError::Conflict`] when the budgets
    /// have changed since `before`.
    fn set_budgets(
        &self,
        org: &OrgId,
        before: &Budgets,
        after: &Budgets,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets the counters of a shard begin a day, and settles it where it is not; [`PortError::Conflict`] when it is not as it
    /// was seen, or when the main one is not of that day or of those budgets while counters go there.
    fn turn(&self, org: &OrgId, turn: &Turn) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets a shard count in the stead of others; [`PortError::Conflict`] when one of them has too little left or is of
    /// another day, or when the shard is of another day or knows other budgets.
    fn allow(&self, org: &OrgId, allowance: &Allowance)
    -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers that somebody is told of a budget, in the period that begins on this day; whether that is new.
    fn remember_told(
        &self,
        org: &OrgId,
        number: i64,
        period: Day,
        reached: Reached,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes the reversal's entry, marks the debit, whose entry lies in this ledger, and gives its credits back, all of it
    /// or nothing, unless the debit was reversed before. On the main shard these budgets count it no more;
    /// [`PortError::Conflict`] when its counters are of another day, or when it has not all of them.
    fn reverse(
        &self,
        org: &OrgId,
        ledger: ShardId,
        reversal: &Reversal,
        uncounted: &Counted,
        actor: &Actor,
    ) -> impl Future<Output = Result<Reversed, PortError>> + Send;

    /// Sees to it that no debit ever has an entry under this id in this ledger, if none has: so whatever is reserved under it is
    /// given back. Gives what is there then, [`Stored::Other`] for nothing.
    fn close(
        &self,
        org: &OrgId,
        ledger: ShardId,
        id: DebitId,
    ) -> impl Future<Output = Result<Stored, PortError>> + Send;

    /// Sees to it that the organisation's holds are looked for from now on, before its first one is made: its main shard says
    /// that there may be some, and the list of organisations with holds has it. [`PortError::Conflict`] when there is no
    /// balance.
    fn begin_holds(&self, org: &OrgId, now: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes what becomes of a hold, and gives what comes back to the main shard, which these budgets count no more then, all of
    /// it or nothing: if it is open, under this stamp and with the terms of before, and the counters are of that day and know
    /// them all, else [`PortError::Conflict`].
    fn change_hold(
        &self,
        org: &OrgId,
        change: &HoldChange,
        uncounted: &Counted,
        actor: &Actor,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Charges what was used of a quota that has ended, all of it or nothing: keeps at the hold that it was reported, writes the
    /// entry of it, and takes the credits from the main shard, or from all of them. Whether there were as many;
    /// [`PortError::Conflict`] when something was reported before.
    fn report_late(
        &self,
        org: &OrgId,
        report: &LateReport,
        actor: &Actor,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// What debits need of a table whose senders choose keys in the place of ids. A key that was claimed stands for one debit at a
/// time, and is never forgotten.
pub trait Keys {
    /// Which debit a key stands for; `None` while nobody has claimed it.
    fn claimed(
        &self,
        org: &OrgId,
        key: &IdempotencyKey,
    ) -> impl Future<Output = Result<Option<DebitId>, PortError>> + Send;

    /// Lets a key stand for a debit, if it stands for none. Gives which one it stands for then.
    fn claim(
        &self,
        org: &OrgId,
        key: &IdempotencyKey,
        id: DebitId,
    ) -> impl Future<Output = Result<DebitId, PortError>> + Send;

    /// Lets a key that stands for `before` stand for another debit. Gives which one it stands for then;
    /// [`PortError::Conflict`] for a key that nobody has claimed.
    fn replace(
        &self,
        org: &OrgId,
        key: &IdempotencyKey,
        before: DebitId,
        id: DebitId,
    ) -> impl Future<Output = Result<DebitId, PortError>> + Send;
}

/// What ending holds at their time needs of a table.
pub trait OpenHolds {
    /// Where the open holds of an organisation are; [`PortError::Conflict`] when it never held any.
    fn open_holds(&self, org: &OrgId) -> impl Future<Output = Result<OpenHoldsOf, PortError>> + Send;

    /// Keeps where they are now, to be looked at again then, or only when somebody holds again; [`PortError::Conflict`] when
    /// somebody else did.
    fn keep_open_holds(
        &self,
        org: &OrgId,
        of: &OpenHoldsOf,
        next: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Holds of a month in the order of their ids, from the one behind `after` on, and none that is earlier than `from`. Gives
    /// behind which one it goes on.
    fn holds(
        &self,
        org: &OrgId,
        month: Month,
        from: Timestamp,
        after: Option<EntryId>,
    ) -> impl Future<Output = Result<(Vec<DebitEntry>, Option<EntryId>), PortError>> + Send;
}

/// Where the open holds of an organisation are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHoldsOf {
    pub round: Round,
    /// When somebody was last about to hold, to the hour.
    pub touched: Timestamp,
    /// How often this was written.
    pub revision: i64,
}

/// What a balance shard answers to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The credits are reserved, and the shard is like this now.
    Done(BalanceShard),
    /// It refused, and is like this; `None` when there is none.
    Refused(Option<BalanceShard>),
}

/// What is in the ledger under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Debit(DebitEntry),
    /// A debit that was taken back.
    Reversed(DebitEntry, Reversal),
    /// An entry that is not a debit's, or that no debit will ever be there.
    Other,
}

impl Stored {
    /// The entry of a debit.
    #[must_use]
    pub fn entry(&self) -> Option<&DebitEntry> {
        match self {
            Stored::Debit(entry) | Stored::Reversed(entry, _) => Some(entry),
            Stored::Nothing | Stored::Other => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    New,
    /// None was written. What was there before, for each in its order; not [`Stored::Nothing`] for all.
    Before(Vec<Stored>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversed {
    New,
    Before(Reversal),
}
