//! The ledger of a month, read in order from all the places where it lies.

use std::cmp::Ordering;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures_util::future::try_join_all;
use saldo_domain::{Entry, EntryId, Month, OrgId, ShardId, Sharding};

use super::Store;
use super::attributes::{Reader, text};
use super::errors::port_error;
use super::keys;
use super::reads::{Page, page_size};
use super::rows::entry_of;
use super::runs::entries_of;
use crate::PortError;

/// Whose entries of which month.
#[derive(Clone, Copy, Debug)]
pub struct Ledger<'a> {
    pub org: &'a OrgId,
    pub month: Month,
    /// Whether the organisation's debits are spread over shards: then most of the month lies in theirs.
    pub sharding: Sharding,
    /// Whether there may be holds, which have a place of their own.
    pub holds: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
}

/// From where on, which way, and whether nothing may be missing.
#[derive(Clone, Copy)]
struct Reading {
    from: Option<EntryId>,
    order: Order,
    consistent: bool,
}

impl Reading {
    fn after(from: Option<EntryId>) -> Reading {
        Reading { from, order: Order::OldestFirst, consistent: true }
    }
}

/// What was read of one place.
struct Part {
    entries: Vec<Entry>,
    /// The last run that was read, when there is more behind it.
    up_to: Option<EntryId>,
}

impl Store {
    /// Entries from the oldest on, later than `after`: at most `limit`.
    pub async fn entries(
        &self,
        ledger: Ledger<'_>,
        limit: usize,
        after: Option<EntryId>,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        // Debits of one run share an item: the first one that is read may hold nothing later than `after`.
        let items = limit + usize::from(after.is_some());
        let mut page = self.some_entries(ledger, items, Reading::after(after)).await?;
        if page.items.len() > limit {
            page.items.truncate(limit);
            page.next = page.items.last().map(|entry| entry.id);
        }
        Ok(page)
    }

    /// Entries from the oldest on, later than `after`, as about `items` of the table hold them, each 1 to 32.
    pub async fn oldest_entries(
        &self,
        ledger: Ledger<'_>,
        items: usize,
        after: Option<EntryId>,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        self.some_entries(ledger, ledger.share(items), Reading::after(after)).await
    }

    /// Entries from the newest on, earlier than `before`, as about `items` of the table hold them, each 1 to 32.
    ///
    /// Unless `all`, for half the read units of [`Store::oldest_entries`]: what was written within the last second may be
    /// missing.
    pub async fn latest_entries(
        &self,
        ledger: Ledger<'_>,
        items: usize,
        before: Option<EntryId>,
        all: bool,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        let reading = Reading { from: before, order: Order::NewestFirst, consistent: all };
        self.some_entries(ledger, ledger.share(items), reading).await
    }

    /// By `items` of each place.
    async fn some_entries(
        &self,
        ledger: Ledger<'_>,
        items: usize,
        reading: Reading,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        let Reading { from, order, .. } = reading;
        let reads = ledger.places().map(|place| async move {
            let query = self.query(ledger, place, items, reading);
            part(&query.send().await.map_err(|error| port_error(&error))?)
        });
        let mut page = merged(try_join_all(reads).await?, order);
        page.items.retain(|entry| from.is_none_or(|from| order.of(from, entry.id) == Ordering::Less));
        Ok(page)
    }

    fn query(
        &self,
        ledger: Ledger<'_>,
        place: ShardId,
        items: usize,
        reading: Reading,
    ) -> QueryFluentBuilder {
        let Reading { from, order, consistent } = reading;
        let partition = keys::ledger_partition(ledger.org, ledger.month, place);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .expression_attribute_values(":pk", text(partition))
            .consistent_read(consistent)
            .scan_index_forward(order == Order::OldestFirst)
            .limit(page_size(items));
        let Some(from) = from else { return query.key_condition_expression("pk = :pk") };
        let side = if order == Order::OldestFirst { ">=" } else { "<=" };
        query
            .key_condition_expression(format!("pk = :pk AND sk {side} :from"))
            .expression_attribute_values(":from", text(from.first_of_run().to_string()))
    }
}

impl Ledger<'_> {
    fn places(self) -> impl Iterator<Item = ShardId> {
        self.sharding.ledgers(self.month, self.holds)
    }

    /// What falls to each place of so many; at least 2, since the first one may hold nothing new.
    fn share(self, items: usize) -> usize {
        (items / self.places().count().max(1)).max(2)
    }
}

impl Order {
    fn of(self, one: EntryId, other: EntryId) -> Ordering {
        match self {
            Order::OldestFirst => one.cmp(&other),
            Order::NewestFirst => other.cmp(&one),
        }
    }
}

fn part(answer: &QueryOutput) -> Result<Part, PortError> {
    let mut entries = Vec::new();
    for item in answer.items() {
        match entries_of(item)? {
            Some(debits) => entries.extend(debits),
            None => entries.push(entry_of(item)?),
        }
    }
    let more = answer.last_evaluated_key().filter(|key| !key.is_empty());
    let up_to = more.map(|key| Reader(key).parsed(keys::SK, |id| EntryId::parse(id).ok())).transpose()?;
    Ok(Part { entries, up_to })
}

/// All parts in one order. What lies behind the end of a part that has more is left for the next page.
fn merged(parts: Vec<Part>, order: Order) -> Page<Entry, EntryId> {
    let end = parts.iter().filter_map(|part| part.up_to).min_by(|one, other| order.of(*one, *other));
    let mut items: Vec<Entry> = parts.into_iter().flat_map(|part| part.entries).collect();
    items.retain(|entry| end.is_none_or(|end| order.of(entry.id.first_of_run(), end) != Ordering::Greater));
    items.sort_by(|one, other| order.of(one.id, other.id));
    let next = end.map(|end| items.last().map_or(end, |entry| entry.id));
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use saldo_domain::{Credits, EntryKind, Timestamp};

    use super::*;

    fn entry(number: u8) -> Entry {
        let id = format!("019ab0f2-6c40-7a11-8b22-3344556677{number:02x}");
        Entry {
            id: EntryId::parse(&id).unwrap(),
            at: Timestamp::from_ms(1),
            booked_at: Timestamp::from_ms(0),
            credits: Credits(1),
            kind: EntryKind::Reversal,
            cause: String::new(),
            actor: None,
            channel: None,
            class: None,
            country: None,
            reference: None,
            units: saldo_domain::Units::ONE,
            version: None,
            hold: None,
        }
    }

    fn pages(parts: &[(&[u8], bool)], order: Order) -> (Vec<EntryId>, Option<EntryId>) {
        let part = |(numbers, more): &(&[u8], bool)| {
            let entries: Vec<_> = numbers.iter().map(|number| entry(*number)).collect();
            let up_to = entries.last().filter(|_| *more).map(|entry| entry.id.first_of_run());
            Part { entries, up_to }
        };
        let page = merged(parts.iter().map(part).collect(), order);
        (page.items.iter().map(|entry| entry.id).collect(), page.next)
    }

    #[test]
    fn a_page_ends_where_the_first_place_has_more() {
        let ids = |numbers: &[u8]| numbers.iter().map(|number| entry(*number).id).collect::<Vec<_>>();
        let read: [(&[u8], bool); 2] = [(&[0x01, 0x21, 0x22], true), (&[0x20, 0x3f, 0x40], true)];
        let last = entry(0x3f).id;
        assert_eq!(
            pages(&read, Order::OldestFirst),
            (ids(&[0x01, 0x20, 0x21, 0x22, 0x3f]), Some(last)),
            "to the end of the run"
        );
        let read: [(&[u8], bool); 2] = [(&[0x41, 0x40, 0x21], true), (&[0x60, 0x20, 0x01], false)];
        let last = entry(0x20).id;
        assert_eq!(pages(&read, Order::NewestFirst), (ids(&[0x60, 0x41, 0x40, 0x21, 0x20]), Some(last)));
        let read: [(&[u8], bool); 2] = [(&[0x02], false), (&[0x01], false)];
        assert_eq!(pages(&read, Order::OldestFirst), (ids(&[0x01, 0x02]), None));
    }
}
