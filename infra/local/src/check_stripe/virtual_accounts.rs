//! Bank transfers in Indonesia by Virtual Account, `id_bank_transfer`, which the general schema hardly knows.

use saldo_domain::InvoiceStatus;
use serde_json::Value;

use super::invoices::{ended, told};
use super::lab::{Lab, id};
use super::payments::is_proven;
use super::seen::Seen;
use crate::obstacle::Obstacle;

const TRANSFER: &str = "id_bank_transfer";

pub(super) async fn offered(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    let intent = lab.intent_of(&opened.invoice).await?;
    let types = &intent["payment_method_types"];
    let offered = types.as_array().is_some_and(|types| types.iter().any(|kind| kind == TRANSFER));
    Ok(Seen::new(offered, types))
}

pub(super) async fn asked_for(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    Ok(match lab.product.draft(&lab.product.order("IDR")?, &customer, &[TRANSFER]).await {
        Ok(draft) => Seen::new(true, told(&draft)),
        Err(error) => Seen::new(false, error),
    })
}

/// An account is issued by confirming the intent; nobody pays into it.
pub(super) async fn unpaid(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    let intent = id(&lab.intent_of(&opened.invoice).await?)?;
    let form = [
        ("payment_method_data[type]", TRANSFER),
        ("payment_method_data[billing_details][name]", "Check"),
        ("payment_method_data[billing_details][email]", "check@saldo.example"),
    ];
    let issued = lab.http.post(&format!("/payment_intents/{intent}/confirm"), &form).await?.made()?;
    if issued["status"] != "requires_action" {
        return Err(Obstacle(format!("no account was issued: the intent is {}", issued["status"])));
    }
    ended(lab, &opened.invoice, Some(InvoiceStatus::Void)).await
}

pub(super) async fn paid(lab: &Lab) -> Result<Seen, Obstacle> {
    let charge = transfer(lab).await?;
    let intent = charge["payment_intent"].as_str().unwrap_or_default();
    let path = format!("/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}");
    let found = lab.http.get(&path).await?.made()?;
    let Some(invoice) = found["data"][0]["invoice"].as_str() else {
        return Ok(Seen::new(false, format!("no invoice payment names {intent}")));
    };
    let facts = lab.product.invoice(invoice).await?;
    Ok(Seen::new(is_proven(&facts, facts.total), told(&facts)))
}

/// Rp 1.000 of a transfer that has arrived.
pub(super) async fn refund(lab: &Lab) -> Result<Seen, Obstacle> {
    let charge = id(&transfer(lab).await?)?;
    // Without a way back through the bank, Stripe asks the customer where the money shall go.
    let form =
        [("charge", charge.as_str()), ("amount", "100000"), ("instructions_email", "check@saldo.example")];
    let answer = lab.http.post("/refunds", &form).await?;
    if answer.status != 200 {
        return Ok(Seen::new(false, answer.refusal()));
    }
    let status = answer.json["status"].as_str().unwrap_or("unknown");
    Ok(Seen::new(["pending", "requires_action"].contains(&status), status))
}

/// The newest transfer that has arrived in this account. A person must have made it: where there is none, an invoice to
/// be paid is left.
async fn transfer(lab: &Lab) -> Result<Value, Obstacle> {
    let charges = lab.http.get("/charges?limit=100").await?.made()?;
    let charges = charges["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let arrived = |charge: &&Value| {
        charge["payment_method_details"]["type"] == TRANSFER && charge["status"] == "succeeded"
    };
    if let Some(charge) = charges.iter().find(arrived) {
        return Ok(charge.clone());
    }
    let opened = lab.opened("IDR", &[]).await?;
    lab.keep(&opened.customer);
    let page = lab.product.invoice(&opened.invoice).await?.invoice.pay_url.unwrap_or_default();
    Err(Obstacle(format!("no transfer has arrived yet: pay {page} by bank transfer, and run this again")))
}
