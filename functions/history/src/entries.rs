//! The ledger of a month: every change of the balance, as JSON or CSV.

use lambda_http::http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::dynamo::Ledger;
use saldo_adapters::http::{Problem, header as header_of, json_response};
use saldo_domain::{Channel, Country, Entry, EntryId, Month, OrgId};
use serde_json::{Value, json};

use crate::{Function, page, unavailable};

/// A CSV answer ends when it is as long, in bytes: a function may answer 6 MB.
const CSV_BYTES: usize = 5_000_000;
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
        let mut rows = 0;
        loop {
            let page = self.store.oldest_entries(ledger, CSV_READ, after).await;
            let page = page.map_err(|error| unavailable(ledger.org, &error))?;
            for entry in &page.items {
                if rows == CSV_ROWS || text.len() > CSV_BYTES {
                    return Ok(csv_response(text, ledger.month, after));
                }
                text.push_str(&csv_row(entry));
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

fn csv_response(text: String, month: Month, next: Option<EntryId>) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"saldo-entries-{month}.csv\"");
    // Relative to what was asked for, so that it holds under a path prefix and a stage.
    let link = next.map(|id| format!("<entries?month={month}&cursor={id}>; rel=\"next\""));
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

    #[test]
    fn the_link_to_the_rest_holds_under_any_prefix() {
        let next = EntryId::parse("01890a5d-ac96-774b-bcce-b302099a8057").ok();
        let response = csv_response(String::new(), Month::parse("2026-11").unwrap(), next);
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert_eq!(link, "<entries?month=2026-11&cursor=01890a5d-ac96-774b-bcce-b302099a8057>; rel=\"next\"");
    }
}
