//! Opening a top-up: the intent first, then the invoice, so that every step can be cut off and repeated.

mod error;
mod invoice;
mod payer;
mod refusal;

use saldo_domain::{
    Actor, Author, BillingContact, Cause, Credits, IdempotencyKey, Money, Obstacle, OrgId, PortError,
    Purchase, Status, Timestamp, TopUp, TopUpId,
};
use tracing::{error, warn};

use crate::noted::{forget_asked, noting};
use crate::{Begun, Invoices, Rows, TopUps};

/// What is bought, by whom.
#[derive(Clone, Debug)]
pub struct Order {
    pub org: OrgId,
    pub buyer: Actor,
    /// Whom to bill, as far as the organisation's settings leave it open.
    pub contact: BillingContact,
    /// Makes a repeated request the same request.
    pub key: IdempotencyKey,
    /// At the price that the payer saw.
    pub purchase: Purchase,
    /// How long the invoice can be paid.
    pub lifetime_secs: i64,
}

/// What came of opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It can be paid, unless the provider refused for good: then it failed.
    New(TopUp),
    /// The same request made it before; it may be finished by now.
    Repeated(TopUp),
    /// This one holds the organisation's only slot.
    OpenTopUpExists(TopUp),
    /// The key is another purchase's.
    KeyReused,
    /// Nobody knows where to send the invoice: neither the settings nor the order name an e-mail address.
    BillingEmailRequired,
    Failed(Failure),
}

/// Why nothing was opened; what is half made is brought on by a repeat, and ended by a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The payment provider did not do its part.
    Provider,
    /// Our own part did not work.
    Ours,
    /// The provider sells nothing before a person has acted. The attempt left nothing behind, as far as the provider lets us.
    Barred(Obstacle),
}

/// How often the slot is tried for: it may be freed, because its holder turns out to be finished, and taken again.
const TRIES: usize = 3;

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Takes the open slot and makes an invoice that can be paid.
    pub async fn open(&self, order: &Order, now: Timestamp) -> Opening {
        noting(None, Box::pin(self.take_slot_and_open(order, now))).await.unwrap_or_else(Opening::Failed)
    }

    /// The top-up that the same request made before, brought on where that one stopped: what was bought stays bought,
    /// whatever prices and limits are now. `None` when there is none.
    pub async fn bought_before(
        &self,
        org: &OrgId,
        (buyer, contact): (&Actor, &BillingContact),
        key: &IdempotencyKey,
        (credits, total): (Credits, Money),
        now: Timestamp,
    ) -> Option<Opening> {
        let id = match self.rows.requested_before(org, key).await {
            Ok(id) => id?,
            Err(error) => return Some(Opening::Failed(unreadable(org, &error))),
        };
        let buyer = by(buyer, contact, key);
        let repeated = noting(None, Box::pin(self.repeated(org, &id, (credits, total), &buyer, now))).await;
        Some(repeated.unwrap_or_else(Opening::Failed))
    }

    async fn take_slot_and_open(&self, order: &Order, now: Timestamp) -> Result<Opening, Failure> {
        let (org, purchase) = (&order.org, &order.purchase);
        let buyer = by(&order.buyer, &order.contact, &order.key);
        let bought = (purchase.credits, purchase.total);
        if !self.has_email(org, &order.contact).await? {
            let before =
                self.bought_before(org, (&order.buyer, &order.contact), &order.key, bought, now).await;
            return Ok(before.unwrap_or(Opening::BillingEmailRequired));
        }
        for _ in 0..TRIES {
            let id = TopUpId::new(now);
            let top_up =
                TopUp::requested(id, org.clone(), purchase.clone(), &order.buyer, now, order.lifetime_secs);
            match self.rows.begin(&top_up, &order.key).await.map_err(|error| failed(&top_up, &error))? {
                Begun::New => return Ok(Opening::New(self.bring_on(top_up, &buyer, now).await?)),
                Begun::Repeated(id) => return self.repeated(org, &id, bought, &buyer, now).await,
                Begun::SlotTaken(id) => {
                    let holder = self.look_after_holder(org, &id, &buyer, now).await?;
                    forget_asked();
                    if let Some(holder) = holder.filter(|holder| holder.status.is_unfinished()) {
                        return Ok(Opening::OpenTopUpExists(holder));
                    }
                }
            }
        }
        Err(Failure::Ours)
    }

    async fn repeated(
        &self,
        org: &OrgId,
        id: &TopUpId,
        bought: (Credits, Money),
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<Opening, Failure> {
        let top_up = self.row(org, id).await?.ok_or_else(|| leads_nowhere(org, id))?;
        if (top_up.purchase.credits, top_up.purchase.total) != bought {
            return Ok(Opening::KeyReused);
        }
        Ok(Opening::Repeated(self.bring_on(top_up, buyer, now).await?))
    }

    /// The holder of the slot, as it is after it was looked after; `None` when it was withdrawn meanwhile.
    ///
    /// It may have been left half made by a crash, or have been paid without our hearing of it: it is brought on and
    /// compared with the provider first, so that nobody is locked out by a top-up that is over.
    async fn look_after_holder(
        &self,
        org: &OrgId,
        id: &TopUpId,
        buyer: &Buyer<'_>,
        now: Timestamp,
    ) -> Result<Option<TopUp>, Failure> {
        let Some(holder) = self.row(org, id).await? else { return Ok(None) };
        if holder.status == Status::Requested {
            // It is another request's, whose key is not known here.
            let buyer = Buyer { author: buyer.author.clone(), contact: buyer.contact, request: None };
            return match self.bring_on(holder, &buyer, now).await {
                Ok(opened) => Ok(Some(opened)),
                Err(Failure::Barred(obstacle)) => Err(Failure::Barred(obstacle)),
                Err(Failure::Provider | Failure::Ours) => self.row(org, id).await,
            };
        }
        match self.reconcile(&holder, &buyer.author, now).await {
            Ok(settled) => Ok(Some(settled.top_up)),
            Err(error) => {
                warn!(org = org.as_str(), top_up = id.as_str(), %error, "holder of the slot not compared");
                Ok(Some(holder))
            }
        }
    }

    async fn row(&self, org: &OrgId, id: &TopUpId) -> Result<Option<TopUp>, Failure> {
        self.rows.top_up(org, id).await.map_err(|error| unreadable(org, &error))
    }
}

/// Who orders, and whom to bill where the settings leave it open.
struct Buyer<'a> {
    author: Author,
    contact: &'a BillingContact,
    /// The key of the request that made the top-up, where it is this one.
    request: Option<&'a IdempotencyKey>,
}

fn by<'a>(buyer: &Actor, contact: &'a BillingContact, request: &'a IdempotencyKey) -> Buyer<'a> {
    let author = Author { actor: buyer.clone(), cause: Cause::Order };
    Buyer { author, contact, request: Some(request) }
}

/// A request whose top-up is gone: it was withdrawn at this very moment, and the request may come again.
fn leads_nowhere(org: &OrgId, id: &TopUpId) -> Failure {
    warn!(org = org.as_str(), top_up = id.as_str(), "the top-up of a request is gone");
    Failure::Ours
}

fn unreadable(org: &OrgId, error: &PortError) -> Failure {
    error!(org = org.as_str(), %error, "table not read");
    Failure::Ours
}

fn failed(top_up: &TopUp, error: &PortError) -> Failure {
    error!(org = top_up.org.as_str(), top_up = top_up.id.as_str(), %error, "not written down");
    Failure::Ours
}
