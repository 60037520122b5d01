//! Customers: who can be sent an invoice, tax numbers, languages, currencies, balances.

use saldo_top_ups::InvoicesError;

use super::lab::{Lab, id};
use super::seen::Seen;
use crate::obstacle::Obstacle;

pub(super) async fn without_email(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer_with(&[("name", "No e-mail")]).await?;
    let form = [
        ("customer", customer.as_str()),
        ("currency", "idr"),
        ("collection_method", "send_invoice"),
        ("days_until_due", "3"),
        ("auto_advance", "false"),
    ];
    let answer = lab.http.post("/invoices", &form).await?;
    Ok(Seen::new(answer.status == 400, answer.refusal()))
}

pub(super) async fn deleted(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    lab.http.delete(&format!("/customers/{customer}")).await?.made()?;
    Ok(match lab.product.draft(&lab.product.order("IDR")?, &customer, &[]).await {
        Ok(draft) => Seen::new(false, format!("draft {}", draft.invoice.id)),
        Err(error) => Seen::new(matches!(error, InvoicesError::PayerUnknown { .. }), error),
    })
}

pub(super) async fn npwp_15(lab: &Lab) -> Result<Seen, Obstacle> {
    tax_id(lab, "01.300.066.6-091.000").await
}

pub(super) async fn npwp_16(lab: &Lab) -> Result<Seen, Obstacle> {
    tax_id(lab, "0013000666091000").await
}

pub(super) async fn nik(lab: &Lab) -> Result<Seen, Obstacle> {
    tax_id(lab, "3171011708450001").await
}

async fn tax_id(lab: &Lab, value: &str) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let form = [("type", "id_npwp"), ("value", value)];
    let answer = lab.http.post(&format!("/customers/{customer}/tax_ids"), &form).await?;
    Ok(if answer.status == 200 { Seen::new(true, "accepted") } else { Seen::new(false, answer.refusal()) })
}

pub(super) async fn indonesian(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let form = [("preferred_locales[0]", "id")];
    let answer = lab.http.post(&format!("/customers/{customer}"), &form).await?;
    if answer.status != 200 {
        return Ok(Seen::new(false, answer.refusal()));
    }
    let kept = &answer.json["preferred_locales"];
    Ok(Seen::new(*kept == serde_json::json!(["id"]), kept))
}

pub(super) async fn two_currencies(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    Ok(match lab.product.draft(&lab.product.order("USD")?, &opened.customer, &[]).await {
        Ok(draft) => Seen::new(true, format!("IDR {}, USD {}", opened.invoice, draft.invoice.id)),
        Err(error) => Seen::new(false, error),
    })
}

/// ISO 4217 has it for transactions without a currency.
pub(super) async fn currency_not_taken(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let form = [
        ("customer", customer.as_str()),
        ("currency", "xxx"),
        ("collection_method", "send_invoice"),
        ("days_until_due", "3"),
        ("auto_advance", "false"),
    ];
    let answer = lab.http.post("/invoices", &form).await?;
    Ok(Seen::new(answer.status == 400 && answer.json["error"]["param"] == "currency", answer.refusal()))
}

pub(super) async fn balance(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let form = [("amount", "-100"), ("currency", "idr")];
    let entry = lab.http.post(&format!("/customers/{customer}/balance_transactions"), &form).await?;
    id(&entry.made()?)?;
    let order = lab.product.order("IDR")?;
    let draft = lab.product.draft(&order, &customer, &[]).await?;
    let draft = lab.product.add_line(&draft.invoice.id, &order).await?;
    let shown = draft.from_balance == -100 && draft.amount_due == draft.total.saturating_sub(100);
    let words = format!("starting_balance {}, amount_due {}", draft.from_balance, draft.amount_due);
    Ok(Seen::new(shown, format!("{words} of {}", draft.total)))
}
