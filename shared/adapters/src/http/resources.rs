//! What clients are told: the shapes of quote and top-up, in one place.

use lambda_http::Body;
use lambda_http::http::{Response, StatusCode};
use saldo_domain::{
    Credits, FailureReason, Money, NoteDocument, Purchase, Quote, ReviewReason, Status, TopUp,
};
use serde_json::{Value, json};

use super::answer::answer;
use super::problem::obstacle_detail;
use crate::stripe::exponent;

/// A JSON answer that nobody keeps.
#[must_use]
pub fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    answer(status, "application/json", body.to_string())
}

/// An amount: `{"currency":"IDR","minor_units":27750000,"decimal":"277500.00"}`.
#[must_use]
pub fn money_json(money: Money) -> Value {
    json!({
        "currency": money.currency,
        "minor_units": money.minor_units,
        "decimal": money.decimal(exponent(money.currency)),
    })
}

/// The tax; `base` and `other_base` are there only when it is not taken of the whole subtotal.
fn tax_json(purchase: &Purchase) -> Value {
    let mut tax = json!({
        "name": purchase.tax_name,
        "rate_percent": purchase.tax_percent,
        "amount": money_json(purchase.tax),
    });
    if let Some(base) = purchase.other_base {
        tax["base"] = json!(base.part);
        tax["other_base"] = money_json(base.amount);
    }
    tax
}

#[must_use]
pub fn quote_json(quote: &Quote) -> Value {
    let purchase = &quote.purchase;
    json!({
        "credits": purchase.credits,
        "unit_price": money_json(purchase.unit_price),
        "subtotal": money_json(purchase.subtotal),
        "tax": tax_json(purchase),
        "total": money_json(purchase.total),
        "minimum_credits": quote.minimum_credits,
        "maximum_credits": quote.maximum_credits,
        "presets": quote.presets,
    })
}

#[must_use]
pub fn top_up_json(top_up: &TopUp) -> Value {
    let purchase = &top_up.purchase;
    let invoice = top_up.invoice.as_ref();
    let payable = invoice.filter(|_| top_up.status == Status::Open);
    json!({
        "id": top_up.id,
        "status": top_up.status.as_str(),
        "credits": purchase.credits,
        "unit_price": money_json(purchase.unit_price),
        "subtotal": money_json(purchase.subtotal),
        "tax": tax_json(purchase),
        "total": money_json(purchase.total),
        "created_at": top_up.created_at.rfc3339(),
        "expires_at": top_up.expires_at.rfc3339(),
        "paid_at": top_up.paid_at.map(|at| at.rfc3339()),
        "canceled_at": top_up.canceled_at.map(|at| at.rfc3339()),
        "pay_url": payable.and_then(|link| link.pay_url.as_deref()),
        "invoice_number": invoice.and_then(|link| link.number.as_deref()),
        "invoice_pdf": invoice.and_then(|link| link.pdf.as_deref()),
        "payment_failure": top_up.payment_failure.as_ref().map(|failure| json!({
            "code": failure.code,
            "detail": failure.detail,
            "at": failure.at.rfc3339(),
        })),
        "payment": payment_json(top_up),
        "failure": failed_json(top_up),
        "review": review_json(top_up),
        "granted": (top_up.posted.granted != Credits::ZERO).then_some(top_up.posted.granted),
        "refunded": refunded_json(top_up),
        "credit_notes": top_up.credit_notes.iter().map(|note| note_json(top_up, note)).collect::<Vec<_>>(),
        "disputed": disputed_json(top_up),
        "credited": (top_up.posted.granted != Credits::ZERO).then(|| top_up.posted.credited()),
    })
}

/// How it was paid; known a moment after the credits are there.
fn payment_json(top_up: &TopUp) -> Option<Value> {
    let how = top_up.paid_with.as_ref()?;
    Some(json!({
        "method": how.method,
        "paid_at": top_up.paid_at.map(|at| at.rfc3339()),
        "receipt_url": how.receipt_url,
    }))
}

/// Money on its way back to the payer or there, and the credits that went with it.
fn refunded_json(top_up: &TopUp) -> Option<Value> {
    let (credits, minor_units) = (top_up.posted.refunded, top_up.returns.refunded);
    let money = Money { minor_units, ..top_up.purchase.total };
    let any = credits != Credits::ZERO || minor_units != 0;
    any.then(|| json!({ "credits": credits, "money": money_json(money) }))
}

/// A document that takes back a part of the invoice.
fn note_json(top_up: &TopUp, note: &NoteDocument) -> Value {
    json!({
        "number": note.number,
        "pdf": note.pdf,
        "money": money_json(Money { minor_units: note.money, ..top_up.purchase.total }),
        "at": note.at.rfc3339(),
    })
}

/// What the payer's bank disputes, whatever came of it, and the credits that are gone with it now.
fn disputed_json(top_up: &TopUp) -> Option<Value> {
    let status = top_up.returns.dispute?;
    let money = Money { minor_units: top_up.returns.disputed, ..top_up.purchase.total };
    Some(json!({
        "credits": top_up.posted.disputed,
        "money": money_json(money),
        "status": status.as_str(),
    }))
}

/// What a person checks and by when, as the payer can use it; of what is paid and credited nothing is to wait for.
fn review_json(top_up: &TopUp) -> Option<Value> {
    let reason =
        top_up.review.filter(|_| top_up.status == Status::InReview || top_up.status.is_unfinished())?;
    let detail = match reason {
        ReviewReason::WrongMode => {
            "The payment was made in another mode of the payment provider than this system."
        }
        ReviewReason::WrongCurrency => "The payment is in another currency than was ordered.",
        ReviewReason::WrongTotal | ReviewReason::WrongAmountPaid => {
            "The amount that was paid is not the one that was ordered."
        }
        ReviewReason::WrongCustomer => "The payment is for an invoice of another customer.",
        ReviewReason::WrongInvoice => "Another invoice was paid than the one of this top-up.",
        ReviewReason::NoPayment => "The invoice is marked as paid, and no payment has arrived for it.",
        ReviewReason::Overpaid => "More was paid than was asked for.",
        ReviewReason::PaymentDetached => "The payment was taken off its invoice.",
        ReviewReason::InvoiceGone => "The payment provider does not know the invoice any more.",
    };
    Some(json!({
        "code": reason.as_str(),
        "detail": detail,
        "since": top_up.review_since.map(|at| at.rfc3339()),
        "by": top_up.review_by.map(|at| at.rfc3339()),
    }))
}

/// Why there is nothing to pay, as the person who ordered can use it.
fn failed_json(top_up: &TopUp) -> Option<Value> {
    if top_up.status != Status::Failed {
        return None;
    }
    let reason = top_up.failure.unwrap_or(FailureReason::NotCompleted);
    let detail = match reason {
        FailureReason::ProviderRefused => {
            "The payment provider did not accept this top-up. Nothing was charged. Ask support before you order again."
        }
        FailureReason::InvoiceDiffers => {
            "The payment provider made another invoice than was ordered. Nothing was charged. Ask support before you order again."
        }
        FailureReason::NotCompleted => {
            "The payment could not be prepared in time. Nothing was charged. Order again."
        }
        FailureReason::Obstacle(obstacle) => obstacle_detail(obstacle),
    };
    Some(json!({ "code": reason.as_str(), "detail": detail }))
}

/// The short form beside a 409: what is open, and where to pay it.
#[must_use]
pub fn open_top_up_json(top_up: &TopUp) -> Value {
    json!({
        "id": top_up.id,
        "credits": top_up.purchase.credits,
        "total": money_json(top_up.purchase.total),
        "pay_url": top_up.invoice.as_ref().and_then(|link| link.pay_url.as_deref()),
        "created_at": top_up.created_at.rfc3339(),
    })
}
