//! One running Saldo: every part of the template, started in order and stopped together.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::telemetry::Daemon;
use saldo_adapters::world::{Endpoints, World};
use saldo_stripe_stand_in::StandIn;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::background::{Background, listen};
use crate::clock::millis;
use crate::data_folder::DataFolder;
use crate::event_sources::EventSources;
use crate::functions::{Failure, ScheduleFunction};
use crate::gateway::{self, Identity};
use crate::issuer::{self, AUDIENCE, ISSUER, Issuer, TokenRequest};
use crate::queue::{self, Queues};
use crate::secrets::Secrets;
use crate::stripe_side::StripeSide;
use crate::table::TableServer;
use crate::template::{Plan, TEMPLATE};
use crate::watch::{self, Watch};
use crate::{Locals, Now, Options, StartError, Stripe, function_code, scheduler};

/// How long a token of [`Saldo::token`] is valid; tests move their clock by days.
const TOKEN_LIFETIME_SECONDS: i64 = 366 * 86_400;
/// What the names of the secrets begin with: the parameter `StripeSecret`.
const STRIPE_SECRET: &str = "saldo-local/stripe";
const PATIENCE_AT_STOP: Duration = Duration::from_secs(3);

/// A running Saldo. Dropping it ends it at once; [`Saldo::stop`] lets running calls end first.
pub struct Saldo {
    api_url: String,
    sqs_url: String,
    secrets_url: String,
    plan: Plan,
    queues: Queues,
    secrets: Secrets,
    stripe: StripeSide,
    watch: Watch,
    identity: Identity,
    world: World,
    now: Now,
    schedules: BTreeMap<String, ScheduleFunction>,
    background: Background,
    // Last: the table is closed and the folder unlocked when nothing uses them any more.
    table: TableServer,
    _data: DataFolder,
}

impl Saldo {
    /// Starts every part; when this returns, the API answers.
    ///
    /// An error says that a port or the data folder is taken, or that the template does not fit the functions.
    pub async fn start(options: Options) -> Result<Saldo, StartError> {
        let data = DataFolder::open(options.data.as_deref(), options.fresh)?;
        let (api, api_url) = listen(options.port, "--port").await?;
        let (sqs, sqs_url) = listen(0, "").await?;
        let (secrets_manager, secrets_url) = listen(0, "").await?;
        let (now, mut background) = (millis(&options.clock), Background::new());
        let stripe = StripeSide::open(&options, &data, &api_url, &now, &mut background).await?;
        let plan = Plan::read(TEMPLATE, &locals(&options, &sqs_url))?;
        let secrets = secrets_of(&options.stripe, &stripe.webhook_secret, &now);
        background.serve(secrets_manager, secrets.router());
        let table = TableServer::start(data.file("table.db").as_deref(), &plan.tables, options.schedules)?;
        let queues = Queues::open(data.file("queue.db").as_deref(), &plan.queues, millis(&Clock::system()))?;
        queues.recover()?;
        background.serve(sqs, queue::router(queues.clone(), sqs_url.clone()));
        let endpoints = Endpoints {
            dynamodb: Some(table.url().to_owned()),
            sqs: Some(sqs_url.clone()),
            secrets_manager: Some(secrets_url.clone()),
            stripe: stripe.url.clone(),
        };
        let identity = Identity {
            issuer: Arc::new(Issuer::open(data.file("issuer.key").as_deref())?),
            claim_names: env_of(&plan, "quote").claim_names(),
        };
        watch::start(LevelFilter::OFF);
        let watch = Watch::new(Arc::clone(&now));
        let sources = connected(&plan, &options, &endpoints, &watch)?;
        background
            .serve(api, gateway::router(sources.routes, identity.clone(), Arc::clone(&now), watch.clone()));
        if options.poll {
            for source in &sources.queues {
                background.poll(source, &queues, &plan, &options)?;
            }
        }
        if options.schedules {
            for (function, every) in sources.schedules.values() {
                background.schedule(function.clone(), *every, Arc::clone(&now));
            }
        }
        Ok(Saldo {
            api_url,
            sqs_url,
            secrets_url,
            plan,
            queues,
            secrets,
            stripe,
            watch,
            identity,
            world: World::at(endpoints, options.clock),
            now,
            schedules: sources.schedules.into_iter().map(|(name, (function, _))| (name, function)).collect(),
            background,
            table,
            _data: data,
        })
    }

    /// `http://127.0.0.1:4000`
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Where Stripe answers.
    #[must_use]
    pub fn stripe_url(&self) -> &str {
        &self.stripe.url
    }

    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        self.table.url()
    }

    #[must_use]
    pub fn sqs_url(&self) -> &str {
        &self.sqs_url
    }

    #[must_use]
    pub fn secrets_manager_url(&self) -> &str {
        &self.secrets_url
    }

    /// The secrets that functions read.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The URL of the queue with the logical id `name` in the template.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/saldo-local-{name}", self.sqs_url)
    }

    /// All queues; their names are `saldo-local-` and the logical id in the template.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The Stripe stand-in.
    ///
    /// # Panics
    /// When this Saldo uses Stripe's test mode.
    #[must_use]
    #[expect(clippy::expect_used, reason = "only those who chose the stand-in ask for it")]
    pub fn stand_in(&self) -> &StandIn {
        self.stripe.stand_in.as_ref().expect("this Saldo uses Stripe's test mode")
    }

    /// A token of the local issuer for `organisation`.
    pub fn token(
        &self,
        organisation: &str,
        permissions: &[&str],
        currency: Option<&str>,
    ) -> Result<String, StartError> {
        let request = TokenRequest {
            organisation: organisation.to_owned(),
            permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
            currency: currency.map(str::to_owned),
            email: Some(issuer::usual_email(organisation)),
            ..TokenRequest::default()
        };
        let now = (self.now)().div_euclid(1000);
        self.identity.issuer.token(&self.identity.claim_names, &request, now, TOKEN_LIFETIME_SECONDS)
    }

    /// The environment that the template gives to the function in folder `name`; empty for an unknown one.
    #[must_use]
    pub fn env_of(&self, name: &str) -> Env {
        env_of(&self.plan, name)
    }

    /// The world that the functions see, to connect more of them to it.
    #[must_use]
    pub fn world(&self) -> World {
        self.world.clone()
    }

    /// What was counted, and which alarms ring over it.
    pub fn watch(&self) -> Result<Watch, StartError> {
        for queue in &self.plan.queues {
            let depth = self.queues.depth(&queue.name)?;
            let of = [("QueueName", queue.name.trim_start_matches("saldo-local-"))];
            let visible = i64::try_from(depth.visible).unwrap_or(i64::MAX);
            self.watch.count("AWS/SQS", "ApproximateNumberOfMessagesVisible", &of, visible);
            let oldest_ms = self.queues.oldest_ms(&queue.name)?.map_or(0, |sent_ms| (self.now)() - sent_ms);
            self.watch.count("AWS/SQS", "ApproximateAgeOfOldestMessage", &of, oldest_ms / 1000);
        }
        Ok(self.watch.clone())
    }

    /// What the template plans.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs the scheduled function in folder `name` now and answers its summary.
    pub async fn run_schedule(&self, name: &str) -> Result<Value, Failure> {
        let function = self.schedules.get(name).ok_or(Failure::Crashed)?;
        function.invoke(scheduler::event((self.now)())).await
    }

    /// Ends: no new calls, running ones may end, then everything is closed.
    pub async fn stop(mut self) {
        self.background.stop(PATIENCE_AT_STOP).await;
    }
}

fn locals(options: &Options, sqs_url: &str) -> Locals {
    let given = [
        ("JwtIssuer", ISSUER),
        ("JwtAudience", AUDIENCE),
        ("StripeSecret", STRIPE_SECRET),
        ("StripeLivemode", "false"),
        ("LocalSignInUrl", "/local/token"),
    ];
    let mut parameters: BTreeMap<_, _> =
        given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    parameters.extend(options.parameters.clone());
    Locals { parameters, sqs_url: sqs_url.to_owned() }
}

/// What an operator would have put into Secrets Manager.
fn secrets_of(stripe: &Stripe, webhook_secret: &str, now: &Now) -> Secrets {
    let (write_key, read_key) = match stripe {
        Stripe::StandIn => ("rk_test_local_write", "rk_test_local_read"),
        Stripe::TestMode { key, .. } => (key.as_str(), key.as_str()),
    };
    let secrets = Secrets::new(Arc::clone(now));
    for (name, value) in
        [("write_key", write_key), ("read_key", read_key), ("webhook_secrets", webhook_secret)]
    {
        secrets.put(&format!("{STRIPE_SECRET}/{name}"), value);
    }
    secrets
}

fn env_of(plan: &Plan, function: &str) -> Env {
    function_code::env(plan.environment(function).unwrap_or(&BTreeMap::new()))
}

/// Every function of the plan, by what starts it, each in a world of its own where `options` put something between.
fn connected(
    plan: &Plan,
    options: &Options,
    endpoints: &Endpoints,
    watch: &Watch,
) -> Result<EventSources, StartError> {
    let world = World::at(endpoints.clone(), options.clock.clone());
    let mut sources = EventSources::default();
    for function in &plan.functions {
        let world = match &options.between {
            None => world.clone(),
            Some(between) => world.with_endpoints(between(&function.name, endpoints.clone())),
        };
        let connected = function_code::connect(function, &world)?;
        let connected = connected.watched(&function.id, function.at_once, watch);
        sources.bind(function, &connected.traced(options.tracing.as_deref().and_then(Daemon::at)))?;
    }
    Ok(sources)
}
