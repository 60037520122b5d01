//! The keys of one organisation's senders, and ids under which nothing is ever debited.

use saldo_domain::{DebitId, PortError, ShardId};

use super::Bug;
use super::table::{Row, Table};
use crate::port::Stored;

impl Table {
    /// Which debit the key stands for then.
    pub(super) fn claim(&mut self, key: &str, id: DebitId) -> DebitId {
        if self.bug == Some(Bug::KeyClaimedTwice) {
            self.keys.insert(key.to_owned(), id);
        }
        *self.keys.entry(key.to_owned()).or_insert(id)
    }

    pub(super) fn replace(&mut self, key: &str, before: DebitId, id: DebitId) -> Result<DebitId, PortError> {
        let bug = self.bug;
        let there = self.keys.get_mut(key).ok_or(PortError::Conflict)?;
        if *there == before || bug == Some(Bug::KeyReplacedUnguarded) {
            *there = id;
        }
        Ok(*there)
    }

    pub(super) fn close(&mut self, ledger: ShardId, id: DebitId) -> Stored {
        let there = self.stored(ledger, id);
        if self.bug == Some(Bug::IdNotClosed) {
            return if there == Stored::Nothing { Stored::Other } else { there };
        }
        if there == Stored::Nothing || self.bug == Some(Bug::DebitClosed) {
            self.ledger.insert((ledger, id.entry()), Row::Closed);
        }
        self.stored(ledger, id)
    }
}
