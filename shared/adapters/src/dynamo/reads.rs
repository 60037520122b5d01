//! Reads: single items for decisions, pages for people.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use saldo_domain::{BalanceShard, OrgId, Status, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::balance_shards::shard_of;
use super::errors::port_error;
use super::keys::{self, SK, TOP_UP_PREFIX};
use super::rows::{pointer_of, top_up_of};
use super::transactions::not_built;
use crate::PortError;

/// The main balance shard of an organisation, and which top-up holds its open slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub main: BalanceShard,
    pub open_top_up: Option<TopUpId>,
}

/// Some of a list, and the id after which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, Id> {
    pub items: Vec<T>,
    pub next: Option<Id>,
}

/// How many reads a filtered page may take before it is handed out short.
const READS_PER_PAGE: usize = 5;
/// How many reads several items may take: DynamoDB may leave some for another one.
const READS_PER_BATCH: usize = 5;

impl Store {
    /// A top-up of this organisation, as it is now.
    pub async fn top_up(&self, org: &OrgId, id: &TopUpId) -> Result<Option<TopUp>, PortError> {
        self.item(keys::top_up(org, id)).await?.as_ref().map(top_up_of).transpose()
    }

    /// The first top-up of this organisation.
    pub async fn first_top_up(&self, org: &OrgId) -> Result<Option<TopUp>, PortError> {
        let query = self.all_of(org, TOP_UP_PREFIX).limit(1);
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        answer.items().first().map(top_up_of).transpose()
    }

    /// Balance and open slot, in one request: a query over both is billed as one item, two gets as two.
    pub async fn balance(&self, org: &OrgId) -> Result<Balance, PortError> {
        let answer = self.all_of(org, keys::BALANCE).send().await.map_err(|error| port_error(&error))?;
        let mut balance = Balance::default();
        for item in answer.items() {
            match Reader(item).text(SK)? {
                keys::BALANCE => balance.main = shard_of(item)?,
                keys::OPEN_SLOT => balance.open_top_up = Some(pointer_of(item)?),
                _ => return Err(Reader(item).fault(SK)),
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
                .all_of(org, TOP_UP_PREFIX)
                .scan_index_forward(false)
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

    /// A query over what an organisation has under this prefix of sort keys, as it is now.
    pub(super) fn all_of(&self, org: &OrgId, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::org_partition(org)))
            .expression_attribute_values(":prefix", text(prefix))
            .consistent_read(true)
    }

    pub(super) async fn item(&self, key: Item) -> Result<Option<Item>, PortError> {
        let sent =
            self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true).send();
        Ok(sent.await.map_err(|error| port_error(&error))?.item)
    }

    /// The items there are under these keys, at most 100, in any order.
    pub(super) async fn items(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, PortError> {
        if keys.len() == 1 {
            let Some(key) = keys.pop() else { return Ok(Vec::new()) };
            return Ok(self.item(key).await?.into_iter().collect());
        }
        let mut items = Vec::new();
        for _ in 0..READS_PER_BATCH {
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let asked = asked.map_err(not_built)?;
            let sent = self.client.batch_get_item().request_items(&self.table, asked).send();
            let mut answer = sent.await.map_err(|error| port_error(&error))?;
            items.extend(answer.responses.take().unwrap_or_default().into_values().flatten());
            let rest = answer.unprocessed_keys.take().unwrap_or_default().into_values().next();
            keys = rest.map(|rest| rest.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(items);
            }
        }
        Err(PortError::Unavailable("not all items were read".to_owned()))
    }
}

pub(super) fn page_size(limit: usize) -> i32 {
    i32::try_from(limit.clamp(1, 1000)).unwrap_or(1000)
}
