//! Row and ledger of one top-up, held against each other after every write.
use std::collections::BTreeMap;

use saldo_domain::{Commit, EntryId, EntryKind, Floor, PortError, Posting, TopUp};

use super::bug::Bug;

pub(super) struct Books {
    pub(super) row: TopUp,
    pub(super) ledger: BTreeMap<EntryId, Posting>,
    /// Of the organisation, which spends what it has now and then.
    pub(super) balance: i64,
    pub(super) spent: i64,
    pub(super) owed: bool,
    pub(super) wrong: Option<String>,
}

impl Books {
    pub(super) fn new(row: TopUp) -> Books {
        Books { row, ledger: BTreeMap::new(), balance: 0, spent: 0, owed: false, wrong: None }
    }

    /// All of it or nothing, over the revision that was decided on.
    pub(super) fn commit(&mut self, commit: &Commit, bug: Option<Bug>) -> Result<(), PortError> {
        let current = self.row.revision == commit.top_up.revision - 1 || bug == Some(Bug::RevisionIgnored);
        let posted_before = commit.postings.iter().any(|posting| self.ledger.contains_key(&posting.entry.id));
        if bug == Some(Bug::PostedTwice) && !current && posted_before {
            self.balance += moved(commit);
            self.prove();
            return Ok(());
        }
        let bounded = commit.postings.iter().any(|posting| posting.floor == Floor::Zero);
        let short = bounded && self.balance + moved(commit) < 0;
        if !current || posted_before || (short && bug != Some(Bug::FloorIgnored)) {
            return Err(PortError::Conflict);
        }
        if short {
            self.wrong.get_or_insert("credits were taken that were spent".to_owned());
        }
        if bug != Some(Bug::PostingsForgotten) {
            self.balance += match bug {
                Some(Bug::NothingOwed) => moved(commit).max(-self.balance.max(0)),
                _ => moved(commit),
            };
            self.ledger.extend(commit.postings.iter().map(|posting| (posting.entry.id, posting.clone())));
        }
        if bug != Some(Bug::RowForgotten) {
            self.row = commit.top_up.clone();
        }
        self.owed |= self.balance < 0;
        self.prove();
        Ok(())
    }

    pub(super) fn spend(&mut self, credits: i64) {
        let spent = credits.min(self.balance).max(0);
        (self.balance, self.spent) = (self.balance - spent, self.spent + spent);
    }

    pub(super) fn sum(&self, kinds: &[EntryKind]) -> i64 {
        let of_kinds = self.ledger.values().filter(|posting| kinds.contains(&posting.entry.kind));
        of_kinds.map(|posting| posting.entry.credits.0).sum()
    }

    fn prove(&mut self) {
        let posted = self.row.posted;
        let granted = self.sum(&[EntryKind::TopUp]);
        let refunded = -self.sum(&[EntryKind::Refund, EntryKind::RefundUndone]);
        let disputed = -self.sum(&[EntryKind::Dispute, EntryKind::DisputeUndone]);
        let row = (posted.granted.0, posted.refunded.0, posted.disputed.0);
        let grants = self.ledger.values().filter(|posting| posting.entry.kind == EntryKind::TopUp).count();
        let wrong = if row != (granted, refunded, disputed) {
            format!("the row has posted {row:?}, its entries are {granted}, {refunded}, {disputed}")
        } else if refunded < 0 || disputed < 0 || posted.credited().0 < 0 || grants > 1 {
            format!("never so: {row:?}, granted {grants} times")
        } else if self.balance != granted - refunded - disputed - self.spent {
            format!("the balance is {}, its entries {row:?} less {} spent", self.balance, self.spent)
        } else {
            return;
        };
        self.wrong.get_or_insert(wrong);
    }
}

fn moved(commit: &Commit) -> i64 {
    commit.postings.iter().map(|posting| posting.entry.credits.0).sum()
}
