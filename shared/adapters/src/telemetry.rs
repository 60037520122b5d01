//! What a running function tells: one JSON line per thing that was handled, and what is measured.

mod line;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::lambda_runtime::Context;
use saldo_domain::{METRICS, Metric, measure};
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber, error_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Env};
use line::Line;

/// Starts telling on standard output: lines from the level in `SALDO_LOG` (default `info`) up, and metrics of the
/// namespace `SALDO_METRICS` (none without it).
pub fn start(env: &Env) -> Result<(), ConfigError> {
    let level: LevelFilter = env
        .get("SALDO_LOG")
        .unwrap_or("info")
        .parse()
        .map_err(|_| ConfigError::new("SALDO_LOG", "is off, error, warn, info or debug"))?;
    telling(level, env.get("SALDO_METRICS"), io::stdout).init();
    Ok(())
}

/// The same to any writer. Libraries keep quiet below `warn`: their details carry headers.
pub fn telling<W>(
    level: LevelFilter,
    metrics: Option<&str>,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let heard = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("saldo", level.min(LevelFilter::DEBUG))
        .with_target(METRICS, if metrics.is_some() { LevelFilter::INFO } else { LevelFilter::OFF });
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
        .event_format(Line::new(metrics))
        .with_writer(writer);
    tracing_subscriber::registry().with(heard).with(lines)
}

/// What every line of one invocation names: the request, and the trace that it belongs to.
#[must_use]
pub fn invocation(context: &Context) -> Span {
    static STARTED: AtomicBool = AtomicBool::new(false);
    let trace = context.xray_trace_id.as_deref().and_then(root);
    let span = error_span!("invocation", request_id = context.request_id, trace_id = trace);
    if !STARTED.swap(true, Ordering::Relaxed) {
        span.in_scope(|| measure!(Metric::ColdStarts, 1, &context.env_config.function_name));
    }
    span
}

/// `1-67…` of `Root=1-67…;Parent=…;Sampled=1`.
fn root(header: &str) -> Option<&str> {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root="))
}
