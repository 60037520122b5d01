//! Wires saldo_stripe_webhook to Lambda.

use lambda_http::Error;
use saldo_adapters::{config::Env, http, telemetry, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::of_process();
    telemetry::start(&env)?;
    let function = saldo_stripe_webhook::connect(&env, &World::of_lambda(&env)?)?;
    function.prepare().await;
    http::serve(|request| function.handle(request)).await
}
