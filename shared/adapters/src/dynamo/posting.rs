//! The one place where credits are posted: a change of a row, entries, balance and slot in one transaction.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use saldo_domain::{Credits, DebitId, Entry, Floor, Once, OrgId, Posting, Shard, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, Writer, number, text};
use super::keys;
use super::rows::{CREDITS, REVISION, TOP_UP_ID, entry_item, top_up_item};
use super::transactions::not_built;
use crate::PortError;

/// What came of posting.
pub(super) enum Posted {
    New,
    /// A posting that happens once had happened before: the note of it.
    Before(Item),
}

/// A row that is written over the revision before its own, together with postings.
pub(super) struct RowChange<'a> {
    pub(super) top_up: &'a TopUp,
    /// Whether the open slot is freed, which only its holder does.
    pub(super) release_slot: bool,
}

pub(super) const OVER_REVISION: &str = "attribute_exists(pk) AND #revision = :before";

impl Store {
    /// Writes all of it or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since, that the slot is another's, or that a posting with a
    /// floor found too little.
    pub(super) async fn post(
        &self,
        org: &OrgId,
        row: Option<RowChange<'_>>,
        postings: &[Posting],
    ) -> Result<Posted, PortError> {
        let mut items = Vec::new();
        for posting in postings {
            items.extend(once(org, posting).map(|note| self.put_if_absent(note)).transpose()?);
        }
        let notes = items.len();
        for posting in postings {
            items.push(self.put_if_absent(entry_item(org, &posting.entry))?);
        }
        items.extend(self.balance_update(org, postings)?);
        if let Some(RowChange { top_up, release_slot }) = row {
            items.push(self.row_put(top_up)?);
            if release_slot {
                items.push(self.slot_delete(org, &top_up.id)?);
            }
        }
        let Err(refused) = self.transact(items).await? else { return Ok(Posted::New) };
        match (0..notes).find_map(|place| refused.item_at(place)) {
            Some(note) => Ok(Posted::Before(note.clone())),
            None => Err(PortError::Conflict),
        }
    }

    /// All postings in one update of the balance, as a transaction has one for each item.
    fn balance_update(
        &self,
        org: &OrgId,
        postings: &[Posting],
    ) -> Result<Option<TransactWriteItem>, PortError> {
        if postings.is_empty() {
            return Ok(None);
        }
        let moved =
            postings.iter().try_fold(Credits::ZERO, |sum, posting| sum.checked_add(posting.entry.credits));
        let moved = moved.ok_or_else(|| PortError::Broken("more credits than can be counted".to_owned()))?;
        let mut update = self.gain(org, Shard::MAIN, moved);
        let bounded = postings.iter().any(|posting| posting.floor == Floor::Zero);
        if bounded && moved < Credits::ZERO {
            update = update
                .condition_expression("#credits >= :least")
                .expression_attribute_values(":least", number(moved.negated().0));
        }
        let update = update.build().map_err(not_built)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    fn row_put(&self, top_up: &TopUp) -> Result<TransactWriteItem, PortError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(top_up_item(top_up)))
            .condition_expression(OVER_REVISION)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":before", number(top_up.revision.saturating_sub(1)));
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }

    fn slot_delete(&self, org: &OrgId, holder: &TopUpId) -> Result<TransactWriteItem, PortError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::open_slot(org)))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", TOP_UP_ID)
            .expression_attribute_values(":holder", text(holder.as_str()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(not_built)?).build())
    }
}

/// The note that a posting is made once, where its entry alone does not say it.
fn once(org: &OrgId, posting: &Posting) -> Option<Item> {
    match posting.once {
        Once::Entry => None,
        Once::Debit(debit) => Some(reversal_item(org, debit, &posting.entry)),
    }
}

fn reversal_item(org: &OrgId, debit: DebitId, entry: &Entry) -> Item {
    Writer(keys::reversal(org, debit))
        .text("entry", entry.id.to_string())
        .number("at", entry.at.ms())
        .number(CREDITS, entry.credits.0)
        .optional_text("channel", entry.channel.map(|channel| channel.as_str()))
        .0
}
