//! The ledger of a month: every change of the balance, as JSON or CSV.

use lambda_http::http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, header as header_of, json_response};
use saldo_domain::{Channel, Country, Entry, EntryId, Month, OrgId};
use serde_json::{Value, json};

use crate::{Function, page, unavailable};

/// A CSV answer ends when it is as long, in bytes: a function may answer 6 MB, and one more read adds less than half one.
const CSV_BYTES: usize = 5_000_000;
/// Rows of one CSV answer at most.
const CSV_ROWS: usize = 20_000;
const CSV_READ: usize = 1_000;

impl Function {
    pub(crate) async fn entries(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let month = page::month(request, self.clock.now())?;
        let after = page::entry_cursor(request, month)?;
        if after.is_none() {
            self.finish_debits(org).await;
        }
        if wants_csv(request)? {
            return self.csv(org, month, after).await;
        }
        let limit = page::limit(request)?;
        let page =
            self.store.entries(org, month, limit, after).await.map_err(|error| unavailable(org, &error))?;
        let entries: Vec<Value> = page.items.iter().map(entry_json).collect();
        let next = page.next.map(|id| id.to_string());
        Ok(json_response(StatusCode::OK, &json!({"entries": entries, "next_cursor": next})))
    }

    /// The whole month, or its first 20,000 entries and a `Link` to the rest.
    async fn csv(
        &self,
        org: &OrgId,
        month: Month,
        mut after: Option<EntryId>,
    ) -> Result<Response<Body>, Problem> {
        let mut text = String::from("id,at,credits,kind,cause,channel,country,reference\r\n");
        for _ in 0..CSV_ROWS / CSV_READ {
            let page = self.store.entries(org, month, CSV_READ, after).await;
            let page = page.map_err(|error| unavailable(org, &error))?;
            for entry in &page.items {
                text.push_str(&csv_row(entry));
            }
            after = page.next;
            if after.is_none() || text.len() > CSV_BYTES {
                break;
            }
        }
        Ok(csv_response(text, month, after))
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

fn csv_response(text: String, month: Month, next: Option<EntryId>) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"saldo-entries-{month}.csv\"");
    let link = next.map(|id| format!("</v1/entries?month={month}&cursor={id}>; rel=\"next\""));
    for (header, value) in [(header::CONTENT_DISPOSITION, Some(name)), (header::LINK, link)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(header, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_cannot_break_out_of_its_cell() {
        assert_eq!(csv_text("order 17"), "\"order 17\"");
        assert_eq!(csv_text("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_text("=1+1"), "\"'=1+1\"");
    }
}
