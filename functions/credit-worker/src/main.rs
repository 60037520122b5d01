//! Wires saldo_credit_worker to Lambda.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use saldo_adapters::{config::Env, telemetry, world::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let env = Env::of_process();
    telemetry::start(&env)?;
    let world = World::of_lambda(&env)?;
    let (function, clock) = (saldo_credit_worker::connect(&env, &world)?, world.clock());
    function.prepare().await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        let work = function.handle(event.payload, clock.until(event.context.deadline));
        Ok::<_, Error>(telemetry::invocation(&event.context, work).await)
    }))
    .await
}
