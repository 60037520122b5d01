//! Money that the staff give back: how much it is, what is written before the provider is asked, and what when it refuses.
//!
//! Credits go first, money after. In between the row names the refund that is under way, and what it takes counts as if
//! it had happened; once the provider tells of its credit note, what the provider says counts alone. So the two are never
//! posted twice, whichever is heard of first.

use super::entitlement::{Gone, entitled_with, share};
use super::under_way::{RefundUnderWay, ToldBeside};
use crate::{
    Author, Cause, Change, Commit, Credits, EntryKind, Evidence, Floor, InvoiceStatus, Operation, Policy,
    Proven, Purchase, Returned, Returns, Status, Timestamp, TopUp, apply, prove,
};

/// What is to be given back.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder<'a> {
    pub operation: &'a Operation,
    /// `None` is all that can be given back.
    pub credits: Option<Credits>,
    /// What the organisation has, over all its balance shards.
    pub available: Credits,
    /// Whether only credits are taken that were not spent; else the refund may make debt.
    pub unspent_only: bool,
    pub out_of_band: bool,
    /// The smallest step, in minor units, that a payer can be paid.
    pub payable_step: i64,
}

/// Why nothing is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRefunded {
    /// It was never paid.
    NotPaid,
    /// The provider does not prove its payment now.
    InDoubt,
    /// Another refund of it is not over.
    UnderWay,
    /// It has only so many credits left whose money was not given back.
    MoreThanLeft(Credits),
    /// So many are wanted, and the organisation has fewer.
    Spent(Credits),
    /// No amount of money stands for exactly so many credits.
    NoSuchAmount,
}

/// Takes the credits of a refund before its money is given back: the row that names it, with its posting. `evidence` is
/// of now, with what went back.
///
/// `Ok(None)` means that the row has not posted what the provider says: settle it first.
pub fn begin_refund(
    top_up: &TopUp,
    evidence: &Evidence,
    policy: Policy,
    order: RefundOrder<'_>,
    now: Timestamp,
) -> Result<Option<Commit>, NotRefunded> {
    if top_up.status != Status::Paid || evidence.status != InvoiceStatus::Paid {
        return Err(NotRefunded::NotPaid);
    }
    if top_up.refund.is_some() {
        return Err(NotRefunded::UnderWay);
    }
    let proven = prove(top_up, evidence, policy).map_err(|_| NotRefunded::InDoubt)?;
    let Some(returned) = &evidence.returned else { return Ok(None) };
    if entitled_with(top_up, returned) != top_up.posted {
        return Ok(None);
    }
    let credits = wanted(top_up, order)?;
    let gone = Gone::of(top_up, returned);
    let taken = Credits(top_up.purchase.credits.0.saturating_sub(top_up.posted.credited().0));
    let money = money_for(&top_up.purchase, gone.sum(), taken, credits, order.payable_step);
    let money = money.ok_or(NotRefunded::NoSuchAmount)?;
    let operation = order.operation;
    let refund = RefundUnderWay {
        operation: operation.id.clone(),
        reason: operation.reason.clone(),
        credits,
        money,
        before: gone.refunded,
        told: ToldBeside::of(returned),
        out_of_band: order.out_of_band,
        since: now,
        tried_at: now,
        tries: 1,
        keys_used: 0,
    };
    let with_it = TopUp { refund: Some(refund), ..top_up.clone() };
    let author = Author { actor: operation.by.clone(), cause: Cause::Operation(operation.id.clone()) };
    let Some(mut commit) = earned(&with_it, &proven, returned, &author, now) else { return Ok(None) };
    if order.unspent_only {
        let takes = commit.postings.iter_mut().filter(|posting| posting.entry.kind == EntryKind::Refund);
        takes.for_each(|posting| posting.floor = Floor::Zero);
    }
    Ok(Some(commit))
}

/// Gives the credits again of a refund that the provider has refused for good. `None` when there is none under way, or the
/// provider does not prove the payment now, so that nobody can say what is due.
#[must_use]
pub fn undo_refund(
    top_up: &TopUp,
    evidence: &Evidence,
    policy: Policy,
    author: &Author,
    now: Timestamp,
) -> Option<Commit> {
    let proven = prove(top_up, evidence, policy).ok()?;
    let returned = evidence.returned.as_ref()?;
    let refund = top_up.refund.as_ref()?;
    // Its entry comes behind the one that it undoes, also within one moment.
    let now = now.max(Timestamp::from_ms(refund.since.ms().saturating_add(1)));
    let without_it = TopUp { refund: None, ..top_up.clone() };
    earned(&without_it, &proven, returned, author, now)
}

/// What is written so that exactly that is posted which the money has earned.
fn earned(
    top_up: &TopUp,
    proven: &Proven<'_>,
    returned: &Returned,
    author: &Author,
    now: Timestamp,
) -> Option<Commit> {
    let change = Change::Earn {
        earned: entitled_with(top_up, returned),
        returns: Returns::of(top_up, returned),
        paid_at: top_up.paid_at.or(proven.evidence().paid_at).unwrap_or(now),
        payment: top_up.payment.clone(),
        notes: returned.documents(),
        refund: top_up.refund.clone(),
    };
    apply(top_up, &change, author, now)
}

/// How many credits it is about.
fn wanted(top_up: &TopUp, order: RefundOrder<'_>) -> Result<Credits, NotRefunded> {
    let left = top_up.posted.credited();
    let has = if order.unspent_only { Credits(order.available.0.max(0)) } else { left };
    let credits = order.credits.unwrap_or(Credits(left.0.min(has.0)));
    if left <= Credits::ZERO || credits > left {
        Err(NotRefunded::MoreThanLeft(left))
    } else if credits <= Credits::ZERO || credits > has {
        Err(NotRefunded::Spent(order.credits.unwrap_or(left)))
    } else {
        Ok(credits)
    }
}

/// The most money whose way back takes exactly `credits` along, where `taken` went with `gone` minor units before: in whole
/// steps where that is possible, and for the last credits all that is left. `None` when no amount does.
fn money_for(purchase: &Purchase, gone: i64, taken: Credits, credits: Credits, step: i64) -> Option<i64> {
    let total = purchase.total.minor_units;
    let after = taken.0.checked_add(credits.0)?;
    let all = i128::from(total) * i128::from(after) / i128::from(purchase.credits.0.max(1));
    let most = i64::try_from(all).ok()?.checked_sub(gone)?;
    let is_last = after == purchase.credits.0;
    let whole = if is_last { most } else { most.checked_sub(most.rem_euclid(step.max(1)))? };
    let takes =
        |money: &i64| *money > 0 && share(purchase.credits, gone.saturating_add(*money), total).0 == after;
    [whole, most].into_iter().find(takes)
}
