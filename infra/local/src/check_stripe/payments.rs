//! Payments by card and past Stripe, as the product sees them afterwards.

use saldo_domain::{Evidence, InvoiceStatus, PaymentKind};

use super::invoices::{ended, told};
use super::lab::{Lab, Opened, id};
use super::seen::Seen;
use crate::obstacle::Obstacle;
use crate::stripe_http::Answer;

pub(super) async fn card(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("USD", &[]).await?;
    pay_by_card(lab, &opened, "pm_card_visa").await?.made()?;
    let facts = lab.product.invoice(&opened.invoice).await?;
    Ok(Seen::new(is_proven(&facts, opened.total), told(&facts)))
}

pub(super) async fn declined(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("USD", &[]).await?;
    // It can be kept for a customer, and is declined when it is charged.
    let answer = pay_by_card(lab, &opened, "pm_card_chargeCustomerFail").await?;
    if answer.status != 402 {
        return Err(Obstacle(format!("the card was not declined: {}", answer.refusal())));
    }
    let facts = lab.product.invoice(&opened.invoice).await?;
    let code = facts.failure.as_ref().map_or("none", |failure| failure.code.as_str());
    let told_why = facts.status == InvoiceStatus::Open && facts.failure.is_some();
    Ok(Seen::new(told_why, format!("{:?}, reason {code}", facts.status)))
}

pub(super) async fn out_of_band(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    let form = [("paid_out_of_band", "true")];
    lab.http.post(&format!("/invoices/{}/pay", opened.invoice), &form).await?.made()?;
    let facts = lab.product.invoice(&opened.invoice).await?;
    let unproven = facts.status == InvoiceStatus::Paid && !is_proven(&facts, opened.total);
    Ok(Seen::new(unproven, told(&facts)))
}

pub(super) async fn close_paid(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("USD", &[]).await?;
    pay_by_card(lab, &opened, "pm_card_visa").await?.made()?;
    ended(lab, &opened.invoice, Some(InvoiceStatus::Paid)).await
}

/// Whether the money has come, as crediting asks.
pub(super) fn is_proven(facts: &Evidence, total: i64) -> bool {
    let by_intent = facts.payments.iter().any(|each| each.kind == PaymentKind::ThroughProvider && each.paid);
    facts.status == InvoiceStatus::Paid && facts.amount_paid == total && by_intent
}

/// A test card becomes the customer's, and pays.
pub(super) async fn pay_by_card(lab: &Lab, opened: &Opened, card: &str) -> Result<Answer, Obstacle> {
    let form = [("customer", opened.customer.as_str())];
    let kept = lab.http.post(&format!("/payment_methods/{card}/attach"), &form).await?.made()?;
    let form = [("payment_method", id(&kept)?)];
    let form = [(form[0].0, form[0].1.as_str())];
    lab.http.post(&format!("/invoices/{}/pay", opened.invoice), &form).await
}
