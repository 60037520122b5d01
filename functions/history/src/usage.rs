//! What was used: per day and channel, and by class and country.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, json_response};
use saldo_domain::{EntryId, OrgId};
use serde_json::json;

use crate::file::{File, MARK, wants_csv};
use crate::kept::Kept;
use crate::span::{By, Span};
use crate::used::Days;
use crate::{Function, unavailable};

/// Entries that one answer counts at most.
const COUNTED_ENTRIES: usize = 20_000;
const ITEMS_PER_READ: usize = 1_000;

impl Function {
    /// The days of a month, or from one day to another, with debits or reversals, in UTC, each with every channel; with
    /// `by` also with a line for each class or country that there was.
    ///
    /// A reversal is taken back on its own day, not on its debit's: so a day that is over keeps its numbers, the days
    /// of a month add up to its entries, and a day may be below zero.
    ///
    /// Counts from the end backwards, at most 20,000 entries. Where there are more, `next_cursor`
    /// goes on with earlier ones; the day that it cuts comes in both answers, and the parts are to be added. Nothing is
    /// kept for it, so that a debit writes no more: an answer costs half a read unit per 4 KB of entries, for 1,000
    /// debits of 200 bytes 25 read units, at most 500 for 20,000 of them, and one for the head. Of a final month, of which
    /// nothing may be missing, it costs twice that.
    pub(crate) async fn usage(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let span = Span::of(request, self.clock.now())?;
        let (by, csv, before) = (By::of(request)?, wants_csv(request)?, span.cursor(request)?);
        let kept = self.kept(org, span.last, before.is_none()).await?;
        let mut days = Days::new(by);
        let next = self.count(&kept, &span, before, &mut days).await?;
        let final_from = span.last.final_from();
        if csv {
            let by = if by.any() { format!("by={}&", by.word()) } else { String::new() };
            let file = File {
                name: format!("saldo-usage-{}", span.name()),
                is_final: kept.is_final,
                final_from,
                next: next.map(|id| format!("usage?{}&{by}cursor={id}", span.query())),
            };
            return Ok(file.response(format!("{MARK}{}", days.csv())));
        }
        let answer = json!({
            "month": (!span.by_days).then(|| span.last.to_string()),
            "from": span.start.date(),
            "to": span.last_day(),
            "final": kept.is_final,
            "final_from": final_from.rfc3339(),
            "days": days.json(&self.meters),
            "next_cursor": next.map(|id| id.to_string()),
        });
        Ok(json_response(StatusCode::OK, &answer))
    }

    /// Counts the days' entries before `before` into `days`, from the latest on; gives the last one that was counted where
    /// there are more.
    async fn count(
        &self,
        kept: &Kept<'_>,
        span: &Span,
        before: Option<EntryId>,
        days: &mut Days,
    ) -> Result<Option<EntryId>, Problem> {
        let mut month = before.map_or(span.last, EntryId::month);
        let mut last = before;
        let mut before = before.or_else(|| span.end.map(EntryId::first_at));
        let mut counted = 0;
        loop {
            let all = month.final_from() <= self.clock.now();
            let page = self.store.latest_entries(kept.ledger(month), ITEMS_PER_READ, before, all).await;
            let page = page.map_err(|error| unavailable(kept.org, &error))?;
            for entry in &page.items {
                if entry.at < span.start {
                    return Ok(None);
                }
                if counted == COUNTED_ENTRIES {
                    return Ok(last);
                }
                days.count(entry);
                counted += 1;
                last = Some(entry.id);
            }
            before = page.next;
            if before.is_none() {
                if month <= span.first {
                    return Ok(None);
                }
                month = month.previous();
            }
        }
    }
}
