//! The time as the local parts ask for it.
use std::sync::Arc;

use saldo_adapters::clock::Clock;

/// The time in milliseconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

pub(crate) fn millis(clock: &Clock) -> Now {
    let clock = clock.clone();
    Arc::new(move || clock.now().ms())
}
