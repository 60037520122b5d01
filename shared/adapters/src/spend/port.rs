//! What spending needs of a table.

use std::future::Future;

use saldo_domain::{DebitEntry, DebitId, Funds, Gain, Head, OrgId, Reversal, Shard, Tag, Take, Timestamp};

use crate::PortError;

/// Heads and debit entries of organisations. Every read is consistent and every write conditional; an error means that
/// a write may have been applied, may still be applied later, or not at all.
pub trait Heads {
    /// Takes credits for all portions or for none: if the head of this shard has them, holds none of the ids, has room,
    /// holds each trim under its tag or not at all, and does not know of a split that the taker does not know of. Then, in
    /// one step: credits less, the counter one turn further, each id in the ring with the tag `counter before + code`, the
    /// trims out of the ring.
    fn take(
        &self,
        org: &OrgId,
        shard: Shard,
        take: &Take,
    ) -> impl Future<Output = Result<Taken, PortError>> + Send;

    /// Makes a main head that was only ever credited ready for debits; no change when it is.
    fn make_ready(&self, org: &OrgId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes the entries, which are of one run, into this shard's ledger, all of them or none: none when one is there.
    fn put_entries(
        &self,
        org: &OrgId,
        ledger: Shard,
        entries: &[DebitEntry],
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Gives back what was taken under this tag, and takes the id out of the ring, if it is there with this tag.
    fn give_back(
        &self,
        org: &OrgId,
        id: DebitId,
        tag: Tag,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes finished debits out of the ring of this shard, if each is there with its tag or not at all: at most
    /// [`saldo_domain::MOST_TRIMS`].
    fn trim(
        &self,
        org: &OrgId,
        shard: Shard,
        done: &[(DebitId, Tag)],
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// What is in these ledgers under these ids, in their order.
    fn entries(
        &self,
        org: &OrgId,
        ids: &[(Shard, DebitId)],
    ) -> impl Future<Output = Result<Vec<Stored>, PortError>> + Send;

    /// The main head; an empty one when there is none.
    fn head(&self, org: &OrgId) -> impl Future<Output = Result<Head, PortError>> + Send;

    /// All heads there are, each as it was at some moment of the call.
    fn heads(&self, org: &OrgId) -> impl Future<Output = Result<Funds, PortError>> + Send;

    /// Moves credits, and makes the head that gets them if there is none; [`PortError::Conflict`] when a giver has less.
    fn shift(&self, org: &OrgId, gain: &Gain) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets the main head say [`saldo_domain::Split::Coming`] if it says nothing, else [`PortError::Conflict`].
    fn announce_split(&self, org: &OrgId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets a main head that says [`saldo_domain::Split::Coming`] say since when, else [`PortError::Conflict`].
    fn split(&self, org: &OrgId, since: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The reversal of a debit, if there is one.
    fn reversal(
        &self,
        org: &OrgId,
        id: DebitId,
    ) -> impl Future<Output = Result<Option<Reversal>, PortError>> + Send;

    /// Writes the reversal's entry and gives its credits back, both or nothing, unless the debit was reversed before.
    fn reverse(
        &self,
        org: &OrgId,
        reversal: &Reversal,
    ) -> impl Future<Output = Result<Reversed, PortError>> + Send;
}

/// What a head did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It gave the credits and is like this now.
    Given(Head),
    /// It refused, and is like this; `None` when there is none.
    Refused(Option<Head>),
}

/// What is in the ledger under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Nothing,
    Debit(DebitEntry),
    /// An entry that is not a debit's.
    Other,
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
