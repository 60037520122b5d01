//! The ledger of a month: every change of the balance, as JSON or CSV.

use lambda_http::http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::dynamo::Ledger;
use saldo_adapters::http::{Problem, answer, header as header_of, json_response};
use saldo_domain::{Channel, Country, Entry, EntryId, Month, OrgId};
use serde_json::{Value, json};

use crate::{Function, page, unavailable};

/// A CSV answer ends before it is longer than this, in bytes as they are sent: Lambda takes 6 MB (6,291,556 bytes) of a
/// function, in which the text is a JSON string.
const CSV_BYTES: usize = 6_000_000;
/// Rows of one CSV answer at most.
const CSV_ROWS: usize = 20_000;
const CSV_READ: usize = 1_000;

impl Function {
    pub(crate) async fn entries(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let month = page::month(request, self.clock.now())?;
        let after = page::entry_cursor(request, month)?;
        let (csv, limit) = (wants_csv(request)?, page::limit(request)?);
        let ledger = self.ledger(org, month, after.is_none()).await?;
        if csv {
            return self.csv(ledger, after).await;
        }
        let page =
            self.store.entries(ledger, limit, after).await.map_err(|error| unavailable(org, &error))?;
        let entries: Vec<Value> = page.items.iter().map(entry_json).collect();
        let next = page.next.map(|id| id.to_string());
        Ok(json_response(StatusCode::OK, &json!({"entries": entries, "next_cursor": next})))
    }

    /// The whole month, or its first 20,000 entries and a `Link` to the rest.
    async fn csv(&self, ledger: Ledger<'_>, mut after: Option<EntryId>) -> Result<Response<Body>, Problem> {
        let mut text = String::from("id,at,credits,kind,cause,channel,country,reference\r\n");
        let (mut rows, mut sent) = (0, json_bytes(&text));
        loop {
            let page = self.store.oldest_entries(ledger, CSV_READ, after).await;
            let page = page.map_err(|error| unavailable(ledger.org, &error))?;
            for entry in &page.items {
                let row = csv_row(entry);
                sent += json_bytes(&row);
                if rows == CSV_ROWS || sent > CSV_BYTES {
                    return Ok(csv_response(text, ledger.month, after));
                }
                text.push_str(&row);
                rows += 1;
                after = Some(entry.id);
            }
            after = page.next;
            if after.is_none() {
                return Ok(csv_response(text, ledger.month, None));
            }
        }
    }
}

fn wants_csv(request: &Request) -> Result<bool, Problem> {
    let accept = header_of(request, header::ACCEPT.as_str())?.unwrap_or_default();
    Ok(accept.split(',').any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/csv")))
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "id": entry.id.to_string(),
        "at": entry.at.rfc3339(),
        "credits": entry.credits,
        "kind": entry.kind.as_str(),
        "cause": entry.cause,
        "channel": entry.channel,
        "country": entry.country,
        "reference": entry.reference,
    })
}

/// One line. Only the reference is a text of the caller's; ids, times, numbers and our own words need no quotes.
fn csv_row(entry: &Entry) -> String {
    let channel = entry.channel.map_or("", Channel::as_str);
    let country = entry.country.as_ref().map_or("", Country::as_str);
    let reference = entry.reference.as_deref().map_or_else(String::new, csv_text);
    let (id, at, kind) = (entry.id, entry.at, entry.kind.as_str());
    format!("{id},{at},{},{kind},{},{channel},{country},{reference}\r\n", entry.credits, entry.cause)
}

/// In quotes, and with an apostrophe before what a spreadsheet would take for a formula.
fn csv_text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// How many bytes a text takes within a JSON string.
fn json_bytes(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

fn csv_response(text: String, month: Month, next: Option<EntryId>) -> Response<Body> {
    let mut response = answer(StatusCode::OK, "text/csv; charset=utf-8", text);
    let name = format!("attachment; filename=\"saldo-entries-{month}.csv\"");
    // Relative to what was asked for, so that it holds under a path prefix and a stage.
    let link = next.map(|id| format!("<entries?month={month}&cursor={id}>; rel=\"next\""));
    for (header, value) in [(header::CONTENT_DISPOSITION, Some(name)), (header::LINK, link)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(header, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_what_is_sent() {
        let text = "id,\"a\"\"b\"\r\n\\\t\u{1}\u{8}\u{c}é漢\u{7f}";
        assert_eq!(json_bytes(text) + 2, serde_json::to_string(text).unwrap().len());
    }

    #[test]
    fn a_reference_cannot_break_out_of_its_cell() {
        assert_eq!(csv_text("order 17"), "\"order 17\"");
        assert_eq!(csv_text("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_text("=1+1"), "\"'=1+1\"");
    }

    #[test]
    fn the_link_to_the_rest_holds_under_any_prefix() {
        let next = EntryId::parse("01890a5d-ac96-774b-bcce-b302099a8057").ok();
        let response = csv_response(String::new(), "2026-11".parse().unwrap(), next);
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert_eq!(link, "<entries?month=2026-11&cursor=01890a5d-ac96-774b-bcce-b302099a8057>; rel=\"next\"");
    }
}
