//! What a month comes to, from its opening to its closing balance.

use lambda_http::Body;
use lambda_http::http::{Response, StatusCode};
use saldo_adapters::PortError;
use saldo_adapters::http::{Problem, ProblemCode, json_response};
use saldo_books::{Books, Place};
use saldo_domain::{Closing, Credits, Month, OrgId, Sharding, Sums, TopUpId};
use serde_json::{Map, Value, json};

use crate::{Function, unavailable};

/// Entries that are added up for one answer at the most: as many as usage counts.
const COUNTED_ENTRIES: i64 = 20_000;
/// Top-ups whose invoice numbers are looked up for one answer at the most.
const MOST_TOP_UPS: usize = 100;
/// Debits may be for credits whose top-up is younger than their ids by this much, in seconds.
const EARLIER_SECS: i64 = 2 * 86_400;

impl Function {
    /// The statement of a month that is not to come. Of a month that is closed it is the closing, and the same for ever; of
    /// any other it is added up now, from the last closing on, as far as 20,000 entries.
    pub(crate) async fn statement(&self, org: &OrgId, month: &str) -> Result<Response<Body>, Problem> {
        let now = self.clock.now();
        let month: Month =
            month.parse().ok().filter(|month| *month <= Month::latest(now)).ok_or_else(|| {
                Problem::invalid("month", "month is a year and a month that has begun, like 2026-11.")
            })?;
        let closings = self.store.kept_closings(org).await.map_err(|error| unavailable(org, &error))?;
        if let Some(closing) = closings.iter().find(|one| one.month == month) {
            return Ok(json_response(StatusCode::OK, &statement_json(closing, true)));
        }
        let kept = self.kept(org, month, true).await?;
        let added = self.added_up(org, month, (kept.sharding, kept.holds), closings.last()).await;
        match added.map_err(|error| unavailable(org, &error))? {
            Some(closing) => Ok(json_response(StatusCode::OK, &statement_json(&closing, false))),
            None => Err(Problem::new(
                ProblemCode::StatementNotReady,
                format!(
                    "The month has more entries than can be added up now. Its statement is there once it is closed, soon after {}.",
                    month.final_from().rfc3339()
                ),
            )),
        }
    }

    /// `None` for more entries than one answer adds up.
    async fn added_up(
        &self,
        org: &OrgId,
        month: Month,
        (sharding, holds): (Sharding, bool),
        last: Option<&Closing>,
    ) -> Result<Option<Closing>, PortError> {
        let mut opening = last.map(Closing::closing).unwrap_or_default();
        let mut current = match last {
            Some(closing) => closing.month.next(),
            None => match self.store.first_top_up(org).await? {
                Some(first) => Month::of(first.created_at.plus_secs(-EARLIER_SECS)).min(month),
                None => month,
            },
        };
        let mut counted = 0;
        loop {
            let mut sums = Sums::default();
            for place in Place::of_month(current, sharding, holds) {
                let mut after = None;
                loop {
                    let page = self.store.ledger(org, place, after).await?;
                    page.lines.iter().for_each(|line| sums.add(&line.entry));
                    if counted + sums.entries() > COUNTED_ENTRIES {
                        return Ok(None);
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            if current >= month {
                let invoices = self.invoice_numbers(org, &sums).await?;
                return Ok(Some(Closing::new(month, opening, sums, invoices)));
            }
            counted += sums.entries();
            opening = Credits(opening.0.saturating_add(sums.total().0));
            current = current.next();
        }
    }

    async fn invoice_numbers(&self, org: &OrgId, sums: &Sums) -> Result<Vec<String>, PortError> {
        let granted = sums.by_top_up.iter().filter(|(_, posted)| posted.granted > Credits::ZERO);
        let ids = granted.filter_map(|(id, _)| TopUpId::parse(id).ok()).take(MOST_TOP_UPS);
        let mut numbers = Vec::new();
        for id in ids {
            let row = self.store.top_up(org, &id).await?;
            numbers.extend(row.and_then(|row| row.invoice).and_then(|link| link.number));
        }
        Ok(numbers)
    }
}

/// Kinds and channels of which there are no entries are absent, so that a statement stays the same when others come to be.
fn statement_json(closing: &Closing, is_final: bool) -> Value {
    let kinds = closing.sums.by_kind.iter().map(|(kind, moved)| {
        (kind.as_str().to_owned(), json!({"entries": moved.entries, "credits": moved.credits}))
    });
    let channels = closing.sums.by_channel.iter().map(|(channel, used)| {
        (
            channel.as_str().to_owned(),
            json!({"messages": used.messages, "units": used.units, "credits": used.credits}),
        )
    });
    json!({
        "month": closing.month.to_string(),
        "opening": closing.opening,
        "by_kind": kinds.collect::<Map<_, _>>(),
        "by_channel": channels.collect::<Map<_, _>>(),
        "top_ups": closing.invoices,
        "closing": closing.closing(),
        "final": is_final,
    })
}
