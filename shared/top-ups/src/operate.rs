//! What the staff do about a top-up: settle it again, end it, or end its doubt.

use saldo_domain::{
    Action, Audit, Author, Cause, Commit, Credits, Ending, IdempotencyKey, Money, NotExtended, NotRefunded,
    NotReleased, Operation, OperationId, OrgId, PortError, Reason, ReleasedAs, Timestamp, TopUp, TopUpId,
    extend, release,
};

use crate::audited::{Asked, Audited, Audits, facts};
use crate::settle::TRIES;
use crate::{Invoices, TopUps};

/// What somebody of the staff wants done.
#[derive(Clone, Debug)]
pub struct Wish {
    pub action: Action,
    pub org: OrgId,
    /// The top-up or adjustment that it is about; of a new adjustment the credits.
    pub about: String,
    /// An operator.
    pub by: saldo_domain::Actor,
    pub reason: Reason,
    pub key: IdempotencyKey,
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operated {
    pub audit: Audit,
    /// Whether it was done now, and not by a request of before.
    pub new: bool,
}

/// Why it is not done; nothing was changed, and the key may be used again for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperateError {
    /// The key was used for something else.
    KeyReused,
    NoTopUp,
    NotReleased(NotReleased),
    NotExtended(NotExtended),
    /// The provider does not end the invoice: a payment is under way.
    PaymentInProgress,
    NoProposal,
    /// Whoever proposed it may not agree to it.
    SamePerson,
    /// A second person has agreed before.
    ProposalOver,
    /// The balance does not cover so many.
    NotEnough(Credits),
    /// What the provider keeps for the payer is not what was seen, but this.
    BalanceChanged(Option<Money>),
    NotRefunded(NotRefunded),
    /// The provider does not give the money back, for this reason; the credits were given again.
    RefundRefused(String),
    Port(PortError),
}

impl From<PortError> for OperateError {
    fn from(error: PortError) -> OperateError {
        OperateError::Port(error)
    }
}

impl<R: Audits + Clone, I: Invoices + Clone> TopUps<R, I> {
    /// Does what is wished for a top-up, once: the same under the same key is answered as it was then. What was begun and
    /// cut off is gone on with.
    pub async fn operate(&self, wish: &Wish, now: Timestamp) -> Result<Operated, OperateError> {
        let operation = match self.asked(wish, now).await? {
            Ok(operation) => operation,
            Err(done) => return Ok(done),
        };
        let row = self.row_about(&wish.org, &wish.about).await?;
        match wish.action {
            Action::ReleaseAsPaid => self.release(row, ReleasedAs::Paid, operation, now).await,
            Action::ReleaseAsNothing => self.release(row, ReleasedAs::Nothing, operation, now).await,
            Action::Settle | Action::Void => self.look(row, operation, now).await,
            Action::Adjust
            | Action::ProposeAdjustment
            | Action::ApproveAdjustment
            | Action::ZeroBalance
            | Action::Refund
            | Action::UndoRefund
            | Action::Extend => Err(OperateError::NoTopUp),
        }
    }

    /// Lets an open top-up be paid until so many days from now, once.
    pub async fn extend(&self, wish: &Wish, days: i64, now: Timestamp) -> Result<Operated, OperateError> {
        let operation = match self.asked_with(wish, &format!(" {days}"), now).await? {
            Ok(operation) => operation,
            Err(done) => return Ok(done),
        };
        let row = self.row_about(&wish.org, &wish.about).await?;
        let author = author(&operation);
        self.decided(row, &operation, |row| {
            extend(row, days, &author, now).map_err(OperateError::NotExtended)
        })
        .await
    }

    /// The top-up that something is about.
    pub(crate) async fn row_about(&self, org: &OrgId, about: &str) -> Result<TopUp, OperateError> {
        let id = TopUpId::parse(about).map_err(|_| OperateError::NoTopUp)?;
        self.rows.top_up(org, &id).await?.ok_or(OperateError::NoTopUp)
    }

    /// The operation that a wish is, new or begun before; or that it is done.
    pub(crate) async fn asked(
        &self,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<Result<Operation, Operated>, OperateError> {
        self.asked_with(wish, "", now).await
    }

    /// The same of a wish that says more, each with a space before it.
    pub(crate) async fn asked_with(
        &self,
        wish: &Wish,
        details: &str,
        now: Timestamp,
    ) -> Result<Result<Operation, Operated>, OperateError> {
        let operation = Operation {
            id: OperationId::new(now),
            action: wish.action,
            org: wish.org.clone(),
            about: wish.about.clone(),
            by: wish.by.clone(),
            at: now,
            reason: wish.reason.clone(),
        };
        let (action, reason) = (wish.action.as_str(), wish.reason.as_str());
        let what = format!("{action} {} {}{details} {reason}", wish.org, wish.about);
        let asked = self.rows.ask(&Asked { key: wish.key.clone(), what: what.clone(), operation }).await?;
        if asked.what != what {
            return Err(OperateError::KeyReused);
        }
        let id = &asked.operation.id;
        Ok(match self.rows.audit(&wish.org, id).await? {
            Some(audit) => Err(Operated { audit, new: false }),
            None => Ok(asked.operation),
        })
    }

    /// What is kept of an operation that is over.
    pub(crate) async fn done(&self, of: &Operation, new: bool) -> Result<Operated, OperateError> {
        let audit = self.rows.audit(&of.org, &of.id).await?;
        let audit = audit.ok_or_else(|| PortError::Broken(format!("{} is not kept", of.id)))?;
        Ok(Operated { audit, new })
    }

    async fn look(&self, row: TopUp, operation: Operation, now: Timestamp) -> Result<Operated, OperateError> {
        let author = author(&operation);
        let row = self.without_refund(row, &author, now).await?;
        let rows = Audited::new(self.rows.clone(), operation.clone());
        let audited = TopUps { rows, invoices: self.invoices.clone(), policy: self.policy };
        // Boxed, as the requests of all adapters together are too deep for the compiler to lay out in one piece.
        let settled = if operation.action == Action::Void {
            Box::pin(audited.close(&row, Ending::Canceled, &author, now)).await?
        } else {
            Box::pin(audited.reconcile(&row, &author, now)).await?
        };
        if operation.action == Action::Void && settled.top_up.status.is_unfinished() {
            return Err(OperateError::PaymentInProgress);
        }
        if !audited.rows.has_written() {
            let as_it_is = facts(&settled.top_up);
            let audit = Audit { operation: operation.clone(), before: as_it_is.clone(), after: as_it_is };
            self.rows.keep_audit(&audit).await?;
        }
        self.done(&operation, true).await
    }

    /// A refund that is under way is brought to its end first.
    async fn without_refund(&self, row: TopUp, author: &Author, now: Timestamp) -> Result<TopUp, PortError> {
        if row.refund.is_none() {
            return Ok(row);
        }
        Box::pin(self.look_after(&row, author, now)).await?;
        self.as_it_is_now(&row).await
    }

    async fn release(
        &self,
        row: TopUp,
        released_as: ReleasedAs,
        operation: Operation,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let author = author(&operation);
        self.decided(row, &operation, |row| {
            release(row, released_as, &author, now).map_err(OperateError::NotReleased)
        })
        .await
    }

    /// Writes what is decided of the row as it is, with what is kept of it.
    async fn decided(
        &self,
        mut row: TopUp,
        operation: &Operation,
        decide: impl Fn(&TopUp) -> Result<Commit, OperateError>,
    ) -> Result<Operated, OperateError> {
        for _ in 0..TRIES {
            let commit = match decide(&row) {
                Ok(commit) => commit,
                // Another request under the same key may have done it meanwhile.
                Err(why) => {
                    let kept = self.rows.audit(&operation.org, &operation.id).await?;
                    return kept.map(|audit| Operated { audit, new: false }).ok_or(why);
                }
            };
            match self.commit_decided(&row, &commit, operation).await {
                Err(PortError::Conflict) => row = self.as_it_is_now(&row).await?,
                written => return self.done_after(written, operation).await,
            }
        }
        Err(PortError::Conflict.into())
    }

    async fn commit_decided(
        &self,
        row: &TopUp,
        commit: &Commit,
        operation: &Operation,
    ) -> Result<(), PortError> {
        let audit = Audit { operation: operation.clone(), before: facts(row), after: facts(&commit.top_up) };
        self.rows.commit_audited(commit, &audit).await
    }

    async fn done_after(
        &self,
        written: Result<(), PortError>,
        operation: &Operation,
    ) -> Result<Operated, OperateError> {
        written?;
        self.done(operation, true).await
    }
}

pub(crate) fn author(of: &Operation) -> Author {
    Author { actor: of.by.clone(), cause: Cause::Operation(of.id.clone()) }
}
