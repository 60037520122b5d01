//! Settling a top-up: load, decide, commit. Every use case ends here.

use saldo_domain::{
    Alarm, Author, Change, Deployment, Evidence, Nothing, OrgId, PortError, Seen, Timestamp, TopUp, TopUpId,
    apply, decide,
};
use tracing::{error, info};

use crate::measured::measure_change;
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
    NotOurs(NotOurs),
}

/// Why an event is nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// The provider does not know the invoice: it was made up, or deleted.
    Gone,
    /// It is of another deployment of this system.
    OtherDeployment,
    /// It is of another system in the same account.
    OtherSystem,
}

impl NotOurs {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NotOurs::Gone => "gone",
            NotOurs::OtherDeployment => "other_deployment",
            NotOurs::OtherSystem => "other_system",
        }
    }
}

/// How often a decision is made anew because the row changed meanwhile.
pub(crate) const TRIES: usize = 5;

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Fetches the invoice that an event tells of, and settles its top-up.
    ///
    /// An invoice of ours whose top-up does not exist is an error, so that the event is tried again and in the end kept: the
    /// money is someone's.
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
        let evidence = self.invoices.invoice(invoice, told.failed_at).await?;
        let top_up = match self.row_of(invoice, evidence.as_ref()).await? {
            Ok(top_up) => top_up,
            Err(why) => return Ok(Handled::NotOurs(why)),
        };
        // What the provider said before the row was read may be older than the row: if it matters, it is asked again.
        let change = decide(&top_up, seen(evidence.as_ref()), self.policy, now);
        let settled = if change.may_be_over(&top_up) {
            let fresh = self.invoices.invoice(invoice, told.failed_at).await?;
            self.decide_and_commit(&top_up, seen(fresh.as_ref()), author, now).await?
        } else {
            self.commit(&top_up, change, author, now).await?
        };
        Ok(Handled::Settled(Box::new(settled)))
    }

    /// The row that an invoice is for: the one that it names, or else the one that it is remembered for.
    async fn row_of(
        &self,
        invoice: &str,
        evidence: Option<&Evidence>,
    ) -> Result<Result<TopUp, NotOurs>, PortError> {
        let deployment = evidence.map(|evidence| evidence.deployment);
        if deployment != Some(Deployment::Another)
            && let Some((org, id)) = evidence.and_then(names)
            && let Some(top_up) = self.rows.top_up(&org, &id).await?
        {
            return Ok(Ok(top_up));
        }
        if let Some((org, id)) = self.rows.kept_for(invoice).await? {
            let row = self.rows.top_up(&org, &id).await?;
            return row.map(Ok).ok_or_else(|| missing(invoice));
        }
        match deployment {
            Some(Deployment::Ours) => Err(missing(invoice)),
            Some(Deployment::Another) => Ok(Err(NotOurs::OtherDeployment)),
            Some(Deployment::Unmarked) => Ok(Err(NotOurs::OtherSystem)),
            None => Ok(Err(NotOurs::Gone)),
        }
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
                measure_change(top_up, &commit.top_up, &change, author, now);
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

fn missing(invoice: &str) -> PortError {
    PortError::Broken(format!("{invoice} is ours, and its top-up does not exist"))
}

/// The row that an invoice names; `None` when it names none.
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
        Change::Close(ending) => info!(org, top_up = id, status = ending.status().as_str(), "closed"),
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
