//! GET /v1/top-ups, /v1/entries, /v1/usage and /v1/statements: what was bought, what was spent, and what else changed the
//! balance.

mod csv;
mod entries;
mod file;
mod kept;
mod page;
mod span;
mod statement;
mod top_ups;
mod usage;
mod used;

use lambda_http::http::Response;
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Callers, Problem};
use saldo_adapters::world::World;
use saldo_credits::Spender;
use saldo_domain::{CallKind, Meters, OrgId, Permission};
use tracing::error;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    callers: Callers,
    store: Store,
    spender: Spender<Store>,
    meters: Meters,
    clock: Clock,
}

/// Reads meters and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let store = world.store(env)?;
    let meters = env.meters()?;
    let spender = Spender::new(store.clone()).with_meters(meters.clone());
    Ok(Function { callers: Callers::connect(env, world)?, store, spender, meters, clock: world.clock() })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        self.route(&request).await.unwrap_or_else(Problem::into_response)
    }

    async fn route(&self, request: &Request) -> Result<Response<Body>, Problem> {
        // What the path names comes first: whatever it says, it never is a route.
        let named = |name| request.path_parameters_ref().and_then(|all| all.first(name));
        let many = named("month").is_some()
            || named("id").is_none() && request.raw_http_path().ends_with("/entries");
        let kind = if many { CallKind::Export } else { CallKind::View };
        let caller = self.callers.authorize(request, kind, Permission::BillingView)?;
        if let Some(month) = named("month") {
            return self.statement(&caller.org, month).await;
        }
        match named("id") {
            Some(id) if request.raw_http_path().ends_with("/trail") => self.trail(&caller.org, id).await,
            Some(id) => self.top_up(&caller.org, id).await,
            None if request.raw_http_path().ends_with("/entries") => self.entries(&caller.org, request).await,
            None if request.raw_http_path().ends_with("/usage") => self.usage(&caller.org, request).await,
            None => self.top_ups(&caller.org, request).await,
        }
    }
}

fn unavailable(org: &OrgId, error: &PortError) -> Problem {
    error!(org = org.as_str(), %error, "table not read");
    Problem::unavailable()
}
