//! GET and PUT /v1/settings: whom to bill, and in which language.

mod change;

use lambda_http::http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{Caller, Callers, Problem, ProblemCode, json_response};
use saldo_adapters::world::World;
use saldo_domain::{BillingContact, CallKind, ContactField, OrgId, Permission, PortError, Settings};
use serde_json::{Map, Value, json};
use tracing::error;

use crate::change::Change;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    callers: Callers,
    store: Store,
    clock: Clock,
}

/// Reads claim names and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    Ok(Function { callers: Callers::connect(env, world)?, store: world.store(env)?, clock: world.clock() })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let settings = match *request.method() {
            Method::PUT => self.change(&request).await,
            _ => self.show(&request).await,
        };
        settings.map_or_else(Problem::into_response, |settings| answer(&settings))
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
