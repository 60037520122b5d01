//! One running Saldo: every part of the template, started in order and stopped together.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::http::ClaimNames;
use saldo_adapters::world::World;
use saldo_stripe_stand_in::{StandIn, Webhook};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::data::DataFolder;
use crate::functions::{Failure, ScheduleFunction};
use crate::gateway::{self, Identity};
use crate::issuer::{self, AUDIENCE, ISSUER, Issuer, TokenRequest};
use crate::queue::{self, Queues};
use crate::table::TableServer;
use crate::tasks::{Tasks, listen};
use crate::template::{Plan, TEMPLATE, TemplateError};
use crate::triggers::Wired;
use crate::wiring::{self, Urls};
use crate::{Locals, Now, Options, StartError, Stripe, scheduler};

/// How long a token of [`Saldo::token`] is valid; tests move their clock by days.
const TOKEN_LIFETIME_SECONDS: i64 = 366 * 86_400;
const PATIENCE_AT_STOP: Duration = Duration::from_secs(3);

/// A running Saldo. Dropping it ends it at once; [`Saldo::stop`] lets running calls end first.
pub struct Saldo {
    urls: Urls,
    api_url: String,
    plan: Plan,
    queues: Queues,
    stand_in: Option<StandIn>,
    identity: Identity,
    world: World,
    now: Now,
    schedules: BTreeMap<String, ScheduleFunction>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Last: the table is closed and the folder unlocked when nothing uses them any more.
    _table: TableServer,
    _data: DataFolder,
}

impl Saldo {
    /// Starts every part; when this returns, the API answers.
    ///
    /// # Errors
    /// When a port or the data folder is taken, or the template does not fit the functions.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let data = DataFolder::open(options.data.as_deref(), options.fresh)?;
        let (api, api_url) = listen(options.port, "--port").await?;
        let (sqs, sqs_url) = listen(0, "").await?;
        let webhook_secret = match &options.stripe {
            Stripe::StandIn => data.webhook_secret()?,
            Stripe::TestMode { webhook_secret, .. } => webhook_secret.clone(),
        };
        let plan = Plan::read(TEMPLATE, &locals(&options, &webhook_secret, &sqs_url))?;
        let now = millis(&options.clock);
        let table = TableServer::start(data.file("table.db").as_deref(), &plan.tables, options.schedules)?;
        let queues = Queues::open(data.file("queue.db").as_deref(), &plan.queues, millis(&Clock::system()))?;
        queues.recover()?;
        let mut tasks = Tasks::new();
        tasks.serve(sqs, queue::router(queues.clone(), sqs_url.clone()));
        let (stand_in, stripe_url) = match &options.stripe {
            Stripe::TestMode { .. } => (None, wiring::STRIPE_URL.to_owned()),
            Stripe::StandIn => {
                let (listener, url) = listen(options.stripe_port, "--stripe-port").await?;
                let webhook =
                    Webhook { url: format!("{api_url}/stripe/webhook"), secrets: vec![webhook_secret] };
                let stand_in = open_stand_in(&options, &data, &url, webhook, &now)?;
                tasks.serve(listener, stand_in.router());
                (Some(stand_in), url)
            }
        };
        let urls = Urls { dynamodb: table.url().to_owned(), sqs: sqs_url, stripe: stripe_url };
        let identity = Identity {
            issuer: Arc::new(Issuer::open(data.file("issuer.key").as_deref())?),
            claim_names: claim_names(&plan)?,
        };
        let world = World::at(urls.clone().into(), options.clock.clone());
        let mut wired = Wired::default();
        for function in &plan.functions {
            let world = match &options.between {
                None => world.clone(),
                Some(between) => {
                    World::at(between(&function.name, urls.clone()).into(), options.clock.clone())
                }
            };
            let connected = wiring::connect(function, &world)?;
            wired.bind(function, &connected)?;
        }
        tasks.serve(api, gateway::router(wired.routes, identity.clone(), Arc::clone(&now)));
        if options.poll {
            for mapping in &wired.mappings {
                tasks.poll(mapping, &queues, &plan, &options)?;
            }
        }
        if options.schedules {
            for (function, every) in wired.schedules.values() {
                tasks.schedule(function.clone(), *every, Arc::clone(&now));
            }
        }
        if let Some(stand_in) = stand_in.clone() {
            tasks.deliver(stand_in);
        }
        let schedules = wired.schedules.into_iter().map(|(name, (function, _))| (name, function)).collect();
        let Tasks { stop, set } = tasks;
        Ok(Self {
            urls,
            api_url,
            plan,
            queues,
            stand_in,
            identity,
            world,
            now,
            schedules,
            stop,
            tasks: set,
            _table: table,
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
        &self.urls.stripe
    }

    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        &self.urls.dynamodb
    }

    #[must_use]
    pub fn sqs_url(&self) -> &str {
        &self.urls.sqs
    }

    /// The URL of the queue with the logical id `name` in the template.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/saldo-local-{name}", self.urls.sqs)
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
        self.stand_in.as_ref().expect("this Saldo uses Stripe's test mode")
    }

    /// A token of the local issuer for `organisation`.
    ///
    /// # Errors
    /// When signing fails.
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
        wiring::env(self.plan.environment(name).unwrap_or(&BTreeMap::new()))
    }

    /// The world that the functions see, to connect more of them to it.
    #[must_use]
    pub fn world(&self) -> World {
        self.world.clone()
    }

    /// What the template plans.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs the scheduled function in folder `name` now and answers its summary.
    ///
    /// # Errors
    /// When it crashed, took too long, or there is none.
    pub async fn run_schedule(&self, name: &str) -> Result<Value, Failure> {
        let function = self.schedules.get(name).ok_or(Failure::Crashed)?;
        function.invoke(scheduler::event((self.now)())).await
    }

    /// Ends: no new calls, running ones may end, then everything is closed.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE_AT_STOP, ended).await;
        self.tasks.shutdown().await;
    }
}

fn locals(options: &Options, webhook_secret: &str, sqs_url: &str) -> Locals {
    let (write_key, read_key) = match &options.stripe {
        Stripe::StandIn => ("rk_test_local_write", "rk_test_local_read"),
        Stripe::TestMode { key, .. } => (key.as_str(), key.as_str()),
    };
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let mut parameters = pairs(&[
        ("JwtIssuer", ISSUER),
        ("JwtAudience", AUDIENCE),
        ("StripeSecret", "local"),
        ("StripeLivemode", "false"),
        ("LocalSignInUrl", "/local/token"),
    ]);
    parameters.extend(options.parameters.clone());
    let secrets =
        pairs(&[("write_key", write_key), ("read_key", read_key), ("webhook_secrets", webhook_secret)]);
    Locals { parameters, secrets, sqs_url: sqs_url.to_owned() }
}

fn claim_names(plan: &Plan) -> Result<ClaimNames, StartError> {
    let name = |parameter: &str| {
        plan.parameters
            .get(parameter)
            .cloned()
            .ok_or_else(|| TemplateError(format!("the parameter {parameter} is missing")))
    };
    Ok(ClaimNames {
        org: name("OrganisationClaim")?,
        permissions: name("PermissionsClaim")?,
        currency: name("CurrencyClaim")?,
        subject: name("SubjectClaim")?,
        name: name("NameClaim")?,
        email: name("EmailClaim")?,
    })
}

fn open_stand_in(
    options: &Options,
    data: &DataFolder,
    url: &str,
    webhook: Webhook,
    now: &Now,
) -> Result<StandIn, StartError> {
    let now = Arc::clone(now);
    StandIn::open(saldo_stripe_stand_in::Options {
        database: data.file("stripe.db"),
        public_url: url.to_owned(),
        webhook: Some(webhook),
        now: Arc::new(move || now().div_euclid(1000)),
        chaos: options.chaos,
    })
    .map_err(|error| StartError::Stripe(error.to_string()))
}

fn millis(clock: &Clock) -> Now {
    let clock = clock.clone();
    Arc::new(move || clock.now().ms())
}
