//! PUT /v1/debits/{id} and POST /v1/debits/{id}/reverse: spends credits on messages, and takes them back.

mod order;

use lambda_http::http::{Method, Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Caller, ClaimNames, Problem, json_response, limited_body};
use saldo_adapters::spend::{Debited, SpendError, Spender};
use saldo_adapters::world::World;
use saldo_domain::{Credits, DebitId, OrgId, Permission, Rates, Reversal};
use serde_json::json;
use tracing::error;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    rates: Rates,
    claims: ClaimNames,
    spender: Spender<Store>,
    clock: Clock,
}

/// Reads rates and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    Ok(Function {
        rates: env.rates()?,
        claims: env.claim_names(),
        spender: Spender::new(world.store(env)?),
        clock: world.clock(),
    })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        self.route(&request).await.unwrap_or_else(Problem::into_response)
    }

    async fn route(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let caller = Caller::authorize(request, &self.claims, Permission::CreditsSpend)?;
        let parameters = request.path_parameters_ref();
        let id = parameters.and_then(|all| all.first("id")).and_then(|id| DebitId::parse(id).ok());
        if request.method() == Method::PUT {
            let id = id.ok_or_else(|| {
                Problem::invalid("id", "The id of a debit is a UUID of version 7 in lower case.")
            })?;
            self.debit(&caller.org, id, request).await
        } else {
            limited_body(request)?;
            self.reverse(&caller.org, id.ok_or_else(not_found)?).await
        }
    }

    async fn debit(&self, org: &OrgId, id: DebitId, request: &Request) -> Result<Response<Body>, Problem> {
        let debit = order::read(request, id, &self.rates)?;
        let done = self.spender.debit(org, &debit, self.clock.now()).await;
        let Debited { id, credits, available, repeated } =
            done.map_err(|error| problem(org, id, debit.credits, &error))?;
        let status = if repeated { StatusCode::OK } else { StatusCode::CREATED };
        let body = json!({"id": id.to_string(), "credits": credits, "available_credits": available});
        Ok(json_response(status, &body))
    }

    async fn reverse(&self, org: &OrgId, id: DebitId) -> Result<Response<Body>, Problem> {
        let done = self.spender.reverse(org, id, self.clock.now()).await;
        let Reversal { entry, credits, at, .. } =
            done.map_err(|error| problem(org, id, Credits::ZERO, &error))?;
        let body = json!({
            "id": id.to_string(),
            "credits": credits,
            "reversed_at": at.rfc3339(),
            "entry": entry.to_string(),
        });
        Ok(json_response(StatusCode::OK, &body))
    }
}

fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "debit_not_found", "There is no debit with this id.")
}

fn problem(org: &OrgId, id: DebitId, needed: Credits, error: &SpendError) -> Problem {
    match error {
        SpendError::NotEnough(available) => {
            let detail = format!(
                "This message costs {needed} credits and {available} are left. Top up, then send the same debit again."
            );
            Problem::new(StatusCode::PAYMENT_REQUIRED, "insufficient_credits", detail)
                .with("credits", json!(needed))
                .with("available_credits", json!(available))
        }
        SpendError::Reused => Problem::new(
            StatusCode::CONFLICT,
            "debit_id_reused",
            "This id was used for another message. Make a new id for every message.",
        ),
        SpendError::Untimely => Problem::invalid(
            "id",
            "The id must be made when the message is sent: its time is not within the last 24 hours.",
        ),
        SpendError::NotFound => not_found(),
        SpendError::Busy => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_debits",
            "Too many debits of this organisation are under way. Send this one again with the same id.",
        )
        .retry_after(1),
        SpendError::Port(PortError::Conflict) => Problem::unavailable(),
        SpendError::Unpayable | SpendError::Port(PortError::Unavailable(_) | PortError::Broken(_)) => {
            error!(org = org.as_str(), debit = %id, %error, "not debited");
            Problem::unavailable()
        }
    }
}
