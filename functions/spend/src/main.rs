//! Wires saldo_spend to Lambda.

use lambda_http::{Error, service_fn};
use saldo_adapters::{config::Env, telemetry, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::of_process();
    telemetry::start(&env)?;
    let function = saldo_spend::connect(&env, &World::of_lambda(&env)?)?;
    lambda_http::run(service_fn(async |request| Ok::<_, Error>(function.handle(request).await))).await
}
