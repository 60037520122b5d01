//! The ledger of a month: every change of the balance, as JSON or CSV.

use lambda_http::http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, header as header_of, json_response, query_parameter};
use saldo_domain::{Entry, EntryId, Month, OrgId};
use serde_json::{Value, json};

use crate::{Function, page, unavailable};

/// Rows of one CSV answer at most: with about 120 bytes each well under the 6 MB that a function may answer.
const CSV_ROWS: usize = 20_000;
const CSV_READ: usize = 1_000;

impl Function {
    pub(crate) async fn entries(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let month = match query_parameter(request, "month")? {
            None => Month::of(self.clock.now()),
            Some(text) => text
                .parse()
                .map_err(|_| Problem::invalid("month", "month is a year and a month, like 2026-11."))?,
        };
        let after = page::cursor(request, |text| EntryId::parse(text).ok().filter(|id| id.month() == month))?;
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
        let mut text = String::from("id,at,credits,kind,cause,channel,country\r\n");
        for _ in 0..CSV_ROWS / CSV_READ {
            let page = self.store.entries(org, month, CSV_READ, after).await;
            let page = page.map_err(|error| unavailable(org, &error))?;
            for entry in &page.items {
                text.push_str(&csv_row(entry));
            }
            after = page.next;
            if after.is_none() {
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
        "channel": null,
        "country": null,
    })
}

/// One line; no value needs quotes, as ids, times, numbers and our own words have neither commas nor quotes in them.
fn csv_row(entry: &Entry) -> String {
    format!("{},{},{},{},{},,\r\n", entry.id, entry.at, entry.credits, entry.kind.as_str(), entry.cause)
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
