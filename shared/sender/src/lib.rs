//! Saldo's world for a program that spends credits by itself: region and credentials come from AWS's default chain.
//!
//! The functions do not use it: Lambda puts both into their environment, and the chain would cost them size and cold start.
//!
//! It needs the permissions that the function `spend` has on the table, `SALDO_TABLE` and `SALDO_METERS` as that function has them, and to be built
//! with the same `infra/meters.json`:
//!
//! ```no_run
//! # use saldo_adapters::{config::Env, dynamo::Store};
//! # use saldo_credits::{Debited, SpendError, Spender};
//! # use saldo_domain::{Actor, Channel, Debit, DebitId, Details, OrgId, Subject, Units};
//! # async fn send(org: &OrgId, id: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let env = Env::of_process();
//! let world = saldo_sender::connect(&env).await?;
//! let meters = env.meters()?;
//! let spender: Spender<Store> =
//!     Spender::new(world.store(&env)?).with_meters(meters.clone()).with_shards(env.shards()?); // once; clones share it
//! let details = Details { units: Units::new(2).unwrap_or_default(), ..Details::default() }; // two segments
//! let debit = Debit::new(&meters, DebitId::parse(id)?, Channel::SMS, details)?;
//! let sender = Actor::Machine(Subject::parse("otp-sender")?);
//! match spender.debit(org, &sender, &debit, world.clock().now()).await {
//!     Ok(Debited { available, .. }) => println!("send it; {available} credits are left"),
//!     Err(SpendError::NotEnough { available, .. }) => println!("do not send it; there are {available} credits"),
//!     Err(error) => return Err(error.into()), // repeat it with the same id
//! }
//! # Ok(())
//! # }
//! ```

use aws_config::BehaviorVersion;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::{aws_http::https, world::World};

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
