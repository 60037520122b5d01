//! The keys that senders choose in the place of ids of debits: an item each, which says for which debit it stands.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use saldo_credits::Keys;
use saldo_domain::{DebitId, IdempotencyKey, OrgId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::balances::updated;
use super::keys;
use crate::PortError;

/// The debit that a key stands for.
const DEBIT: &str = "debit";

impl Keys for Store {
    async fn claimed(&self, org: &OrgId, key: &IdempotencyKey) -> Result<Option<DebitId>, PortError> {
        self.item(keys::sender_key(org, key)).await?.as_ref().map(debit_of).transpose()
    }

    async fn claim(&self, org: &OrgId, key: &IdempotencyKey, id: DebitId) -> Result<DebitId, PortError> {
        let update = self.key_update(org, key, id).condition_expression("attribute_not_exists(#debit)");
        stands_for(update, id).await
    }

    async fn replace(
        &self,
        org: &OrgId,
        key: &IdempotencyKey,
        before: DebitId,
        id: DebitId,
    ) -> Result<DebitId, PortError> {
        let update = self
            .key_update(org, key, id)
            .condition_expression("#debit = :before")
            .expression_attribute_values(":before", text(before.to_string()));
        stands_for(update, id).await
    }
}

impl Store {
    fn key_update(&self, org: &OrgId, key: &IdempotencyKey, id: DebitId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::sender_key(org, key)))
            .update_expression("SET #debit = :debit")
            .expression_attribute_names("#debit", DEBIT)
            .expression_attribute_values(":debit", text(id.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// The debit that the key stands for then, which is this one where it is written.
async fn stands_for(update: UpdateItemFluentBuilder, id: DebitId) -> Result<DebitId, PortError> {
    match updated(update).await? {
        Ok(_) => Ok(id),
        Err(before) => debit_of(&before.ok_or(PortError::Conflict)?),
    }
}

fn debit_of(item: &Item) -> Result<DebitId, PortError> {
    Reader(item).parsed(DEBIT, |id| DebitId::parse(id).ok())
}
