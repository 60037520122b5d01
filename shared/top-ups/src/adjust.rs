//! Setting a balance right: by one person up to a limit, by two above it.

use saldo_domain::{Action, Audit, Credits, Facts, Operation, OperationId, Posting, Proposal, Timestamp};

use crate::audited::{Audits, Booked};
use crate::operate::{OperateError, Operated, Wish};
use crate::{Invoices, TopUps};

impl<R: Audits + Clone, I: Invoices + Clone> TopUps<R, I> {
    /// Adds `credits`, which may be negative and never make debt, to a balance; or proposes it, where the wish says so.
    pub async fn adjust(
        &self,
        wish: &Wish,
        credits: Credits,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let operation = match self.asked(wish, now).await? {
            Ok(operation) => operation,
            Err(done) => return Ok(done),
        };
        if wish.action == Action::ProposeAdjustment {
            let proposal = Proposal {
                id: operation.id.clone(),
                org: operation.org.clone(),
                credits,
                by: operation.by.clone(),
                at: operation.at,
                reason: operation.reason.clone(),
                posted: false,
            };
            let after = with_state("proposed", credits);
            let audit = Audit { operation: operation.clone(), before: Facts::new(), after };
            self.rows.propose(&proposal, &audit).await?;
            return self.done(&operation, true).await;
        }
        self.book(&operation, credits, None, now).await
    }

    /// Lets a second person agree to a proposal, which posts it.
    pub async fn approve(&self, wish: &Wish, now: Timestamp) -> Result<Operated, OperateError> {
        let operation = match self.asked(wish, now).await? {
            Ok(operation) => operation,
            Err(done) => return Ok(done),
        };
        let id = OperationId::parse(&wish.about).map_err(|_| OperateError::NoProposal)?;
        let proposal = self.rows.proposal(&wish.org, &id).await?.ok_or(OperateError::NoProposal)?;
        if proposal.by == wish.by {
            return Err(OperateError::SamePerson);
        }
        self.book(&operation, proposal.credits, Some(&id), now).await
    }

    /// The entry has an id of the moment, so that it is of a month that is not over: what makes it unique is what is kept of
    /// the operation, which is written with it.
    async fn book(
        &self,
        operation: &Operation,
        credits: Credits,
        proposal: Option<&OperationId>,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let posting = Posting::adjustment_now(operation.id.as_str(), credits, &operation.by, now);
        let mut after = with_state("posted", credits);
        after.insert("entry".to_owned(), posting.entry.id.to_string());
        let before = proposal.map(|_| with_state("proposed", credits)).unwrap_or_default();
        let audit = Audit { operation: operation.clone(), before, after };
        match self.rows.post_audited(&posting, &audit, proposal).await? {
            Booked::New => Ok(Operated { audit, new: true }),
            Booked::Before => self.done(operation, false).await,
            Booked::ProposalOver => Err(OperateError::ProposalOver),
            Booked::NotEnough => Err(OperateError::NotEnough(credits.negated())),
        }
    }
}

fn with_state(state: &str, credits: Credits) -> Facts {
    Facts::from([("state".to_owned(), state.to_owned()), ("credits".to_owned(), credits.to_string())])
}
