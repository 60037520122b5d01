//! The page of one invoice.

use serde_json::Value;

use crate::api_error::ApiResult;
use crate::invoice_object::{integer, lines_of};
use crate::page::html::{decimal_in, escape, money_in, quantity, shell, status, text};
use crate::page::panel::{self, Choice};
use crate::page::words::Words;
use crate::seller;
use crate::store::Store;

/// The invoice on the left, how to pay it on the right.
pub(crate) fn page(
    store: &Store<'_>,
    invoice: &Value,
    words: &Words,
    choice: &Choice,
    complaint: Option<&str>,
) -> ApiResult<String> {
    let figures = figures(store, invoice, words)?;
    let status = panel::render(store, invoice, words, choice, complaint)?;
    let title = format!("{} {}", words.invoice, text(&invoice["number"]));
    let body = format!(
        r#"<main class="sheet">
<article class="invoice" aria-labelledby="title">{head}{parties}{lines}{sums}
<p class="pdf"><a href="{pdf}">{download}</a></p></article>
<section class="panel" aria-label="{pay_with}">{status}</section>
</main>"#,
        head = head(invoice, words),
        parties = parties(invoice, words),
        lines = lines(invoice, words),
        sums = sums(&figures),
        pdf = escape(&format!("/i/{}/pdf", text(&invoice["_token"]))),
        download = words.download,
        pay_with = words.pay_with,
    );
    Ok(shell(&title, &body, words))
}

/// One line of the sum: label, amount, and whether it is the one that counts.
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) amount: String,
    pub(crate) strong: bool,
}

/// Subtotal, discount, taxes, total, balance, and what is due or was paid.
pub(crate) fn figures(store: &Store<'_>, invoice: &Value, words: &Words) -> ApiResult<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut add = |label: String, amount: i64, strong: bool| {
        figures.push(Figure { label, amount: money_in(invoice, amount, words), strong });
    };
    add(words.subtotal.to_owned(), integer(&invoice["subtotal"]), false);
    for discount in invoice["total_discount_amounts"].as_array().into_iter().flatten() {
        add(words.discount.to_owned(), -integer(&discount["amount"]), false);
    }
    for tax in invoice["total_taxes"].as_array().into_iter().flatten() {
        let rate = store.get("tax_rate", text(&tax["tax_rate_details"]["tax_rate"]))?.unwrap_or_default();
        let percentage = decimal_in(text(&rate["_percentage"]), words);
        let included = if tax["tax_behavior"] == "inclusive" {
            format!(", {}", words.tax_included)
        } else {
            String::new()
        };
        add(
            format!("{} ({percentage}%{included})", text(&rate["display_name"])),
            integer(&tax["amount"]),
            false,
        );
    }
    let applied = integer(&invoice["starting_balance"]) - integer(&invoice["ending_balance"]);
    add(words.total.to_owned(), integer(&invoice["total"]), false);
    if applied != 0 {
        add(words.balance_applied.to_owned(), applied, false);
    }
    let paid = invoice["status"] == "paid";
    let (label, amount) =
        if paid { (words.amount_paid, "amount_paid") } else { (words.amount_due, "amount_due") };
    add(label.to_owned(), integer(&invoice[amount]), true);
    Ok(figures)
}

fn head(invoice: &Value, words: &Words) -> String {
    format!(
        r#"<header><p class="seller"><span aria-hidden="true" class="mark">S</span>{seller}</p>
{status}
<h1 id="title">{invoice} <span class="number">{number}</span></h1></header>"#,
        seller = seller::NAME,
        status = status(invoice, words),
        invoice = words.invoice,
        number = escape(text(&invoice["number"])),
    )
}

fn parties(invoice: &Value, words: &Words) -> String {
    let name = text(&invoice["customer_name"]);
    let email = text(&invoice["customer_email"]);
    let first = if name.is_empty() { text(&invoice["customer"]) } else { name };
    let second = if email.is_empty() {
        String::new()
    } else {
        format!("<br><span class=\"soft\">{}</span>", escape(email))
    };
    let mut facts =
        vec![(words.from, seller::NAME.to_owned()), (words.to, format!("{}{second}", escape(first)))];
    let transitions = &invoice["status_transitions"];
    let days = [
        (words.issued, &transitions["finalized_at"]),
        (words.due, &invoice["due_date"]),
        (words.paid_on, &transitions["paid_at"]),
    ];
    let known = days.into_iter().filter_map(|(label, at)| Some((label, words.day(at.as_i64()?))));
    facts.extend(known);
    let each = |(label, value): &(&str, String)| format!("<div><dt>{label}</dt><dd>{value}</dd></div>");
    let mut html = format!(r#"<dl class="facts">{}</dl>"#, facts.iter().map(each).collect::<String>());
    let description = text(&invoice["description"]);
    if !description.is_empty() {
        html.push_str(&format!(r#"<p class="memo">{}</p>"#, escape(description)));
    }
    html
}

fn lines(invoice: &Value, words: &Words) -> String {
    let each = |line: &Value| {
        format!(
            r#"<tr><td>{}<br><span class="soft">{}</span></td><td class="money">{}</td></tr>"#,
            escape(text(&line["description"])),
            quantity(invoice, line, words),
            money_in(invoice, integer(&line["amount"]), words),
        )
    };
    let rows: String = lines_of(invoice).iter().map(each).collect();
    format!(
        r#"<table class="lines"><thead><tr><th scope="col">{}</th><th scope="col" class="money">{}</th></tr></thead>
<tbody>{rows}</tbody></table>"#,
        words.description, words.amount
    )
}

fn sums(figures: &[Figure]) -> String {
    let each = |figure: &Figure| {
        let class = if figure.strong { r#" class="strong""# } else { "" };
        format!("<div{class}><dt>{}</dt><dd>{}</dd></div>", escape(&figure.label), figure.amount)
    };
    format!(r#"<dl class="sums">{}</dl>"#, figures.iter().map(each).collect::<String>())
}
