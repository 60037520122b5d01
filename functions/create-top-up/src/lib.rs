//! POST /v1/top-ups: takes the open slot and opens the invoice.

mod opening;
mod order;

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::PortError;
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Begun;
use saldo_adapters::http::{
    Caller, ClaimNames, Problem, ProblemCode, json_response, open_top_up_json, quote_json, quote_problem,
    top_up_json,
};
use saldo_adapters::settle::Settlement;
use saldo_adapters::world::World;
use saldo_domain::{
    Currency, IdempotencyKey, OrgId, Permission, PriceList, Purchase, Status, TopUp, TopUpId,
};
use serde_json::json;
use tracing::{error, warn};

use crate::order::Order;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    prices: PriceList,
    claims: ClaimNames,
    lifetime_secs: i64,
    settlement: Settlement,
    clock: Clock,
}

/// Reads prices, lifetime, table and Stripe key.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let (store, stripe) = (world.store(env)?, world.stripe(env)?);
    Ok(Function {
        prices: env.price_list()?,
        claims: env.claim_names(),
        lifetime_secs: env.lifetime_secs()?,
        settlement: Settlement { store, stripe, policy: env.policy()? },
        clock: world.clock(),
    })
}

/// How often the slot is tried for: it may be freed, because its holder turns out to be finished, and taken again.
const TRIES: usize = 3;

impl Function {
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.create(&request).await {
            Ok((status, top_up)) => json_response(status, &top_up_json(&top_up)),
            Err(problem) => problem.into_response(),
        }
    }

    async fn create(&self, request: &Request) -> Result<(StatusCode, TopUp), Problem> {
        let caller = Caller::authorize(request, &self.claims, Permission::BillingSubscribe)?;
        let (key, order) = Order::read(request)?;
        let currency = caller.currency()?.unwrap_or(self.prices.default_currency());
        match self.price(currency, &order) {
            Ok(purchase) => self.begin(caller.org, &key, &order, purchase).await,
            // What was bought before stays bought, whatever prices and limits are now.
            Err(problem) => match self.bought_before(&caller.org, &key, &order).await? {
                Some(top_up) => Ok((StatusCode::OK, top_up)),
                None => Err(problem),
            },
        }
    }

    /// The purchase at today's price, which must be the one that the payer saw.
    fn price(&self, currency: Currency, order: &Order) -> Result<Purchase, Problem> {
        let quote = self.prices.quote(currency, Some(order.credits)).map_err(quote_problem)?;
        if quote.purchase.total == order.expected_total {
            return Ok(quote.purchase);
        }
        let detail = "The price has changed since it was shown. Check the new total and confirm it.";
        Err(Problem::new(ProblemCode::PriceChanged, detail).with("quote", quote_json(&quote)))
    }

    async fn begin(
        &self,
        org: OrgId,
        key: &IdempotencyKey,
        order: &Order,
        purchase: Purchase,
    ) -> Result<(StatusCode, TopUp), Problem> {
        for _ in 0..TRIES {
            let now = self.clock.now();
            let top_up =
                TopUp::requested(TopUpId::new(now), org.clone(), purchase.clone(), now, self.lifetime_secs);
            match self.settlement.store.begin(&top_up, key).await.map_err(|error| failed(&top_up, &error))? {
                Begun::New => return Ok((StatusCode::CREATED, self.open(top_up).await?)),
                Begun::Repeated(id) => {
                    let top_up = self.repeated(&org, &id, order).await?;
                    return Ok((StatusCode::OK, top_up));
                }
                Begun::SlotTaken(id) => self.look_after_holder(&org, &id).await?,
            }
        }
        Err(Problem::unavailable())
    }

    async fn bought_before(
        &self,
        org: &OrgId,
        key: &IdempotencyKey,
        order: &Order,
    ) -> Result<Option<TopUp>, Problem> {
        let before = self.settlement.store.requested_before(org, key).await;
        match before.map_err(|error| unreadable(org, &error))? {
            Some(id) => self.repeated(org, &id, order).await.map(Some),
            None => Ok(None),
        }
    }

    /// The top-up that the same request made before, brought on where that one stopped.
    async fn repeated(&self, org: &OrgId, id: &TopUpId, order: &Order) -> Result<TopUp, Problem> {
        let top_up = self.row(org, id).await?;
        if top_up.purchase.credits != order.credits || top_up.purchase.total != order.expected_total {
            let detail =
                "This Idempotency-Key was used for another purchase. Use a new key for a new purchase.";
            return Err(Problem::new(ProblemCode::IdempotencyKeyReused, detail));
        }
        self.open(top_up).await
    }

    /// Refuses because of who holds the slot, or returns because nobody does any more.
    ///
    /// The holder may have been left half made by a crash, or have been paid without our hearing of it: it is brought
    /// on and compared with Stripe first, so that nobody is locked out by a top-up that is over.
    async fn look_after_holder(&self, org: &OrgId, id: &TopUpId) -> Result<(), Problem> {
        let holder = self.row(org, id).await?;
        let holder = match holder.status {
            Status::Requested => match self.open(holder.clone()).await {
                Ok(opened) => opened,
                Err(_) => self.row(org, id).await?,
            },
            _ => match self.settlement.reconcile(&holder, self.clock.now()).await {
                Ok(settled) => settled.top_up,
                Err(error) => {
                    warn!(org = org.as_str(), top_up = id.as_str(), %error, "holder of the slot not compared");
                    holder
                }
            },
        };
        if !holder.status.is_unfinished() {
            return Ok(());
        }
        let detail = "A top-up is still open. Complete or cancel it first.";
        let problem = Problem::new(ProblemCode::OpenTopUpExists, detail);
        Err(problem.with("open_top_up", json!(open_top_up_json(&holder))))
    }

    async fn row(&self, org: &OrgId, id: &TopUpId) -> Result<TopUp, Problem> {
        match self.settlement.store.top_up(org, id).await {
            Ok(Some(top_up)) => Ok(top_up),
            Ok(None) => {
                error!(org = org.as_str(), top_up = id.as_str(), "a pointer leads to no top-up");
                Err(Problem::unavailable())
            }
            Err(error) => Err(unreadable(org, &error)),
        }
    }
}

fn unreadable(org: &OrgId, error: &PortError) -> Problem {
    error!(org = org.as_str(), %error, "table not read");
    Problem::unavailable()
}

fn failed(top_up: &TopUp, error: &PortError) -> Problem {
    error!(org = top_up.org.as_str(), top_up = top_up.id.as_str(), %error, "not written down");
    Problem::unavailable()
}
