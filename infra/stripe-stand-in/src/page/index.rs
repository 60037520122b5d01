//! The first page of the stand-in: what it is, and the latest invoices.

use serde_json::Value;

use crate::api_error::ApiResult;
use crate::invoice_object::integer;
use crate::page::buttons;
use crate::page::html::{escape, money_in, shell, status, text};
use crate::page::words::Words;
use crate::store::{Condition, Range, Store};

const SHOWN: i64 = 50;

pub(crate) fn page(store: &Store<'_>, words: &Words) -> ApiResult<String> {
    let finalised = Condition::compare("status", "<>", "draft");
    let range = Range { before: None, after: None, oldest_first: false, limit: SHOWN };
    let invoices = store.select("invoice", vec![finalised], range)?;
    let rows = invoices.iter().map(|invoice| row(store, invoice, words)).collect::<ApiResult<String>>()?;
    let list = if rows.is_empty() {
        format!(r#"<p class="soft empty">{}</p>"#, words.no_invoices)
    } else {
        format!(
            r#"<table class="lines"><thead><tr><th scope="col">{}</th><th scope="col">{}</th>
<th scope="col" class="money">{}</th></tr></thead><tbody>{rows}</tbody></table>"#,
            words.invoice, words.to, words.amount
        )
    };
    let body = format!(
        r#"<main class="sheet wide"><section class="invoice"><h1>{}</h1><p class="memo soft">{}</p>{list}</section></main>"#,
        words.index_title, words.index_text
    );
    Ok(shell(words.index_title, &body, words))
}

fn row(store: &Store<'_>, invoice: &Value, words: &Words) -> ApiResult<String> {
    let name = text(&invoice["customer_name"]);
    let customer = if name.is_empty() { text(&invoice["customer"]) } else { name };
    Ok(format!(
        r#"<tr><td><a href="/i/{}">{}</a> {}</td><td>{}</td><td class="money">{}</td></tr>{}"#,
        escape(text(&invoice["_token"])),
        escape(text(&invoice["number"])),
        status(invoice, words),
        escape(customer),
        money_in(invoice, integer(&invoice["total"]), words),
        buttons::render(store, invoice, words)?,
    ))
}
