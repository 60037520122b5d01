//! Who spends: the table, the configuration, and what the process keeps in mind.

use std::sync::Arc;

use saldo_domain::{Meters, OrgId, ShardCounts};

use crate::group::Groups;
use crate::port::Balances;
use crate::process::Process;

/// Spends credits of organisations; clones are one spender.
#[derive(Debug)]
pub struct Spender<B> {
    pub(crate) balances: B,
    pub(crate) process: Arc<Process>,
    pub(crate) groups: Groups,
    /// The balance shard that this process likes best, any number: others like others.
    pub(crate) first: usize,
    pub(crate) reversal_secs: i64,
    /// What stamps are read by.
    pub(crate) meters: Option<Arc<Meters>>,
    defaults: Arc<ShardCounts>,
}

/// For how long after its id's time a debit may be reversed when nothing else is said, in seconds: 72 hours.
const REVERSAL_SECS: i64 = 72 * 3600;

impl<B: Clone> Clone for Spender<B> {
    fn clone(&self) -> Spender<B> {
        Spender {
            balances: self.balances.clone(),
            process: Arc::clone(&self.process),
            groups: self.groups.clone(),
            first: self.first,
            reversal_secs: self.reversal_secs,
            meters: self.meters.clone(),
            defaults: Arc::clone(&self.defaults),
        }
    }
}

impl<B: Balances> Spender<B> {
    #[must_use]
    pub fn new(balances: B) -> Spender<B> {
        Spender {
            balances,
            process: Arc::default(),
            groups: Groups::default(),
            first: fastrand::usize(..),
            reversal_secs: REVERSAL_SECS,
            meters: None,
            defaults: Arc::default(),
        }
    }

    /// Knows the names of these meters, and their rates: a debit that died is repaired from a number. Without them, and of
    /// others, what repair writes is named after the number until its sender comes again; e-mail, WhatsApp and SMS are
    /// always known.
    #[must_use]
    pub fn with_meters(self, meters: Meters) -> Spender<B> {
        Spender { meters: Some(Arc::new(meters)), ..self }
    }

    /// Spreads the debits of these organisations over several balance shards, where they do not say a number themselves.
    #[must_use]
    pub fn with_shards(self, defaults: ShardCounts) -> Spender<B> {
        Spender { defaults: Arc::new(defaults), ..self }
    }

    /// Lets debits be reversed for so many seconds after their ids' time.
    #[must_use]
    pub fn with_reversal_window(self, secs: i64) -> Spender<B> {
        Spender { reversal_secs: secs, ..self }
    }

    /// Over how many balance shards the debits of this organisation are spread, as far as it is known; 0 for none.
    pub(crate) fn shards(&self, org: &OrgId) -> u8 {
        self.process.shards(org).unwrap_or_else(|| self.defaults.of(org))
    }
}
