//! Adjustments that one person may not decide on alone, and the list of those that wait.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use saldo_domain::{Actor, Credits, OperationId, OrgId, PortError, Proposal, Reason};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::keys::{self, DUE_AT, DUE_PK, PK, SK, Work};
use super::listed::Place;
use super::reads::Page;
use super::rows::CREDITS;
use super::transactions::not_built;

const STATE: &str = "state";
const PROPOSED: &str = "proposed";
const POSTED: &str = "posted";

impl Store {
    /// Adjustments that wait for a second person, the oldest first: at most `limit`, which is no more than 100.
    pub async fn waiting_proposals(
        &self,
        limit: usize,
        after: Option<&Place<OperationId>>,
    ) -> Result<Page<Proposal, Place<OperationId>>, PortError> {
        let waits = |item: &Item| Ok(Some(proposal_of(item)?).filter(|proposal| !proposal.posted));
        let (items, next) = self.listed(Work::Adjustment, limit, after, waits).await?;
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
