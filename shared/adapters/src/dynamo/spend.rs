//! The head of a balance and the entries of debits, in DynamoDB.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_domain::{
    Channel, Country, Credits, DebitEntry, DebitId, Details, EntryId, EntryKind, Head, OrgId, Reference,
    Reversal, TURN, Tag, Take,
};

use super::Store;
use super::attributes::{Item, Reader, Writer, number};
use super::errors::{Canceled, canceled_reason_item, port_error};
use super::keys;
use super::rows::CREDITS;
use super::writes::{ABSENT, not_built};
use crate::PortError;
use crate::spend::{Heads, Reversed, Stored, Taken, Written};

/// The counter of a head.
pub(super) const TURNS: &str = "v";
/// The ring of a head: ids of debits, 22 characters each, with their tags.
pub(super) const RING: &str = "q";

/// How often a write is tried that collides with a transaction on the head; the SDK does not repeat it.
const TRIES: u32 = 4;
const FIRST_PAUSE_MS: u64 = 10;
/// Who wrote an entry that does not say all that its sender said.
const BY_REPAIR: &str = "repair";

impl Heads for Store {
    async fn take(&self, org: &OrgId, take: &Take) -> Result<Taken, PortError> {
        let (guards, removed) = trim_expressions(&take.trims);
        let condition = format!(
            "#credits >= :credits AND attribute_exists(#q) AND size(#q) < :room AND attribute_not_exists(#q.#id){guards}"
        );
        let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {removed}") };
        let update =
            format!("SET #credits = #credits - :credits, #v = #v + :turn, #q.#id = #v + :code{remove}");
        let update = with_trims(self.head_update(org), &take.trims)
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", TURNS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_names("#id", ring_name(take.id))
            .expression_attribute_values(":credits", number(take.credits.0))
            .expression_attribute_values(":turn", number(TURN))
            .expression_attribute_values(":code", number(take.code))
            .expression_attribute_values(":room", number(i64::try_from(take.room()).unwrap_or_default()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match unless_in_transaction(|| update.clone().send()).await {
            Ok(done) => {
                let item = done.attributes.ok_or_else(|| PortError::Broken("no new head".to_owned()))?;
                Ok(Taken::Given(head_of(&item)?))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Taken::Refused(failed.item().map(head_of).transpose()?))
                }
                _ => Err(port_error(&error)),
            },
        }
    }

    async fn make_ready(&self, org: &OrgId) -> Result<(), PortError> {
        let update = self
            .head_update(org)
            .update_expression("SET #v = if_not_exists(#v, :zero), #q = if_not_exists(#q, :empty)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#v", TURNS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":empty", AttributeValue::M(Item::new()));
        let sent = unless_in_transaction(|| update.clone().send()).await;
        sent.map(drop).map_err(|error| port_error(&error))
    }

    async fn put_entry(&self, org: &OrgId, entry: &DebitEntry) -> Result<Written, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(debit_item(org, entry)))
            .condition_expression(ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Written::New),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Before(stored(failed.item().unwrap_or(&Item::new()))?))
                }
                _ => Err(port_error(&error)),
            },
        }
    }

    async fn give_back(&self, org: &OrgId, id: DebitId, tag: Tag) -> Result<(), PortError> {
        let update = self
            .head_update(org)
            .update_expression("SET #credits = #credits + :credits REMOVE #q.#id")
            .condition_expression("#q.#id = :tag")
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_names("#id", ring_name(id))
            .expression_attribute_values(":credits", number(tag.credits().0))
            .expression_attribute_values(":tag", number(tag.0));
        match unless_in_transaction(|| update.clone().send()).await.map_err(|error| port_error(&error)) {
            // It was given back before.
            Ok(_) | Err(PortError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn trim(&self, org: &OrgId, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        let (guards, removed) = trim_expressions(done);
        let update = with_trims(self.head_update(org), done)
            .update_expression(format!("REMOVE {removed}"))
            .condition_expression(format!("attribute_exists(#q){guards}"))
            .expression_attribute_names("#q", RING);
        let sent = unless_in_transaction(|| update.clone().send()).await;
        sent.map(drop).map_err(|error| port_error(&error))
    }

    async fn entry(&self, org: &OrgId, id: DebitId) -> Result<Stored, PortError> {
        match self.item(keys::entry(org, id.entry())).await? {
            Some(item) => stored(&item),
            None => Ok(Stored::Nothing),
        }
    }

    async fn head(&self, org: &OrgId) -> Result<Head, PortError> {
        let item = self.item(keys::balance(org)).await?;
        item.as_ref().map_or_else(|| Ok(Head::default()), head_of)
    }

    async fn reversal(&self, org: &OrgId, id: DebitId) -> Result<Option<Reversal>, PortError> {
        let item = self.item(keys::reversal(org, id)).await?;
        item.as_ref().map(|item| reversal_of(id, item)).transpose()
    }

    async fn reverse(&self, org: &OrgId, reversal: &Reversal) -> Result<Reversed, PortError> {
        let puts = [reversal_item(org, reversal), reversal_entry_item(org, reversal)];
        let mut items = self.puts_if_absent(puts)?;
        let head = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::balance(org)))
            .update_expression("ADD #credits :credits")
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_values(":credits", number(reversal.credits.0))
            .build()
            .map_err(not_built)?;
        items.push(TransactWriteItem::builder().update(head).build());
        match self.transact(items).await {
            Ok(()) => Ok(Reversed::New),
            Err(Canceled::Conditions(reasons)) => match canceled_reason_item(&reasons, 0) {
                Some(item) => reversal_of(reversal.debit, item).map(Reversed::Before),
                None => Err(PortError::Conflict),
            },
            Err(Canceled::Contention) => Err(PortError::Unavailable("transaction conflict".to_owned())),
            Err(Canceled::Other(error)) => Err(error),
        }
    }
}

impl Store {
    fn head_update(&self, org: &OrgId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(keys::balance(org)))
    }
}

/// ` AND (…)` for each trim, and the paths to remove.
fn trim_expressions(trims: &[(DebitId, Tag)]) -> (String, String) {
    let guards = (0..trims.len())
        .map(|at| format!(" AND (attribute_not_exists(#q.#done{at}) OR #q.#done{at} = :done{at})"));
    let removed: Vec<_> = (0..trims.len()).map(|at| format!("#q.#done{at}")).collect();
    (guards.collect(), removed.join(", "))
}

fn with_trims(update: UpdateItemFluentBuilder, trims: &[(DebitId, Tag)]) -> UpdateItemFluentBuilder {
    trims.iter().enumerate().fold(update, |update, (at, (id, tag))| {
        update
            .expression_attribute_names(format!("#done{at}"), ring_name(*id))
            .expression_attribute_values(format!(":done{at}"), number(tag.0))
    })
}

/// Sends a write to the head; one that collides with a transaction is tried again after a short random pause.
async fn unless_in_transaction<T, E, F>(send: impl Fn() -> F) -> Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut tried = 1;
    loop {
        let sent = send().await;
        let collided = sent
            .as_ref()
            .err()
            .and_then(SdkError::as_service_error)
            .is_some_and(|error| error.code() == Some("TransactionConflictException"));
        if !collided || tried == TRIES {
            return sent;
        }
        let longest = FIRST_PAUSE_MS << tried;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest))).await;
        tried += 1;
    }
}

fn ring_name(id: DebitId) -> String {
    URL_SAFE_NO_PAD.encode(id.bytes())
}

pub(super) fn head_of(item: &Item) -> Result<Head, PortError> {
    let row = Reader(item);
    let mut head = Head {
        credits: Credits(row.optional_number(CREDITS).unwrap_or_default()),
        turns: row.optional_number(TURNS).unwrap_or_default(),
        ..Head::default()
    };
    if let Some(AttributeValue::M(ring)) = item.get(RING) {
        head.ready = true;
        for name in ring.keys() {
            let bytes = URL_SAFE_NO_PAD.decode(name).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            let id =
                bytes.and_then(|bytes| DebitId::from_bytes(bytes).ok()).ok_or_else(|| row.fault(RING))?;
            head.ring.insert(id, Tag(Reader(ring).number(name).map_err(|_| row.fault(RING))?));
        }
    }
    Ok(head)
}

fn debit_item(org: &OrgId, entry: &DebitEntry) -> Item {
    let details = entry.details.as_ref();
    let country = details.and_then(|details| details.country.as_ref()).map(Country::as_str);
    let reference = details.and_then(|details| details.reference.as_ref()).map(Reference::as_str);
    Writer(keys::entry(org, entry.id.entry()))
        .number("at", entry.id.at().ms())
        .number(CREDITS, entry.credits.0.saturating_neg())
        .text("kind", EntryKind::Debit.as_str())
        .text("channel", entry.channel.as_str())
        .optional_text("country", country)
        .optional_text("reference", reference)
        .number("tag", entry.tag.0)
        .number("available", entry.available.0)
        .optional_text("written_by", details.is_none().then_some(BY_REPAIR))
        .0
}

fn stored(item: &Item) -> Result<Stored, PortError> {
    let row = Reader(item);
    if row.parsed("kind", EntryKind::parse)? != EntryKind::Debit {
        return Ok(Stored::Other);
    }
    let details = Details {
        country: row.optional_text("country").and_then(Country::parse),
        reference: row.optional_text("reference").and_then(|text| Reference::parse(text).ok()),
    };
    Ok(Stored::Debit(DebitEntry {
        id: row.parsed(keys::SK, |id| DebitId::parse(id).ok())?,
        tag: Tag(row.number("tag")?),
        credits: Credits(row.number(CREDITS)?.saturating_neg()),
        channel: row.parsed("channel", Channel::parse)?,
        details: (row.optional_text("written_by") != Some(BY_REPAIR)).then_some(details),
        available: Credits(row.number("available")?),
    }))
}

fn reversal_item(org: &OrgId, reversal: &Reversal) -> Item {
    Writer(keys::reversal(org, reversal.debit))
        .text("entry", reversal.entry.to_string())
        .number("at", reversal.at.ms())
        .number(CREDITS, reversal.credits.0)
        .text("channel", reversal.channel.as_str())
        .0
}

fn reversal_entry_item(org: &OrgId, reversal: &Reversal) -> Item {
    Writer(keys::entry(org, reversal.entry))
        .number("at", reversal.at.ms())
        .number(CREDITS, reversal.credits.0)
        .text("kind", EntryKind::Reversal.as_str())
        .text("cause", reversal.debit.to_string())
        .text("channel", reversal.channel.as_str())
        .0
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

#[cfg(test)]
mod tests {
    use saldo_domain::{MOST_TRIMS, RING_ROOM};

    use super::*;

    /// The size of an item as DynamoDB counts it, in bytes.
    fn bytes(item: &Item) -> usize {
        let of = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
            AttributeValue::M(map) => 3 + map.len() + bytes(map),
            other => panic!("{other:?}"),
        };
        item.iter().map(|(name, value)| name.len() + of(value)).sum()
    }

    #[test]
    fn the_largest_head_and_the_largest_entry_cost_one_unit() {
        let org = OrgId::parse(&"x".repeat(128)).unwrap();
        let mut item = keys::balance(&org);
        item.insert(CREDITS.to_owned(), number(999_999_999_999));
        // Enough for 15 billion debits.
        item.insert(TURNS.to_owned(), number(999_999_999_999_999));
        let ring = (0..RING_ROOM + MOST_TRIMS)
            .map(|at| (format!("{at:022}"), number(999_999_999_999_999)))
            .collect();
        item.insert(RING.to_owned(), AttributeValue::M(ring));
        assert!(bytes(&item) <= 1024, "{}", bytes(&item));

        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let details =
            Details { country: Country::parse("ID"), reference: Reference::parse(&"x".repeat(128)).ok() };
        let entry = DebitEntry {
            id,
            tag: Tag(999_999_999_999_999),
            credits: Credits(4_095),
            channel: Channel::Whatsapp,
            details: Some(details),
            available: Credits(999_999_999_999),
        };
        let item = debit_item(&org, &entry);
        assert!(bytes(&item) <= 1024, "{}", bytes(&item));
        assert_eq!(stored(&item).unwrap(), Stored::Debit(entry));
    }

    #[test]
    fn a_head_reads_back() {
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let org = OrgId::parse("acme").unwrap();
        let mut item = keys::balance(&org);
        item.insert(CREDITS.to_owned(), number(5));
        assert_eq!(head_of(&item).unwrap(), Head { credits: Credits(5), ..Head::default() });
        item.insert(TURNS.to_owned(), number(TURN));
        item.insert(RING.to_owned(), AttributeValue::M(Item::from([(ring_name(id), number(51))])));
        let head = head_of(&item).unwrap();
        assert_eq!((head.ready, head.turns, head.ring.get(&id)), (true, TURN, Some(&Tag(51))));
        item.insert(RING.to_owned(), AttributeValue::M(Item::from([("x".to_owned(), number(51))])));
        assert!(head_of(&item).is_err());
    }
}
