//! Holds: PUT and GET /v1/holds/{id}, and its capture, release and extension.

use lambda_http::http::{Method, Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::http::{Caller, Problem, json_response, limited_body};
use saldo_credits::{Outcome, Settled, Settlement, SpendError};
use saldo_domain::{DebitId, Permission};

use crate::{Function, answer, hold_answer, measured, order};

impl Function {
    /// A call about the hold with this id.
    pub(crate) async fn hold_call(
        &self,
        caller: &Caller,
        id: &str,
        request: &Request,
    ) -> Result<Response<Body>, Problem> {
        caller.may(Permission::CreditsSpend)?;
        let now = self.clock.now();
        let (org, actor) = (&caller.org, &caller.actor);
        if request.method() == Method::PUT {
            return self.hold(caller, order::id(id, "id")?, request).await;
        }
        let id = DebitId::parse(id).map_err(|_| hold_answer::not_found());
        let path = request.raw_http_path();
        let held = match path.rsplit('/').next() {
            Some("capture") => {
                let used = order::read_capture(request, &self.meters)?;
                let id = id?;
                self.spender.capture(org, actor, id, &used, now).await.map_err(|error| (id, error))
            }
            Some("release") => {
                limited_body(request)?;
                let id = id?;
                self.spender.release(org, actor, id, now).await.map_err(|error| (id, error))
            }
            Some("extend") => {
                let ends_at = now.plus_secs(order::read_extension(request)?);
                let id = id?;
                self.spender.extend(org, actor, id, ends_at, now).await.map_err(|error| (id, error))
            }
            Some(_) | None => {
                let id = id?;
                self.spender.held(org, id, now).await.map_err(|error| (id, error))
            }
        };
        let held = held.map_err(|(id, error)| match error {
            SpendError::NotFound => hold_answer::not_found(),
            error => answer::problem(org, &[id], &error),
        })?;
        Ok(json_response(StatusCode::OK, &hold_answer::now(&held)))
    }

    /// Takes back what was charged of a hold.
    pub(crate) async fn reverse_hold(
        &self,
        caller: &Caller,
        id: &str,
        request: &Request,
    ) -> Result<Response<Body>, Problem> {
        limited_body(request)?;
        let id = DebitId::parse(id).map_err(|_| hold_answer::not_found())?;
        let done = self.spender.reverse_hold(&caller.org, &caller.actor, id, self.clock.now()).await;
        let reversal = done.map_err(|error| match error {
            SpendError::NotFound => hold_answer::not_found(),
            error => answer::problem(&caller.org, &[id], &error),
        })?;
        Ok(json_response(StatusCode::OK, &answer::reversed(&reversal)))
    }

    /// What was used of the quota before is counted first: a report is not lost, whatever becomes of the next quota.
    async fn hold(&self, caller: &Caller, id: DebitId, request: &Request) -> Result<Response<Body>, Problem> {
        let now = self.clock.now();
        let (debit, settles) = order::read_hold(request, id, &self.meters, now)?;
        let settled = match &settles {
            None => None,
            Some(settles) => Some(self.settle(caller, settles).await?),
        };
        let done = self.spender.hold(&caller.org, &caller.actor, &debit, now).await;
        measured::measure_debits(&done.clone().map(|done| vec![Outcome::Done(done)]), 1);
        let done = done.map_err(|error| answer::problem(&caller.org, &[id], &error))?;
        let hold = done.hold.ok_or_else(Problem::unavailable)?;
        let mut made = hold_answer::made(&done, &hold);
        if let Some(settled) = settled {
            made["settled"] = hold_answer::settled(&settled.entry, &settled.hold, settled.reversed.as_ref());
        }
        Ok(json_response(answer::status(!done.repeated), &made))
    }

    async fn settle(&self, caller: &Caller, settles: &Settlement) -> Result<Settled, Problem> {
        let now = self.clock.now();
        let settled = self.spender.settle(&caller.org, &caller.actor, settles, now).await;
        settled.map_err(|error| match error {
            SpendError::NotFound => hold_answer::not_found(),
            SpendError::Hold(refused) => hold_answer::refused("settles.", &refused),
            error => answer::problem(&caller.org, &[settles.id], &error),
        })
    }
}
