//! The organisation's top-ups, newest first.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, json_response, query_parameter, top_up_json, trail_json};
use saldo_domain::{OrgId, Status, TopUp, TopUpId};
use serde_json::{Value, json};

use crate::{Function, page, unavailable};

impl Function {
    pub(crate) async fn top_ups(&self, org: &OrgId, request: &Request) -> Result<Response<Body>, Problem> {
        let limit = page::limit(request)?;
        let after = page::cursor(request, |text| TopUpId::parse(text).ok())?;
        let status = match query_parameter(request, "status")? {
            None => None,
            Some(text) => Some(Status::parse(&text).ok_or_else(unknown_status)?),
        };
        let page =
            self.store.top_ups(org, status, limit, after).await.map_err(|error| unavailable(org, &error))?;
        let top_ups: Vec<Value> = page.items.iter().map(top_up_json).collect();
        Ok(json_response(StatusCode::OK, &json!({"top_ups": top_ups, "next_cursor": page.next})))
    }

    pub(crate) async fn top_up(&self, org: &OrgId, id: &str) -> Result<Response<Body>, Problem> {
        let top_up = self.row(org, id).await?;
        Ok(json_response(StatusCode::OK, &top_up_json(&top_up)))
    }

    /// What happened to a top-up, as far as its customer is told.
    pub(crate) async fn trail(&self, org: &OrgId, id: &str) -> Result<Response<Body>, Problem> {
        let top_up = self.row(org, id).await?;
        let trail = self.store.trail(org, &top_up.id).await.map_err(|error| unavailable(org, &error))?;
        Ok(json_response(StatusCode::OK, &trail_json(&trail)))
    }

    async fn row(&self, org: &OrgId, id: &str) -> Result<TopUp, Problem> {
        let id = TopUpId::parse(id).map_err(|_| Problem::top_up_not_found())?;
        let top_up = self.store.top_up(org, &id).await.map_err(|error| unavailable(org, &error))?;
        top_up.ok_or_else(Problem::top_up_not_found)
    }
}

fn unknown_status() -> Problem {
    let known: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
    Problem::invalid("status", format!("status is one of {}.", known.join(", ")))
}
