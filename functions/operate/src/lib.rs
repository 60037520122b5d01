//! The calls under /v1/operate: what the staff see and do, over all organisations.

mod act;
mod body;
mod customer;
mod dead_letters;
mod lists;
mod organisation;
mod place;
mod references;
mod refund;
mod search;
mod shapes;
mod top_up;

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dead_letters::DeadLetters;
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Callers, Problem, json_response, obstacle_problem};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{Credits, Obstacle};
use saldo_top_ups::TopUps;
use serde_json::Value;
use tracing::error;

use crate::place::Place;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    callers: Callers,
    store: Store,
    top_ups: TopUps<Store, Stripe>,
    dead_letters: DeadLetters,
    /// On how many credits one person may decide alone.
    adjustment_limit: Credits,
    clock: Clock,
}

/// Reads table, dead-letter queue and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let store = world.store(env)?;
    let top_ups = TopUps { rows: store.clone(), invoices: world.stripe(env)?, policy: env.policy()? };
    let adjustment_limit = env.adjustment_limit()?;
    let dead_letters = world.dead_letters(env)?;
    let (callers, clock) = (Callers::connect(env, world)?, world.clock());
    Ok(Function { callers, store, top_ups, dead_letters, adjustment_limit, clock })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        // Boxed, as all calls together are too large for a stack.
        match Box::pin(self.answer(&request)).await {
            Ok((status, answer)) => json_response(status, &answer),
            Err(problem) => problem.into_response(),
        }
    }

    async fn answer(&self, request: &Request) -> Result<(StatusCode, Value), Problem> {
        let staff = self.callers.staff(request)?;
        let place = Place::of(request)?;
        tracing::info!(by = %staff.actor, call = place.as_str(), "staff");
        let seen = match place {
            Place::Search => self.search(request).await,
            Place::Organisation(org) => self.organisation(&org).await,
            Place::TopUp(id) => self.side_by_side(request, &id).await,
            Place::Reviews => self.reviews(request).await,
            Place::Reconciliations => self.reconciliations(request).await,
            Place::Adjustments => self.adjustments(request).await,
            Place::DeadLetters => self.waiting_letters().await,
            Place::Customer(org) => self.customer(&org).await,
            Place::Redrive => return Box::pin(self.redrive(request, staff.actor)).await,
            Place::Deed(deed) => return Box::pin(self.act(request, staff.actor, &deed)).await,
        };
        Ok((StatusCode::OK, seen?))
    }
}

/// The table did not answer.
fn table(error: &PortError) -> Problem {
    error!(%error, "table not read");
    Problem::unavailable()
}

/// The provider, or the table behind a use case, did not answer.
fn provider(error: &PortError) -> Problem {
    error!(%error, "provider not asked");
    match error {
        PortError::Conflict => Problem::unavailable(),
        PortError::NotPermitted(_) => obstacle_problem(Obstacle::KeyNotPermitted),
        PortError::Unavailable(_) | PortError::Broken(_) => Problem::payment_provider_unavailable(),
    }
}
