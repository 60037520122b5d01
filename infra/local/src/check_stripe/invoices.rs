//! Invoices: the draft, its line and tax, keys, finalising, and every way to end one.

use saldo_domain::{Evidence, InvoiceStatus, PaymentKind, TopUp};

use super::lab::{Lab, id};
use super::product::once;
use super::seen::Seen;
use crate::obstacle::Obstacle;

pub(super) async fn draft(lab: &Lab) -> Result<Seen, Obstacle> {
    let (_, draft) = drafted(lab).await?;
    let fresh = draft.status == InvoiceStatus::Draft && draft.invoice.pay_url.is_none();
    Ok(Seen::new(fresh, format!("{:?}, page {:?}", draft.status, draft.invoice.pay_url)))
}

pub(super) async fn listed(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let order = lab.product.order("IDR")?;
    let draft = lab.product.draft(&order, &customer, &[]).await?;
    let found = lab.product.invoices_of(&order, &customer).await?;
    let named = found.iter().any(|invoice| invoice.invoice.id == draft.invoice.id);
    Ok(Seen::new(named, format!("{} listed", found.len())))
}

pub(super) async fn tax_amounts(lab: &Lab) -> Result<Seen, Obstacle> {
    let (order, draft) = drafted(lab).await?;
    let (bought, invoice) = (&order.purchase, &draft.invoice.id);
    match lab.product.add_line(invoice, &order).await {
        Err(error) => Ok(Seen::new(false, error)),
        Ok(added) => {
            let answer = lab.http.get(&format!("/invoices/{invoice}")).await?.made()?;
            let taxes = answer["total_taxes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let tax: i64 = taxes.iter().filter_map(|tax| tax["amount"].as_i64()).sum();
            let exact = added.total == bought.total.minor_units && tax == bought.tax.minor_units;
            Ok(Seen::new(exact, format!("total {}, tax {tax}", added.total)))
        }
    }
}

pub(super) async fn tax_of_another_base(lab: &Lab) -> Result<Seen, Obstacle> {
    let order = lab.product.order_of_another_base()?;
    let draft = lab.product.draft(&order, &lab.customer().await?, &[]).await?;
    let (bought, invoice) = (&order.purchase, &draft.invoice.id);
    match lab.product.add_line(invoice, &order).await {
        Err(error) => Ok(Seen::new(false, error)),
        Ok(added) => {
            let answer = lab.http.get(&format!("/invoices/{invoice}")).await?.made()?;
            let tax = &answer["total_taxes"][0];
            let exact = added.total == bought.total.minor_units
                && tax["amount"] == bought.tax.minor_units
                && tax["taxable_amount"] == bought.taxable().minor_units;
            Ok(Seen::new(
                exact,
                format!("total {}, tax {} of {}", added.total, tax["amount"], tax["taxable_amount"]),
            ))
        }
    }
}

pub(super) async fn line_of_a_product(lab: &Lab) -> Result<Seen, Obstacle> {
    let (order, draft) = drafted(lab).await?;
    let product = id(&lab.http.post("/products", &[("name", "Check")]).await?.made()?)?;
    let added = lab.product.add_line_of(&draft.invoice.id, &order, &product).await;
    // A product that has a price cannot be deleted.
    lab.http.post(&format!("/products/{product}"), &[("active", "false")]).await?.made()?;
    if let Err(error) = added {
        return Ok(Seen::new(false, error));
    }
    let invoice = lab.http.get(&format!("/invoices/{}", draft.invoice.id)).await?.made()?;
    let line = &invoice["lines"]["data"][0];
    let (words, of) = (&line["description"], &line["pricing"]["price_details"]["product"]);
    Ok(Seen::new(*words == "Message credits" && *of == product.as_str(), format!("{words} of {of}")))
}

pub(super) async fn repeated_line(lab: &Lab) -> Result<Seen, Obstacle> {
    let (order, draft) = drafted(lab).await?;
    let key = once();
    let first = lab.product.add_line_under(&draft.invoice.id, &order, &key).await?;
    let again = lab.product.add_line_under(&draft.invoice.id, &order, &key).await?;
    let now = lab.product.invoice(&draft.invoice.id).await?;
    let once = first.total == again.total && now.total == first.total;
    Ok(Seen::new(once, format!("total {}, {}, {}", first.total, again.total, now.total)))
}

pub(super) async fn refusal_under_a_key(lab: &Lab) -> Result<Seen, Obstacle> {
    let (_, draft) = drafted(lab).await?;
    let (path, key) = (format!("/invoices/{}/void", draft.invoice.id), once());
    let first = lab.http.post_with_key(&path, &key).await?;
    let again = lab.http.post_with_key(&path, &key).await?;
    let repeated = first.status == 400 && again.status == 400 && !first.replayed && again.replayed;
    Ok(Seen::new(repeated, format!("{}, then {} replayed {}", first.status, again.status, again.replayed)))
}

pub(super) async fn finalized(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    let open = lab.product.invoice(&opened.invoice).await?;
    let waits = open.payments.iter().any(|each| each.kind == PaymentKind::ThroughProvider && !each.paid);
    let right = open.status == InvoiceStatus::Open && open.invoice.pay_url.is_some() && waits;
    Ok(Seen::new(right && open.amount_due == opened.total, told(&open)))
}

pub(super) async fn close_draft(lab: &Lab) -> Result<Seen, Obstacle> {
    let (_, draft) = drafted(lab).await?;
    ended(lab, &draft.invoice.id, None).await
}

pub(super) async fn close_open(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    ended(lab, &opened.invoice, Some(InvoiceStatus::Void)).await
}

pub(super) async fn close_void(lab: &Lab) -> Result<Seen, Obstacle> {
    let opened = lab.opened("IDR", &[]).await?;
    lab.product.close(&opened.invoice).await?;
    ended(lab, &opened.invoice, Some(InvoiceStatus::Void)).await
}

/// Ends an invoice as the product does, and compares what is left of it.
pub(super) async fn ended(
    lab: &Lab,
    invoice: &str,
    expected: Option<InvoiceStatus>,
) -> Result<Seen, Obstacle> {
    Ok(match lab.product.close(invoice).await {
        Ok(left) => {
            let words = left.as_ref().map_or_else(|| "gone".to_owned(), told);
            Seen::new(left.map(|facts| facts.status) == expected, words)
        }
        Err(error) => Seen::new(false, error),
    })
}

/// 10 US cents, of which no card could be charged.
pub(super) async fn below_minimum(lab: &Lab) -> Result<Seen, Obstacle> {
    let customer = lab.customer().await?;
    let draft = lab.product.draft(&lab.product.order("USD")?, &customer, &[]).await?;
    let form = [("lines[0][amount]", "10"), ("lines[0][description]", "Less than can be charged")];
    let line = lab.http.post(&format!("/invoices/{}/add_lines", draft.invoice.id), &form).await?;
    id(&line.made()?)?;
    Ok(match lab.product.finalize(&draft.invoice.id).await {
        Ok(facts) => {
            let by_nothing =
                facts.status == InvoiceStatus::Paid && !facts.payments.iter().any(|each| each.paid);
            Seen::new(by_nothing, told(&facts))
        }
        Err(error) => Seen::new(false, error),
    })
}

/// A draft without lines.
async fn drafted(lab: &Lab) -> Result<(TopUp, Evidence), Obstacle> {
    let customer = lab.customer().await?;
    let order = lab.product.order("IDR")?;
    let draft = lab.product.draft(&order, &customer, &[]).await?;
    Ok((order, draft))
}

/// `Open, 27750000 due of 27750000, 0 paid, payments: an intent unpaid`
pub(super) fn told(facts: &Evidence) -> String {
    let payment = |kind: PaymentKind| match kind {
        PaymentKind::ThroughProvider => "an intent",
        PaymentKind::Other => "a record",
    };
    let paid = |paid: bool| if paid { "paid" } else { "unpaid" };
    let payments = facts.payments.iter().map(|each| format!("{} {}", payment(each.kind), paid(each.paid)));
    let payments = payments.collect::<Vec<_>>().join(", ");
    format!(
        "{:?}, {} due of {}, {} paid, payments: {}",
        facts.status,
        facts.amount_due,
        facts.total,
        facts.amount_paid,
        if payments.is_empty() { "none" } else { &payments }
    )
}
