//! The list of unfinished work that is due, the longest waiting first.

use std::collections::VecDeque;

use futures_util::future::try_join_all;
use saldo_domain::{OrgId, PortError, Timestamp, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::errors::port_error;
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, Work};
use super::reads::page_size;

/// A top-up that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub org: OrgId,
    pub id: TopUpId,
    /// Since when, as the index sorts it.
    at: String,
}

/// Due work, read as it is asked for. Each piece comes once, also when it is still due afterwards.
#[derive(Debug)]
pub struct DueWork<'a> {
    store: &'a Store,
    now: Timestamp,
    parts: Vec<Part>,
}

/// One partition of the index: what was read and not handed out, and where to read on.
#[derive(Debug)]
struct Part {
    partition: String,
    read: VecDeque<Due>,
    /// The last key that was read; `None` before the first read.
    last: Option<Item>,
    more: bool,
}

/// What is read of a partition at a time.
const READ: usize = 25;

impl Store {
    /// The unfinished top-ups whose next check is due at `now`.
    #[must_use]
    pub fn due_top_ups(&self, now: Timestamp) -> DueWork<'_> {
        self.due(Work::TopUp, now)
    }

    /// The paid top-ups whose refund nobody has brought to its end, and is to be looked after at `now`.
    #[must_use]
    pub fn due_refunds(&self, now: Timestamp) -> DueWork<'_> {
        self.due(Work::Refund, now)
    }

    fn due(&self, work: Work, now: Timestamp) -> DueWork<'_> {
        let part = |partition| Part { partition, read: VecDeque::new(), last: None, more: true };
        DueWork { store: self, now, parts: keys::due_partitions(work).map(part).collect() }
    }
}

impl DueWork<'_> {
    /// What waits longest of that which was not handed out yet.
    pub async fn next(&mut self) -> Result<Option<Due>, PortError> {
        // The oldest of all is known only when each partition has shown its own.
        let (store, now) = (self.store, self.now);
        let empty = self.parts.iter_mut().filter(|part| part.read.is_empty() && part.more);
        try_join_all(empty.map(|part| part.read_on(store, now))).await?;
        let oldest = self.parts.iter_mut().filter(|part| !part.read.is_empty());
        let oldest = oldest.min_by(|one, other| one.oldest().cmp(&other.oldest()));
        Ok(oldest.and_then(|part| part.read.pop_front()))
    }
}

impl Part {
    fn oldest(&self) -> Option<&str> {
        self.read.front().map(|due| due.at.as_str())
    }

    async fn read_on(&mut self, store: &Store, now: Timestamp) -> Result<(), PortError> {
        let query = store
            .client
            .query()
            .table_name(&store.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :due AND #at <= :now")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":due", text(self.partition.clone()))
            .expression_attribute_values(":now", text(keys::due_at(now)))
            .set_exclusive_start_key(self.last.clone())
            .limit(page_size(READ));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        self.read = answer.items().iter().map(due_of).collect::<Result<_, _>>()?;
        self.last = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.more = self.last.is_some();
        Ok(())
    }
}

fn due_of(item: &Item) -> Result<Due, PortError> {
    let row = Reader(item);
    let (org, id) = keys::parse_top_up(row.text(PK)?, row.text(SK)?).ok_or_else(|| row.fault(SK))?;
    Ok(Due { org, id, at: row.text(DUE_AT)?.to_owned() })
}
