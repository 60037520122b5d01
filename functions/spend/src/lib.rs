//! PUT /v1/debits/{id}, POST /v1/debits, POST /v1/debit-batches and POST /v1/debits/{id}/reverse: spends credits on messages,
//! and takes them back. PUT /v1/holds/{id}, its capture, release, extension and reversal: holds credits for what is not known yet.

mod answer;
mod hold_answer;
mod holds;
mod measured;
mod message;
mod order;

use lambda_http::http::{Method, Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Caller, Callers, Problem, json_response, limited_body};
use saldo_adapters::world::World;
use saldo_credits::{NotKeyed, Outcome, Spender};
use saldo_domain::{CallKind, DebitId, Meters, Permission};
use serde_json::json;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    meters: Meters,
    callers: Callers,
    spenders_reverse: bool,
    spender: Spender<Store>,
    clock: Clock,
}

/// Reads meters, shards and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    Ok(Function {
        meters: env.meters()?,
        callers: Callers::connect(env, world)?,
        spenders_reverse: env.spenders_reverse()?,
        spender: Spender::new(world.store(env)?)
            .with_meters(env.meters()?)
            .with_shards(env.shards()?)
            .with_reversal_window(env.reversal_secs()?),
        clock: world.clock(),
    })
}

/// What the path under the version begins with.
fn is_about_a_hold(request: &Request) -> bool {
    request.raw_http_path().split('/').any(|part| part == "holds")
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        self.route(&request).await.unwrap_or_else(Problem::into_response)
    }

    async fn route(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let caller = self.callers.read(request, CallKind::Spend)?;
        match request.path_parameters_ref().and_then(|all| all.first("id")) {
            Some(id) if is_about_a_hold(request) => {
                if !request.raw_http_path().ends_with("/reverse") {
                    return self.hold_call(&caller, id, request).await;
                }
                self.reverser(caller.clone()).may(Permission::CreditsReverse)?;
                self.reverse_hold(&caller, id, request).await
            }
            None => {
                caller.may(Permission::CreditsSpend)?;
                if request.raw_http_path().ends_with("/debits") {
                    self.debit_by_key(&caller, request).await
                } else {
                    self.debit_batch(&caller, request).await
                }
            }
            Some(id) if request.method() == Method::PUT => {
                caller.may(Permission::CreditsSpend)?;
                self.debit(&caller, order::id(id, "id")?, request).await
            }
            Some(id) => {
                self.reverser(caller.clone()).may(Permission::CreditsReverse)?;
                limited_body(request)?;
                let id = DebitId::parse(id).map_err(|_| answer::not_found())?;
                self.reverse(&caller, id).await
            }
        }
    }

    /// The caller, who may take back what they may spend, unless the deployment says otherwise.
    fn reverser(&self, mut caller: Caller) -> Caller {
        if self.spenders_reverse {
            caller.permissions =
                caller.permissions.implying(Permission::CreditsSpend, Permission::CreditsReverse);
        }
        caller
    }

    async fn debit(
        &self,
        caller: &Caller,
        id: DebitId,
        request: &Request,
    ) -> Result<Response<Body>, Problem> {
        let debit = order::read(request, id, &self.meters)?;
        let done = self.spender.debit(&caller.org, &caller.actor, &debit, self.clock.now()).await;
        measured::measure_debits(&done.clone().map(|done| vec![Outcome::Done(done)]), 1);
        let done = done.map_err(|error| answer::problem(&caller.org, &[id], &error))?;
        Ok(json_response(answer::status(!done.repeated), &answer::debited(&done)))
    }

    /// Under an id of ours, which the caller's key stands for.
    async fn debit_by_key(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, Problem> {
        let key = order::key(request)?;
        let debit_of = |id| order::read(request, id, &self.meters);
        let now = self.clock.now();
        let done = self.spender.debit_by_key(&caller.org, &caller.actor, &key, debit_of, now).await;
        let done = match done {
            Err(NotKeyed::NoDebit(problem)) => return Err(problem),
            Err(NotKeyed::Spend(error)) => Err(error),
            Ok(done) => Ok(done),
        };
        measured::measure_debits(&done.clone().map(|done| vec![Outcome::Done(done)]), 1);
        let done = done.map_err(|error| answer::problem_of_key(&caller.org, &error))?;
        Ok(json_response(answer::status(!done.repeated), &answer::debited(&done)))
    }

    async fn debit_batch(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, Problem> {
        let debits = order::read_batch(request, &self.meters)?;
        let ids: Vec<_> = debits.iter().map(|debit| debit.id).collect();
        let done = self.spender.debit_all(&caller.org, &caller.actor, &debits, self.clock.now()).await;
        measured::measure_debits(&done, ids.len());
        let outcomes = done.map_err(|error| answer::problem(&caller.org, &ids, &error))?;
        let new = |outcome: &Outcome| matches!(outcome, Outcome::Done(done) if !done.repeated);
        let all: Vec<_> =
            ids.iter().zip(&outcomes).map(|(id, outcome)| answer::outcome(*id, outcome)).collect();
        Ok(json_response(answer::status(outcomes.iter().any(new)), &json!({ "debits": all })))
    }

    async fn reverse(&self, caller: &Caller, id: DebitId) -> Result<Response<Body>, Problem> {
        let done = self.spender.reverse(&caller.org, &caller.actor, id, self.clock.now()).await;
        let reversal = done.map_err(|error| answer::problem(&caller.org, &[id], &error))?;
        Ok(json_response(StatusCode::OK, &answer::reversed(&reversal)))
    }
}
