//! The one place where credits are posted: a change of a row, entries, balance and slot in one transaction.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use saldo_domain::{Channel, Credits, Entry, EntryId, Floor, Once, OrgId, Posting, ShardId, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, Writer, number, text};
use super::keys;
use super::rows::{CREDITS, REVISION, TOP_UP_ID, entry_item, entry_of, top_up_item};
use super::transactions::not_built;
use crate::PortError;

/// What came of posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    New,
    /// It was posted before, by this entry.
    Before(Entry),
}

/// A row that is written over the revision before its own, together with postings.
pub(super) struct RowChange<'a> {
    pub(super) top_up: &'a TopUp,
    /// Whether the open slot is freed, which only its holder does.
    pub(super) release_slot: bool,
}

pub(super) const OVER_REVISION: &str = "attribute_exists(pk) AND #revision = :before";

impl Store {
    /// Posts what belongs to no row; a repeat is answered with the entry that was made.
    ///
    /// [`PortError::Conflict`] means that a posting with a floor found too little.
    pub async fn post(&self, org: &OrgId, posting: &Posting) -> Result<Posted, PortError> {
        let mut parts = Vec::new();
        for item in note(org, posting).into_iter().chain([entry_item(org, &posting.entry)]) {
            parts.push(self.put_if_absent(item)?);
        }
        let written = 0..parts.len();
        parts.extend(self.balance_update(org, std::slice::from_ref(posting))?);
        let Err(refused) = self.transact(parts).await? else { return Ok(Posted::New) };
        let before = written.into_iter().find_map(|place| refused.item_at(place));
        before.map_or(Err(PortError::Conflict), |item| noted(item, posting).map(Posted::Before))
    }

    /// Writes a row and its postings, all or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since, or that the slot is another's.
    pub(super) async fn post_over_row(
        &self,
        RowChange { top_up, release_slot }: RowChange<'_>,
        postings: &[Posting],
    ) -> Result<(), PortError> {
        let org = &top_up.org;
        let mut parts = vec![self.row_put(top_up)?];
        for posting in postings {
            parts.extend(note(org, posting).map(|note| self.put_if_absent(note)).transpose()?);
            parts.push(self.put_if_absent(entry_item(org, &posting.entry))?);
        }
        parts.extend(self.balance_update(org, postings)?);
        if release_slot {
            parts.push(self.slot_delete(org, &top_up.id)?);
        }
        self.transact(parts).await?.map_err(|_| PortError::Conflict)
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
        let mut update = self.gain(org, ShardId::MAIN, moved);
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
fn note(org: &OrgId, posting: &Posting) -> Option<Item> {
    let entry = &posting.entry;
    match posting.once {
        Once::Entry => None,
        Once::Debit(debit) => Some(
            Writer(keys::reversal(org, debit))
                .text("entry", entry.id.to_string())
                .number("at", entry.at.ms())
                .number(CREDITS, entry.credits.0)
                .optional_text("channel", entry.channel.map(Channel::as_str))
                .0,
        ),
    }
}

/// The entry that was made before, by what stands in place of its note or itself.
fn noted(item: &Item, posting: &Posting) -> Result<Entry, PortError> {
    let row = Reader(item);
    match posting.once {
        Once::Entry => entry_of(item),
        Once::Debit(_) => Ok(Entry {
            id: row.parsed("entry", |id| EntryId::parse(id).ok())?,
            at: row.moment("at")?,
            credits: Credits(row.number(CREDITS)?),
            channel: Some(row.parsed("channel", Channel::parse)?),
            ..posting.entry.clone()
        }),
    }
}
