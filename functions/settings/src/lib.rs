//! Settings and budgets, `/v1/settings` and `/v1/budgets`: whom to bill and in which language, and what may be spent in a day or a month.

mod budgets;
mod change;

use lambda_http::http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Caller, Callers, Problem, ProblemCode, json_response, limited_body};
use saldo_adapters::world::World;
use saldo_credits::{BudgetError, Spender};
use saldo_domain::{
    BillingContact, BudgetBy, BudgetId, CallKind, ContactField, Meters, OrgId, Permission, PortError,
    Settings,
};
use serde_json::{Map, Value, json};
use tracing::error;

use crate::change::Change;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    meters: Meters,
    callers: Callers,
    store: Store,
    spender: Spender<Store>,
    clock: Clock,
}

/// Reads meters, claim names and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let (callers, store, clock) = (Callers::connect(env, world)?, world.store(env)?, world.clock());
    Ok(Function { meters: env.meters()?, callers, spender: Spender::new(store.clone()), store, clock })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let path = request.raw_http_path();
        if path.ends_with("/budgets")
            || request.path_parameters_ref().is_some_and(|all| all.first("id").is_some())
        {
            return self.budgets(&request).await.unwrap_or_else(Problem::into_response);
        }
        let settings = match *request.method() {
            Method::PUT => self.change(&request).await,
            _ => self.show(&request).await,
        };
        settings.map_or_else(Problem::into_response, |settings| answer(&settings))
    }

    async fn budgets(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let parameters = request.path_parameters_ref();
        let Some(id) = parameters.as_ref().and_then(|all| all.first("id")) else {
            let caller = self.callers.authorize(request, CallKind::View, Permission::BillingView)?;
            return self.all_budgets(&caller.org).await;
        };
        let Caller { org, actor, .. } =
            self.callers.authorize(request, CallKind::Order, Permission::BillingSubscribe)?;
        let (id, now) = (budgets::id(id)?, self.clock.now());
        let failed = |error: &BudgetError| {
            budgets::problem(error).unwrap_or_else(|| {
                error!(org = org.as_str(), ?error, "budgets not changed");
                Problem::unavailable()
            })
        };
        if *request.method() == Method::DELETE {
            limited_body(request)?;
            self.spender.end_budget(&org, &id).await.map_err(|error| failed(&error))?;
            return self.all_budgets(&org).await;
        }
        let terms = budgets::terms(request)?;
        if !self.is_sold(&terms.by) && !self.counts_already(&org, &id, &terms.by).await? {
            return Err(budgets::not_sold(&self.meters));
        }
        let set = self.spender.set_budget(&org, &id, &terms, &actor, now).await;
        let (_, new) = set.map_err(|error| failed(&error))?;
        let known = self.spender.budgets_spent(&org, now).await.map_err(|error| unavailable(&org, &error))?;
        let mut of_all = known.budgets.all.iter().zip(&known.spent);
        // It may have been deleted by someone else since.
        let (budget, spent) = of_all.find(|(budget, _)| budget.id == id).ok_or_else(Problem::unavailable)?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(json_response(status, &budgets::one(budget, *spent, now)))
    }

    fn is_sold(&self, by: &BudgetBy) -> bool {
        let BudgetBy::Meter(meter) = by else { return true };
        self.meters.channels().any(|sold| sold == *meter)
    }

    /// Whether the budget is by this: it may be changed and repeated, also when its meter is not sold any more.
    async fn counts_already(&self, org: &OrgId, id: &BudgetId, by: &BudgetBy) -> Result<bool, Problem> {
        let known = self.spender.budgets_spent(org, self.clock.now()).await;
        let known = known.map_err(|error| unavailable(org, &error))?;
        Ok(known.budgets.all.iter().any(|budget| budget.id == *id && budget.terms.by == *by))
    }

    async fn all_budgets(&self, org: &OrgId) -> Result<Response<Body>, Problem> {
        let now = self.clock.now();
        let known = self.spender.budgets_spent(org, now).await.map_err(|error| unavailable(org, &error))?;
        Ok(json_response(StatusCode::OK, &budgets::all(&known, now)))
    }

    /// What is stored; before anything is, what the token says.
    async fn show(&self, request: &Request) -> Result<Settings, Problem> {
        let caller = self.callers.authorize(request, CallKind::View, Permission::BillingView)?;
        let settings = self.store.settings(&caller.org).await;
        let mut settings = settings.map_err(|error| unavailable(&caller.org, &error))?;
        if settings.version == 0 {
            settings.billing = caller.contact;
        }
        Ok(settings)
    }

    /// Replaces the billing contact, if it is still the one that the client has seen.
    async fn change(&self, request: &Request) -> Result<Settings, Problem> {
        let Caller { org, actor, .. } =
            self.callers.authorize(request, CallKind::Order, Permission::BillingSubscribe)?;
        let Change { billing, seen } = Change::read(request)?;
        match self.store.change_settings(&org, &billing, seen, &actor, self.clock.now()).await {
            Ok(()) => Ok(Settings { billing, version: seen.saturating_add(1), ..Settings::default() }),
            Err(PortError::Conflict) => self.after_conflict(&org, billing, seen).await,
            Err(error) => Err(unavailable(&org, &error)),
        }
    }

    /// A change whose answer was lost meets itself when it is sent again: then it is done, and not refused.
    async fn after_conflict(
        &self,
        org: &OrgId,
        billing: BillingContact,
        seen: i64,
    ) -> Result<Settings, Problem> {
        let now = self.store.settings(org).await.map_err(|error| unavailable(org, &error))?;
        if now.version == seen.saturating_add(1) && now.billing == billing {
            return Ok(now);
        }
        let detail =
            "The settings were changed by someone else meanwhile. Load them again and repeat your change.";
        Err(Problem::new(ProblemCode::SettingsChanged, detail).with("version", json!(now.version)))
    }
}

fn answer(settings: &Settings) -> Response<Body> {
    let billing: Map<String, Value> = ContactField::ALL
        .into_iter()
        .map(|field| (field.as_str().to_owned(), json!(settings.billing.get(field))))
        .collect();
    let body = json!({"billing": billing, "version": settings.version});
    let mut response = json_response(StatusCode::OK, &body);
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", settings.version)) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn unavailable(org: &OrgId, error: &PortError) -> Problem {
    error!(org = org.as_str(), %error, "settings not read or written");
    Problem::unavailable()
}
