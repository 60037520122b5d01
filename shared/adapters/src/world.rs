//! Where the outside is, and the clients that reach it.

use std::time::Duration;

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::dynamo::Store;
use crate::queue::PaymentQueue;
use crate::stripe::{Stripe, StripeHttp};

/// The world that functions are connected to: AWS and Stripe, or what another `main` puts in their place.
#[derive(Clone, Debug)]
pub struct World {
    endpoints: Endpoints,
    region: Region,
    credentials: Option<Credentials>,
    http: SharedHttpClient,
    stripe_http: StripeHttp,
    clock: Clock,
}

/// Base URLs; `None` is AWS's own for the region.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub sqs: Option<String>,
    pub stripe: String,
}

/// Stripe itself.
pub const STRIPE_URL: &str = "https://api.stripe.com";

impl World {
    /// AWS and Stripe, with the region and the role's credentials that Lambda puts into the environment.
    pub fn of_lambda(env: &Env) -> Result<World, ConfigError> {
        let endpoints = Endpoints { dynamodb: None, sqs: None, stripe: STRIPE_URL.to_owned() };
        let region = env.require("AWS_REGION")?.to_owned();
        let credentials = match (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = env.get("AWS_SESSION_TOKEN").map(str::to_owned);
                Some(Credentials::new(id, secret, token, None, "Lambda"))
            }
            (None | Some(_), None) | (None, Some(_)) => None,
        };
        Ok(World::new(endpoints, region, credentials, Clock::system()))
    }

    /// Other endpoints, reached with credentials that mean nothing.
    #[must_use]
    pub fn at(endpoints: Endpoints, clock: Clock) -> World {
        let credentials = Credentials::new("local", "local", None, None, "local");
        World::new(endpoints, "ap-southeast-3".to_owned(), Some(credentials), clock)
    }

    /// The same connections and clock with other endpoints.
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> World {
        World { endpoints, ..self.clone() }
    }

    fn new(endpoints: Endpoints, region: String, credentials: Option<Credentials>, clock: Clock) -> World {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        let stripe_http = StripeHttp::new();
        World { endpoints, region: Region::new(region), credentials, http, stripe_http, clock }
    }

    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The table `SALDO_TABLE`.
    pub fn store(&self, env: &Env) -> Result<Store, ConfigError> {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region.clone())
            .http_client(self.http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_credentials_provider(self.credentials.clone().map(SharedCredentialsProvider::new));
        config.set_endpoint_url(self.endpoints.dynamodb.clone());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        Ok(Store::new(client, env.require("SALDO_TABLE")?))
    }

    /// The queue `SALDO_QUEUE_URL`.
    pub fn payment_queue(&self, env: &Env) -> Result<PaymentQueue, ConfigError> {
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(self.region.clone())
            .http_client(self.http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_credentials_provider(self.credentials.clone().map(SharedCredentialsProvider::new));
        config.set_endpoint_url(self.endpoints.sqs.clone());
        let client = aws_sdk_sqs::Client::from_conf(config.build());
        Ok(PaymentQueue::new(client, env.require("SALDO_QUEUE_URL")?))
    }

    /// Stripe with the key `SALDO_STRIPE_KEY`.
    pub fn stripe(&self, env: &Env) -> Result<Stripe, ConfigError> {
        let (key, livemode) = (env.stripe_key()?, env.livemode()?);
        Ok(Stripe::new(self.stripe_http.clone(), &self.endpoints.stripe, key, livemode))
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}
