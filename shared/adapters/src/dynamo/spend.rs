//! What spending needs of a table, by DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{
    Channel, Credits, DebitEntry, DebitId, EntryId, Funds, Gain, Head, OrgId, Posting, Reversal, Shard,
    Split, Tag, Take, Timestamp,
};

use super::Store;
use super::attributes::{Item, Reader, number};
use super::errors::port_error;
use super::heads::{RING, TURNS, head_of};
use super::keys::{self, PK};
use super::posting::Posted;
use super::rows::CREDITS;
use super::runs::stored_in;
use super::transactions::{not_built, until_no_collision};
use crate::PortError;
use crate::spend::{Heads, Reversed, Stored, Taken, Written};

/// A take waits less for a transaction on its head to end than a transaction does.
const FIRST_PAUSE_MS: u64 = 10;

impl Heads for Store {
    async fn take(&self, org: &OrgId, shard: Shard, take: &Take) -> Result<Taken, PortError> {
        match updated(self.take_update(org, shard, take)).await? {
            Ok(done) => {
                let item = done.attributes.ok_or_else(|| PortError::Broken("no new head".to_owned()))?;
                Ok(Taken::Given(head_of(&item)?))
            }
            Err(before) => Ok(Taken::Refused(before.as_ref().map(head_of).transpose()?)),
        }
    }

    async fn make_ready(&self, org: &OrgId) -> Result<(), PortError> {
        let update = self
            .head_update(org, Shard::MAIN)
            .update_expression("SET #v = if_not_exists(#v, :zero), #q = if_not_exists(#q, :empty)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#v", TURNS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":empty", AttributeValue::M(Item::new()));
        or_conflict(updated(update).await?)
    }

    async fn put_entries(
        &self,
        org: &OrgId,
        ledger: Shard,
        entries: &[DebitEntry],
    ) -> Result<Written, PortError> {
        let run = entries.first().map(|entry| entry.id.run());
        let run = run.ok_or_else(|| PortError::Broken("no entries to write".to_owned()))?;
        match updated(self.entries_update(org, ledger, run, entries)).await? {
            Ok(_) => Ok(Written::New),
            Err(before) => {
                let stored = entries.iter().map(|entry| stored_in(before.as_ref(), entry.id));
                stored.collect::<Result<_, _>>().map(Written::Before)
            }
        }
    }

    async fn give_back(&self, org: &OrgId, id: DebitId, tag: Tag) -> Result<(), PortError> {
        // A refusal says that it was given back before.
        updated(self.give_back_update(org, id, tag)).await.map(drop)
    }

    async fn trim(&self, org: &OrgId, shard: Shard, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        or_conflict(updated(self.trim_update(org, shard, done)).await?)
    }

    async fn entries(&self, org: &OrgId, ids: &[(Shard, DebitId)]) -> Result<Vec<Stored>, PortError> {
        let key = |(ledger, id): &(Shard, DebitId)| keys::run(org, *ledger, id.run());
        let mut runs = HashMap::new();
        for one in ids {
            runs.insert((one.0, one.1.run()), key(one));
        }
        let items = self.items(runs.into_values().collect()).await?;
        let of_key =
            |key: &Item| items.iter().find(|item| key.iter().all(|(name, is)| item.get(name) == Some(is)));
        ids.iter().map(|one| stored_in(of_key(&key(one)), one.1)).collect()
    }

    async fn head(&self, org: &OrgId) -> Result<Head, PortError> {
        let item = self.item(keys::balance(org)).await?;
        item.as_ref().map_or_else(|| Ok(Head::default()), head_of)
    }

    async fn heads(&self, org: &OrgId) -> Result<Funds, PortError> {
        let items = self.items(Shard::heads().map(|shard| keys::head(org, shard)).collect()).await?;
        let mut funds = Funds::new();
        for shard in Shard::heads() {
            let key = keys::head(org, shard);
            if let Some(item) = items.iter().find(|item| item.get(PK) == key.get(PK)) {
                funds.insert(shard, head_of(item)?);
            }
        }
        Ok(funds)
    }

    async fn shift(&self, org: &OrgId, gain: &Gain) -> Result<(), PortError> {
        let updates = self.shift_updates(org, gain).map_err(not_built)?;
        self.transact(updates).await?.map_err(|_| PortError::Conflict)
    }

    async fn announce_split(&self, org: &OrgId) -> Result<(), PortError> {
        or_conflict(updated(self.split_update(org, Split::Coming)).await?)
    }

    async fn split(&self, org: &OrgId, since: Timestamp) -> Result<(), PortError> {
        or_conflict(updated(self.split_update(org, Split::Since(since))).await?)
    }

    async fn reversal(&self, org: &OrgId, id: DebitId) -> Result<Option<Reversal>, PortError> {
        let item = self.item(keys::reversal(org, id)).await?;
        item.as_ref().map(|item| reversal_of(id, item)).transpose()
    }

    async fn reverse(&self, org: &OrgId, reversal: &Reversal) -> Result<Reversed, PortError> {
        match self.post(org, &Posting::reversal(reversal, None)).await? {
            Posted::New => Ok(Reversed::New),
            Posted::Before(entry) => Ok(Reversed::Before(Reversal {
                entry: entry.id,
                credits: entry.credits,
                channel: entry.channel.unwrap_or(reversal.channel),
                at: entry.at,
                ..*reversal
            })),
        }
    }
}

/// Sends a conditional update; where the condition did not hold, gives the item that was there, if it was asked for.
///
/// One that collides with a transaction is tried again after a short random pause.
async fn updated(
    update: UpdateItemFluentBuilder,
) -> Result<Result<UpdateItemOutput, Option<Item>>, PortError> {
    match until_no_collision(FIRST_PAUSE_MS, || update.clone().send(), in_transaction).await {
        Ok(done) => Ok(Ok(done)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item().cloned())),
            _ => Err(port_error(&error)),
        },
    }
}

fn or_conflict<T, U>(updated: Result<T, U>) -> Result<(), PortError> {
    updated.map(drop).map_err(|_| PortError::Conflict)
}

fn in_transaction(error: &SdkError<UpdateItemError>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("TransactionConflictException")
}

fn reversal_of(debit: DebitId, item: &Item) -> Result<Reversal, PortError> {
    let row = Reader(item);
    Ok(Reversal {
        debit,
        entry: row.parsed("entry", |id| EntryId::parse(id).ok())?,
        credits: Credits(row.number(CREDITS)?),
        channel: row.parsed("channel", Channel::parse)?,
        at: row.moment("at")?,
    })
}
