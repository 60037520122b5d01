//! What all pages are made of: the frame, safe text, amounts.

use serde_json::Value;

use crate::invoice_object::integer;
use crate::page::words::Words;
use crate::{money, seller};

pub(crate) const STYLE_PATH: &str = "/i/style.css";

/// A whole page around `body`; `title` is escaped here.
pub(crate) fn shell(title: &str, body: &str, words: &Words) -> String {
    format!(
        r#"<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title} · {seller}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{STYLE_PATH}"></head><body>
<p class="banner" role="note">{banner}</p>
{body}
</body></html>"#,
        language = words.language,
        title = escape(title),
        seller = seller::NAME,
        banner = words.banner,
    )
}

/// For a token that belongs to no invoice.
pub(crate) fn unknown(words: &Words) -> String {
    let body = format!(
        r#"<main class="sheet single"><section class="panel outcome"><h1>{}</h1><p>{}</p></section></main>"#,
        words.unknown_title, words.unknown_text
    );
    shell(words.unknown_title, &body, words)
}

/// Text made safe for HTML, in elements and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// The status as a coloured word.
pub(crate) fn status(invoice: &Value, words: &Words) -> String {
    let (class, status) = match text(&invoice["status"]) {
        "paid" => ("good", words.status_paid),
        "void" => ("gone", words.status_void),
        "uncollectible" => ("gone", words.status_uncollectible),
        _ => ("waiting", words.status_open),
    };
    format!(r#"<span class="status {class}">{status}</span>"#)
}

/// An amount in the currency of the invoice, as the reader writes it.
pub(crate) fn money_in(invoice: &Value, amount: i64, words: &Words) -> String {
    money::readable(amount, text(&invoice["currency"]), words.is_indonesian())
}

/// How many times what, for a line: `1.000 × Rp 250`.
pub(crate) fn quantity(invoice: &Value, line: &Value, words: &Words) -> String {
    let separator = if words.is_indonesian() { '.' } else { ',' };
    let count = money::grouped(&integer(&line["quantity"]).to_string(), separator);
    let unit = text(&line["pricing"]["unit_amount_decimal"]);
    let unit = money::readable_decimal(unit, text(&invoice["currency"]), words.is_indonesian());
    format!("{count} × {unit}")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn decimal_in(decimal: &str, words: &Words) -> String {
    let short =
        if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal };
    escape(&if words.is_indonesian() { short.replace('.', ",") } else { short.to_owned() })
}
