//! Settling a top-up: load, decide, commit. Worker, cleanup, cancel and create all do it here.

use saldo_domain::{
    Alarm, Change, InvoiceFacts, Nothing, OrgId, Policy, Seen, Status, Timestamp, TopUp, TopUpId, apply,
    decide,
};
use tracing::{error, info, warn};

use crate::PortError;
use crate::dynamo::Store;
use crate::queue::PaymentMessage;
use crate::stripe::{Stripe, StripeError};

/// Compares top-ups with their invoices and acts on the difference.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub store: Store,
    pub stripe: Stripe,
    pub policy: Policy,
}

/// What came of settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The row as it is now.
    pub top_up: TopUp,
    pub change: Change,
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    Settled(Box<Settled>),
    /// The invoice is none of ours.
    NotOurs,
}

/// What is tried until nobody else changes the row at the same time.
enum Task {
    Reconcile,
    Close(Status),
}

/// How often a decision is made anew because the row changed meanwhile.
const TRIES: usize = 5;

impl Settlement {
    /// What the worker does with a message: fetches the invoice, proves the payment, decides, commits.
    ///
    /// An invoice that names a top-up which does not exist is an error, so that the message is tried again and in the
    /// end kept in the dead-letter queue: the money is someone's.
    pub async fn handle(&self, message: &PaymentMessage, now: Timestamp) -> Result<Handled, PortError> {
        for _ in 0..TRIES {
            let invoice = self.stripe.invoice(&message.invoice, message.failed_at()).await?;
            let Some(invoice) = invoice else {
                return Err(PortError::Broken(format!(
                    "Stripe does not know {} of its event",
                    message.invoice
                )));
            };
            let Some((org, id)) = pointer(&invoice) else { return Ok(Handled::NotOurs) };
            let Some(top_up) = self.store.top_up(&org, &id).await? else {
                return Err(PortError::Broken(format!(
                    "{} names {id}, which does not exist",
                    message.invoice
                )));
            };
            // What Stripe said before the row was read may be older than the row: if so, it is asked once more.
            let settled = match decide(&top_up, Seen::Found(&invoice), self.policy, now) {
                Change::Flag(_) | Change::Nothing(Nothing::Contradiction) => {
                    let invoice = self.stripe.invoice(&message.invoice, message.failed_at()).await?;
                    self.decide_and_commit(&top_up, seen(invoice.as_ref()), now).await
                }
                change => self.commit(&top_up, change, now).await,
            };
            match settled {
                Err(PortError::Conflict) => {}
                settled => return settled.map(|settled| Handled::Settled(Box::new(settled))),
            }
        }
        Err(PortError::Conflict)
    }

    /// Compares a top-up with the invoice that it points to.
    pub async fn reconcile(&self, top_up: &TopUp, now: Timestamp) -> Result<Settled, PortError> {
        self.until_no_conflict(top_up, &Task::Reconcile, now).await
    }

    /// Ends an unfinished top-up: its invoice is voided, or deleted while a draft, and what Stripe then says decides.
    ///
    /// It may turn out paid, and is credited then. It stays as it was while Stripe refuses because a payment is under
    /// way. `ending` is the status of a top-up of which nothing that could be paid is left.
    pub async fn close(&self, top_up: &TopUp, ending: Status, now: Timestamp) -> Result<Settled, PortError> {
        self.until_no_conflict(top_up, &Task::Close(ending), now).await
    }

    /// Decides on what was seen, and commits over the revision that was read.
    pub async fn decide_and_commit(
        &self,
        top_up: &TopUp,
        seen: Seen<'_>,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        self.commit(top_up, decide(top_up, seen, self.policy, now), now).await
    }

    async fn commit(&self, top_up: &TopUp, change: Change, now: Timestamp) -> Result<Settled, PortError> {
        let top_up = match apply(top_up, &change, now) {
            Some(commit) => {
                self.store.commit(&commit).await?;
                commit.top_up
            }
            None => top_up.clone(),
        };
        tell(&top_up, &change);
        Ok(Settled { top_up, change })
    }

    async fn until_no_conflict(
        &self,
        top_up: &TopUp,
        task: &Task,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let mut current = top_up.clone();
        for _ in 0..TRIES {
            match self.attempt(&current, task, now).await {
                Err(PortError::Conflict) => {}
                settled => return settled,
            }
            let row = self.store.top_up(&current.org, &current.id).await?;
            current = row.ok_or_else(|| PortError::Broken(format!("{} is gone", current.id)))?;
        }
        Err(PortError::Conflict)
    }

    async fn attempt(&self, top_up: &TopUp, task: &Task, now: Timestamp) -> Result<Settled, PortError> {
        match task {
            Task::Reconcile => {
                let invoice = self.invoice_of(top_up).await?;
                self.decide_and_commit(top_up, seen(invoice.as_ref()), now).await
            }
            Task::Close(_) if !top_up.status.is_unfinished() => Ok(unchanged(top_up)),
            Task::Close(ending) => {
                let Some(link) = &top_up.invoice else {
                    return self.commit(top_up, Change::Close(*ending), now).await;
                };
                let invoice = self.stripe.close(&link.id).await?;
                match decide(top_up, seen(invoice.as_ref()), self.policy, now) {
                    Change::Close(_) => self.commit(top_up, Change::Close(*ending), now).await,
                    change => self.commit(top_up, change, now).await,
                }
            }
        }
    }

    async fn invoice_of(&self, top_up: &TopUp) -> Result<Option<InvoiceFacts>, PortError> {
        match &top_up.invoice {
            Some(link) => Ok(self.stripe.invoice(&link.id, None).await?),
            None => Ok(None),
        }
    }
}

fn seen(invoice: Option<&InvoiceFacts>) -> Seen<'_> {
    invoice.map_or(Seen::Missing, Seen::Found)
}

fn unchanged(top_up: &TopUp) -> Settled {
    Settled { top_up: top_up.clone(), change: Change::Nothing(Nothing::AlreadyApplied) }
}

/// The row that an invoice's metadata names; `None` when it is not of this system.
fn pointer(invoice: &InvoiceFacts) -> Option<(OrgId, TopUpId)> {
    let org = OrgId::parse(invoice.org.as_deref()?).ok()?;
    let id = TopUpId::parse(invoice.top_up_id.as_deref()?).ok()?;
    Some((org, id))
}

fn tell(top_up: &TopUp, change: &Change) {
    let (org, id) = (top_up.org.as_str(), top_up.id.as_str());
    match change {
        Change::Credit { .. } => info!(org, top_up = id, credits = top_up.purchase.credits.0, "credited"),
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
                "Stripe contradicts our row"
            );
        }
        Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => {}
    }
}

impl From<StripeError> for PortError {
    fn from(error: StripeError) -> PortError {
        match error {
            StripeError::Unclear { .. } => PortError::Unavailable(error.to_string()),
            StripeError::NotFound { .. } | StripeError::Refused { .. } | StripeError::Broken { .. } => {
                warn!(%error, "Stripe did not do it");
                PortError::Broken(error.to_string())
            }
        }
    }
}
