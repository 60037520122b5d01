//! Writes: each one conditional, each set that belongs together in one transaction.

use std::time::Duration;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use saldo_domain::{Commit, IdempotencyKey, OrgId, ShardId, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, Writer, number, text};
use super::errors::{Canceled, canceled, condition_failed, port_error};
use super::keys::{self, TTL};
use super::rows::{REVISION, TOP_UP_ID, entry_item, pointer_of, top_up_item};
use crate::PortError;

/// What came of writing a new top-up down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is written, and holds the open slot.
    New,
    /// A request with this key made this top-up before.
    Repeated(TopUpId),
    /// Another top-up holds the slot.
    SlotTaken(TopUpId),
}

/// How long a request's idempotency key is remembered, in seconds.
const REQUEST_LIFE_SECS: i64 = 30 * 24 * 3600;
/// How often a transaction is tried that collides with another one; the SDK does not repeat it.
const TRIES: u32 = 4;
const FIRST_PAUSE_MS: u64 = 30;

pub(super) const ABSENT: &str = "attribute_not_exists(pk)";

impl Store {
    /// Writes the intent down before any call to Stripe: open slot, top-up and request together, or nothing.
    pub async fn begin(&self, top_up: &TopUp, request: &IdempotencyKey) -> Result<Begun, PortError> {
        let slot = Writer(keys::open_slot(&top_up.org))
            .text(TOP_UP_ID, top_up.id.as_str())
            .number("since", top_up.created_at.ms());
        let request_item = Writer(keys::request(&top_up.org, request))
            .text(TOP_UP_ID, top_up.id.as_str())
            .number(TTL, top_up.created_at.plus_secs(REQUEST_LIFE_SECS).secs());
        let puts = self.puts_if_absent([slot.0, request_item.0, top_up_item(top_up)])?;
        match self.transact(puts).await {
            Ok(()) => Ok(Begun::New),
            Err(Canceled::Conditions(reasons)) => {
                let [slot, request, ..] = reasons.as_slice() else { return Err(PortError::Conflict) };
                let pointer = |reason: &aws_sdk_dynamodb::types::CancellationReason| {
                    reason.item().map(pointer_of).unwrap_or(Err(PortError::Conflict))
                };
                if condition_failed(Some(request)) {
                    pointer(request).map(Begun::Repeated)
                } else if condition_failed(Some(slot)) {
                    pointer(slot).map(Begun::SlotTaken)
                } else {
                    Err(PortError::Conflict)
                }
            }
            Err(Canceled::Contention) => Err(PortError::Unavailable("transaction conflict".to_owned())),
            Err(Canceled::Other(error)) => Err(error),
        }
    }

    /// Writes a change: the row over the revision it was decided on, with entry, balance and slot in one transaction.
    ///
    /// [`PortError::Conflict`] means that the row has changed since: read it again and decide again.
    pub async fn commit(&self, commit: &Commit) -> Result<(), PortError> {
        let top_up = &commit.top_up;
        if commit.entry.is_none() && !commit.release_slot {
            return self.save(top_up).await;
        }
        let condition = if commit.entry.is_some() { OVER_REVISION_UNCREDITED } else { OVER_REVISION };
        let mut items = vec![self.row_put(top_up, condition).map_err(not_built)?];
        if let Some(entry) = &commit.entry {
            items.extend(self.puts_if_absent([entry_item(&top_up.org, entry)])?);
            items.push(self.gain_update(&top_up.org, ShardId::MAIN, entry.credits).map_err(not_built)?);
        }
        if commit.release_slot {
            items.push(self.slot_delete(&top_up.org, &top_up.id).map_err(not_built)?);
        }
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Canceled::Conditions(_)) => Err(PortError::Conflict),
            Err(Canceled::Contention) => Err(PortError::Unavailable("transaction conflict".to_owned())),
            Err(Canceled::Other(error)) => Err(error),
        }
    }

    /// Replaces a row, whose revision is one more than that of the row it replaces.
    pub async fn save(&self, top_up: &TopUp) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(top_up_item(top_up)))
            .condition_expression(OVER_REVISION)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":before", number(top_up.revision.saturating_sub(1)));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// Remembers Stripe's customer of an organisation. `replacing` names one that Stripe no longer knows.
    ///
    /// [`PortError::Conflict`] means that another one is remembered.
    pub async fn keep_customer(
        &self,
        org: &OrgId,
        customer: &str,
        replacing: Option<&str>,
    ) -> Result<(), PortError> {
        let item = Writer(keys::customer(org)).text("customer", customer).0;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match replacing {
            None => put.condition_expression(ABSENT),
            Some(old) => {
                put.condition_expression("customer = :old").expression_attribute_values(":old", text(old))
            }
        };
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    fn row_put(&self, top_up: &TopUp, condition: &str) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(top_up_item(top_up)))
            .condition_expression(condition)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":before", number(top_up.revision.saturating_sub(1)))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts of new items, each of which tells what was there before when it fails.
    pub(super) fn puts_if_absent<const N: usize>(
        &self,
        items: [Item; N],
    ) -> Result<Vec<TransactWriteItem>, PortError> {
        let put = |item| {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression(ABSENT)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            put.build().map(|put| TransactWriteItem::builder().put(put).build()).map_err(not_built)
        };
        items.into_iter().map(put).collect()
    }

    /// Only its holder frees a slot.
    fn slot_delete(&self, org: &OrgId, holder: &TopUpId) -> Result<TransactWriteItem, BuildError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::open_slot(org)))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", TOP_UP_ID)
            .expression_attribute_values(":holder", text(holder.as_str()))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Runs a transaction; a collision with another one is tried again after a short random pause.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Canceled> {
        let mut tried = 1;
        loop {
            let sent =
                self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = sent else { return Ok(()) };
            match canceled(&error) {
                Canceled::Contention if tried < TRIES => {
                    let longest = FIRST_PAUSE_MS << tried;
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest))).await;
                    tried += 1;
                }
                other => return Err(other),
            }
        }
    }
}

const OVER_REVISION: &str = "attribute_exists(pk) AND #revision = :before";
/// Credits are granted once, whatever the revision.
const OVER_REVISION_UNCREDITED: &str =
    "attribute_exists(pk) AND #revision = :before AND attribute_not_exists(credited)";

pub(super) fn not_built(error: BuildError) -> PortError {
    PortError::Broken(error.to_string())
}
