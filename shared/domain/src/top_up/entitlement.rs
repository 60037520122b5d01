//! The second question about a top-up: what its money has earned.

use std::cmp::Ordering;

use crate::{
    Actor, CreditNote, Credits, Dispute, DisputeStatus, Posting, Proven, Refund, RefundState, Returned,
    Timestamp, TopUp,
};

/// Credits by what became of their money: absolute numbers, none of them negative.
///
/// `refunded + disputed <= granted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entitlement {
    /// For the whole payment.
    pub granted: Credits,
    /// Whose money was given back.
    pub refunded: Credits,
    /// Whose money the payer's bank took.
    pub disputed: Credits,
}

/// What went back of a top-up's money, in minor units of its currency, as it was last seen: for people to read, as the
/// credits follow from [`Entitlement`] alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returns {
    /// At most what was paid.
    pub refunded: i64,
    /// What disputes are about, whatever became of them; at most what was paid.
    pub disputed: i64,
    /// Of several disputes, the one that matters most.
    pub dispute: Option<DisputeStatus>,
}

impl Returns {
    #[must_use]
    pub fn of(top_up: &TopUp, returned: &Returned) -> Returns {
        let total = top_up.purchase.total.minor_units;
        let disputes = returned.disputes.iter();
        Returns {
            refunded: Gone::of(top_up, returned).refunded.min(total),
            disputed: sum(disputes.clone().map(|dispute| dispute.amount)).min(total),
            dispute: disputes.map(|dispute| dispute.status).max(),
        }
    }
}

/// What proven money has earned, by all that the provider says now; what went back stays as it is posted where the
/// provider was not asked.
///
/// Credits go back as their share of the money does, rounded up, and never more than were granted. What is counted
/// first, refunds or disputes, makes a difference of one credit between the two at the most, and none to their sum.
#[must_use]
pub fn entitled(top_up: &TopUp, money: &Proven<'_>) -> Entitlement {
    match &money.evidence().returned {
        Some(returned) => entitled_with(top_up, returned),
        None => Entitlement { granted: top_up.purchase.credits, ..top_up.posted },
    }
}

/// The same of a payment that is proven, by all that went back of it.
pub(super) fn entitled_with(top_up: &TopUp, returned: &Returned) -> Entitlement {
    let purchase = &top_up.purchase;
    let total = purchase.total.minor_units;
    let gone = Gone::of(top_up, returned);
    let refunded = share(purchase.credits, gone.refunded, total);
    let taken = share(purchase.credits, gone.sum(), total);
    Entitlement { granted: purchase.credits, refunded, disputed: Credits(taken.0 - refunded.0) }
}

/// Money that went back, in minor units, or counts as if it had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// Refunds unless they came to nothing, credit notes as far as they are not refunds, and what is under way.
    pub(super) refunded: i64,
    /// What payers' banks hold.
    pub(super) disputed: i64,
}

impl Gone {
    /// A refund that is under way counts until the provider tells of its credit note. It may tell of the refund itself
    /// before, so that the two are not added: together they are at least what was given back before it and itself.
    pub(super) fn of(top_up: &TopUp, returned: &Returned) -> Gone {
        let told = refunded(returned);
        let under_way = top_up.refund.as_ref().filter(|refund| !refund.is_among(returned));
        let at_least = under_way.map_or(0, |refund| refund.before.saturating_add(refund.money));
        Gone { refunded: told.max(at_least), disputed: disputed(returned) }
    }

    pub(super) fn sum(self) -> i64 {
        self.refunded.saturating_add(self.disputed)
    }
}

impl Entitlement {
    /// What is left of it.
    #[must_use]
    pub fn credited(self) -> Credits {
        Credits(self.granted.0.saturating_sub(self.refunded.0).saturating_sub(self.disputed.0))
    }
}

/// What must be posted so that `earned` is what has been posted for this top-up.
pub(super) fn difference(top_up: &TopUp, earned: Entitlement, actor: &Actor, now: Timestamp) -> Vec<Posting> {
    type Make = fn(&TopUp, Credits, &Actor, Timestamp) -> Posting;
    let posted = top_up.posted;
    let moved = |from: Credits, to: Credits, more: Make, less: Option<Make>| {
        let credits = Credits(to.0.abs_diff(from.0).try_into().unwrap_or(i64::MAX));
        let make = match to.cmp(&from) {
            Ordering::Greater => Some(more),
            Ordering::Less => less,
            Ordering::Equal => None,
        };
        make.map(|make| make(top_up, credits, actor, now))
    };
    let postings = [
        moved(posted.granted, earned.granted, Posting::top_up, None),
        moved(posted.refunded, earned.refunded, Posting::refund, Some(Posting::refund_undone)),
        moved(posted.disputed, earned.disputed, Posting::dispute, Some(Posting::dispute_undone)),
    ];
    postings.into_iter().flatten().collect()
}

/// Money that was given back, in minor units: refunds unless they came to nothing, and credit notes as far as they are
/// not refunds.
pub(super) fn refunded(returned: &Returned) -> i64 {
    let refunds = returned.refunds.iter().map(|Refund { amount, state }| match state {
        RefundState::Pending | RefundState::WaitsForPayer | RefundState::Succeeded => *amount,
        RefundState::Failed | RefundState::Canceled => 0,
    });
    let notes =
        returned.credit_notes.iter().map(|CreditNote { amount, refunded, voided, .. }| match voided {
            true => 0,
            false => amount.saturating_sub(*refunded),
        });
    sum(refunds.chain(notes))
}

/// Money that the payer's bank holds, in minor units.
pub(super) fn disputed(returned: &Returned) -> i64 {
    let held = |dispute: &Dispute| if dispute.withdrawn { dispute.amount } else { 0 };
    sum(returned.disputes.iter().map(held))
}

fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, |sum, amount| sum.saturating_add(amount.max(0)))
}

/// The share of `credits` that goes with `returned` of `total`, rounded up.
pub(super) fn share(credits: Credits, returned: i64, total: i64) -> Credits {
    if returned <= 0 || total <= 0 {
        return Credits::ZERO;
    }
    let returned = i128::from(returned.min(total));
    let total = i128::from(total);
    let share = (i128::from(credits.0) * returned + total - 1) / total;
    Credits(i64::try_from(share).unwrap_or(credits.0))
}
