//! GET /v1/balance: the credits an organisation may spend.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::{Balance, Store};
use saldo_adapters::http::{Callers, Problem, json_response, quote_problem, top_up_json};
use saldo_adapters::world::World;
use saldo_credits::Spender;
use saldo_domain::{BalanceShards, CallKind, Credits, OrgId, Permission, PriceList, Rates, TopUp, total};
use serde_json::{Map, Value, json};
use tracing::{error, warn};

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    prices: PriceList,
    rates: Rates,
    callers: Callers,
    store: Store,
    spender: Spender<Store>,
    clock: Clock,
}

/// Reads prices, rates and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let store = world.store(env)?;
    Ok(Function {
        prices: env.price_list()?,
        rates: env.rates()?,
        callers: Callers::connect(env, world)?,
        spender: Spender::new(store.clone()),
        store,
        clock: world.clock(),
    })
}

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.balance(&request).await {
            Ok(balance) => json_response(StatusCode::OK, &balance),
            Err(problem) => problem.into_response(),
        }
    }

    async fn balance(&self, request: &Request) -> Result<Value, Problem> {
        let caller = self.callers.authorize(request, CallKind::View, Permission::BillingView)?;
        let currency = caller.currency()?.unwrap_or(self.prices.default_currency());
        let low_below = self.prices.low_below(currency).map_err(quote_problem)?;
        let (credits, open) = self.read(&caller.org).await.map_err(|error| {
            error!(org = caller.org.as_str(), %error, "table not read");
            Problem::unavailable()
        })?;
        let rates: Map<String, Value> = self
            .rates
            .defaults()
            .filter_map(|(channel, credits)| Some((json!(channel).as_str()?.to_owned(), json!(credits))))
            .collect();
        Ok(json!({
            "available_credits": credits.max(Credits::ZERO),
            "owed": credits.negated().max(Credits::ZERO),
            "level": level(credits, low_below),
            "low_below": low_below,
            "rates": rates,
            "open_top_up": open.as_ref().map(top_up_json),
        }))
    }

    async fn read(&self, org: &OrgId) -> Result<(Credits, Option<TopUp>), PortError> {
        let (mut balance, mut shards) = self.read_shards(org).await?;
        match self.spender.repair(org, &shards, self.clock.now()).await {
            Ok(true) => (balance, shards) = self.read_shards(org).await?,
            Ok(false) => {}
            Err(error) => warn!(org = org.as_str(), %error, "debits not finished"),
        }
        let Some(id) = &balance.open_top_up else { return Ok((total(&shards), None)) };
        let open = self.store.top_up(org, id).await?.filter(|top_up| top_up.status.is_unfinished());
        if open.is_none() {
            // It was finished since the credits were read, and may have brought some.
            (_, shards) = self.read_shards(org).await?;
        }
        Ok((total(&shards), open))
    }

    async fn read_shards(&self, org: &OrgId) -> Result<(Balance, BalanceShards), PortError> {
        let balance = self.store.balance(org).await?;
        let shards = self.spender.shards_beside(org, balance.main.clone()).await?;
        Ok((balance, shards))
    }
}

fn level(credits: Credits, low_below: Credits) -> &'static str {
    if credits <= Credits::ZERO {
        "empty"
    } else if credits < low_below {
        "low"
    } else {
        "ok"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_empty_low_or_ok() {
        let of = |credits| level(Credits(credits), Credits(200));
        assert_eq!([of(-5), of(0), of(1), of(199), of(200)], ["empty", "empty", "low", "low", "ok"]);
    }
}
