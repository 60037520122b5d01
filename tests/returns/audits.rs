//! What is kept of the refunds that the staff make themselves: their keys, and who did what.
use saldo_domain::{
    Action, Audit, Commit, Credits, Operation, OperationId, OrgId, PortError, Posting, Proposal,
};
use saldo_top_ups::{Asked, Audits, Booked};

use super::bug::Bug;
use super::hand::{Hand, World, not_asked};

impl Audits for Hand {
    async fn ask(&self, asked: &Asked) -> Result<Asked, PortError> {
        let ask = |world: &mut World| {
            let before = world.kept.asked.iter().find(|(key, _)| *key == asked.key);
            let before = before.map(|(_, before)| before.clone());
            let before = before.filter(|_| world.bug != Some(Bug::OperatorKeyForgotten));
            let asked = before.unwrap_or_else(|| asked.clone());
            let id = asked.operation.id.as_str().to_owned();
            world.kept.keys.insert(id, asked.key.as_str().to_owned());
            world.kept.asked.push((asked.key.clone(), asked.clone()));
            asked
        };
        self.call(ask).await
    }

    async fn audit(&self, _: &OrgId, id: &OperationId) -> Result<Option<Audit>, PortError> {
        self.call(|world| world.kept.audits.get(id.as_str()).cloned()).await
    }

    async fn keep_audit(&self, _: &Audit) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    async fn commit_audited(&self, commit: &Commit, audit: &Audit) -> Result<(), PortError> {
        let commit_once = |world: &mut World| {
            let Operation { id, action, .. } = &audit.operation;
            if world.kept.audits.contains_key(id.as_str()) {
                return Err(PortError::Conflict);
            }
            if let Some(refund) = commit.top_up.refund.as_ref().filter(|_| world.bug == Some(Bug::MoneyFirst))
            {
                world.give_back(refund, &refund.key());
            }
            let mut commit = commit.clone();
            if world.bug == Some(Bug::CreditsKept) && *action == Action::UndoRefund {
                commit.top_up.posted = world.books.row.posted;
                commit.postings.clear();
            }
            world.books.commit(&commit, world.bug)?;
            world.kept.audits.insert(id.as_str().to_owned(), audit.clone());
            Ok(())
        };
        self.call(commit_once).await?
    }

    async fn post_audited(
        &self,
        _: &Posting,
        _: &Audit,
        _: Option<&OperationId>,
    ) -> Result<Booked, PortError> {
        Err(not_asked().into())
    }

    async fn propose(&self, _: &Proposal, _: &Audit) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    async fn proposal(&self, _: &OrgId, _: &OperationId) -> Result<Option<Proposal>, PortError> {
        Err(not_asked().into())
    }

    async fn available(&self, _: &OrgId) -> Result<Credits, PortError> {
        self.call(|world| Credits(world.books.balance)).await
    }
}
