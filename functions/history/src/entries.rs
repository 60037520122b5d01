//! The ledger of a month: every change of the balance, as JSON or CSV.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::dynamo::{Ledger, Page};
use saldo_adapters::http::{Problem, json_response};
use saldo_domain::{Entry, EntryId, HeldOf, OrgId, RateVersion};
use serde_json::{Value, json};

use crate::file::{File, MARK, wants_csv};
use crate::kept::Kept;
use crate::page::View;
use crate::{Function, csv, page, unavailable};

/// A CSV answer ends before it is longer than this, in bytes as they are sent: Lambda takes 6 MB (6,291,556 bytes) of a
/// function, in which the text is a JSON string.
const CSV_BYTES: usize = 6_000_000;
/// Rows of one CSV answer at most.
const CSV_ROWS: usize = 20_000;
const CSV_READ: usize = 1_000;

impl Function {
    pub(crate) async fn entries(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let view = page::view(request, self.clock.now())?;
        let (csv, limit) = (wants_csv(request)?, page::limit(request)?);
        let mut kept = self.kept(org, view.first, view.after.is_none()).await?;
        kept.is_final &= view.first == view.last;
        if csv { self.csv(&kept, view).await } else { self.json(&kept, view, limit).await }
    }

    async fn json(&self, kept: &Kept<'_>, view: View, limit: usize) -> Result<Response<Body>, Problem> {
        let (mut month, mut after) = (view.begin(), view.after);
        let mut entries: Vec<Entry> = Vec::new();
        let next = loop {
            let page = self.store.entries(kept.ledger(month), limit - entries.len(), after).await;
            let page = page.map_err(|error| unavailable(kept.org, &error))?;
            entries.extend(page.items);
            if page.next.is_some() || month >= view.last {
                break page.next;
            }
            if entries.len() >= limit {
                break entries.last().map(|entry| entry.id);
            }
            (month, after) = (month.next(), None);
        };
        let entries: Vec<Value> = entries.iter().map(entry_json).collect();
        let answer = json!({
            "month": view.first.to_string(),
            "final": kept.is_final,
            "final_from": view.first.final_from().rfc3339(),
            "entries": entries,
            "next_cursor": next.map(|id| id.to_string()),
        });
        Ok(json_response(StatusCode::OK, &answer))
    }

    /// The whole month, or its first 20,000 entries and a `Link` to the rest.
    async fn csv(&self, kept: &Kept<'_>, view: View) -> Result<Response<Body>, Problem> {
        let mut text = format!("{MARK}{}", csv::HEAD);
        let (mut rows, mut sent) = (0, csv::json_bytes(&text));
        let (mut month, mut after) = (view.begin(), view.after);
        let mut last = view.after;
        loop {
            let page = self.read(kept.ledger(month), after).await?;
            for entry in &page.items {
                let row = csv::row(entry);
                sent += csv::json_bytes(&row);
                if rows == CSV_ROWS || sent > CSV_BYTES {
                    return Ok(csv_response(text, kept, view, last));
                }
                text.push_str(&row);
                rows += 1;
                last = Some(entry.id);
            }
            after = page.next;
            if after.is_none() {
                if month >= view.last {
                    return Ok(csv_response(text, kept, view, None));
                }
                month = month.next();
            }
        }
    }

    async fn read(
        &self,
        ledger: Ledger<'_>,
        after: Option<EntryId>,
    ) -> Result<Page<Entry, EntryId>, Problem> {
        let page = self.store.oldest_entries(ledger, CSV_READ, after).await;
        page.map_err(|error| unavailable(ledger.org, &error))
    }
}

fn entry_json(entry: &Entry) -> Value {
    let mut line = json!({
        "id": entry.id.to_string(),
        "at": entry.at.rfc3339(),
        "booked_at": entry.booked_at.rfc3339(),
        "credits": entry.credits,
        "kind": entry.kind.as_str(),
        "cause": entry.cause,
        "channel": entry.channel,
        "country": entry.country,
        "reference": entry.reference,
        "units": entry.channel.map(|_| entry.units.get()),
        "class": entry.class,
        "rate": entry.rate(),
        "rate_version": entry.version.map(|RateVersion(version)| version),
    });
    if let Some(hold) = entry.hold {
        (line["held"], line["hold"]) = (json!(hold.held), json!(hold.state()));
        let HeldOf { channel, class, country, units, version } = hold.of;
        if (Some(channel), class, country) != (entry.channel, entry.class, entry.country) {
            line["held_as"] = json!({
                "channel": channel,
                "class": class,
                "country": country,
                "units": units.get(),
                "rate": units.rate(hold.held),
                "rate_version": version.map(|RateVersion(version)| version),
            });
        }
    }
    line
}

fn csv_response(text: String, kept: &Kept<'_>, view: View, next: Option<EntryId>) -> Response<Body> {
    let month = view.first;
    let of_month = if view.named { format!("month={month}&") } else { String::new() };
    let file = File {
        name: format!("saldo-entries-{month}"),
        is_final: kept.is_final,
        final_from: month.final_from(),
        next: next.map(|id| format!("entries?{of_month}cursor={id}")),
    };
    file.response(text)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::header;

    use super::*;

    #[test]
    fn the_link_to_the_rest_holds_under_any_prefix() {
        let next = EntryId::parse("01890a5d-ac96-774b-bcce-b302099a8057").ok();
        let org = OrgId::parse("acme").unwrap();
        let kept = Kept { org: &org, sharding: saldo_domain::Sharding::No, holds: false, is_final: true };
        let month = "2026-11".parse().unwrap();
        let view = View { first: month, last: month, after: None, named: true };
        let response = csv_response(String::new(), &kept, view, next);
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert_eq!(link, "<entries?month=2026-11&cursor=01890a5d-ac96-774b-bcce-b302099a8057>; rel=\"next\"");
        let response = csv_response(String::new(), &kept, View { named: false, ..view }, next);
        let link = response.headers()[header::LINK].to_str().unwrap();
        assert_eq!(link, "<entries?cursor=01890a5d-ac96-774b-bcce-b302099a8057>; rel=\"next\"");
    }
}
