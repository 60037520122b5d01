//! The clock, which is an argument everywhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use saldo_domain::Timestamp;

/// Tells the time: the system's, moved ahead by as much as [`Clock::advance`] said.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The time of this machine.
    #[must_use]
    pub fn system() -> Clock {
        Clock::default()
    }

    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_ms(ms.saturating_add(self.ahead_ms.load(Ordering::Relaxed)))
    }

    /// How long it is until a moment in milliseconds since 1970; nothing when that is over.
    #[must_use]
    pub fn until(&self, moment_ms: u64) -> Duration {
        let now_ms = u64::try_from(self.now().ms()).unwrap_or_default();
        Duration::from_millis(moment_ms.saturating_sub(now_ms))
    }

    /// Moves this clock and all its clones ahead.
    pub fn advance(&self, secs: i64) {
        self.advance_ms(secs.saturating_mul(1000));
    }

    /// The same by milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
