//! POST /v1/top-ups: takes the open slot and opens the invoice.

mod order;

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::dynamo::Store;
use saldo_adapters::http::{
    Caller, Callers, Problem, ProblemCode, json_response, obstacle_problem, open_top_up_json, quote_json,
    quote_problem, top_up_json,
};
use saldo_adapters::stripe::Stripe;
use saldo_adapters::world::World;
use saldo_domain::{CallKind, Currency, IdempotencyKey, Permission, PriceList, Purchase, Status, TopUp};
use saldo_top_ups::{Failure, Opening, Order, TopUps};

use crate::order::Wish;

/// The function, ready to answer.
#[derive(Clone, Debug)]
pub struct Function {
    prices: PriceList,
    callers: Callers,
    lifetime_secs: i64,
    top_ups: TopUps<Store, Stripe>,
    clock: Clock,
}

/// Reads prices, lifetime, table and where Stripe's key is.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    let prices = env.price_list()?;
    let stripe = world.stripe(env)?.with_product(env.stripe_product()?);
    let invoices = stripe.with_payment_methods(prices.payment_methods());
    Ok(Function {
        prices,
        callers: Callers::connect(env, world)?,
        lifetime_secs: env.lifetime_secs()?,
        top_ups: TopUps { rows: world.store(env)?, invoices, policy: env.policy()? },
        clock: world.clock(),
    })
}

impl Function {
    /// Reads Stripe's key, so that no call waits for that. A failure is told, and the first call tries again.
    pub async fn prepare(&self) {
        self.top_ups.invoices.prepare().await;
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.create(&request).await {
            Ok((status, top_up)) => json_response(status, &top_up_json(&top_up)),
            Err(problem) => problem.left_alone_for(self.top_ups.invoices.away_secs()).into_response(),
        }
    }

    async fn create(&self, request: &Request) -> Result<(StatusCode, TopUp), Problem> {
        let caller = self.callers.authorize(request, CallKind::Order, Permission::BillingSubscribe)?;
        let (key, wish) = Wish::read(request)?;
        let currency = caller.currency()?.unwrap_or(self.prices.default_currency());
        let opening = match self.price(currency, &wish) {
            Ok(purchase) => self.open(caller, key, purchase).await,
            Err(problem) => self.bought_before(&caller, &key, &wish).await.ok_or(problem)?,
        };
        answer(opening)
    }

    /// The purchase at today's price, which must be the one that the payer saw.
    fn price(&self, currency: Currency, wish: &Wish) -> Result<Purchase, Problem> {
        let quote = self.prices.quote(currency, Some(wish.credits)).map_err(quote_problem)?;
        if quote.purchase.total == wish.expected_total {
            return Ok(quote.purchase);
        }
        let detail = "The price has changed since it was shown. Check the new total and confirm it.";
        Err(Problem::new(ProblemCode::PriceChanged, detail).with("quote", quote_json(&quote)))
    }

    async fn open(&self, caller: Caller, key: IdempotencyKey, purchase: Purchase) -> Opening {
        let Caller { org, actor: buyer, contact, .. } = caller;
        let order = Order { org, buyer, contact, key, purchase, lifetime_secs: self.lifetime_secs };
        self.top_ups.open(&order, self.clock.now()).await
    }

    async fn bought_before(&self, caller: &Caller, key: &IdempotencyKey, wish: &Wish) -> Option<Opening> {
        let bought = (wish.credits, wish.expected_total);
        let buyer = (&caller.actor, &caller.contact);
        self.top_ups.bought_before(&caller.org, buyer, key, bought, self.clock.now()).await
    }
}

fn answer(opening: Opening) -> Result<(StatusCode, TopUp), Problem> {
    match opening {
        Opening::New(top_up) if top_up.status == Status::Failed => Ok((StatusCode::OK, top_up)),
        Opening::New(top_up) => Ok((StatusCode::CREATED, top_up)),
        Opening::Repeated(top_up) => Ok((StatusCode::OK, top_up)),
        Opening::OpenTopUpExists(holder) => {
            let detail = "A top-up is still open. Complete or cancel it first.";
            let problem = Problem::new(ProblemCode::OpenTopUpExists, detail);
            Err(problem.with("open_top_up", open_top_up_json(&holder)))
        }
        Opening::KeyReused => {
            let detail =
                "This Idempotency-Key was used for another purchase. Use a new key for a new purchase.";
            Err(Problem::new(ProblemCode::IdempotencyKeyReused, detail))
        }
        Opening::BillingEmailRequired => {
            let detail = "Say first where invoices go: set an e-mail address in the billing settings.";
            Err(Problem::new(ProblemCode::BillingEmailRequired, detail).with("field", "email".into()))
        }
        Opening::Failed(Failure::Barred(obstacle)) => Err(obstacle_problem(obstacle)),
        Opening::Failed(Failure::Provider) => Err(Problem::payment_provider_unavailable()),
        Opening::Failed(Failure::Ours) => Err(Problem::unavailable()),
    }
}
