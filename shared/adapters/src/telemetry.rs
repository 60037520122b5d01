//! What a running function tells: one JSON line per thing that was handled.

use tracing::level_filters::LevelFilter;

use crate::config::{ConfigError, Env};

/// Starts logging JSON lines to standard output, from the level in `SALDO_LOG` (default `info`) up.
///
/// The AWS SDK and the HTTP client keep quiet below `warn`: their details carry headers.
pub fn start(env: &Env) -> Result<(), ConfigError> {
    let level: LevelFilter = env
        .get("SALDO_LOG")
        .unwrap_or("info")
        .parse()
        .map_err(|_| ConfigError::new("SALDO_LOG", "is off, error, warn, info or debug"))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(level.min(LevelFilter::DEBUG))
        .without_time()
        .init();
    Ok(())
}
