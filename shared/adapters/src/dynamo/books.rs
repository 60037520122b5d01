//! What proving the books asks of the table: due organisations, ledgers with their stamps, rows.

use saldo_books::{Books, DueOrganisation, LedgerPage, Place, RowPage, SweepOf};
use saldo_domain::{Closing, DebitId, EntryId, LedgerLine, OrgId, Report, Sweep, Timestamp, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::errors::port_error;
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, Work};
use super::reads::page_size;
use super::rows::entry_of;
use super::runs::{entries_of, stored_in};
use crate::PortError;

/// Organisations that are read at a time.
const ORGANISATIONS: usize = 25;
/// Items of a ledger that are read at a time, each of 1 to 32 entries: what a function has in memory of them.
const ITEMS: usize = 1_000;
/// Rows that are read at a time.
const ROWS: usize = 100;

impl Books for Store {
    async fn due_organisations(
        &self,
        part: u8,
        until: Timestamp,
        after: Option<&DueOrganisation>,
    ) -> Result<Vec<DueOrganisation>, PortError> {
        let Some(partition) = keys::due_partitions(Work::Books).nth(part.into()) else {
            return Ok(Vec::new());
        };
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :due AND #at <= :until")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":due", text(partition))
            .expression_attribute_values(":until", text(keys::due_at(until)))
            .set_exclusive_start_key(after.map(due_key))
            .limit(page_size(ORGANISATIONS));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        answer.items().iter().map(due_of).collect()
    }

    async fn put_off(
        &self,
        organisation: &DueOrganisation,
        next: Timestamp,
    ) -> Result<DueOrganisation, PortError> {
        let org = &organisation.org;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::settings(org)))
            .update_expression("SET #at = :next")
            .condition_expression("#at = :before")
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":before", text(keys::due_at(organisation.at)))
            .expression_attribute_values(":next", text(keys::due_at(next)));
        update.send().await.map_err(|error| port_error(&error))?;
        Ok(DueOrganisation { org: org.clone(), at: next })
    }

    async fn ledger(
        &self,
        org: &OrgId,
        place: Place,
        after: Option<EntryId>,
    ) -> Result<LedgerPage, PortError> {
        let partition = keys::ledger_partition(org, place.month, place.ledger);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(partition))
            .consistent_read(true)
            .limit(page_size(ITEMS));
        if let Some(from) = place.from {
            query = query
                .key_condition_expression("pk = :pk AND sk >= :from")
                .expression_attribute_values(":from", text(EntryId::first_at(from).to_string()));
        }
        // The last key is the id of an item, which is the first of a run.
        let behind = after.map(|id| keys::entry_in(org, place.month, place.ledger, id));
        let answer =
            query.set_exclusive_start_key(behind).send().await.map_err(|error| port_error(&error))?;
        let mut lines = Vec::new();
        for item in answer.items() {
            lines.extend(lines_of(item)?);
        }
        let last = answer.last_evaluated_key().filter(|key| !key.is_empty());
        let next = last.map(|key| Reader(key).parsed(keys::SK, |id| EntryId::parse(id).ok())).transpose()?;
        Ok(LedgerPage { lines, next })
    }

    async fn rows(&self, org: &OrgId, after: Option<TopUpId>) -> Result<RowPage, PortError> {
        let page = self.top_ups(org, None, ROWS, after).await?;
        Ok(RowPage { rows: page.items, next: page.next })
    }

    async fn open_slot(&self, org: &OrgId) -> Result<Option<TopUpId>, PortError> {
        Ok(self.balance(org).await?.open_top_up)
    }

    async fn closings(&self, org: &OrgId) -> Result<Vec<Closing>, PortError> {
        self.kept_closings(org).await
    }

    async fn keep_closing(&self, org: &OrgId, closing: &Closing) -> Result<(), PortError> {
        self.write_closing(org, closing).await
    }

    async fn sweep(&self, of: SweepOf) -> Result<Sweep, PortError> {
        self.kept_sweep(of).await
    }

    async fn keep_sweep(&self, of: SweepOf, sweep: &Sweep) -> Result<(), PortError> {
        self.write_sweep(of, sweep).await
    }

    async fn keep_report(&self, report: &Report) -> Result<(), PortError> {
        self.write_report(report).await
    }
}

/// The key by which the index goes on behind an organisation.
fn due_key(due: &DueOrganisation) -> Item {
    let mut key = keys::settings(&due.org);
    key.insert(DUE_PK.to_owned(), text(keys::due_partition(Work::Books, due.org.as_str())));
    key.insert(DUE_AT.to_owned(), text(keys::due_at(due.at)));
    key
}

fn due_of(item: &Item) -> Result<DueOrganisation, PortError> {
    let row = Reader(item);
    let org = row.parsed(PK, keys::parse_org)?;
    let at = row.parsed(DUE_AT, |digits| digits.parse().ok())?;
    Ok(DueOrganisation { org, at: Timestamp::from_ms(at) })
}

fn lines_of(item: &Item) -> Result<Vec<LedgerLine>, PortError> {
    let Some(debits) = entries_of(item)? else {
        return Ok(vec![LedgerLine { entry: entry_of(item)?, stamp: None }]);
    };
    let line = |entry: saldo_domain::Entry| {
        let id = DebitId::parse(&entry.cause).map_err(|_| Reader(item).fault("debit"))?;
        let stamp = stored_in(Some(item), id)?.entry().map(|debit| debit.stamp);
        Ok(LedgerLine { entry, stamp })
    };
    debits.into_iter().map(line).collect()
}
