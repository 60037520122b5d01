//! Secrets of AWS Secrets Manager: read when first needed, kept, and read again when what they say is refused.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use saldo_domain::{Alarm, Timestamp};
use tracing::{error, info};

use crate::clock::Clock;

/// A refused value is looked up again at most once in so many seconds: whoever sends forged signatures makes no more reads.
const AGAIN_SECS: u64 = 60;
/// A secret that could not be read is not asked for again before so many seconds are over.
const FAILED_SECS: u64 = 2;
/// The longest value taken, in bytes: Secrets Manager's own limit.
const LONGEST: usize = 65_536;

/// One secret as what it says, shared by all clones: its value outlives calls, and no more than one of them reads it at a time.
pub struct Secret<T>(Arc<Shared<T>>);

/// The secret could not be read, or says nothing that can be used; the sentence names it and never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretError(String);

/// What a text says, or in words why it cannot be used; the words must not repeat the text.
type Parse<T> = Box<dyn Fn(&str) -> Result<T, String> + Send + Sync>;

struct Shared<T> {
    client: Client,
    id: String,
    parse: Parse<T>,
    clock: Clock,
    kept: Mutex<Option<Arc<T>>>,
    reading: tokio::sync::Mutex<Reading>,
}

/// What was last tried, held by whoever is reading.
#[derive(Default)]
struct Reading {
    failed: Option<(Timestamp, SecretError)>,
    again_at: Option<Timestamp>,
}

impl<T: PartialEq> Secret<T> {
    /// The secret with this name or ARN. Nothing is read yet.
    pub(crate) fn new(
        client: Client,
        id: &str,
        clock: Clock,
        parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Secret<T> {
        let (kept, reading) = (Mutex::default(), tokio::sync::Mutex::default());
        Secret(Arc::new(Shared { client, id: id.to_owned(), parse: Box::new(parse), clock, kept, reading }))
    }

    /// What the secret says, as far as this process knows; it is read if it never was.
    ///
    /// # Errors
    /// When it cannot be read and no value is kept. It is tried again two seconds later at the earliest.
    pub async fn value(&self) -> Result<Arc<T>, SecretError> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let mut reading = self.0.reading.lock().await;
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let now = self.0.clock.now();
        if let Some((at, failed)) = &reading.failed
            && secs_between(*at, now) < FAILED_SECS
        {
            return Err(failed.clone());
        }
        match self.read().await {
            Ok(value) => Ok(self.keep(value)),
            Err(failed) => {
                reading.failed = Some((self.0.clock.now(), failed.clone()));
                Err(failed)
            }
        }
    }

    /// Another value than the one that was refused: what somebody else has read meanwhile, or what Secrets Manager says now,
    /// which is asked once a minute at most. `None` when there is no other; then the kept one stays.
    pub async fn instead_of(&self, refused: &Arc<T>) -> Option<Arc<T>> {
        let other = || self.kept().filter(|kept| kept != refused);
        if let Some(other) = other() {
            return Some(other);
        }
        let mut reading = self.0.reading.lock().await;
        if let Some(other) = other() {
            return Some(other);
        }
        let now = self.0.clock.now();
        if reading.again_at.is_some_and(|at| secs_between(at, now) < AGAIN_SECS) {
            return None;
        }
        reading.again_at = Some(now);
        let value = self.read().await.ok().filter(|value| value != refused.as_ref())?;
        info!(secret = self.0.id, "a new value is used from now on");
        Some(self.keep(value))
    }

    fn kept(&self) -> Option<Arc<T>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&value));
        value
    }

    async fn read(&self) -> Result<T, SecretError> {
        let answer = self.0.client.get_secret_value().secret_id(&self.0.id).send().await;
        let read = match &answer {
            Ok(answer) => match answer.secret_string() {
                Some(text) if text.len() <= LONGEST => (self.0.parse)(text.trim()),
                Some(_) => Err("is too long".to_owned()),
                None => Err("is no text".to_owned()),
            },
            Err(error) => Err(format!("cannot be read: {}", DisplayErrorContext(error))),
        };
        read.map_err(|why| {
            let failed = SecretError(format!("the secret {} {why}", self.0.id));
            error!(alarm = Alarm::SecretUnreadable.as_str(), secret = self.0.id, error = %failed, "secret not read");
            failed
        })
    }
}

impl<T> Clone for Secret<T> {
    fn clone(&self) -> Secret<T> {
        Secret(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.0.id).finish()
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

/// However the clock was set meanwhile.
fn secs_between(one: Timestamp, other: Timestamp) -> u64 {
    one.secs().abs_diff(other.secs())
}
