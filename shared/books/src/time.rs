//! How much time a run has.

use std::time::Duration;

use saldo_domain::Timestamp;

/// The clock of a run, and when the run must be over.
#[derive(Clone, Copy)]
pub struct Time<'a> {
    now: &'a (dyn Fn() -> Timestamp + Sync),
    end: Timestamp,
}

impl<'a> Time<'a> {
    /// With this much time from now on.
    #[must_use]
    pub fn new(now: &'a (dyn Fn() -> Timestamp + Sync), left: Duration) -> Time<'a> {
        let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        Time { now, end: Timestamp::from_ms(now().ms().saturating_add(left_ms)) }
    }

    #[must_use]
    pub fn now(self) -> Timestamp {
        (self.now)()
    }

    #[must_use]
    pub fn left(self) -> Duration {
        let left_ms = self.end.ms().saturating_sub(self.now().ms());
        Duration::from_millis(u64::try_from(left_ms).unwrap_or_default())
    }

    /// The same with a part of the time that is left: one of `parts`.
    #[must_use]
    pub fn part(self, parts: u32) -> Time<'a> {
        Time::new(self.now, self.left() / parts.max(1))
    }

    /// Whether there is time for a piece of work that takes `secs` seconds.
    #[must_use]
    pub fn suffices(self, secs: u64) -> bool {
        self.left() >= Duration::from_secs(secs)
    }
}
