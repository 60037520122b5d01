//! Reads: single items for decisions, pages for people.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use saldo_domain::{
    Credits, Entry, EntryId, Head, IdempotencyKey, Month, OrgId, Status, Timestamp, TopUp, TopUpId,
};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::errors::port_error;
use super::keys::{self, DUE, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, TOP_UP_PREFIX};
use super::rows::{entry_of, pointer_of, top_up_of};
use super::spend::head_of;
use crate::PortError;

/// What an organisation may spend, and which top-up holds its open slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub credits: Credits,
    pub open_top_up: Option<TopUpId>,
    /// The item that the credits are in, with the debits that may not have their entry yet.
    pub head: Head,
}

/// Some of a list, and the id after which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, Id> {
    pub items: Vec<T>,
    pub next: Option<Id>,
}

/// An unfinished top-up on the list of what is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub org: OrgId,
    pub id: TopUpId,
    /// Its place in the list.
    at: String,
}

/// How many reads a filtered page may take before it is handed out short.
const READS_PER_PAGE: usize = 5;

impl Store {
    /// A top-up of this organisation, as it is now.
    pub async fn top_up(&self, org: &OrgId, id: &TopUpId) -> Result<Option<TopUp>, PortError> {
        self.item(keys::top_up(org, id)).await?.as_ref().map(top_up_of).transpose()
    }

    /// The top-up that a request with this key made before.
    pub async fn requested_before(
        &self,
        org: &OrgId,
        request: &IdempotencyKey,
    ) -> Result<Option<TopUpId>, PortError> {
        self.item(keys::request(org, request)).await?.as_ref().map(pointer_of).transpose()
    }

    /// Stripe's customer of this organisation.
    pub async fn customer(&self, org: &OrgId) -> Result<Option<String>, PortError> {
        let item = self.item(keys::customer(org)).await?;
        item.as_ref().map(|item| Reader(item).text("customer").map(str::to_owned)).transpose()
    }

    /// Balance and open slot, in one request: a query over both is billed as one item, two gets as two.
    pub async fn balance(&self, org: &OrgId) -> Result<Balance, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :balance AND :slot")
            .expression_attribute_values(":pk", text(keys::org_partition(org)))
            .expression_attribute_values(":balance", text(keys::BALANCE))
            .expression_attribute_values(":slot", text(keys::OPEN_SLOT))
            .consistent_read(true);
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let mut balance = Balance::default();
        for item in answer.items() {
            match Reader(item).text(SK)? {
                keys::BALANCE => {
                    balance.head = head_of(item)?;
                    balance.credits = balance.head.credits;
                }
                keys::OPEN_SLOT => balance.open_top_up = Some(pointer_of(item)?),
                // The organisation's customer lies between the two.
                _ => {}
            }
        }
        Ok(balance)
    }

    /// Top-ups of this organisation, newest first, older than `after`.
    ///
    /// With a filter the page may be short, even empty, and still have a next one.
    pub async fn top_ups(
        &self,
        org: &OrgId,
        status: Option<Status>,
        limit: usize,
        after: Option<TopUpId>,
    ) -> Result<Page<TopUp, TopUpId>, PortError> {
        let mut items: Vec<TopUp> = Vec::new();
        let mut next = after;
        for _ in 0..READS_PER_PAGE {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", text(keys::org_partition(org)))
                .expression_attribute_values(":prefix", text(TOP_UP_PREFIX))
                .scan_index_forward(false)
                .consistent_read(true)
                .set_exclusive_start_key(next.as_ref().map(|id| keys::top_up(org, id)))
                .limit(page_size(limit));
            let answer = query.send().await.map_err(|error| port_error(&error))?;
            let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
            for item in answer.items() {
                let top_up = top_up_of(item)?;
                next = Some(top_up.id.clone());
                if status.is_none_or(|wanted| wanted == top_up.status) {
                    items.push(top_up);
                }
                if items.len() == limit {
                    let last_read = answer.items().last() == Some(item);
                    return Ok(Page { items, next: next.filter(|_| more || !last_read) });
                }
            }
            if !more {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next })
    }

    /// Ledger entries of a month, oldest first, later than `after`.
    pub async fn entries(
        &self,
        org: &OrgId,
        month: Month,
        limit: usize,
        after: Option<EntryId>,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        let query = self.month(org, month, limit, after).consistent_read(true);
        entry_page(&query.send().await.map_err(|error| port_error(&error))?)
    }

    /// Ledger entries of a month, newest first, earlier than `before`.
    ///
    /// For half the read units of [`Store::entries`]: what was written within the last second may be missing.
    pub async fn latest_entries(
        &self,
        org: &OrgId,
        month: Month,
        limit: usize,
        before: Option<EntryId>,
    ) -> Result<Page<Entry, EntryId>, PortError> {
        let query = self.month(org, month, limit, before).scan_index_forward(false);
        entry_page(&query.send().await.map_err(|error| port_error(&error))?)
    }

    fn month(&self, org: &OrgId, month: Month, limit: usize, from: Option<EntryId>) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::ledger_partition(org, month)))
            .set_exclusive_start_key(from.map(|id| keys::entry(org, id)))
            .limit(page_size(limit))
    }

    /// Unfinished top-ups whose next check is due, the longest waiting first: at most `limit`, those behind `after`.
    pub async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        after: Option<&Due>,
    ) -> Result<Vec<Due>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :due AND #at <= :now")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":due", text(DUE))
            .expression_attribute_values(":now", text(keys::due_at(now)))
            .set_exclusive_start_key(after.map(|after| keys::due(&after.org, &after.id, &after.at)))
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        answer.items().iter().map(due_of).collect()
    }

    pub(super) async fn item(&self, key: Item) -> Result<Option<Item>, PortError> {
        let sent =
            self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true).send();
        Ok(sent.await.map_err(|error| port_error(&error))?.item)
    }
}

fn entry_page(answer: &QueryOutput) -> Result<Page<Entry, EntryId>, PortError> {
    let items = answer.items().iter().map(entry_of).collect::<Result<Vec<_>, _>>()?;
    let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
    let next = items.last().map(|entry| entry.id).filter(|_| more);
    Ok(Page { items, next })
}

fn due_of(item: &Item) -> Result<Due, PortError> {
    let row = Reader(item);
    let (org, id) = keys::parse_top_up(row.text(PK)?, row.text(SK)?).ok_or_else(|| row.fault(SK))?;
    Ok(Due { org, id, at: row.text(DUE_AT)?.to_owned() })
}

fn page_size(limit: usize) -> i32 {
    i32::try_from(limit.clamp(1, 1000)).unwrap_or(1000)
}
