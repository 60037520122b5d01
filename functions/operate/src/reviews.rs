//! The top-ups that a person has to look at.

use lambda_http::Request;
use saldo_adapters::dynamo::ReviewPlace;
use saldo_adapters::http::{Problem, integer, query_parameter};
use serde_json::{Value, json};

use crate::shapes::row_json;
use crate::{Function, table};

const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

impl Function {
    /// A page of them, the oldest top-up first. One that is unfinished comes into the list when it ends.
    pub(crate) async fn reviews(&self, request: &Request) -> Result<Value, Problem> {
        let (limit, after) = (limit(request)?, cursor(request)?);
        let page = self.store.reviews(limit, after.as_ref()).await.map_err(|error| table(&error))?;
        Ok(json!({
            "reviews": page.items.iter().map(row_json).collect::<Vec<_>>(),
            "next_cursor": page.next.map(|place| place.to_text()),
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

fn cursor(request: &Request) -> Result<Option<ReviewPlace>, Problem> {
    match query_parameter(request, "cursor").map_err(|_| Problem::invalid_cursor())? {
        None => Ok(None),
        Some(text) => ReviewPlace::parse(&text).map(Some).ok_or_else(Problem::invalid_cursor),
    }
}
