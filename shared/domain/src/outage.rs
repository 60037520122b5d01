//! A provider that answers nobody: when it is asked again, and how long what waits for it is put off.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The pause before the first question to a provider that did not answer, in seconds; it doubles with every question that
/// is not answered either.
const FIRST_PAUSE_SECS: u32 = 2;
/// The longest such pause, in seconds, unless the provider itself asks for a longer one.
const LONGEST_PAUSE_SECS: u32 = 10;
/// The longest pause that a provider may ask for, in seconds: whoever wants more is asked again all the same.
const LONGEST_ASKED_FOR_SECS: u32 = 300;
/// For how long an answer shows that the provider is there, in seconds.
const ANSWER_HOLDS_SECS: i64 = 2;

/// What one process knows of whether the provider answers. It is open while nobody is to ask.
///
/// It opens only when a question that is nobody's (the probe) was not answered either, so that one object about which the
/// provider fails stops nothing; and it closes when the probe is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    answered: Option<Timestamp>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    until: Timestamp,
    /// Questions without an answer since the last one that had one.
    unanswered: u32,
}

/// Whether the provider may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Ask.
    Given,
    /// Ask the probe first: it is time to see whether the provider is back.
    AfterProbe,
    /// Do not ask before this moment.
    NotBefore(Timestamp),
}

impl Breaker {
    /// Whether the provider may be asked `now`.
    #[must_use]
    pub fn leave(&self, now: Timestamp) -> Leave {
        match self.open {
            None => Leave::Given,
            // A moment further ahead than any pause was said by a clock that has been set back since.
            Some(Open { until, .. })
                if until <= now || until > now.plus_secs(i64::from(LONGEST_ASKED_FOR_SECS)) =>
            {
                Leave::AfterProbe
            }
            Some(Open { until, .. }) => Leave::NotBefore(until),
        }
    }

    /// Whether a call that failed `now` leaves it open that the provider answers nobody.
    #[must_use]
    pub fn suspects(&self, now: Timestamp) -> bool {
        let since = self.answered.map(|answered| now.secs_since(answered));
        !since.is_some_and(|secs| (0..=ANSWER_HOLDS_SECS).contains(&secs))
    }

    /// The provider answered, whatever it was. An answer that comes within a pause was under way before it, and does not
    /// shorten it.
    pub fn answered(&mut self, now: Timestamp) {
        self.answered = Some(now);
        if !matches!(self.leave(now), Leave::NotBefore(_)) {
            self.open = None;
        }
    }

    /// Whether it is open: the provider was not seen to answer since it did not.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The provider did not answer the probe, or asked for a pause of `retry_after_secs`, which is kept to up to five minutes.
    pub fn unanswered(&mut self, now: Timestamp, retry_after_secs: Option<u32>) {
        let before = self.open.map_or(0, |open| open.unanswered);
        let pause =
            FIRST_PAUSE_SECS.checked_shl(before).unwrap_or(LONGEST_PAUSE_SECS).min(LONGEST_PAUSE_SECS);
        let asked_for = retry_after_secs.unwrap_or_default().min(LONGEST_ASKED_FOR_SECS);
        let until = now.plus_secs(i64::from(pause.max(asked_for)));
        *self = Breaker {
            answered: None,
            open: Some(Open { until, unanswered: before.saturating_add(1).min(16) }),
        };
    }
}

/// The longest that a message is put off the first time, in seconds, and ever; it doubles with each time, and half of it is
/// left to chance.
const FIRST_PUT_OFF_SECS: u32 = 4;
const LONGEST_PUT_OFF_SECS: u32 = 20;
/// For how long a message is put off in all, in seconds: two hours more than the longest outage that it is to outlive.
const LONGEST_WAIT_SECS: i64 = 26 * 3600;

/// How long a message has waited for a provider that answers nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// When it was first put off, in seconds since 1970.
    since: i64,
    /// How often it was put off.
    times: u32,
}

/// What becomes of a message that cannot be worked on, as the provider answers nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOff {
    /// It comes again in so many seconds, with what it then has waited.
    Later { secs: u32, waiting: Waiting },
    /// It has waited for longer than an outage lasts, and fails as any other that cannot be worked on.
    NoLonger,
}

impl Waiting {
    /// Puts off what has waited so long `before`, while the provider is not to be asked until `until`. `dice` is any number:
    /// what was put off together does not come again together.
    ///
    /// Never shorter than the longest pause of a [`Breaker`] once it was put off four times, so that whoever receives it next
    /// may ask: it is worked on within 30 seconds of the provider's return, or of the end of the pause that this asked for.
    #[must_use]
    pub fn put_off(before: Option<Waiting>, now: Timestamp, until: Timestamp, dice: u32) -> PutOff {
        let Waiting { since, times } = before.unwrap_or(Waiting { since: now.secs(), times: 0 });
        if now.secs_since(Timestamp::from_secs(since)) >= LONGEST_WAIT_SECS {
            return PutOff::NoLonger;
        }
        let longest = FIRST_PUT_OFF_SECS.checked_shl(times).unwrap_or(LONGEST_PUT_OFF_SECS);
        let half = longest.min(LONGEST_PUT_OFF_SECS) / 2;
        let ahead = u32::try_from(until.secs_since(now)).unwrap_or_default().min(LONGEST_ASKED_FOR_SECS);
        let secs = half.max(ahead) + dice % (half + 1);
        PutOff::Later { secs, waiting: Waiting { since, times: times.saturating_add(1).min(16) } }
    }

    /// For how long it has waited, in milliseconds.
    #[must_use]
    pub fn waited_ms(self, now: Timestamp) -> i64 {
        (now.ms() - Timestamp::from_secs(self.since).ms()).max(0)
    }
}

/// For how long a message that failed for a reason of its own is hidden, in seconds, when it was received so often: soon
/// after the first time, and less than fifteen minutes in all five times.
#[must_use]
pub fn hidden_secs(received: u32) -> u32 {
    match received {
        0 | 1 => 10,
        2 => 30,
        3 => 90,
        4 => 270,
        5.. => 480,
    }
}

#[cfg(test)]
mod tests;
