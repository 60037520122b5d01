//! Rows whose next change is written together with what is kept of who did it, and why.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use saldo_domain::{
    Audit, BillingContact, Commit, Credits, Facts, FailureReason, IdempotencyKey, Occasion, Operation,
    OperationId, OrgId, PortError, Posting, Proposal, Settings, TopUp, TopUpId,
};

use crate::{Begun, Rows};

/// What is kept of what the staff do, and what is written together with it.
pub trait Audits: Rows {
    /// Remembers under the operator's key what is asked for, or tells what was asked under it before.
    fn ask(&self, asked: &Asked) -> impl Future<Output = Result<Asked, PortError>> + Send;

    fn audit(
        &self,
        org: &OrgId,
        id: &OperationId,
    ) -> impl Future<Output = Result<Option<Audit>, PortError>> + Send;

    /// Keeps what was done where there was nothing to change; the same again changes nothing.
    fn keep_audit(&self, audit: &Audit) -> impl Future<Output = Result<(), PortError>> + Send;

    /// As [`Rows::commit`], together with what is kept of it: [`PortError::Conflict`] also when that is kept already.
    fn commit_audited(
        &self,
        commit: &Commit,
        audit: &Audit,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Posts together with what is kept of it; `proposal` is what is over then.
    fn post_audited(
        &self,
        posting: &Posting,
        audit: &Audit,
        proposal: Option<&OperationId>,
    ) -> impl Future<Output = Result<Booked, PortError>> + Send;

    /// Writes a proposal together with what is kept of it; the same again changes nothing.
    fn propose(
        &self,
        proposal: &Proposal,
        audit: &Audit,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    fn proposal(
        &self,
        org: &OrgId,
        id: &OperationId,
    ) -> impl Future<Output = Result<Option<Proposal>, PortError>> + Send;

    /// What the organisation has, over all its balance shards; negative where it owes.
    fn available(&self, org: &OrgId) -> impl Future<Output = Result<Credits, PortError>> + Send;
}

/// What somebody asked for under a key, and the id that it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub key: IdempotencyKey,
    /// All of it but the id, to be compared.
    pub what: String,
    pub operation: Operation,
}

/// What came of a posting with what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    New,
    /// It is kept already.
    Before,
    /// The proposal is over already.
    ProposalOver,
    /// The balance does not cover it.
    NotEnough,
}

/// Rows whose first change is the operation's; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Audited<R> {
    rows: R,
    operation: Operation,
    written: Arc<AtomicBool>,
}

impl<R: Audits> Audited<R> {
    pub(crate) fn new(rows: R, operation: Operation) -> Audited<R> {
        Audited { rows, operation, written: Arc::default() }
    }

    pub(crate) fn has_written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }
}

/// What is kept of a row, before and after.
pub(crate) fn facts(top_up: &TopUp) -> Facts {
    let mut facts = Facts::from([
        ("status".to_owned(), top_up.status.as_str().to_owned()),
        ("granted".to_owned(), top_up.posted.granted.to_string()),
        ("refunded".to_owned(), top_up.posted.refunded.to_string()),
        ("disputed".to_owned(), top_up.posted.disputed.to_string()),
        ("revision".to_owned(), top_up.revision.to_string()),
    ]);
    facts.extend(top_up.review.map(|reason| ("review".to_owned(), reason.as_str().to_owned())));
    if let Some(refund) = &top_up.refund {
        let way = if refund.out_of_band { "out_of_band" } else { "stripe" };
        facts.extend([
            ("refund".to_owned(), refund.operation.as_str().to_owned()),
            ("refund_credits".to_owned(), refund.credits.to_string()),
            ("refund_money".to_owned(), refund.money.to_string()),
            ("refund_way".to_owned(), way.to_owned()),
            ("currency".to_owned(), top_up.purchase.total.currency.to_string()),
        ]);
    }
    facts
}

impl<R: Audits> Rows for Audited<R> {
    async fn commit(&self, commit: &Commit) -> Result<(), PortError> {
        if self.has_written() {
            return self.rows.commit(commit).await;
        }
        let row = self.rows.top_up(&commit.top_up.org, &commit.top_up.id).await?;
        let before = row.filter(|row| row.revision.saturating_add(1) == commit.top_up.revision);
        let before = before.ok_or(PortError::Conflict)?;
        let (operation, after) = (self.operation.clone(), facts(&commit.top_up));
        let audit = Audit { operation, before: facts(&before), after };
        self.rows.commit_audited(commit, &audit).await?;
        self.written.store(true, Ordering::Release);
        Ok(())
    }

    async fn save(&self, top_up: &TopUp) -> Result<(), PortError> {
        self.rows.save(top_up).await
    }

    async fn note(&self, top_up: &TopUp, occasion: &Occasion) -> Result<(), PortError> {
        self.rows.note(top_up, occasion).await
    }

    async fn begin(&self, top_up: &TopUp, request: &IdempotencyKey) -> Result<Begun, PortError> {
        self.rows.begin(top_up, request).await
    }

    async fn top_up(&self, org: &OrgId, id: &TopUpId) -> Result<Option<TopUp>, PortError> {
        self.rows.top_up(org, id).await
    }

    async fn requested_before(
        &self,
        org: &OrgId,
        request: &IdempotencyKey,
    ) -> Result<Option<TopUpId>, PortError> {
        self.rows.requested_before(org, request).await
    }

    async fn keep_invoice(&self, invoice: &str, top_up: &TopUp) -> Result<(), PortError> {
        self.rows.keep_invoice(invoice, top_up).await
    }

    async fn kept_for(&self, invoice: &str) -> Result<Option<(OrgId, TopUpId)>, PortError> {
        self.rows.kept_for(invoice).await
    }

    async fn withdraw(&self, top_up: &TopUp, request: &IdempotencyKey) -> Result<(), PortError> {
        self.rows.withdraw(top_up, request).await
    }

    async fn settings(&self, org: &OrgId) -> Result<Settings, PortError> {
        self.rows.settings(org).await
    }

    async fn keep_payer(
        &self,
        org: &OrgId,
        payer: &str,
        told: &BillingContact,
        replacing: Option<&str>,
    ) -> Result<(), PortError> {
        self.rows.keep_payer(org, payer, told, replacing).await
    }

    async fn keep_refusal(&self, org: &OrgId, why: Option<FailureReason>) -> Result<(), PortError> {
        self.rows.keep_refusal(org, why).await
    }

    async fn keep_told(&self, org: &OrgId, payer: &str, told: &BillingContact) -> Result<(), PortError> {
        self.rows.keep_told(org, payer, told).await
    }
}
