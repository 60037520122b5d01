//! What waits for a person, and what was compared, page by page.

use lambda_http::Request;
use saldo_adapters::dynamo::Place;
use saldo_adapters::http::{Problem, integer, query_parameter, report_json};
use saldo_domain::Timestamp;
use serde_json::{Value, json};

use crate::shapes::{proposal_json, row_json};
use crate::{Function, table};

const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

impl Function {
    /// Top-ups to be looked at, the oldest first. One that is unfinished comes into the list when it ends.
    pub(crate) async fn reviews(&self, request: &Request) -> Result<Value, Problem> {
        let (limit, after) = (limit(request)?, cursor(request, Place::parse)?);
        let page = self.store.reviews(limit, after.as_ref()).await.map_err(|error| table(&error))?;
        Ok(json!({
            "reviews": page.items.iter().map(row_json).collect::<Vec<_>>(),
            "next_cursor": page.next.map(|place| place.to_text()),
        }))
    }

    /// Adjustments that wait for a second person, the oldest first.
    pub(crate) async fn adjustments(&self, request: &Request) -> Result<Value, Problem> {
        let (limit, after) = (limit(request)?, cursor(request, Place::parse)?);
        let page = self.store.waiting_proposals(limit, after.as_ref()).await;
        let page = page.map_err(|error| table(&error))?;
        Ok(json!({
            "adjustments": page.items.iter().map(proposal_json).collect::<Vec<_>>(),
            "next_cursor": page.next.map(|place| place.to_text()),
        }))
    }

    /// Reports of the runs of the last 90 days that compared the books, the newest first.
    pub(crate) async fn reconciliations(&self, request: &Request) -> Result<Value, Problem> {
        let moment = |text: &str| integer(text).filter(|ms| *ms > 0).map(Timestamp::from_ms);
        let (limit, before) = (limit(request)?, cursor(request, moment)?);
        let page = self.store.reports(limit, before).await.map_err(|error| table(&error))?;
        Ok(json!({
            "reconciliations": page.items.iter().map(report_json).collect::<Vec<_>>(),
            "next_cursor": page.next.map(|began| began.ms().to_string()),
        }))
    }
}

fn limit(request: &Request) -> Result<usize, Problem> {
    let Some(text) = query_parameter(request, "limit")? else { return Ok(DEFAULT_LIMIT) };
    let limit = integer(&text).and_then(|limit| usize::try_from(limit).ok());
    limit
        .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
        .ok_or_else(|| Problem::invalid("limit", "limit is a whole number from 1 to 100."))
}

fn cursor<T>(request: &Request, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    match query_parameter(request, "cursor").map_err(|_| Problem::invalid_cursor())? {
        None => Ok(None),
        Some(text) => parse(&text).map(Some).ok_or_else(Problem::invalid_cursor),
    }
}
