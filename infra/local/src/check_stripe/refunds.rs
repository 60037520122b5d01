//! Money given back with a credit note, as the product asks for it and sees it afterwards.

use serde_json::Value;

use super::lab::Lab;
use super::payments::pay_by_card;
use super::seen::Seen;
use crate::obstacle::Obstacle;

/// In minor units of an invoice in dollars.
const SOME: &str = "50";

pub(super) async fn with_note(lab: &Lab) -> Result<Seen, Obstacle> {
    let note = noted(lab, "refund_amount").await?;
    let refund = note["refunds"][0]["refund"].as_str().unwrap_or("none");
    if refund == "none" {
        return Ok(Seen::new(false, "the note names no refund"));
    }
    let made = lab.http.get(&format!("/refunds/{refund}")).await?.made()?;
    let status = made["status"].as_str().unwrap_or("unknown");
    let fits = made["amount"] == 50 && ["pending", "succeeded"].contains(&status) && is_marked(&note);
    Ok(Seen::new(fits, format!("{} {status}, marked {}", made["amount"], is_marked(&note))))
}

pub(super) async fn past_stripe(lab: &Lab) -> Result<Seen, Obstacle> {
    let note = noted(lab, "out_of_band_amount").await?;
    let refunds = note["refunds"].as_array().map_or(0, Vec::len);
    let amount = &note["post_payment_amount"];
    let fits = *amount == 50 && refunds == 0 && is_marked(&note);
    Ok(Seen::new(fits, format!("{amount} after payment, {refunds} refunds, marked {}", is_marked(&note))))
}

/// A paid invoice of which some goes back this way: its credit note as it is listed afterwards.
async fn noted(lab: &Lab, way: &str) -> Result<Value, Obstacle> {
    let opened = lab.opened("USD", &[]).await?;
    pay_by_card(lab, &opened, "pm_card_visa").await?.made()?;
    let invoice = opened.invoice.as_str();
    let form = [("invoice", invoice), ("amount", SOME), (way, SOME), ("metadata[saldo_refund]", "check")];
    lab.http.post("/credit_notes", &form).await?.made()?;
    let listed = lab.http.get(&format!("/credit_notes?invoice={invoice}&limit=100")).await?.made()?;
    Ok(listed["data"][0].clone())
}

/// Whether it can be told for which refund it was made.
fn is_marked(note: &Value) -> bool {
    note["metadata"]["saldo_refund"] == "check"
}
