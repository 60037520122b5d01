//! From a call of spending to the table and back.

use std::future::Future;

use saldo_adapters::PortError;
use saldo_adapters::spend::{Heads as Port, Reversed, Stored, Taken, Written};
use saldo_domain::{DebitEntry, DebitId, Funds, Gain, Head, OrgId, Reversal, Shard, Tag, Take, Timestamp};

use crate::{Answer, Op};

/// How one call reaches the table, and what the caller hears.
pub trait Way {
    fn call(&self, op: Op) -> impl Future<Output = Result<Answer, PortError>> + Send;
}

/// The table at the end of a way. It holds one organisation, whichever is asked for.
#[derive(Clone, Debug)]
pub struct Heads<W>(pub W);

/// Makes a call whose answer is of one kind.
macro_rules! answered {
    ($heads:expr, $op:expr, $kind:ident) => {
        match $heads.0.call($op).await? {
            Answer::$kind(answer) => Ok(answer),
            other => Err(PortError::Broken(format!("not the answer to this call: {other:?}"))),
        }
    };
}

impl<W: Way + Sync> Port for Heads<W> {
    async fn take(&self, _: &OrgId, shard: Shard, take: &Take) -> Result<Taken, PortError> {
        answered!(self, Op::Take(shard, take.clone()), Taken)
    }

    async fn make_ready(&self, _: &OrgId) -> Result<(), PortError> {
        answered!(self, Op::Ready, Done)
    }

    async fn put_entries(
        &self,
        _: &OrgId,
        ledger: Shard,
        entries: &[DebitEntry],
    ) -> Result<Written, PortError> {
        answered!(self, Op::Put(ledger, entries.to_vec()), Written)
    }

    async fn give_back(&self, _: &OrgId, id: DebitId, tag: Tag) -> Result<(), PortError> {
        answered!(self, Op::GiveBack(id, tag), Done)
    }

    async fn trim(&self, _: &OrgId, shard: Shard, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        answered!(self, Op::Trim(shard, done.to_vec()), Done)
    }

    async fn entries(&self, _: &OrgId, ids: &[(Shard, DebitId)]) -> Result<Vec<Stored>, PortError> {
        answered!(self, Op::Entries(ids.to_vec()), Entries)
    }

    async fn head(&self, _: &OrgId) -> Result<Head, PortError> {
        answered!(self, Op::Head, Head)
    }

    /// One after the other, as they are read there too.
    async fn heads(&self, _: &OrgId) -> Result<Funds, PortError> {
        let mut funds = Funds::new();
        for shard in Shard::heads() {
            let head: Result<Option<Head>, PortError> = answered!(self, Op::HeadOf(shard), HeadOf);
            if let Some(head) = head? {
                funds.insert(shard, head);
            }
        }
        Ok(funds)
    }

    async fn shift(&self, _: &OrgId, gain: &Gain) -> Result<(), PortError> {
        answered!(self, Op::Shift(gain.clone()), Done)
    }

    async fn announce_split(&self, _: &OrgId) -> Result<(), PortError> {
        answered!(self, Op::AnnounceSplit, Done)
    }

    async fn split(&self, _: &OrgId, since: Timestamp) -> Result<(), PortError> {
        answered!(self, Op::Split(since), Done)
    }

    async fn reversal(&self, _: &OrgId, id: DebitId) -> Result<Option<Reversal>, PortError> {
        answered!(self, Op::Reversal(id), Reversal)
    }

    async fn reverse(&self, _: &OrgId, reversal: &Reversal) -> Result<Reversed, PortError> {
        answered!(self, Op::Reverse(*reversal), Reversed)
    }
}
