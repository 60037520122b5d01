//! What the staff are told: a row with all that is kept of it, what Stripe says, entries and differences.

use saldo_adapters::dynamo::Redrive;
use saldo_adapters::http::{money_json, top_up_json};
use saldo_domain::{
    Audit, Deployment, Disagreement, Entry, Evidence, Money, PaymentKind, Proposal, RefundState,
    ReviewReason, Timestamp, TopUp,
};
use serde_json::{Value, json};

/// A top-up as its organisation sees it, and what only the row knows.
pub(crate) fn row_json(top_up: &TopUp) -> Value {
    json!({
        "organisation": top_up.org,
        "top_up": top_up_json(top_up),
        "customer": top_up.payer,
        "invoice": top_up.invoice.as_ref().map(|link| link.id.as_str()),
        "posted": {
            "granted": top_up.posted.granted,
            "refunded": top_up.posted.refunded,
            "disputed": top_up.posted.disputed,
        },
        "review": top_up.review.map(|reason| review_json(reason, top_up.review_since)),
        "created_by": top_up.created_by.to_string(),
        "changed_by": top_up.changed_by.actor.to_string(),
        "changed_for": top_up.changed_by.cause.to_string(),
        "due_at": top_up.due_at.map(|at| at.rfc3339()),
        "revision": top_up.revision,
    })
}

/// Why a top-up is to be looked at, what that means, and what to do.
fn review_json(reason: ReviewReason, since: Option<Timestamp>) -> Value {
    json!({
        "reason": reason.as_str(),
        "since": since.map(|at| at.rfc3339()),
        "means": reason.means(),
        "to_do": reason.to_do(),
    })
}

/// What Stripe says of an invoice now.
pub(crate) fn evidence_json(evidence: &Evidence) -> Value {
    let money = |minor_units| money_json(Money::new(evidence.currency, minor_units));
    let returned = evidence.returned.clone().unwrap_or_default();
    let payments: Vec<_> = evidence
        .payments
        .iter()
        .map(|payment| {
            json!({"through_stripe": payment.kind == PaymentKind::ThroughProvider, "paid": payment.paid})
        })
        .collect();
    json!({
        "invoice": evidence.invoice.id,
        "number": evidence.invoice.number,
        "status": evidence.status.as_str(),
        "total": money(evidence.total),
        "amount_due": money(evidence.amount_due),
        "amount_paid": money(evidence.amount_paid),
        "amount_overpaid": money(evidence.amount_overpaid),
        "from_balance": money(evidence.from_balance),
        "customer": evidence.payer,
        "right_mode": evidence.right_mode,
        "deployment": match evidence.deployment {
            Deployment::Ours => "ours",
            Deployment::Another => "another",
            Deployment::Unmarked => "unmarked",
        },
        "organisation": evidence.org,
        "top_up": evidence.top_up,
        "paid_at": evidence.paid_at.map(|at| at.rfc3339()),
        "payments": payments,
        "refunds": returned.refunds.iter().map(|refund| json!({
            "amount": money(refund.amount),
            "state": refund_word(refund.state),
        })).collect::<Vec<_>>(),
        "disputes": returned.disputes.iter().map(|dispute| json!({
            "amount": money(dispute.amount),
            "status": dispute.status.as_str(),
            "withdrawn": dispute.withdrawn,
        })).collect::<Vec<_>>(),
        "credit_notes": returned.credit_notes.iter().map(|note| json!({
            "amount": money(note.amount),
            "refunded": money(note.refunded),
            "voided": note.voided,
        })).collect::<Vec<_>>(),
    })
}

fn refund_word(state: RefundState) -> &'static str {
    match state {
        RefundState::Pending => "pending",
        RefundState::WaitsForPayer => "requires_action",
        RefundState::Succeeded => "succeeded",
        RefundState::Failed => "failed",
        RefundState::Canceled => "canceled",
    }
}

pub(crate) fn entry_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id.to_string(),
        "at": entry.at.rfc3339(),
        "booked_at": entry.booked_at.rfc3339(),
        "credits": entry.credits,
        "kind": entry.kind.as_str(),
        "cause": entry.cause,
        "actor": entry.actor.as_ref().map(ToString::to_string),
    })
}

/// What is kept of something that the staff did.
pub(crate) fn audit_json(audit: &Audit) -> Value {
    let of = &audit.operation;
    json!({
        "id": of.id.as_str(),
        "action": of.action.as_str(),
        "organisation": of.org,
        "about": of.about,
        "at": of.at.rfc3339(),
        "by": of.by.to_string(),
        "reason": of.reason.as_str(),
        "before": audit.before,
        "after": audit.after,
    })
}

/// An adjustment that waits for a second person.
pub(crate) fn proposal_json(proposal: &Proposal) -> Value {
    json!({
        "id": proposal.id.as_str(),
        "organisation": proposal.org,
        "credits": proposal.credits,
        "at": proposal.at.rfc3339(),
        "by": proposal.by.to_string(),
        "reason": proposal.reason.as_str(),
    })
}

/// One time that dead letters were moved back.
pub(crate) fn redrive_json(redrive: &Redrive) -> Value {
    json!({
        "id": redrive.id.as_str(),
        "at": redrive.at.rfc3339(),
        "by": redrive.by.to_string(),
        "reason": redrive.reason.as_str(),
        "waiting": redrive.waiting,
    })
}

pub(crate) fn difference_json(difference: &Disagreement) -> Value {
    json!({
        "side": difference.side.as_str(),
        "what": difference.what,
        "row": difference.row,
        "other": difference.other,
    })
}
