//! Who spends: the table, the configuration, and what the process keeps in mind.

use std::sync::Arc;

use saldo_domain::{OrgId, ShardCounts};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::outcome::SpendError;
use crate::port::Balances;
use crate::process::Process;

/// Spends credits of organisations; clones are one spender.
#[derive(Debug)]
pub struct Spender<B> {
    pub(crate) balances: B,
    pub(crate) process: Arc<Process>,
    /// The balance shard that this process likes best, any number: others like others.
    pub(crate) first: usize,
    defaults: Arc<ShardCounts>,
    places: Arc<Semaphore>,
}

/// Debits that a process works on at a time, so that its own never fill a balance shard. A function of Lambda has one call.
const AT_ONCE: usize = 16;

impl<B: Clone> Clone for Spender<B> {
    fn clone(&self) -> Spender<B> {
        Spender {
            balances: self.balances.clone(),
            process: Arc::clone(&self.process),
            first: self.first,
            defaults: Arc::clone(&self.defaults),
            places: Arc::clone(&self.places),
        }
    }
}

impl<B: Balances> Spender<B> {
    #[must_use]
    pub fn new(balances: B) -> Spender<B> {
        let (process, places) = (Arc::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Spender { balances, process, first: fastrand::usize(..), defaults: Arc::default(), places }
    }

    /// Spreads the debits of these organisations over several balance shards, where they do not say a number themselves.
    #[must_use]
    pub fn with_shards(self, defaults: ShardCounts) -> Spender<B> {
        Spender { defaults: Arc::new(defaults), ..self }
    }

    /// Over how many balance shards the debits of this organisation are spread, as far as it is known; 0 for none.
    pub(crate) fn shards(&self, org: &OrgId) -> u8 {
        self.process.shards(org).unwrap_or_else(|| self.defaults.of(org))
    }

    /// Waits until so many debits may be worked on.
    pub(crate) async fn places(&self, debits: usize) -> Result<SemaphorePermit<'_>, SpendError> {
        let places = u32::try_from(debits.min(AT_ONCE)).unwrap_or(1);
        self.places.acquire_many(places).await.map_err(|_| SpendError::Busy)
    }
}
