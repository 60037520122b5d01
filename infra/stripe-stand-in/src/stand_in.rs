//! The stand-in: what all its parts share, and how it is opened.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::api_error::ApiResult;
use crate::faults::{Outage, PlannedFault, RefundPlan};
use crate::keys::{Permissions, RestrictedKey};
use crate::seller::Seller;
use crate::store::{self, Store};

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
    /// A control was refused, in the words Stripe would use.
    Refused(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Database(error) => write!(formatter, "the Stripe stand-in's database failed: {error}"),
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

/// The stand-in; clones share one state.
#[derive(Clone)]
pub struct StandIn {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) connection: Mutex<Connection>,
    pub(crate) now: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub(crate) chaos: Option<u64>,
    /// How the next refund goes, where it is not as usual.
    pub(crate) next_refund: Mutex<Option<RefundPlan>>,
    pub(crate) settings: Mutex<Settings>,
    /// Idempotency keys of requests that are running.
    pub(crate) running: Mutex<HashSet<String>>,
    pub(crate) requests: Mutex<BTreeMap<String, u64>>,
    /// Requests that an outage met.
    pub(crate) unanswered: AtomicU64,
    /// What was asked for since somebody last took it: each call with the permissions that it needs.
    pub(crate) needs: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Rung when there may be something to deliver.
    pub(crate) bell: Notify,
}

pub(crate) struct Settings {
    pub(crate) public_url: String,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) paused: bool,
    pub(crate) latency: Duration,
    pub(crate) fault: Option<PlannedFault>,
    pub(crate) outage: Option<Outage>,
    pub(crate) restricted_keys: Vec<RestrictedKey>,
    pub(crate) seller: Seller,
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
            outage: None,
            restricted_keys: Vec::new(),
            seller: Seller::default(),
        };
        let shared = Shared {
            connection: Mutex::new(connection),
            now: options.now,
            chaos: options.chaos,
            next_refund: Mutex::default(),
            settings: Mutex::new(settings),
            running: Mutex::default(),
            requests: Mutex::default(),
            unanswered: AtomicU64::new(0),
            needs: Mutex::default(),
            bell: Notify::new(),
        };
        Ok(StandIn { shared: Arc::new(shared) })
    }

    /// Runs `work` in one transaction; an error takes everything back.
    pub(crate) fn transact<T>(
        &self,
        request: Value,
        work: impl FnOnce(Store<'_>) -> ApiResult<T>,
    ) -> ApiResult<T> {
        self.transact_as(Permissions::all(), request, work)
    }

    /// The same for a caller who may not do everything.
    pub(crate) fn transact_as<T>(
        &self,
        permissions: Permissions,
        request: Value,
        work: impl FnOnce(Store<'_>) -> ApiResult<T>,
    ) -> ApiResult<T> {
        let now = (self.shared.now)();
        let (public_url, webhook_url, seller) = {
            let settings = locked(&self.shared.settings);
            let url = settings.webhook.as_ref().map(|webhook| webhook.url.clone());
            (settings.public_url.clone(), url, settings.seller.clone())
        };
        let mut connection = locked(&self.shared.connection);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let store = Store {
            transaction: &transaction,
            now,
            public_url: &public_url,
            webhook_url: webhook_url.as_deref(),
            seller: &seller,
            request,
            permissions,
            next_refund: &self.shared.next_refund,
        };
        let result = work(store)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Does what nobody asked for by a request.
    pub(crate) fn control<T>(&self, work: impl FnOnce(&Store<'_>) -> ApiResult<T>) -> Result<T, Error> {
        let request = json!({ "id": null, "idempotency_key": null });
        let result = self.transact(request, |store| work(&store));
        self.shared.bell.notify_one();
        result.map_err(|refusal| Error::Refused(refusal.message().to_owned()))
    }
}

/// Locks; a panic elsewhere does not make the state unreadable, since SQLite rolled its transaction back.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
