//! One line: a flat JSON object in which no name stands twice.

use std::fmt;

use saldo_domain::{METRICS, Metric, Timestamp};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;

/// Writes events as lines, and metrics in CloudWatch's embedded format.
pub(super) struct Line {
    namespace: Option<String>,
    clock: Clock,
}

impl Line {
    pub(super) fn new(namespace: Option<&str>) -> Line {
        Line { namespace: namespace.map(str::to_owned), clock: Clock::system() }
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut told = Fields(Map::new());
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(fields)) = serde_json::from_str(&fields.fields)
            {
                told.0.extend(fields);
            }
        }
        event.record(&mut told);
        let Fields(fields) = told;
        let now = self.clock.now();
        if event.metadata().target() != METRICS {
            let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
            return writeln!(writer, "{}", line(now, level, target, fields));
        }
        let measured = self.namespace.as_deref().and_then(|namespace| embedded(namespace, now, fields));
        measured.map_or(Ok(()), |measured| writeln!(writer, "{measured}"))
    }
}

/// Time and level first, for whoever reads it.
fn line(now: Timestamp, level: &str, target: &str, mut fields: Map<String, Value>) -> String {
    let message = fields.remove("message").unwrap_or_else(|| "".into());
    let first = json!([now.rfc3339(), level, message, target]);
    let mut line = String::from("{");
    for (name, value) in
        ["time", "level", "message", "target"].into_iter().zip(first.as_array().into_iter().flatten())
    {
        line.push_str(&format!("\"{name}\":{value},"));
        fields.remove(name);
    }
    let rest = Value::Object(fields).to_string();
    match rest.strip_prefix("{").filter(|rest| *rest != "}") {
        Some(rest) => line.push_str(rest),
        None => {
            line.pop();
            line.push('}');
        }
    }
    line
}

/// A metric as CloudWatch reads it off a line. Source:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
fn embedded(namespace: &str, now: Timestamp, mut fields: Map<String, Value>) -> Option<Value> {
    let metric = Metric::named(fields.remove("metric")?.as_str()?)?;
    let (amount, of) = (fields.remove("amount")?, fields.remove("of")?);
    fields.remove("message");
    // With its dimension and without, so that there is a sum of all.
    let dimensions = match metric.dimension() {
        Some(dimension) => json!([[dimension], []]),
        None => json!([[]]),
    };
    if let Some(dimension) = metric.dimension() {
        fields.insert(dimension.to_owned(), of);
    }
    let defined = json!({
        "Namespace": namespace,
        "Dimensions": dimensions,
        "Metrics": [{"Name": metric.name(), "Unit": metric.unit().to_string()}],
    });
    fields.insert(metric.name().to_owned(), amount);
    fields.insert("_aws".to_owned(), json!({"Timestamp": now.ms(), "CloudWatchMetrics": [defined]}));
    Some(Value::Object(fields))
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use lambda_http::lambda_runtime::Context;
    use saldo_domain::measure;
    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::telemetry::{span, telling};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(metrics: Option<&str>, tell: impl FnOnce()) -> Vec<Value> {
        let paper = Paper::default();
        let writer = paper.clone();
        let telling = telling(LevelFilter::INFO, metrics, move || writer.clone());
        tracing::subscriber::with_default(telling, tell);
        let written = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn context() -> Context {
        let mut context = Context::default();
        context.request_id = "r-1".to_owned();
        context.xray_trace_id = Some("Root=1-2-3;Parent=4;Sampled=1".to_owned());
        context
    }

    #[test]
    fn a_line_names_time_request_trace_and_what_it_is_about_each_once() {
        let lines = told(None, || {
            span(&context()).in_scope(|| {
                tracing::info!(target: "saldo_test", org = "acme", top_up = "top_1", credits = 3_i64, "credited");
            });
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        for (name, value) in [
            ("level", json!("INFO")),
            ("message", json!("credited")),
            ("target", json!("saldo_test")),
            ("request_id", json!("r-1")),
            ("trace_id", json!("1-2-3")),
            ("org", json!("acme")),
            ("credits", json!(3)),
        ] {
            assert_eq!(line[name], value, "{line}");
        }
    }

    #[test]
    fn a_field_never_stands_twice() {
        let paper = line(
            Timestamp::from_secs(0),
            "INFO",
            "t",
            Map::from_iter([("message".to_owned(), json!("m")), ("time".to_owned(), json!("another"))]),
        );
        assert_eq!(paper, r#"{"time":"1970-01-01T00:00:00Z","level":"INFO","message":"m","target":"t"}"#);
    }

    #[test]
    fn libraries_keep_quiet_below_a_warning() {
        let lines = told(None, || {
            tracing::info!(target: "hyper", "a header");
            tracing::debug!(target: "saldo_test", "a detail");
            tracing::warn!(target: "hyper", "a warning");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["message"], "a warning");
    }

    #[test]
    fn a_metric_is_in_the_embedded_format_and_only_where_a_namespace_is() {
        let measured = || measure!(Metric::TopUps, 1, "paid");
        assert!(told(None, measured).is_empty());
        let lines = told(Some("saldo-test"), measured);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["TopUps"], &lines[0]["outcome"]), (&json!(1), &json!("paid")));
        let defined = &lines[0]["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(defined["Namespace"], "saldo-test");
        assert_eq!(defined["Dimensions"], json!([["outcome"], []]));
        assert_eq!(defined["Metrics"], json!([{"Name": "TopUps", "Unit": "Count"}]));
    }
}
