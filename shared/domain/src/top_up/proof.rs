//! What proves that an invoice is the one that was ordered, and that its money came.

use crate::{Evidence, PaymentKind, ReviewReason, Timestamp, TopUp};

/// What the configuration says about proof.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether an invoice that staff marked as paid counts without a payment through the provider.
    pub accept_out_of_band: bool,
    /// Within how many working days a person has looked at what does not fit.
    pub review_working_days: u8,
}

impl Policy {
    /// By when a person has looked at what does not fit since then.
    #[must_use]
    pub fn review_by(self, since: Timestamp) -> Timestamp {
        since.plus_working_days(self.review_working_days)
    }
}

/// Evidence of a paid invoice whose money is proven: made by [`prove`] alone.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a>(&'a Evidence);

impl Proven<'_> {
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        self.0
    }
}

/// Proves the payment of an invoice that is said to be paid.
///
/// `paid` is not proof of money: Stripe also says it for a customer balance, an amount below the minimum and a mark by
/// hand. Source: <https://docs.stripe.com/invoicing/overview>.
pub fn prove<'a>(top_up: &TopUp, evidence: &'a Evidence, policy: Policy) -> Result<Proven<'a>, ReviewReason> {
    let total = top_up.purchase.total.minor_units;
    same_purchase(top_up, evidence)?;
    if evidence.amount_overpaid > 0 || evidence.amount_paid > total {
        return Err(ReviewReason::Overpaid);
    }
    if evidence.from_balance != 0 {
        return Err(ReviewReason::WrongAmountPaid);
    }
    let through_provider =
        evidence.payments.iter().any(|payment| payment.paid && payment.kind == PaymentKind::ThroughProvider);
    if through_provider && evidence.amount_paid != total {
        return Err(ReviewReason::WrongAmountPaid);
    }
    if through_provider || policy.accept_out_of_band {
        Ok(Proven(evidence))
    } else {
        Err(ReviewReason::NoPayment)
    }
}

/// What you saw is what you pay: before an invoice can be paid, it must be the row's to the last minor unit, with nothing
/// taken from a balance.
pub fn what_was_ordered(top_up: &TopUp, evidence: &Evidence) -> Result<(), ReviewReason> {
    same_purchase(top_up, evidence)?;
    if evidence.from_balance != 0 || evidence.amount_due != top_up.purchase.total.minor_units {
        return Err(ReviewReason::WrongAmountPaid);
    }
    Ok(())
}

/// Our row decides what was bought: the invoice that it points to must be of its payer, currency and total. What the
/// invoice names may be lost, and loses nothing; it must not be another top-up.
fn same_purchase(top_up: &TopUp, evidence: &Evidence) -> Result<(), ReviewReason> {
    let total = top_up.purchase.total;
    let names_another = evidence.top_up.as_ref().is_some_and(|id| *id != top_up.id)
        || evidence.org.as_ref().is_some_and(|org| *org != top_up.org);
    if names_another {
        return Err(ReviewReason::WrongInvoice);
    }
    if !evidence.right_mode {
        return Err(ReviewReason::WrongMode);
    }
    if evidence.payer.is_none() || evidence.payer != top_up.payer {
        return Err(ReviewReason::WrongCustomer);
    }
    if evidence.currency != total.currency {
        return Err(ReviewReason::WrongCurrency);
    }
    if evidence.total != total.minor_units {
        return Err(ReviewReason::WrongTotal);
    }
    Ok(())
}
