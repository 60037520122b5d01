//! What a running function tells: one JSON line per thing that was handled, and what is measured.

mod line;
mod segments;

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::lambda_runtime::Context;
use saldo_domain::{METRICS, Metric, measure};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, Subscriber, error_span};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Env};
use line::Line;
pub use segments::Daemon;
pub(crate) use segments::{Subsegment, To};
use segments::{TRACE, Trace};

/// Where this process tells what it asks of others.
static DAEMON: OnceLock<Option<Daemon>> = OnceLock::new();

/// Starts telling on standard output: lines from the level in `SALDO_LOG` (default `info`) up, and metrics of the
/// namespace `SALDO_METRICS` (none without it). What an invocation asks of others is told to X-Ray's daemon at
/// `AWS_XRAY_DAEMON_ADDRESS`, where Lambda says that it is sampled.
pub fn start(env: &Env) -> Result<(), ConfigError> {
    let level: LevelFilter = env
        .get("SALDO_LOG")
        .unwrap_or("info")
        .parse()
        .map_err(|_| ConfigError::new("SALDO_LOG", "is off, error, warn, info or debug"))?;
    telling(level, env.get("SALDO_METRICS"), io::stdout).init();
    DAEMON.get_or_init(|| env.get("AWS_XRAY_DAEMON_ADDRESS").and_then(Daemon::at));
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

/// Does the work of one invocation: every line of it names the request and its trace, and what it asks of others belongs to
/// that trace.
pub fn invocation<F: Future>(context: &Context, work: F) -> impl Future<Output = F::Output> + use<F> {
    invocation_told_to(DAEMON.get().and_then(Option::as_ref), context, work)
}

/// The same with a daemon of the caller's.
pub fn invocation_told_to<F: Future>(
    daemon: Option<&Daemon>,
    context: &Context,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let trace = daemon.zip(context.xray_trace_id.as_deref());
    let trace = trace.and_then(|(daemon, header)| Trace::read(header, daemon));
    TRACE.scope(trace, work).instrument(span(context))
}

/// What every line of one invocation names.
fn span(context: &Context) -> Span {
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
