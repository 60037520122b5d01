//! What a month's messages cost, per day and channel.

use std::collections::BTreeMap;

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, json_response};
use saldo_domain::{Channel, Entry, Meters, OrgId};
use serde_json::{Map, Value, json};

use crate::{Function, page, unavailable};

/// Entries that one answer counts at most.
const COUNTED_ENTRIES: usize = 20_000;
const ITEMS_PER_READ: usize = 1_000;

impl Function {
    /// The month's days with debits or reversals, in UTC, each with every channel.
    ///
    /// A reversal is taken back on its own day, not on its debit's: so a day that is over keeps its numbers, the days
    /// of a month add up to its entries, and a day may be below zero.
    ///
    /// Counts from the month's end backwards, at most 20,000 entries. Where there are more, `next_cursor`
    /// goes on with earlier ones; the day that it cuts comes in both answers, and the parts are to be added. Nothing is
    /// kept for it, so that a debit writes no more: an answer costs half a read unit per 4 KB of entries, for 1,000
    /// debits of 200 bytes 25 read units, at most 500 for 20,000 of them, and one for the head. Of a final month, of which
    /// nothing may be missing, it costs twice that.
    pub(crate) async fn usage(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let month = page::month(request, self.clock.now())?;
        let mut before = page::entry_cursor(request, month)?;
        let kept = self.kept(org, month, before.is_none()).await?;
        let mut days = Days::default();
        let mut counted = 0;
        'reading: loop {
            let page =
                self.store.latest_entries(kept.ledger(month), ITEMS_PER_READ, before, kept.is_final).await;
            let page = page.map_err(|error| unavailable(org, &error))?;
            for entry in &page.items {
                if counted == COUNTED_ENTRIES {
                    break 'reading;
                }
                days.count(entry);
                counted += 1;
                before = Some(entry.id);
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let next = before.map(|id| id.to_string());
        let answer = json!({
            "month": month.to_string(),
            "final": kept.is_final,
            "final_from": month.final_from().rfc3339(),
            "days": days.json(&self.meters),
            "next_cursor": next,
        });
        Ok(json_response(StatusCode::OK, &answer))
    }
}

/// Date -> what each channel used.
#[derive(Debug, Default)]
struct Days(BTreeMap<String, BTreeMap<Channel, Used>>);

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    messages: i64,
    units: i64,
    credits: i64,
}

impl Days {
    fn count(&mut self, entry: &Entry) {
        let messages = entry.uses();
        let Some(channel) = entry.channel else { return };
        let used = self.0.entry(entry.at.date()).or_default().entry(channel).or_default();
        used.messages = used.messages.saturating_add(messages);
        used.units = used.units.saturating_add(messages.saturating_mul(entry.units.get()));
        used.credits = used.credits.saturating_sub(entry.credits.0);
    }

    /// Every day with every meter that is sold, and with what was used of others.
    fn json(&self, meters: &Meters) -> Vec<Value> {
        let day = |(date, channels): (&String, &BTreeMap<Channel, Used>)| {
            let none = meters.channels().map(|channel| (channel, Used::default()));
            let mut all: BTreeMap<_, _> = none.collect();
            all.extend(channels);
            let channels: Map<_, _> = all
                .iter()
                .map(|(channel, Used { messages, units, credits })| {
                    let used = json!({"messages": messages, "units": units, "credits": credits});
                    (channel.as_str().to_owned(), used)
                })
                .collect();
            json!({"date": date, "channels": channels})
        };
        self.0.iter().map(day).collect()
    }
}
