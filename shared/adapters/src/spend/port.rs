//! What spending needs of a table.

use std::future::Future;

use saldo_domain::{DebitEntry, DebitId, Head, OrgId, Reversal, Tag, Take};

use crate::PortError;

/// Heads and debit entries of organisations. Every read is consistent and every write conditional; an error means that
/// a write may have been applied, may still be applied later, or not at all.
pub trait Heads {
    /// Takes credits if the head has them, does not hold the id, has room, and holds each trim under its tag or not at
    /// all. Then, in one step: credits less, the counter one turn further, the id in the ring with the tag
    /// `counter before + code`, the trims out of the ring.
    fn take(&self, org: &OrgId, take: &Take) -> impl Future<Output = Result<Taken, PortError>> + Send;

    /// Makes a head that was only ever credited ready for debits; no change when it is.
    fn make_ready(&self, org: &OrgId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes the entry unless there is one with this id.
    fn put_entry(
        &self,
        org: &OrgId,
        entry: &DebitEntry,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Gives back what was taken under this tag, and takes the id out of the ring, if it is there with this tag.
    fn give_back(
        &self,
        org: &OrgId,
        id: DebitId,
        tag: Tag,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes finished debits out of the ring, if each is there with its tag or not at all: at most
    /// [`saldo_domain::MOST_TRIMS`].
    fn trim(
        &self,
        org: &OrgId,
        done: &[(DebitId, Tag)],
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    fn entry(&self, org: &OrgId, id: DebitId) -> impl Future<Output = Result<Stored, PortError>> + Send;

    fn head(&self, org: &OrgId) -> impl Future<Output = Result<Head, PortError>> + Send;

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
    /// There was one before: never [`Stored::Nothing`].
    Before(Stored),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversed {
    New,
    Before(Reversal),
}
