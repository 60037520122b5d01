//! Finding debits of one organisation by the reference that their sender gave them.

use saldo_adapters::dynamo::Ledger;
use saldo_adapters::http::Problem;
use saldo_credits::Balances as _;
use saldo_domain::{DebitId, Entry, EntryId, EntryKind, Month, OrgId, ShardId, Sharding, Timestamp};
use serde_json::Value;

use crate::{Function, table};

/// Entries that one search reads at most, the newest first.
const MOST_ENTRIES: usize = 20_000;
const ITEMS_PER_READ: usize = 1_000;
/// This month, and those before it that are read.
const MONTHS: usize = 3;
const MOST_FOUND: usize = 20;

/// The debits that were found, and how far back was read.
pub(crate) struct ByReference {
    pub(crate) results: Vec<Value>,
    pub(crate) entries: usize,
    /// What was made before was not looked at.
    pub(crate) back_to: Timestamp,
}

impl Function {
    /// Every debit whose reference is exactly this one, of the latest 20,000 entries of three months. No index has
    /// references: each 4 KB of entries is half a read unit.
    pub(crate) async fn by_reference(&self, org: &OrgId, reference: &str) -> Result<ByReference, Problem> {
        let main = self.store.main_shard(org).await.map_err(|error| table(&error))?;
        let (sharding, holds) = (main.sharding, main.holds);
        let now = self.clock.now();
        let (mut found, mut entries, mut back_to) = (Vec::new(), 0_usize, now);
        let mut month = Month::latest(now);
        'months: for _ in 0..MONTHS {
            let (ledger, mut before) = (Ledger { org, month, sharding, holds }, None::<EntryId>);
            loop {
                let page = self.store.latest_entries(ledger, ITEMS_PER_READ, before, false).await;
                let page = page.map_err(|error| table(&error))?;
                for entry in &page.items {
                    if entries == MOST_ENTRIES || found.len() == MOST_FOUND {
                        break 'months;
                    }
                    entries += 1;
                    back_to = entry.at;
                    if entry.kind == EntryKind::Debit && entry.reference.as_deref() == Some(reference) {
                        // What a hold's entry is called is no id that its sender knows.
                        found.extend(
                            DebitId::parse(&entry.cause).ok().map(|id| place_of(id, entry, sharding)),
                        );
                    }
                }
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            back_to = month.start();
            month = month.previous();
        }
        let results = self.debits_in(org, &found).await.map_err(|error| table(&error))?;
        Ok(ByReference { results, entries, back_to })
    }
}

/// Where the entry of a debit or hold lies.
fn place_of(id: DebitId, entry: &Entry, sharding: Sharding) -> (ShardId, DebitId) {
    (if entry.hold.is_some() { ShardId::HOLDS } else { sharding.ledger(id) }, id)
}
