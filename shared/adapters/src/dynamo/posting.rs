//! The one place where credits are posted: a change of a row, entries, balance and slot in one transaction.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use saldo_credits::{Balances, Stored};
use saldo_domain::{
    Credits, Entry, Floor, IdempotencyKey, Metric, Occasion, Once, OrgId, Posting, ShardId, Sharding, TopUp,
    TopUpId, gather, measure,
};
use tracing::warn;

use super::Store;
use super::attributes::{Item, number, text};
use super::counters::uncounted;
use super::keys;
use super::rows::{REVISION, TOP_UP_ID, entry_item, entry_of, top_up_item};
use super::runs::stored_in;
use super::short_names::shard::SHARDING;
use super::transactions::{Refused, not_built};
use crate::PortError;

/// What came of posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    New,
    /// It was posted before, by this entry.
    Before(Box<Entry>),
}

/// A row that is written over the revision before its own, together with postings.
pub(super) struct RowChange<'a> {
    pub(super) top_up: &'a TopUp,
    /// Whether the open slot is freed, which only its holder does.
    pub(super) release_slot: bool,
    /// What else is written with it; refused, it is a conflict.
    pub(super) beside: Vec<TransactWriteItem>,
    /// What the trail keeps of it.
    pub(super) occasion: &'a Occasion,
}

/// How credits come to a balance or leave it.
struct Taken {
    change: Vec<UpdateBuilder>,
    /// Whether the main shard owes credits behind it.
    owing: bool,
    /// Whether it is there, so that a refusal only means that the balance has changed since it was read.
    enough: bool,
}

impl Taken {
    fn whole(change: UpdateBuilder) -> Taken {
        Taken { change: vec![change], owing: false, enough: true }
    }

    /// What comes to the main shard, and is counted by budgets no more; these are whoever's that read them.
    fn gained(change: UpdateBuilder, postings: &[Posting]) -> Taken {
        let uncounts = |posting: &&Posting| !posting.uncounted.numbers.is_empty();
        match postings.iter().find(uncounts) {
            None => Taken::whole(change),
            Some(Posting { uncounted: counted, entry, .. }) => {
                Taken { enough: false, ..Taken::whole(uncounted(change, counted, entry.credits)) }
            }
        }
    }
}

/// How often a balance is read again that was another one when it was written.
const TRIES: usize = 4;

pub(super) const OVER_REVISION: &str = "attribute_exists(pk) AND #revision = :before";

impl Store {
    /// Posts what belongs to no row; a repeat is answered with the entry that was made.
    ///
    /// [`PortError::Conflict`] means that a posting with a floor found too little.
    pub async fn post(&self, org: &OrgId, posting: &Posting) -> Result<Posted, PortError> {
        let mut parts: Vec<_> = self.mark(org, posting)?.into_iter().collect();
        parts.push(self.put_if_absent(entry_item(org, &posting.entry))?);
        let written = 0..parts.len();
        let posted = self.with_balance(org, parts, std::slice::from_ref(posting)).await?;
        let Err(refused) = posted else { return Ok(Posted::New) };
        let before = written.into_iter().find_map(|place| refused.item_at(place));
        before.map_or(Err(PortError::Conflict), |item| {
            made_before(item, posting).map(|entry| Posted::Before(Box::new(entry)))
        })
    }

    /// Writes a row and its postings, all or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since, or that the slot is another's.
    pub(super) async fn post_over_row(
        &self,
        RowChange { top_up, release_slot, beside, occasion }: RowChange<'_>,
        postings: &[Posting],
    ) -> Result<(), PortError> {
        let org = &top_up.org;
        let mut parts = vec![self.row_put(top_up)?, self.occasion_put(top_up, occasion)?];
        parts.extend(beside);
        for posting in postings {
            parts.extend(self.mark(org, posting)?);
            parts.push(self.put_if_absent(entry_item(org, &posting.entry))?);
        }
        if release_slot {
            parts.push(self.slot_delete(org, &top_up.id)?);
        }
        self.with_balance(org, parts, postings).await?.map_err(|_| PortError::Conflict)
    }

    /// Writes these parts together with what the postings move.
    ///
    /// What is taken back and not covered is owed by the main shard; then all others are halted in the same transaction, so
    /// that nothing can be spent on one while another owes, and whoever next needs one of them pays the debt first.
    pub(super) async fn with_balance(
        &self,
        org: &OrgId,
        parts: Vec<TransactWriteItem>,
        postings: &[Posting],
    ) -> Result<Result<(), Refused>, PortError> {
        let moved =
            postings.iter().try_fold(Credits::ZERO, |sum, posting| sum.checked_add(posting.entry.credits));
        let moved = moved.ok_or_else(|| PortError::Broken("more credits than can be counted".to_owned()))?;
        let bounded = postings.iter().any(|posting| posting.floor == Floor::Zero);
        for _ in 0..TRIES {
            let Taken { change, owing, enough } = if moved >= Credits::ZERO {
                Taken::gained(self.gain(org, ShardId::MAIN, moved), postings)
            } else if bounded {
                self.taken_from_all(org, moved).await?
            } else {
                self.taken_back(org, moved).await?
            };
            let of_balance = parts.len()..parts.len().saturating_add(change.len());
            let mut all = parts.clone();
            if !postings.is_empty() {
                for update in change {
                    let update = update.build().map_err(not_built)?;
                    all.push(TransactWriteItem::builder().update(update).build());
                }
            }
            match self.transact(all).await? {
                // The balance is not as it was read: it is read again.
                Err(refused) if enough && of_balance.into_iter().any(|place| refused.at(place)) => {}
                written => {
                    if written.is_ok() && owing {
                        measure!(Metric::Debts, 1);
                        warn!(org = org.as_str(), taken = moved.negated().0, "credits are owed");
                    }
                    return Ok(written);
                }
            }
        }
        Err(PortError::Unavailable("the balance changes".to_owned()))
    }

    /// Credits that leave a balance shard, if it has them.
    fn covered(&self, org: &OrgId, shard: ShardId, moved: Credits) -> UpdateBuilder {
        self.gain(org, shard, moved)
            .condition_expression("#credits >= :least")
            .expression_attribute_values(":least", number(moved.negated().0))
    }

    /// Credits that leave the main shard, and where it does not have them all, the others. Where all together do not have
    /// them, it is refused.
    async fn taken_from_all(&self, org: &OrgId, moved: Credits) -> Result<Taken, PortError> {
        let main = self.main_shard(org).await?;
        let from_main = Taken::whole(self.covered(org, ShardId::MAIN, moved));
        if main.credits >= moved.negated() {
            return Ok(from_main);
        }
        let gives = match main.sharding {
            Sharding::No | Sharding::Announced => None,
            Sharding::Since(_) => gather(&self.all_shards(org).await?, moved.negated()),
        };
        let Some(gives) = gives else { return Ok(Taken { enough: false, ..from_main }) };
        let from = |(shard, credits): (ShardId, Credits)| self.covered(org, shard, credits.negated());
        Ok(Taken { change: gives.into_iter().map(from).collect(), ..from_main })
    }

    /// Credits that leave the main shard, whether it has them or not, with what follows from that.
    async fn taken_back(&self, org: &OrgId, moved: Credits) -> Result<Taken, PortError> {
        let main = self.main_shard(org).await?;
        if main.credits >= moved.negated() {
            return Ok(Taken::whole(self.covered(org, ShardId::MAIN, moved)));
        }
        let owing = self.gain(org, ShardId::MAIN, moved);
        let change = match main.sharding {
            Sharding::No => vec![
                owing
                    .condition_expression("attribute_not_exists(#s)")
                    .expression_attribute_names("#s", SHARDING),
            ],
            Sharding::Announced | Sharding::Since(_) => {
                let others = ShardId::balances().skip(1).map(|id| self.halt(org, id));
                std::iter::once(owing).chain(others).collect()
            }
        };
        Ok(Taken { change, owing: true, enough: true })
    }

    /// The mark that a posting is made once, where its entry alone does not say it.
    fn mark(&self, org: &OrgId, posting: &Posting) -> Result<Option<TransactWriteItem>, PortError> {
        match posting.once {
            Once::Entry => Ok(None),
            Once::Debit(debit, ledger) => {
                self.mark_reversed(org, ledger, debit, posting.entry.at).map(Some).map_err(not_built)
            }
        }
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

    /// Takes an intent back of which nothing is left at the provider: row, open slot, request and what its invoice was
    /// remembered for, all or nothing.
    ///
    /// [`PortError::Conflict`] means that the row has changed since, or is gone.
    pub(super) async fn delete_intent(
        &self,
        top_up: &TopUp,
        request: &IdempotencyKey,
    ) -> Result<(), PortError> {
        let (org, id) = (&top_up.org, &top_up.id);
        let row = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::top_up(org, id)))
            .condition_expression("#revision = :now")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":now", number(top_up.revision));
        let mut parts = vec![
            TransactWriteItem::builder().delete(row.build().map_err(not_built)?).build(),
            self.slot_delete(org, id)?,
            self.pointer_delete(keys::request(org, request), id)?,
            self.first_occasion_delete(top_up)?,
        ];
        if let Some(link) = &top_up.invoice {
            parts.push(self.pointer_delete(keys::invoice(&link.id), id)?);
        }
        self.transact(parts).await?.map_err(|_| PortError::Conflict)
    }

    fn slot_delete(&self, org: &OrgId, holder: &TopUpId) -> Result<TransactWriteItem, PortError> {
        self.pointer_delete(keys::open_slot(org), holder)
    }

    /// Deletes what points to a top-up, and only to this one.
    fn pointer_delete(&self, key: Item, top_up: &TopUpId) -> Result<TransactWriteItem, PortError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", TOP_UP_ID)
            .expression_attribute_values(":holder", text(top_up.as_str()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(not_built)?).build())
    }
}

/// The entry that was made before, by what stands in place of its mark or itself.
fn made_before(item: &Item, posting: &Posting) -> Result<Entry, PortError> {
    let Once::Debit(debit, ledger) = posting.once else { return entry_of(item) };
    match stored_in(Some(item), debit)? {
        Stored::Reversed(_, reversal) => Ok(Posting::reversal(&reversal, ledger, None).entry),
        Stored::Nothing | Stored::Debit(_) | Stored::Other => Err(PortError::Conflict),
    }
}
