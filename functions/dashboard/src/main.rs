//! GET / and /assets: the Billing pages.
use std::convert::Infallible;

use lambda_http::{Error, run, service_fn};
use saldo_adapters::{config::Env, telemetry, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::of_process();
    telemetry::start(&env)?;
    let function = saldo_dashboard::connect(&env, &World::of_lambda(&env)?)?;
    let function = &function;
    run(service_fn(move |request| async move { Ok::<_, Infallible>(function.handle(request).await) })).await
}
