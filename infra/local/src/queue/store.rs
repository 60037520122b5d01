//! Messages in SQLite: what was accepted is there after kill -9, until it is deleted or too old.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::Notify;

use crate::Now;
use crate::template::{QueuePlan, Redrive};

/// Why the queue refused; each is an error code of SQS.
#[derive(Debug)]
pub enum QueueError {
    NoSuchQueue,
    InvalidReceipt,
    NotInFlight,
    NoDeadLetters,
    Storage(rusqlite::Error),
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> QueueError {
        QueueError::Storage(error)
    }
}

impl std::fmt::Display for QueueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            QueueError::NoSuchQueue => f.write_str("the queue does not exist"),
            QueueError::InvalidReceipt => f.write_str("the receipt handle is not one of this queue"),
            QueueError::NotInFlight => f.write_str("the message is not in flight"),
            QueueError::NoDeadLetters => f.write_str("no queue sends its dead letters there"),
            QueueError::Storage(error) => write!(f, "the queue's storage failed: {error}"),
        }
    }
}

impl std::error::Error for QueueError {}

/// A message to send.
#[derive(Debug)]
pub struct NewMessage {
    pub body: String,
    pub delay: Duration,
}

/// A received message.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub receipt: String,
    pub body: String,
    pub md5: String,
    pub receive_count: u32,
    /// Milliseconds since 1970.
    pub sent_ms: i64,
    /// Milliseconds since 1970.
    pub first_received_ms: i64,
}

/// How many messages wait, are in flight, and are delayed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    pub visible: u64,
    pub in_flight: u64,
    pub delayed: u64,
}

/// All queues of one Saldo; a clone is the same queues.
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

struct Inner {
    connection: Mutex<Connection>,
    plans: Mutex<BTreeMap<String, QueuePlan>>,
    changed: Notify,
    now: Now,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        id TEXT NOT NULL UNIQUE,
        body TEXT NOT NULL,
        sent_ms INTEGER NOT NULL,
        visible_ms INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        first_received_ms INTEGER,
        receipt TEXT
    );
    CREATE INDEX IF NOT EXISTS by_queue ON messages (queue, visible_ms, number);";

impl Queues {
    /// Opens the queues in `file`, or in memory without one.
    pub fn open(file: Option<&Path>, plans: &[QueuePlan], now: Now) -> Result<Queues, QueueError> {
        let connection = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        let plans = plans.iter().map(|plan| (plan.name.clone(), plan.clone())).collect();
        Ok(Queues(Arc::new(Inner {
            connection: Mutex::new(connection),
            plans: Mutex::new(plans),
            changed: Notify::new(),
            now,
        })))
    }

    /// The plan of queue `name`.
    pub fn plan(&self, name: &str) -> Result<QueuePlan, QueueError> {
        locked(&self.0.plans).get(name).cloned().ok_or(QueueError::NoSuchQueue)
    }

    pub(super) fn create(&self, plan: QueuePlan) {
        locked(&self.0.plans).entry(plan.name.clone()).or_insert(plan);
    }

    /// Accepts messages; they are on disk when this returns. Answers their ids in order.
    ///
    /// All are accepted, or none.
    pub fn send(&self, queue: &str, messages: &[NewMessage]) -> Result<Vec<String>, QueueError> {
        self.plan(queue)?;
        let now = (self.0.now)();
        let mut connection = locked(&self.0.connection);
        let transaction = connection.transaction()?;
        let mut ids = Vec::with_capacity(messages.len());
        for message in messages {
            let id = uuid::Uuid::now_v7().to_string();
            transaction.execute(
                "INSERT INTO messages (queue, id, body, sent_ms, visible_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![queue, id, message.body, now, now.saturating_add(millis(message.delay))],
            )?;
            ids.push(id);
        }
        transaction.commit()?;
        drop(connection);
        self.0.changed.notify_waiters();
        Ok(ids)
    }

    /// Receives up to `most` messages, waiting up to `wait` for the first; each stays invisible for `visibility`.
    pub async fn receive(
        &self,
        queue: &str,
        most: usize,
        wait: Duration,
        visibility: Option<Duration>,
    ) -> Result<Vec<Message>, QueueError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let messages = self.take(queue, most, visibility)?;
            if !messages.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(messages);
            }
            let next = tokio::time::Instant::now() + self.until_next(queue)?;
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(next.min(deadline)) => {}
            }
        }
    }

    fn take(
        &self,
        queue: &str,
        most: usize,
        visibility: Option<Duration>,
    ) -> Result<Vec<Message>, QueueError> {
        let plan = self.plan(queue)?;
        let now = (self.0.now)();
        let hidden_until = now.saturating_add(millis(visibility.unwrap_or(plan.visibility)));
        let mut connection = locked(&self.0.connection);
        let transaction = connection.transaction()?;
        expire(&transaction, &plan, now)?;
        let moved =
            plan.redrive.as_ref().map_or(Ok(0), |redrive| move_dead(&transaction, queue, redrive, now))?;
        let messages = claim(&transaction, queue, most, now, hidden_until)?;
        transaction.commit()?;
        drop(connection);
        if moved > 0 {
            self.0.changed.notify_waiters();
        }
        Ok(messages)
    }

    /// How long until an invisible message of `queue` shows again; a minute when there is none.
    pub fn until_next(&self, queue: &str) -> Result<Duration, QueueError> {
        let next: Option<i64> = locked(&self.0.connection).query_row(
            "SELECT MIN(visible_ms) FROM messages WHERE queue = ?1",
            params![queue],
            |row| row.get(0),
        )?;
        let wait = next.map_or(60_000, |next| next.saturating_sub((self.0.now)()).clamp(1, 60_000));
        Ok(Duration::from_millis(wait.unsigned_abs()))
    }

    /// Deletes the message behind `receipt`. As in SQS an outdated receipt deletes nothing and is no error.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), QueueError> {
        self.plan(queue)?;
        valid_receipt(receipt)?;
        locked(&self.0.connection)
            .execute("DELETE FROM messages WHERE queue = ?1 AND receipt = ?2", params![queue, receipt])?;
        Ok(())
    }

    /// Hides the message behind `receipt` for `visibility` from now; zero shows it at once.
    ///
    /// A message that is visible again is [`QueueError::NotInFlight`].
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        self.plan(queue)?;
        valid_receipt(receipt)?;
        let now = (self.0.now)();
        let changed = locked(&self.0.connection).execute(
            "UPDATE messages SET visible_ms = ?3 WHERE queue = ?1 AND receipt = ?2 AND visible_ms > ?4",
            params![queue, receipt, now.saturating_add(millis(visibility)), now],
        )?;
        self.0.changed.notify_waiters();
        if changed == 0 { Err(QueueError::NotInFlight) } else { Ok(()) }
    }

    /// Forgets every message of `queue`.
    pub fn purge(&self, queue: &str) -> Result<(), QueueError> {
        self.plan(queue)?;
        locked(&self.0.connection).execute("DELETE FROM messages WHERE queue = ?1", params![queue])?;
        Ok(())
    }

    /// Moves what waits in the dead-letter queue `queue` back to where it came from, as new messages; answers how many.
    ///
    /// [`QueueError::NoDeadLetters`] when it is no queue's.
    pub fn move_back(&self, queue: &str) -> Result<usize, QueueError> {
        let plan = self.plan(queue)?;
        let sends_there =
            |other: &&QueuePlan| other.redrive.as_ref().is_some_and(|redrive| redrive.target_arn == plan.arn);
        let source = locked(&self.0.plans).values().find(sends_there).map(|source| source.name.clone());
        let source = source.ok_or(QueueError::NoDeadLetters)?;
        let connection = locked(&self.0.connection);
        let mut moved = 0;
        while connection.execute(
            "UPDATE messages SET queue = ?2, id = ?3, sent_ms = ?4, receive_count = 0, first_received_ms = NULL, receipt = NULL
             WHERE number = (SELECT number FROM messages WHERE queue = ?1 AND visible_ms <= ?4 LIMIT 1)",
            params![queue, source, uuid::Uuid::now_v7().to_string(), (self.0.now)()],
        )? > 0
        {
            moved += 1;
        }
        self.0.changed.notify_waiters();
        Ok(moved)
    }

    /// Shows what was in flight when the last process ended: whoever worked on it is gone, and that attempt does not
    /// count. Only for who owns the file alone.
    pub fn recover(&self) -> Result<(), QueueError> {
        let now = (self.0.now)();
        locked(&self.0.connection).execute(
            "UPDATE messages SET visible_ms = ?1, receive_count = receive_count - 1, receipt = NULL
             WHERE receipt IS NOT NULL AND visible_ms > ?1",
            params![now],
        )?;
        Ok(())
    }

    /// When the oldest message of `queue` was sent, in milliseconds since 1970.
    pub fn oldest_ms(&self, queue: &str) -> Result<Option<i64>, QueueError> {
        let oldest = locked(&self.0.connection).query_row(
            "SELECT MIN(sent_ms) FROM messages WHERE queue = ?1",
            params![queue],
            |row| row.get(0),
        )?;
        Ok(oldest)
    }

    /// How many messages `queue` holds.
    pub fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        self.plan(queue)?;
        let counts = locked(&self.0.connection).query_row(
            "SELECT COALESCE(SUM(visible_ms <= ?2), 0),
                    COALESCE(SUM(visible_ms > ?2 AND receive_count > 0), 0),
                    COALESCE(SUM(visible_ms > ?2 AND receive_count = 0), 0)
             FROM messages WHERE queue = ?1",
            params![queue, (self.0.now)()],
            |row| Ok(Depth { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)? }),
        )?;
        Ok(counts)
    }
}

fn expire(transaction: &Transaction<'_>, plan: &QueuePlan, now: i64) -> Result<(), QueueError> {
    let oldest = now.saturating_sub(millis(plan.retention));
    transaction
        .execute("DELETE FROM messages WHERE queue = ?1 AND sent_ms < ?2", params![plan.name, oldest])?;
    Ok(())
}

fn move_dead(
    transaction: &Transaction<'_>,
    queue: &str,
    redrive: &Redrive,
    now: i64,
) -> Result<usize, QueueError> {
    let target = redrive.target_arn.rsplit(':').next().unwrap_or_default();
    let moved = transaction.execute(
        "UPDATE messages SET queue = ?3, receipt = NULL
         WHERE queue = ?1 AND visible_ms <= ?2 AND receive_count >= ?4",
        params![queue, now, target, redrive.max_receive_count],
    )?;
    Ok(moved)
}

fn claim(
    transaction: &Transaction<'_>,
    queue: &str,
    most: usize,
    now: i64,
    hidden_until: i64,
) -> Result<Vec<Message>, QueueError> {
    let mut messages = Vec::new();
    while messages.len() < most {
        let claimed = transaction
            .query_row(
                "UPDATE messages SET visible_ms = ?3, receive_count = receive_count + 1, receipt = ?4,
                        first_received_ms = COALESCE(first_received_ms, ?2)
                 WHERE number = (SELECT number FROM messages WHERE queue = ?1 AND visible_ms <= ?2
                                 AND (receipt IS NULL OR receipt NOT IN (SELECT value FROM json_each(?5)))
                                 ORDER BY number LIMIT 1)
                 RETURNING id, receipt, body, receive_count, sent_ms, first_received_ms",
                params![queue, now, hidden_until, receipt(), taken(&messages)],
                |row| {
                    let body: String = row.get(2)?;
                    Ok(Message {
                        id: row.get(0)?,
                        receipt: row.get(1)?,
                        md5: md5_hex(&body),
                        body,
                        receive_count: row.get(3)?,
                        sent_ms: row.get(4)?,
                        first_received_ms: row.get(5)?,
                    })
                },
            )
            .optional()?;
        match claimed {
            Some(message) => messages.push(message),
            None => break,
        }
    }
    Ok(messages)
}

/// The receipts of this batch: with a visibility of zero a message is visible again at once, but comes once a batch.
fn taken(messages: &[Message]) -> String {
    let receipts: Vec<_> = messages.iter().map(|message| message.receipt.as_str()).collect();
    serde_json::Value::from(receipts).to_string()
}

pub(super) fn md5_hex(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

fn receipt() -> String {
    format!("local-{}", uuid::Uuid::now_v7())
}

fn valid_receipt(receipt: &str) -> Result<(), QueueError> {
    let id = receipt.strip_prefix("local-").and_then(|id| uuid::Uuid::parse_str(id).ok());
    id.map(|_| ()).ok_or(QueueError::InvalidReceipt)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
