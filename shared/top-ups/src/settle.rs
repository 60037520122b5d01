//! Settling a top-up: load, decide, commit. Every use case ends here.

use saldo_domain::{
    Alarm, Author, Change, Evidence, Nothing, OrgId, PortError, Seen, Timestamp, TopUp, TopUpId, apply,
    decide,
};
use tracing::{error, info};

use crate::{Invoices, Rows, TopUps};

/// What an event tells of: where to look, never what to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub invoice: String,
    /// When a payment was refused, if that is what it tells.
    pub failed_at: Option<Timestamp>,
}

/// What came of settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The row as it is now.
    pub top_up: TopUp,
    pub change: Change,
    /// Credits moved by evidence that may be over by now: it is settled once that is held against the provider again.
    pub(crate) look_again: bool,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    Settled(Box<Settled>),
    /// The invoice is none of ours.
    NotOurs,
}

/// How often a decision is made anew because the row changed meanwhile.
pub(crate) const TRIES: usize = 5;

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Fetches the invoice that an event tells of, and settles the top-up that it names.
    ///
    /// An invoice that names a top-up which does not exist is an error, so that the event is tried again and in the end
    /// kept: the money is someone's.
    pub async fn handle(&self, told: &Told, author: &Author, now: Timestamp) -> Result<Handled, PortError> {
        for _ in 0..TRIES {
            // Boxed, as the requests of all adapters together are too deep for the compiler to lay out in one piece.
            match Box::pin(self.handle_once(told, author, now)).await {
                Err(PortError::Conflict) => {}
                Ok(Handled::Settled(settled)) if settled.look_again => {}
                handled => return handled,
            }
        }
        Err(PortError::Conflict)
    }

    async fn handle_once(&self, told: &Told, author: &Author, now: Timestamp) -> Result<Handled, PortError> {
        let invoice = &told.invoice;
        let Some(evidence) = self.invoices.invoice(invoice, told.failed_at).await? else {
            return Err(PortError::Broken(format!("the provider does not know {invoice} of its event")));
        };
        let Some((org, id)) = names(&evidence) else { return Ok(Handled::NotOurs) };
        let Some(top_up) = self.rows.top_up(&org, &id).await? else {
            return Err(PortError::Broken(format!("{invoice} names {id}, which does not exist")));
        };
        // What the provider said before the row was read may be older than the row: if it matters, it is asked again.
        let change = decide(&top_up, Seen::Found(&evidence), self.policy, now);
        let settled = if change.may_be_over(&top_up) {
            let fresh = self.invoices.invoice(invoice, told.failed_at).await?;
            self.decide_and_commit(&top_up, seen(fresh.as_ref()), author, now).await?
        } else {
            self.commit(&top_up, change, author, now).await?
        };
        Ok(Handled::Settled(Box::new(settled)))
    }

    /// Compares a top-up with the invoice that it points to.
    pub async fn reconcile(
        &self,
        top_up: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let mut current = top_up.clone();
        for _ in 0..TRIES {
            let evidence = match &current.invoice {
                Some(link) => self.invoices.invoice(&link.id, None).await?,
                None => None,
            };
            match self.decide_and_commit(&current, seen(evidence.as_ref()), author, now).await {
                Err(PortError::Conflict) => current = self.as_it_is_now(&current).await?,
                Ok(settled) if settled.look_again => current = self.as_it_is_now(&current).await?,
                settled => return settled,
            }
        }
        Err(PortError::Conflict)
    }

    /// Decides on what was seen, and commits over the revision that was read.
    pub(crate) async fn decide_and_commit(
        &self,
        top_up: &TopUp,
        seen: Seen<'_>,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        self.commit(top_up, decide(top_up, seen, self.policy, now), author, now).await
    }

    pub(crate) async fn commit(
        &self,
        top_up: &TopUp,
        change: Change,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let look_again = matches!(change, Change::Earn { .. }) && change.may_be_over(top_up);
        let top_up = match apply(top_up, &change, author, now) {
            Some(commit) => {
                self.rows.commit(&commit).await?;
                commit.top_up
            }
            None => top_up.clone(),
        };
        tell(&top_up, &change);
        Ok(Settled { top_up, change, look_again })
    }

    pub(crate) async fn as_it_is_now(&self, top_up: &TopUp) -> Result<TopUp, PortError> {
        let row = self.rows.top_up(&top_up.org, &top_up.id).await?;
        row.ok_or_else(|| PortError::Broken(format!("{} is gone", top_up.id)))
    }
}

pub(crate) fn seen(evidence: Option<&Evidence>) -> Seen<'_> {
    evidence.map_or(Seen::Missing, Seen::Found)
}

/// The row that an invoice names; `None` when it is not of this system.
fn names(evidence: &Evidence) -> Option<(OrgId, TopUpId)> {
    Some((evidence.org.clone()?, evidence.top_up.clone()?))
}

fn tell(top_up: &TopUp, change: &Change) {
    let (org, id) = (top_up.org.as_str(), top_up.id.as_str());
    match change {
        Change::Earn { earned, .. } => {
            let (granted, refunded, disputed) = (earned.granted.0, earned.refunded.0, earned.disputed.0);
            info!(org, top_up = id, credits = earned.credited().0, granted, refunded, disputed, "credited");
        }
        Change::Open(_) => info!(org, top_up = id, "opened"),
        Change::Close(status) => info!(org, top_up = id, status = status.as_str(), "closed"),
        Change::NoteFailure(failure) => info!(org, top_up = id, code = failure.code, "payment refused"),
        Change::Review(reason) => {
            error!(org, top_up = id, alarm = Alarm::InReview.as_str(), reason = reason.as_str(), "in review")
        }
        Change::Flag(reason) => {
            error!(
                org,
                top_up = id,
                alarm = Alarm::InReview.as_str(),
                reason = reason.as_str(),
                "needs a look"
            )
        }
        Change::Nothing(Nothing::Contradiction) => {
            error!(
                org,
                top_up = id,
                alarm = Alarm::InReview.as_str(),
                reason = "contradiction",
                "the provider contradicts our row"
            );
        }
        Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => {}
    }
}
