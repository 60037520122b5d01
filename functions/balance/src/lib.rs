//! GET /v1/balance: the credits an organisation may spend.

use std::collections::BTreeMap;

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::{Balance, Store};
use saldo_adapters::http::{Callers, Problem, json_response, quote_problem, top_up_json};
use saldo_adapters::world::World;
use saldo_credits::Spender;
use saldo_domain::{
    BalanceShards, CallKind, Channel, Class, ClassTariff, Country, Credits, Meter, Meters, OrgId, Permission,
    PriceList, Tariff, TopUp, total,
};
use serde_json::{Map, Value, json};
use tracing::{error, warn};

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    prices: PriceList,
    meters: Meters,
    callers: Callers,
    store: Store,
    spender: Spender<Store>,
    clock: Clock,
}

/// As many holds are read to tell what is on hold; of more it is not told.
const MOST_HOLDS: usize = 2_000;

/// Reads prices, meters and table.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let (store, meters) = (world.store(env)?, env.meters()?);
    Ok(Function {
        prices: env.price_list()?,
        callers: Callers::connect(env, world)?,
        spender: Spender::new(store.clone()).with_meters(meters.clone()),
        meters,
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
        let (credits, on_hold, open) = self.read(&caller.org).await.map_err(|error| {
            error!(org = caller.org.as_str(), %error, "table not read");
            Problem::unavailable()
        })?;
        let meters: Vec<_> = self.meters.all(self.clock.now()).collect();
        let rate = |(channel, _, tariff): &(Channel, &Meter, &Tariff)| {
            (channel.as_str().to_owned(), json!(tariff.default))
        };
        let rates: Map<String, Value> = meters.iter().map(rate).collect();
        Ok(json!({
            "available_credits": credits.max(Credits::ZERO),
            "on_hold": on_hold,
            "owed": credits.negated().max(Credits::ZERO),
            "level": level(credits, low_below),
            "low_below": low_below,
            "rates": rates,
            "meters": meters.iter().map(meter_json).collect::<Vec<_>>(),
            "open_top_up": open.as_ref().map(top_up_json),
        }))
    }

    async fn read(&self, org: &OrgId) -> Result<(Credits, Option<Credits>, Option<TopUp>), PortError> {
        let (mut balance, mut shards) = self.read_shards(org).await?;
        match self.spender.repair(org, &shards, self.clock.now()).await {
            Ok(true) => (balance, shards) = self.read_shards(org).await?,
            Ok(false) => {}
            Err(error) => warn!(org = org.as_str(), %error, "debits not finished"),
        }
        let on_hold = match balance.main.holds {
            true => self.spender.on_hold(org, self.clock.now(), MOST_HOLDS).await?,
            false => Some(Credits::ZERO),
        };
        let Some(id) = &balance.open_top_up else { return Ok((total(&shards), on_hold, None)) };
        let open = self.store.top_up(org, id).await?.filter(|top_up| top_up.status.is_unfinished());
        if open.is_none() {
            // It was finished since the credits were read, and may have brought some.
            (_, shards) = self.read_shards(org).await?;
        }
        Ok((total(&shards), on_hold, open))
    }

    async fn read_shards(&self, org: &OrgId) -> Result<(Balance, BalanceShards), PortError> {
        let balance = self.store.balance(org).await?;
        let shards = self.spender.shards_beside(org, balance.main.clone()).await?;
        Ok((balance, shards))
    }
}

/// One meter, as pages and senders know it: what a unit costs now, and how it is called.
fn meter_json((channel, meter, tariff): &(Channel, &Meter, &Tariff)) -> Value {
    let countries = |rates: &BTreeMap<Country, Credits>| -> Map<String, Value> {
        rates.iter().map(|(country, credits)| (country.as_str().to_owned(), json!(credits))).collect()
    };
    let class = |(class, rates): (&Class, &ClassTariff)| {
        let rate = rates.default.unwrap_or(tariff.default);
        (class.as_str().to_owned(), json!({"rate": rate, "countries": countries(&rates.by_country)}))
    };
    let classes: Map<_, _> = tariff.by_class.iter().map(class).collect();
    json!({
        "channel": channel,
        "unit": meter.unit,
        "rate": tariff.default,
        "countries": countries(&tariff.by_country),
        "classes": classes,
        "names": meter.names,
        "units": meter.units,
        "icon": meter.icon,
    })
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
