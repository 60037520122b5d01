//! GET /v1/quote: what an amount of credits costs now. No I/O at all.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::http::{
    Callers, Problem, integer, json_response, query_parameter, quote_json, quote_problem,
};
use saldo_adapters::world::World;
use saldo_domain::{CallKind, Credits, Permission, PriceList, Quote};

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    prices: PriceList,
    callers: Callers,
}

/// Reads `SALDO_PRICES` and the claim names.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    Ok(Function { prices: env.price_list()?, callers: Callers::connect(env, world)? })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.quote(&request) {
            Ok(quote) => json_response(StatusCode::OK, &quote_json(&quote)),
            Err(problem) => problem.into_response(),
        }
    }

    fn quote(&self, request: &Request) -> Result<Quote, Problem> {
        let caller = self.callers.authorize(request, CallKind::View, Permission::BillingView)?;
        let credits = match query_parameter(request, "credits")? {
            None => None,
            Some(text) => {
                let credits = integer(&text)
                    .ok_or_else(|| Problem::invalid("credits", "credits is a whole number, like 1000."))?;
                Some(Credits(credits))
            }
        };
        let currency = caller.currency()?.unwrap_or(self.prices.default_currency());
        self.prices.quote(currency, credits).map_err(quote_problem)
    }
}
