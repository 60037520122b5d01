//! Through the function, from the text of an event to the text of an answer.

use std::convert::Infallible;
use std::sync::Arc;

use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service, service_fn};
use saldo_adapters::clock::Clock;
use saldo_adapters::world::{Endpoints, World};
use uuid::Uuid;

use super::task::Task;
use crate::failure::Failure;

/// A debit as API Gateway hands it over, of an organisation `acme`.
const EVENT: &str = include_str!("../../../../events/debit.json");
const ID: &str = "019aaff9-e400-7b3a-9c1d-2f4b6a8d0e11";

pub(crate) async fn spend(task: &Task) -> Result<(), Failure> {
    let endpoints = Endpoints {
        dynamodb: Some(task.url.clone()),
        sqs: None,
        secrets_manager: None,
        stripe: String::new(),
    };
    let world = World::at(endpoints, Clock::system());
    let function = Arc::new(saldo_spend::connect(&task.env, &world)?);
    let mut service = Adapter::from(service_fn(move |request| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Infallible>(function.handle(request).await) }
    }));
    for _ in 0..task.count {
        let event = EVENT.replace(ID, &Uuid::now_v7().to_string());
        let request: LambdaRequest = serde_json::from_str(&event)?;
        let Ok(answer) = service.call(LambdaEvent::new(request, Context::default())).await;
        let answer = serde_json::to_string(&answer)?;
        if !answer.contains(r#""statusCode":201"#) {
            return Err(answer.into());
        }
    }
    Ok(())
}
