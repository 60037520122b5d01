//! Adjustments that one person may not decide on alone, and the list of those that wait.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use saldo_domain::{Actor, Credits, OperationId, OrgId, PortError, Proposal, Reason};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::errors::port_error;
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, Work};
use super::reads::{Page, page_size};
use super::rows::CREDITS;
use super::transactions::not_built;

const STATE: &str = "state";
const PROPOSED: &str = "proposed";
const POSTED: &str = "posted";

/// A place in the list of adjustments that wait, behind which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalPlace {
    org: OrgId,
    id: OperationId,
    /// As the index sorts it: 15 digits.
    at: String,
}

impl ProposalPlace {
    /// Reads what [`ProposalPlace::to_text`] wrote.
    #[must_use]
    pub fn parse(place: &str) -> Option<ProposalPlace> {
        let (at, rest) = place.split_once('.')?;
        let (id, org) = rest.split_once('.')?;
        let is_moment = at.len() == 15 && at.bytes().all(|byte| byte.is_ascii_digit());
        let (id, org) = (OperationId::parse(id).ok()?, OrgId::parse(org).ok()?);
        is_moment.then(|| ProposalPlace { org, id, at: at.to_owned() })
    }

    /// Moment, adjustment and organisation with dots between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.at, self.id, self.org)
    }

    fn of(item: &Item) -> Result<ProposalPlace, PortError> {
        let row = Reader(item);
        let (org, id) = keys::parse_proposal(row.text(PK)?, row.text(SK)?).ok_or_else(|| row.fault(SK))?;
        Ok(ProposalPlace { org, id, at: row.text(DUE_AT)?.to_owned() })
    }

    fn key(&self, partition: &str) -> Item {
        let mut key = keys::proposal(&self.org, &self.id);
        key.insert(DUE_PK.to_owned(), text(partition));
        key.insert(DUE_AT.to_owned(), text(self.at.clone()));
        key
    }
}

impl Store {
    /// Adjustments that wait for a second person, the oldest first: at most `limit`, which is no more than 100.
    ///
    /// The index may lag behind the table by moments: one that is posted meanwhile is left out.
    pub async fn waiting_proposals(
        &self,
        limit: usize,
        after: Option<&ProposalPlace>,
    ) -> Result<Page<Proposal, ProposalPlace>, PortError> {
        let partition = waiting_partition();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :waiting")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_values(":waiting", text(partition.clone()))
            .set_exclusive_start_key(after.map(|place| place.key(&partition)))
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let places: Vec<_> = answer.items().iter().map(ProposalPlace::of).collect::<Result<_, _>>()?;
        let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
        let next = places.last().cloned().filter(|_| more);
        if places.is_empty() {
            return Ok(Page { items: Vec::new(), next });
        }
        let wanted = places.iter().map(|place| keys::proposal(&place.org, &place.id)).collect();
        let items = self.items(wanted).await?;
        let mut items: Vec<_> = items.iter().map(proposal_of).collect::<Result<_, _>>()?;
        items.retain(|proposal| !proposal.posted);
        items.sort_by_key(|proposal| {
            places.iter().position(|place| place.id == proposal.id && place.org == proposal.org)
        });
        Ok(Page { items, next })
    }

    /// Ends a proposal that waits; the transaction is refused where it waits no more.
    pub(super) fn proposal_over(
        &self,
        org: &OrgId,
        id: &OperationId,
    ) -> Result<TransactWriteItem, PortError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::proposal(org, id)))
            .update_expression("SET #state = :posted REMOVE #pk, #at")
            .condition_expression("#state = :proposed")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":posted", text(POSTED))
            .expression_attribute_values(":proposed", text(PROPOSED));
        Ok(TransactWriteItem::builder().update(update.build().map_err(not_built)?).build())
    }
}

fn waiting_partition() -> String {
    keys::due_partitions(Work::Adjustment).collect()
}

pub(super) fn proposal_item(proposal: &Proposal) -> Item {
    Writer(keys::proposal(&proposal.org, &proposal.id))
        .number(CREDITS, proposal.credits.0)
        .text("by", proposal.by.to_string())
        .number("at", proposal.at.ms())
        .text("reason", proposal.reason.as_str())
        .text(STATE, PROPOSED)
        .text(DUE_PK, waiting_partition())
        .text(DUE_AT, keys::due_at(proposal.at))
        .0
}

pub(super) fn proposal_of(item: &Item) -> Result<Proposal, PortError> {
    let row = Reader(item);
    let key = keys::parse_proposal(row.text(PK)?, row.text(SK)?);
    let (org, id) = key.ok_or_else(|| row.fault(SK))?;
    Ok(Proposal {
        id,
        org,
        credits: Credits(row.number(CREDITS)?),
        by: row.parsed("by", |by| by.parse::<Actor>().ok())?,
        at: row.moment("at")?,
        reason: row.parsed("reason", |reason| Reason::parse(reason).ok())?,
        posted: row.text(STATE)? == POSTED,
    })
}

#[cfg(test)]
mod tests {
    use saldo_domain::Timestamp;

    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let id = OperationId::new(Timestamp::from_ms(1_795_428_000_000));
        let org = OrgId::parse("acme.example").unwrap();
        let place = ProposalPlace { org, id, at: keys::due_at(Timestamp::from_ms(5)) };
        assert_eq!(ProposalPlace::parse(&place.to_text()), Some(place.clone()));
        for text in ["", "..", "5.op_x.acme", &place.to_text()[1..], &place.to_text().replace("acme", "a#")] {
            assert_eq!(ProposalPlace::parse(text), None, "{text}");
        }
    }
}
