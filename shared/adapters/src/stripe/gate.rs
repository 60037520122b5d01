//! Whether Stripe is asked at all: what one process knows of an outage, shared by all its calls.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use saldo_domain::{Breaker, Leave, Timestamp};
use tracing::{info, warn};

use crate::clock::Clock;

/// The breaker before Stripe. Clones are one.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    clock: Clock,
    breaker: Mutex<Breaker>,
    /// Held by whoever sends the probe: there is one at a time, and who waits for it needs none.
    probing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.0.breaker).finish()
    }
}

/// What came of a question to Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It answered, whatever it was.
    Answered,
    /// It did not, or asked for a pause of so many seconds.
    Unanswered { retry_after_secs: Option<u32> },
}

impl Seen {
    pub(super) fn asks_for_more_than(self, secs: u32) -> bool {
        matches!(self, Seen::Unanswered { retry_after_secs: Some(asked) } if asked > secs)
    }
}

impl Gate {
    pub(super) fn new(clock: Clock) -> Gate {
        Gate(Arc::new(Inner { clock, breaker: Mutex::default(), probing: tokio::sync::Mutex::default() }))
    }

    /// Until when Stripe is not to be asked; `None` when it may be, be it by the probe first.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        until(self.leave())
    }

    /// The same as whole seconds from now, at least one.
    pub(super) fn closed_for(&self) -> Option<u32> {
        let until = self.closed_until()?;
        let ms = until.ms() - self.0.clock.now().ms();
        Some(u32::try_from(ms.max(1).unsigned_abs().div_ceil(1000)).unwrap_or(u32::MAX))
    }

    /// Passes when Stripe may be asked, after `probe` where it did not answer before; else tells until when it may not.
    pub(super) async fn enter(&self, probe: impl Future<Output = Seen>) -> Result<(), Timestamp> {
        if self.leave() == Leave::AfterProbe {
            let _only = self.0.probing.lock().await;
            if self.leave() == Leave::AfterProbe {
                self.saw(probe.await);
            }
        }
        self.closed_until().map_or(Ok(()), Err)
    }

    /// Whether Stripe answers nobody, as far as a call that it failed and the `probe` show.
    pub(super) async fn is_away(&self, probe: impl Future<Output = Seen>) -> bool {
        let _only = self.0.probing.lock().await;
        if self.closed_until().is_none() && self.breaker(|breaker, now| breaker.suspects(now)) {
            self.saw(probe.await);
        }
        self.closed_until().is_some()
    }

    pub(super) fn saw(&self, seen: Seen) {
        let (was_open, is_open, until) = self.breaker(|breaker, now| {
            let was_open = breaker.is_open();
            match seen {
                Seen::Answered => breaker.answered(now),
                Seen::Unanswered { retry_after_secs } => breaker.unanswered(now, retry_after_secs),
            }
            (was_open, breaker.is_open(), until(breaker.leave(now)))
        });
        match (was_open, is_open) {
            (false, true) => {
                let until = until.map(Timestamp::rfc3339);
                warn!(until, "Stripe answers nobody, and is left alone");
            }
            (true, false) => info!("Stripe answers again"),
            (true, true) | (false, false) => {}
        }
    }

    fn leave(&self) -> Leave {
        self.breaker(|breaker, now| breaker.leave(now))
    }

    fn breaker<T>(&self, act: impl FnOnce(&mut Breaker, Timestamp) -> T) -> T {
        let mut breaker = self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut breaker, self.0.clock.now())
    }
}

fn until(leave: Leave) -> Option<Timestamp> {
    match leave {
        Leave::NotBefore(until) => Some(until),
        Leave::Given | Leave::AfterProbe => None,
    }
}
