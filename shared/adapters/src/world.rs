//! Where the outside is, and the clients that reach it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::{
    Credentials, Region, SharedCredentialsProvider, SharedHttpClient, retry::RetryConfig,
    timeout::TimeoutConfig,
};

use crate::aws_http::https;
use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::dead_letters::DeadLetters;
use crate::dynamo::Store;
use crate::queue::PaymentQueue;
use crate::secrets::Secret;
use crate::stripe::{Bearer, Key, Stripe, StripeHttp, webhook_secrets};

/// The world that functions are connected to: AWS and Stripe, or what another `main` puts in their place.
#[derive(Clone, Debug)]
pub struct World {
    endpoints: Endpoints,
    region: Region,
    credentials: Option<SharedCredentialsProvider>,
    http: SharedHttpClient,
    stripe_http: StripeHttp,
    clock: Clock,
}

/// Base URLs; `None` is AWS's own for the region.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub sqs: Option<String>,
    pub secrets_manager: Option<String>,
    pub stripe: String,
}

/// Stripe itself: the only place where a live key is ever sent.
pub const STRIPE_URL: &str = "https://api.stripe.com";

impl Endpoints {
    /// AWS's and Stripe's own, or what the environment puts in their place: `AWS_ENDPOINT_URL_DYNAMODB`,
    /// `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL` (none of them with `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`, as
    /// in <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>), and `SALDO_STRIPE_URL`.
    ///
    /// # Errors
    /// Names the variable that holds no `http://` or `https://` URL.
    pub fn of(env: &Env) -> Result<Endpoints, ConfigError> {
        let ignored = env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == Some("true");
        let aws = |service| {
            if ignored {
                return Ok(None);
            }
            Ok(base_url(env, service)?.or(base_url(env, "AWS_ENDPOINT_URL")?))
        };
        Ok(Endpoints {
            dynamodb: aws("AWS_ENDPOINT_URL_DYNAMODB")?,
            sqs: aws("AWS_ENDPOINT_URL_SQS")?,
            secrets_manager: aws("AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
            stripe: base_url(env, "SALDO_STRIPE_URL")?.unwrap_or_else(|| STRIPE_URL.to_owned()),
        })
    }
}

/// The client of one of AWS's services; each SDK has builder and client of its own, alike but for their names.
macro_rules! client {
    ($sdk:ident, $world:expr, $endpoint:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($world.region.clone())
            .http_client($world.http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_credentials_provider($world.credentials.clone());
        config.set_endpoint_url($endpoint.clone());
        $sdk::Client::from_conf(config.build())
    }};
}

impl World {
    /// AWS and Stripe, with the region and the role's credentials that Lambda puts into the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or holds no URL.
    pub fn of_lambda(env: &Env) -> Result<World, ConfigError> {
        let credentials = match (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = env.get("AWS_SESSION_TOKEN").map(str::to_owned);
                Some(SharedCredentialsProvider::new(Credentials::new(id, secret, token, None, "Lambda")))
            }
            (None | Some(_), None) | (None, Some(_)) => None,
        };
        let region = Region::new(env.require("AWS_REGION")?.to_owned());
        Ok(World::new(Endpoints::of(env)?, region, credentials, Clock::system()))
    }

    /// AWS in a region with credentials that the caller brings and renews, for programs that are no Lambda function.
    ///
    /// # Errors
    /// Names the variable that holds no URL.
    pub fn with_credentials(
        env: &Env,
        region: Region,
        credentials: SharedCredentialsProvider,
    ) -> Result<World, ConfigError> {
        Ok(World::new(Endpoints::of(env)?, region, Some(credentials), Clock::system()))
    }

    /// Other endpoints, reached with credentials that mean nothing.
    #[must_use]
    pub fn at(endpoints: Endpoints, clock: Clock) -> World {
        let credentials = Credentials::new("local", "local", None, None, "local");
        World::new(
            endpoints,
            Region::new("ap-southeast-3"),
            Some(SharedCredentialsProvider::new(credentials)),
            clock,
        )
    }

    /// The same connections and clock with other endpoints.
    #[must_use]
    pub fn with_endpoints(&self, endpoints: Endpoints) -> World {
        World { endpoints, ..self.clone() }
    }

    fn new(
        endpoints: Endpoints,
        region: Region,
        credentials: Option<SharedCredentialsProvider>,
        clock: Clock,
    ) -> World {
        World { endpoints, region, credentials, http: https(), stripe_http: StripeHttp::new(), clock }
    }

    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The table `SALDO_TABLE`.
    pub fn store(&self, env: &Env) -> Result<Store, ConfigError> {
        let client = client!(aws_sdk_dynamodb, self, self.endpoints.dynamodb);
        Ok(Store::new(client, env.require("SALDO_TABLE")?))
    }

    /// The queue `SALDO_QUEUE_URL`.
    pub fn payment_queue(&self, env: &Env) -> Result<PaymentQueue, ConfigError> {
        Ok(PaymentQueue::new(self.sqs(), env.require("SALDO_QUEUE_URL")?))
    }

    /// The dead-letter queue `SALDO_DEAD_LETTERS_URL`.
    pub fn dead_letters(&self, env: &Env) -> Result<DeadLetters, ConfigError> {
        Ok(DeadLetters::new(self.sqs(), env.require("SALDO_DEAD_LETTERS_URL")?))
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        client!(aws_sdk_sqs, self, self.endpoints.sqs)
    }

    /// Stripe with the key that the secret `SALDO_STRIPE_KEY_SECRET` holds, as the system `SALDO_DEPLOYMENT`. The key is read
    /// when it is first needed, and again when Stripe does not know it any more.
    ///
    /// # Errors
    /// When a variable is missing, or a live key would be sent to anyone but Stripe.
    pub fn stripe(&self, env: &Env) -> Result<Stripe, ConfigError> {
        let livemode = env.livemode()?;
        let key = self.secret(env, "SALDO_STRIPE_KEY_SECRET", move |key| Bearer::of(key, livemode))?;
        self.stripe_by(Key::Kept(key), env)
    }

    /// The same with a key that the caller has, for programs that somebody runs by hand.
    ///
    /// # Errors
    /// The same, and when the key is not of the configured mode.
    pub fn stripe_with_key(&self, env: &Env, key: &str) -> Result<Stripe, ConfigError> {
        let bearer = Bearer::of(key, env.livemode()?).map_err(|why| ConfigError::new("the key", &why))?;
        self.stripe_by(Key::Given(Arc::new(bearer)), env)
    }

    fn stripe_by(&self, key: Key, env: &Env) -> Result<Stripe, ConfigError> {
        let (livemode, deployment) = (env.livemode()?, env.deployment()?);
        if livemode && self.endpoints.stripe != STRIPE_URL {
            return Err(ConfigError::new("SALDO_STRIPE_URL", "is not Stripe's, and the mode is live"));
        }
        let way = (self.stripe_http.clone(), self.endpoints.stripe.as_str());
        Ok(Stripe::new(way, key, (livemode, deployment), self.clock()))
    }

    /// What Stripe may sign its webhooks with, from the secret `SALDO_STRIPE_WEBHOOK_SECRET`: `none`, or one or two secrets
    /// `whsec_…` with a comma between them.
    ///
    /// # Errors
    /// When the variable is missing.
    pub fn webhook_secrets(&self, env: &Env) -> Result<Secret<Vec<String>>, ConfigError> {
        self.secret(env, "SALDO_STRIPE_WEBHOOK_SECRET", webhook_secrets)
    }

    fn secret<T: PartialEq>(
        &self,
        env: &Env,
        variable: &str,
        parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Secret<T>, ConfigError> {
        let client = client!(aws_sdk_secretsmanager, self, self.endpoints.secrets_manager);
        Ok(Secret::new(client, env.require(variable)?, self.clock(), parse))
    }
}

/// The URL in `variable` without a slash at its end.
fn base_url(env: &Env, variable: &str) -> Result<Option<String>, ConfigError> {
    let Some(value) = env.get(variable) else { return Ok(None) };
    if value.starts_with("https://") || value.starts_with("http://") {
        Ok(Some(value.trim_end_matches('/').to_owned()))
    } else {
        Err(ConfigError::new(variable, "is a URL that starts with https:// or http://"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn without_a_setting_aws_and_stripe_are_where_they_always_are() {
        let endpoints = Endpoints::of(&env(&[])).unwrap();
        assert_eq!(
            (endpoints.dynamodb, endpoints.sqs, endpoints.secrets_manager, endpoints.stripe.as_str()),
            (None, None, None, "https://api.stripe.com")
        );
    }

    #[test]
    fn an_endpoint_of_a_service_goes_before_the_one_for_all() {
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/");
        let one = ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:2");
        let endpoints = Endpoints::of(&env(&[all, one])).unwrap();
        assert_eq!(endpoints.dynamodb.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(endpoints.sqs.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoints.secrets_manager.as_deref(), Some("http://127.0.0.1:1"));
        let ignored =
            Endpoints::of(&env(&[all, one, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")])).unwrap();
        assert_eq!((ignored.dynamodb, ignored.sqs), (None, None));
    }

    #[test]
    fn what_is_no_url_is_refused_by_name() {
        for variable in [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_DYNAMODB",
            "AWS_ENDPOINT_URL_SQS",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "SALDO_STRIPE_URL",
        ] {
            let error = Endpoints::of(&env(&[(variable, "localhost:4566")])).unwrap_err();
            assert_eq!(error.variable, variable);
        }
    }

    #[test]
    fn a_live_key_is_sent_to_stripe_alone() {
        let connect = |mode: &str, url: &str| {
            let live = if mode == "live" { "true" } else { "false" };
            let env = env(&[
                ("AWS_REGION", "eu-central-1"),
                ("SALDO_STRIPE_KEY_SECRET", "stripe/read_key"),
                ("SALDO_STRIPE_LIVEMODE", live),
                ("SALDO_DEPLOYMENT", "saldo-test"),
                ("SALDO_STRIPE_URL", url),
            ]);
            World::of_lambda(&env)
                .and_then(|world| world.stripe(&env))
                .map(|_| ())
                .map_err(|error| error.variable)
        };
        for elsewhere in [
            "http://127.0.0.1:4001",
            "http://api.stripe.com",
            "https://api.stripe.com.example",
            "https://api.stripe.com:8443",
        ] {
            assert_eq!(connect("test", elsewhere), Ok(()), "{elsewhere}");
            assert_eq!(connect("live", elsewhere), Err("SALDO_STRIPE_URL".to_owned()), "{elsewhere}");
        }
        for stripe in ["", "https://api.stripe.com", "https://api.stripe.com/"] {
            assert_eq!(connect("live", stripe), Ok(()), "{stripe}");
        }
    }
}
