//! CloudWatch on this machine: what functions, gateway and queues count, and which alarms of the template ring.
mod alarm;
mod expression;
mod lines;
mod numbers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saldo_adapters::clock::Clock;
use serde_json::Value;

pub use alarm::{Alarm, alarms};
pub(crate) use lines::attribute;
pub use lines::start;
use numbers::Numbers;

use crate::Now;

/// The namespace that stands for the stack's own.
pub const NAMESPACE: &str = "saldo-local";

/// What one Saldo has counted; a clone is the same.
#[derive(Clone)]
pub struct Watch {
    numbers: Arc<Mutex<Numbers>>,
    now: Now,
}

impl Default for Watch {
    /// By the machine's clock.
    fn default() -> Watch {
        Watch::new(crate::clock::millis(&Clock::system()))
    }
}

impl Watch {
    pub(crate) fn new(now: Now) -> Watch {
        Watch { numbers: Arc::default(), now }
    }

    /// Counts `amount` of a metric now.
    pub(crate) fn count(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)], amount: i64) {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.numbers().add((self.now)(), namespace, metric, dimensions.collect(), amount);
    }

    /// One invocation of a function (by its logical id), and how it ended.
    pub(crate) fn invoked(&self, function: &str, took_ms: i64, failed: bool) {
        let of = [("FunctionName", function)];
        self.count("AWS/Lambda", "Invocations", &of, 1);
        self.count("AWS/Lambda", "Errors", &of, i64::from(failed));
        self.count("AWS/Lambda", "Duration", &of, took_ms);
    }

    /// A function that was not started, as too many of it ran.
    pub(crate) fn throttled(&self, function: &str) {
        self.count("AWS/Lambda", "Throttles", &[("FunctionName", function)], 1);
    }

    /// One answer of the API, by its route.
    pub(crate) fn answered(&self, method: &str, path: &str, status: u16, took_ms: i64) {
        let of = [("ApiId", "Api"), ("Method", method), ("Resource", path), ("Stage", "$default")];
        self.count("AWS/ApiGateway", "Count", &of, 1);
        self.count("AWS/ApiGateway", "5xx", &of, i64::from(status >= 500));
        self.count("AWS/ApiGateway", "Latency", &of, took_ms);
    }

    /// A line that a function wrote: a metric in the embedded format, or something a person must look at.
    fn heard(&self, line: &Value) {
        let about = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in about["Metrics"].as_array().into_iter().flatten() {
            let Some(name) = metric["Name"].as_str() else { continue };
            for names in about["Dimensions"].as_array().into_iter().flatten() {
                let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
                let of: Vec<_> = names.map(|name| (name, line[name].as_str().unwrap_or_default())).collect();
                self.count(NAMESPACE, name, &of, line[name].as_i64().unwrap_or_default());
            }
        }
        // What the metric filters of the template look for.
        if line["alarm"].is_string() {
            self.count(NAMESPACE, "NeedsALook", &[], 1);
        }
    }

    /// Everything that was counted of a metric, whatever its dimensions.
    #[must_use]
    pub fn total(&self, namespace: &str, metric: &str) -> i64 {
        let numbers = self.numbers();
        let of = numbers.points(namespace, metric).filter(|point| point.dimensions.is_empty());
        of.map(|point| point.amount).sum()
    }

    /// Whether an alarm would ring now.
    #[must_use]
    pub fn rings(&self, alarm: &Alarm) -> bool {
        alarm.rings(&self.numbers(), (self.now)())
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
