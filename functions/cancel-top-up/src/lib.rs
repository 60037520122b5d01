//! POST /v1/top-ups/{id}/cancel: voids the invoice and frees the slot.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{
    Callers, Problem, ProblemCode, json_response, limited_body, obstacle_problem, top_up_json,
};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{Author, CallKind, Cause, Ending, Obstacle, OrgId, Permission, Status, TopUp, TopUpId};
use saldo_top_ups::TopUps;
use tracing::error;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    callers: Callers,
    top_ups: TopUps<Store, Stripe>,
    clock: Clock,
}

/// Reads table and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let top_ups = TopUps { rows: world.store(env)?, invoices: world.stripe(env)?, policy: env.policy()? };
    Ok(Function { callers: Callers::connect(env, world)?, top_ups, clock: world.clock() })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.cancel(&request).await {
            Ok(top_up) => json_response(StatusCode::OK, &top_up_json(&top_up)),
            Err(problem) => problem.left_alone_for(self.top_ups.invoices.away_secs()).into_response(),
        }
    }

    async fn cancel(&self, request: &Request) -> Result<TopUp, Problem> {
        let caller = self.callers.authorize(request, CallKind::Order, Permission::BillingSubscribe)?;
        limited_body(request)?;
        let top_up = self.row(&caller.org, request).await?;
        let author = Author { actor: caller.actor, cause: Cause::Cancellation };
        match self.top_ups.close(&top_up, Ending::Canceled, &author, self.clock.now()).await {
            Ok(settled) => answer(settled.top_up),
            Err(error) => Err(unavailable(&top_up, &error)),
        }
    }

    /// The top-up in the path, if it is the caller's.
    async fn row(&self, org: &OrgId, request: &Request) -> Result<TopUp, Problem> {
        let parameters = request.path_parameters_ref();
        let id = parameters.and_then(|all| all.first("id")).and_then(|id| TopUpId::parse(id).ok());
        let id = id.ok_or_else(Problem::top_up_not_found)?;
        match self.top_ups.rows.top_up(org, &id).await {
            Ok(row) => row.ok_or_else(Problem::top_up_not_found),
            Err(error) => {
                error!(org = org.as_str(), top_up = id.as_str(), %error, "table not read");
                Err(Problem::unavailable())
            }
        }
    }
}

/// What came of it: `canceled`, or why not.
fn answer(top_up: TopUp) -> Result<TopUp, Problem> {
    let conflict = |code, detail: &str| Err(Problem::new(code, detail));
    match top_up.status {
        Status::Canceled | Status::Expired | Status::Failed => Ok(top_up),
        Status::Paid => conflict(
            ProblemCode::AlreadyPaid,
            "This top-up is paid and its credits are added. It cannot be canceled.",
        ),
        Status::Open | Status::Requested => conflict(
            ProblemCode::PaymentInProgress,
            "A payment for this top-up is under way. Wait for it to finish, then try again.",
        ),
        Status::InReview => conflict(
            ProblemCode::PaymentInProgress,
            "The payment for this top-up is being looked at. Support will be in touch.",
        ),
    }
}

fn unavailable(top_up: &TopUp, error: &PortError) -> Problem {
    error!(org = top_up.org.as_str(), top_up = top_up.id.as_str(), %error, "not canceled");
    match error {
        PortError::Conflict => Problem::unavailable(),
        PortError::NotPermitted(_) => obstacle_problem(Obstacle::KeyNotPermitted),
        PortError::Unavailable(_) | PortError::Broken(_) => Problem::payment_provider_unavailable(),
    }
}
