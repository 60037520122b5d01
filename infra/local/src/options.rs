//! How a Saldo is started.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::world::Endpoints;

/// Puts other URLs between a function (named by its folder) and DynamoDB, SQS or Stripe.
pub type Between = Arc<dyn Fn(&str, Endpoints) -> Endpoints + Send + Sync>;

/// How a Saldo is started.
pub struct Options {
    /// The port of the API; 0 picks a free one.
    pub port: u16,
    /// The port of the Stripe stand-in; 0 picks a free one.
    pub stripe_port: u16,
    /// Where data is kept; `None` forgets everything at the end.
    pub data: Option<PathBuf>,
    /// Forget what the data folder holds.
    pub fresh: bool,
    /// A seed: webhooks and messages are duplicated, delayed, reordered and sometimes fail first.
    pub chaos: Option<u64>,
    /// The time that functions, gateway and stand-in see. Queue and schedules run by the machine's clock.
    pub clock: Clock,
    /// Whether schedules run by themselves.
    pub schedules: bool,
    /// Whether messages are handed to their worker by themselves.
    pub poll: bool,
    /// How long a received message stays hidden, when not as long as the template says.
    pub visibility: Option<Duration>,
    /// Template parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    pub between: Option<Between>,
    /// Where X-Ray's daemon hears what functions ask of others, like `127.0.0.1:2000`; then every trace is sampled.
    pub tracing: Option<String>,
    pub stripe: Stripe,
}

/// Which Stripe the functions talk to.
pub enum Stripe {
    /// The stand-in of this repository.
    StandIn,
    /// Stripe itself, in test mode.
    TestMode { key: String, webhook_secret: String },
}

impl Default for Options {
    /// Everything on free ports and in memory, with the machine's clock.
    fn default() -> Options {
        Options {
            port: 0,
            stripe_port: 0,
            data: None,
            fresh: false,
            chaos: None,
            clock: Clock::system(),
            schedules: false,
            poll: true,
            visibility: None,
            parameters: BTreeMap::new(),
            between: None,
            tracing: None,
            stripe: Stripe::StandIn,
        }
    }
}

/// The most that the parameter `CallBudgets` takes.
const WIDE: &str = r#"{"organisation":{"burst":1000000,"per_minute":10000000},"caller":{"burst":1000000,"per_minute":10000000}}"#;

impl Options {
    /// The same with budgets of requests that nobody uses up, for whoever tries everything or measures.
    #[must_use]
    pub fn with_wide_budgets(mut self) -> Options {
        let kinds = ["view", "export", "order", "spend", "operate"].map(|kind| format!("\"{kind}\":{WIDE}"));
        self.parameters.insert("CallBudgets".to_owned(), format!("{{{}}}", kinds.join(",")));
        self
    }
}
