//! Giving money back: credits first, money after, and the credits again when the provider refuses.

use saldo_domain::{
    Action, Actor, Audit, Author, Cause, Credits, Currency, NotRefunded, Operation, OrgId, PortError,
    RefundOrder, RefundUnderWay, Timestamp, TopUp, TopUpId, begin_refund, undo_refund,
};
use tracing::{info, warn};

use crate::audited::{Audits, facts};
use crate::measured::measure_moved;
use crate::noted::{keep_cut_off, noted, noting, row_is_changed};
use crate::operate::{OperateError, Operated, Wish, author};
use crate::settle::{TRIES, seen};
use crate::{Invoices, InvoicesError, TopUps};

/// What of a top-up is to be given back, and how.
#[derive(Clone, Copy, Debug)]
pub struct Refunding {
    /// `None` is all that can be given back.
    pub credits: Option<Credits>,
    /// Whether credits are taken that the organisation has spent already, which makes debt.
    pub also_spent: bool,
    /// Whether the money goes back by another way than the provider.
    pub out_of_band: bool,
    /// The smallest step, in minor units, that a payer can be paid.
    pub payable_step: fn(Currency) -> i64,
}

/// What became of a refund that was under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenBack {
    /// The provider gives the money back, or keeps the document of a refund out of band.
    Made,
    /// It refused for good, for this reason, and the credits were given again.
    Refused(String),
}

impl<R: Audits + Clone, I: Invoices + Clone> TopUps<R, I> {
    /// Gives money of a top-up back, once: the same under the same key is answered as it was then. One that was begun and
    /// cut off is gone on with.
    ///
    /// [`OperateError::Port`] means that its credits may be taken and what became of its money is not known: the same again,
    /// settling the top-up, or [`TopUps::look_after_refund`] finds out.
    pub async fn refund(
        &self,
        wish: &Wish,
        refunding: &Refunding,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        noting(None, Box::pin(self.refund_noted(wish, refunding, now))).await
    }

    async fn refund_noted(
        &self,
        wish: &Wish,
        refunding: &Refunding,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let operation = match self.asked_with(wish, &refunding.to_string(), now).await? {
            Ok(operation) => operation,
            Err(begun) => return self.bring_about(begun, wish, now).await,
        };
        let begun = self.begin(&operation, refunding, now).await?;
        self.bring_about(begun, wish, now).await
    }

    /// Takes the credits, with what is kept of it.
    async fn begin(
        &self,
        operation: &Operation,
        refunding: &Refunding,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        for _ in 0..TRIES {
            let row = self.row_about(&operation.org, &operation.about).await?;
            let Some(evidence) = self.evidence_of(&row).await? else {
                return Err(OperateError::NotRefunded(NotRefunded::NotPaid));
            };
            let order = RefundOrder {
                operation,
                credits: refunding.credits,
                available: self.rows.available(&operation.org).await?,
                unspent_only: !refunding.also_spent,
                out_of_band: refunding.out_of_band,
                payable_step: (refunding.payable_step)(row.purchase.total.currency),
            };
            let mut commit = match begin_refund(&row, &evidence, self.policy, order, now) {
                Ok(Some(commit)) => commit,
                Ok(None) => {
                    self.decide_and_commit(&row, seen(Some(&evidence)), &author(operation), now).await?;
                    continue;
                }
                // Another request under the same key may have begun it meanwhile.
                Err(why) => {
                    let kept = self.rows.audit(&operation.org, &operation.id).await?;
                    let begun = kept.map(|audit| Operated { audit, new: false });
                    return begun.ok_or(OperateError::NotRefunded(why));
                }
            };
            commit.occasion = noted(commit.occasion);
            let mut after = facts(&commit.top_up);
            if refunding.also_spent {
                after.insert("also_spent".to_owned(), "true".to_owned());
            }
            let audit = Audit { operation: operation.clone(), before: facts(&row), after };
            match self.rows.commit_audited(&commit, &audit).await {
                Err(PortError::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    row_is_changed();
                    measure_moved(&row, &commit.top_up);
                    return Ok(Operated { audit, new: true });
                }
            }
        }
        Err(PortError::Conflict.into())
    }

    /// Brings a refund that was begun to its end, and tells it as it then is.
    async fn bring_about(
        &self,
        begun: Operated,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<Operated, OperateError> {
        let operation = &begun.audit.operation;
        let row = self.row_about(&wish.org, &wish.about).await?;
        if row.refund.as_ref().is_some_and(|refund| refund.operation == operation.id) {
            self.give_back(row, begun.new, &author(operation), now).await?;
        }
        match self.rows.audit(&wish.org, &operation.id.undone()).await? {
            Some(undone) => {
                let why = undone.after.get(WHY).cloned().unwrap_or_default();
                Err(OperateError::RefundRefused(why))
            }
            None => Ok(begun),
        }
    }

    /// Looks after a refund that nobody has brought to its end: finds it made, makes it, or gives its credits again.
    pub async fn look_after_refund(
        &self,
        org: &OrgId,
        id: &TopUpId,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        let author = Author { actor: Actor::System, cause: Cause::Check };
        let row = self.rows.top_up(org, id).await?;
        let row = row.ok_or_else(|| PortError::Broken("the index names no row".to_owned()))?;
        self.look_after(&row, &author, now).await
    }

    /// The same for whoever has the row.
    pub(crate) async fn look_after(
        &self,
        row: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        noting(None, Box::pin(self.give_back(row.clone(), false, author, now))).await
    }

    /// The provider is asked for the refund that is under way, under its key. `first` is whether nobody has asked before.
    async fn give_back(
        &self,
        row: TopUp,
        first: bool,
        author: &Author,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        let given = Box::pin(self.give_back_noted(row.clone(), first, author, now)).await;
        if given.is_err() {
            keep_cut_off(&self.rows, &row, author, now).await;
        }
        given
    }

    async fn give_back_noted(
        &self,
        row: TopUp,
        first: bool,
        author: &Author,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        let (row, refund, alone) = match (&row.refund, first) {
            (None, _) => return Ok(GivenBack::Made),
            // Nobody else has set out to ask meanwhile.
            (Some(refund), true) if refund.tries == 1 => (row.clone(), refund.clone(), true),
            (Some(_), _) => match self.try_again(&row, author, now).await? {
                Some(again) => again,
                None => return Ok(GivenBack::Made),
            },
        };
        match self.invoices.give_back(&row, &refund, &refund.key()).await {
            Ok(()) => {
                // The event of it does the same, and so does whoever looks next.
                if let Err(error) = self.reconcile(&row, author, now).await {
                    warn!(org = row.org.as_str(), top_up = row.id.as_str(), %error, "refund made, and not noted");
                }
                Ok(GivenBack::Made)
            }
            Err(InvoicesError::Unclear { what, kept: true }) => {
                self.use_up_key(&row, &refund, author, what, now).await
            }
            Err(
                InvoicesError::Refused { what }
                | InvoicesError::NotFound { what }
                | InvoicesError::PayerUnknown { what }
                | InvoicesError::Barred { what, .. },
            ) => {
                if alone {
                    return self.undo(row, &refund, &what, author, now).await;
                }
                Err(PortError::Unavailable(format!("an earlier request may still arrive: {what}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the provider says now decides first. If it says nothing of the refund, the row remembers when it is asked again;
    /// with that comes whether an answer of now is the last word, as no earlier request can still arrive.
    async fn try_again(
        &self,
        row: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<Option<(TopUp, RefundUnderWay, bool)>, PortError> {
        let settled = self.reconcile(row, author, now).await?.top_up;
        let Some(refund) = &settled.refund else { return Ok(None) };
        let alone = !refund.may_still_arrive(now);
        let again = refund.tried_again(now);
        let row = TopUp { refund: Some(again.clone()), ..settled.changed_by(author) };
        self.rows.save(&row).await?;
        Ok(Some((row, again, alone)))
    }

    /// Under this key the answer would be the same for a day. The next attempt has another one, if by all that the provider
    /// says nothing came of this one: a refund without its note would be made twice.
    async fn use_up_key(
        &self,
        row: &TopUp,
        used: &RefundUnderWay,
        author: &Author,
        what: String,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        let settled = self.reconcile(row, author, now).await?.top_up;
        let Some(refund) = settled.refund.clone() else { return Ok(GivenBack::Made) };
        if refund.key() != used.key() {
            return Err(PortError::Conflict);
        }
        let evidence = self.evidence_of(&settled).await?;
        let returned = evidence.and_then(|evidence| evidence.returned);
        if returned.is_none_or(|returned| !refund.has_left_no_mark(&returned)) {
            return Err(PortError::Broken(format!("it may be made without its credit note: {what}")));
        }
        let refund = RefundUnderWay { keys_used: refund.keys_used.saturating_add(1), ..refund };
        let row = TopUp { refund: Some(refund), ..settled.changed_by(author) };
        self.rows.save(&row).await?;
        Err(PortError::Unavailable(what))
    }

    /// The provider will not do it: the credits are given again, unless it has done it after all.
    async fn undo(
        &self,
        mut row: TopUp,
        refund: &RefundUnderWay,
        why: &str,
        author: &Author,
        now: Timestamp,
    ) -> Result<GivenBack, PortError> {
        for _ in 0..TRIES {
            let evidence = self.evidence_of(&row).await?;
            let settled = self.decide_and_commit(&row, seen(evidence.as_ref()), author, now).await;
            let settled = match settled {
                Err(PortError::Conflict) => None,
                settled => Some(settled?.top_up),
            };
            if let (Some(settled), Some(evidence)) = (settled, evidence) {
                if settled.refund.is_none() {
                    return Ok(GivenBack::Made);
                }
                let undone = undo_refund(&settled, &evidence, self.policy, author, now);
                let mut commit = undone.ok_or_else(|| {
                    PortError::Broken(format!("refused, and its payment is in doubt: {why}"))
                })?;
                commit.occasion = noted(commit.occasion);
                let audit = undoing(&settled, &commit.top_up, refund, why, author, now);
                match self.rows.commit_audited(&commit, &audit).await {
                    Err(PortError::Conflict) => {}
                    written => {
                        written?;
                        row_is_changed();
                        info!(org = row.org.as_str(), top_up = row.id.as_str(), why, "refund refused");
                        return Ok(GivenBack::Refused(why.to_owned()));
                    }
                }
            }
            row = self.as_it_is_now(&row).await?;
            match &row.refund {
                Some(now) if now.operation == refund.operation && now.tries == refund.tries => {}
                // Someone else asks for it, or has brought it to its end.
                Some(_) | None => return Err(PortError::Conflict),
            }
        }
        Err(PortError::Conflict)
    }
}

/// Where the audit of a refund that was undone says why.
const WHY: &str = "why";
/// In characters.
const LONGEST_WHY: usize = 100;

fn undoing(
    before: &TopUp,
    after: &TopUp,
    refund: &RefundUnderWay,
    why: &str,
    author: &Author,
    now: Timestamp,
) -> Audit {
    let operation = Operation {
        id: refund.operation.undone(),
        action: Action::UndoRefund,
        org: before.org.clone(),
        about: before.id.as_str().to_owned(),
        by: author.actor.clone(),
        at: now,
        reason: refund.reason.clone(),
    };
    let mut after = facts(after);
    after.insert(WHY.to_owned(), why.chars().take(LONGEST_WHY).collect());
    Audit { operation, before: facts(before), after }
}

impl std::fmt::Display for Refunding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.credits {
            Some(credits) => write!(f, " {credits}")?,
            None => f.write_str(" all")?,
        }
        f.write_str(if self.also_spent { " also_spent" } else { "" })?;
        f.write_str(if self.out_of_band { " out_of_band" } else { "" })
    }
}
