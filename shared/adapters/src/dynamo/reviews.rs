//! What the staff look at: the list of top-ups that are to be looked at, and the entries that a top-up names.

use saldo_domain::{Entry, OrgId, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, text};
use super::errors::port_error;
use super::keys::{self, Work};
use super::listed::Place;
use super::reads::Page;
use super::rows::{entry_of, top_up_of};
use crate::PortError;

impl Store {
    /// Finished top-ups that a person has to look at, the oldest first: at most `limit`, which is no more than 100.
    pub async fn reviews(
        &self,
        limit: usize,
        after: Option<&Place<TopUpId>>,
    ) -> Result<Page<TopUp, Place<TopUpId>>, PortError> {
        let waits = |item: &Item| Ok(Some(top_up_of(item)?).filter(|row| row.review.is_some()));
        let (items, next) = self.listed(Work::Review, limit, after, waits).await?;
        Ok(Page { items, next })
    }

    /// The entries that a top-up names, in their order, as far as they are there.
    pub async fn entries_of(&self, top_up: &TopUp) -> Result<Vec<Entry>, PortError> {
        if top_up.entries.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = top_up.entries.iter().map(|id| keys::entry(&top_up.org, *id)).collect();
        let items = self.items(wanted).await?;
        let mut entries: Vec<_> = items.iter().map(entry_of).collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| entry.id);
        Ok(entries)
    }

    /// Whether anything at all is known of an organisation.
    pub async fn knows(&self, org: &OrgId) -> Result<bool, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::org_partition(org)))
            .consistent_read(true)
            .limit(1);
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        Ok(!answer.items().is_empty())
    }
}
