//! The restricted keys of the functions: whether each may do what its function asks, and no more.

use saldo_domain::{Evidence, InvoiceStatus};

use super::invoices::told;
use super::lab::Lab;
use super::product::Product;
use super::seen::Seen;
use crate::obstacle::Obstacle;

pub(super) async fn write(lab: &Lab) -> Result<Seen, Obstacle> {
    let product = given(lab.write_key.as_ref(), "STRIPE_WRITE_KEY")?;
    let customer = lab.customer().await?;
    Ok(match life(lab, product, &customer).await {
        Ok(words) => Seen::new(true, words),
        Err(refused) => Seen::new(false, refused),
    })
}

pub(super) async fn read(lab: &Lab) -> Result<Seen, Obstacle> {
    let product = given(lab.read_key.as_ref(), "STRIPE_READ_KEY")?;
    let opened = lab.opened("IDR", &[]).await?;
    Ok(match looked_at(product, &opened.invoice).await {
        Ok(facts) => Seen::new(!facts.payments.is_empty(), told(&facts)),
        Err(refused) => Seen::new(false, refused),
    })
}

/// All that a worker asks: the invoice, which one its payment is on, and what went back of it.
async fn looked_at(product: &Product, invoice: &str) -> Result<Evidence, Obstacle> {
    let facts = product.invoice(invoice).await?;
    for payment in facts.payments.iter().filter_map(|payment| payment.id.as_deref()) {
        product.returned(&facts, payment).await?;
    }
    Ok(facts)
}

pub(super) async fn read_only(lab: &Lab) -> Result<Seen, Obstacle> {
    let product = given(lab.read_key.as_ref(), "STRIPE_READ_KEY")?;
    let customer = lab.customer().await?;
    Ok(match product.draft(&product.order("IDR")?, &customer, &[]).await {
        Ok(draft) => Seen::new(false, format!("draft {}", draft.invoice.id)),
        Err(error) => {
            let words = error.to_string();
            Seen::new(words.contains(" 403 "), words)
        }
    })
}

/// What the doctor rests on: whether a key may is said before whether the object is there.
pub(super) async fn permission_first(lab: &Lab) -> Result<Seen, Obstacle> {
    let key = lab.read_only.as_ref().ok_or_else(|| Obstacle("STRIPE_READ_KEY is not set".to_owned()))?;
    let answer = key.post("/customers/cus_SaldoDoctor", &[]).await?;
    Ok(Seen::new(answer.status == 403, answer.refusal()))
}

/// Everything that the functions with this key ask, from the customer to the end of an invoice.
async fn life(lab: &Lab, product: &Product, customer: &str) -> Result<String, Obstacle> {
    lab.remember(&product.customer().await?);
    let order = product.order("IDR")?;
    let draft = product.draft(&order, customer, &[]).await?;
    product.add_line(&draft.invoice.id, &order).await?;
    product.finalize(&draft.invoice.id).await?;
    product.invoice(&draft.invoice.id).await?;
    product.invoices_of(&order, customer).await?;
    let spare = product.draft(&order, customer, &[]).await?;
    product.close(&spare.invoice.id).await?;
    let left = product.close(&draft.invoice.id).await?;
    let ended = left.is_some_and(|facts| facts.status == InvoiceStatus::Void);
    if ended {
        Ok("customer, draft, line, finalised, listed, deleted, void".to_owned())
    } else {
        Err(Obstacle("not void".to_owned()))
    }
}

fn given<'a>(product: Option<&'a Product>, variable: &str) -> Result<&'a Product, Obstacle> {
    product.ok_or_else(|| Obstacle(format!("{variable} is not set")))
}
