//! Everything that touches the world: configuration, telemetry, secrets, HTTP, DynamoDB, SQS and Stripe.

pub mod aws_http;
pub mod clock;
pub mod config;
pub mod dead_letters;
pub mod dynamo;
pub mod http;
pub mod queue;
pub mod secrets;
pub mod stripe;
pub mod telemetry;
pub mod world;

pub use saldo_domain::PortError;
