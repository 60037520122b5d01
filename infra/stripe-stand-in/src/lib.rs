//! A local stand-in for Stripe's invoicing API with its hosted invoice page and webhooks.
//!
//! It speaks version 2026-09-30 of the HTTP API closely enough for Stripe's own SDKs, keeps its state in SQLite,
//! honours idempotency keys, refuses what Stripe refuses and delivers signed events with retries. No money moves.
// Stripe's larger objects have more fields than `json!` takes by default.
#![recursion_limit = "256"]

mod api;
mod catalog;
mod controls;
mod customers;
mod deliver;
mod expand;
mod form;
mod identifier;
mod instruments;
mod invoices;
mod lines;
mod lists;
mod money;
mod page;
mod payments;
mod record;
mod refusal;
mod server;
mod settle;
mod signature;
mod store;
mod totals;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Notify;

pub use controls::{Fault, Method};
pub use record::recorded;
pub use signature::sign;

/// The version of Stripe's API whose shapes the stand-in answers with.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Event types that are delivered; the others are only listed by `GET /v1/events`.
pub const SUBSCRIBED_TYPES: [&str; 15] = [
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "invoice.finalization_failed",
    "invoice.overpaid",
    "charge.refunded",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "credit_note.created",
    "credit_note.voided",
];

/// The seller on every invoice.
const SELLER: &str = "Saldo";

/// Where events go and the secrets they are signed with.
#[derive(Clone)]
pub struct Webhook {
    pub url: String,
    /// `whsec_…`; several during a roll, each giving a `v1` of its own.
    pub secrets: Vec<String>,
}

/// How a stand-in is opened.
pub struct Options {
    /// The SQLite file; `None` keeps everything in memory.
    pub database: Option<PathBuf>,
    /// Base of the hosted pages, e.g. `http://127.0.0.1:4001`.
    pub public_url: String,
    pub webhook: Option<Webhook>,
    /// Unix seconds.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// A seed: deliveries are duplicated, delayed, reordered and sometimes fail first.
    pub chaos: Option<u64>,
}

/// Why the stand-in could not do what was asked.
#[derive(Debug)]
pub enum Error {
    Database(rusqlite::Error),
    /// Exchanges cannot be recorded.
    Record(std::io::Error),
    /// A control was refused, in the words Stripe would use.
    Refused(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Database(error) => write!(formatter, "the Stripe stand-in's database failed: {error}"),
            Error::Record(error) => write!(formatter, "exchanges cannot be recorded: {error}"),
            Error::Refused(words) => formatter.write_str(words),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        Error::Database(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Record(error)
    }
}

/// The stand-in; clones share one state.
#[derive(Clone)]
pub struct StandIn {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    chaos: Option<u64>,
    settings: Mutex<Settings>,
    /// Idempotency keys of requests that are running.
    running: Mutex<HashSet<String>>,
    requests: Mutex<BTreeMap<String, u64>>,
    /// Rung when there may be something to deliver.
    bell: Notify,
}

struct Settings {
    public_url: String,
    webhook: Option<Webhook>,
    paused: bool,
    latency: Duration,
    fault: Option<controls::PlannedFault>,
}

impl StandIn {
    /// Opens the database, creating it if need be.
    pub fn open(options: Options) -> Result<StandIn, Error> {
        let connection = store::open(options.database.as_deref())?;
        let settings = Settings {
            public_url: options.public_url.trim_end_matches('/').to_owned(),
            webhook: options.webhook,
            paused: false,
            latency: Duration::ZERO,
            fault: None,
        };
        let shared = Shared {
            connection: Mutex::new(connection),
            now: options.now,
            chaos: options.chaos,
            settings: Mutex::new(settings),
            running: Mutex::default(),
            requests: Mutex::default(),
            bell: Notify::new(),
        };
        Ok(StandIn { shared: Arc::new(shared) })
    }
}

/// Locks; a panic elsewhere does not make the state unreadable, since SQLite rolled its transaction back.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
