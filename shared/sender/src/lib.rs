//! Saldo's world for a program that spends credits by itself: region and credentials come from AWS's default chain.
//!
//! The functions do not use it: Lambda puts both into their environment, and the chain would cost them size and cold start.

use aws_config::BehaviorVersion;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::world::{World, https};

/// Connects with the region and the credentials of AWS's default chain: environment, profile, web identity, container role
/// (ECS, EKS), instance role; they are renewed before they end.
/// Endpoints are those of `env`, see [`saldo_adapters::world::Endpoints::of`].
///
/// # Errors
/// When no region or no source of credentials is configured, or an endpoint is no URL; names the variable.
pub async fn connect(env: &Env) -> Result<World, ConfigError> {
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await;
    let region =
        config.region().ok_or_else(|| ConfigError::new("AWS_REGION", "is not set, nor is a profile's"))?;
    let credentials = config
        .credentials_provider()
        .ok_or_else(|| ConfigError::new("AWS_ACCESS_KEY_ID", "is not set, nor is there another source"))?;
    World::with_credentials(env, region.clone(), credentials)
}
