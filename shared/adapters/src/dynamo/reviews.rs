//! What the staff look at: the list of top-ups that are to be looked at, and the entries that a top-up names.

use saldo_domain::{Entry, OrgId, TopUp, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::errors::port_error;
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, Work};
use super::reads::{Page, page_size};
use super::rows::{entry_of, top_up_of};
use crate::PortError;

/// A place in the list of top-ups to be looked at, behind which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewPlace {
    pub org: OrgId,
    pub id: TopUpId,
    /// As the index sorts it: 15 digits.
    at: String,
}

impl ReviewPlace {
    /// Reads what [`ReviewPlace::to_text`] wrote.
    #[must_use]
    pub fn parse(place: &str) -> Option<ReviewPlace> {
        let (at, rest) = place.split_once('.')?;
        let (id, org) = rest.split_once('.')?;
        let is_moment = at.len() == 15 && at.bytes().all(|byte| byte.is_ascii_digit());
        let (id, org) = (TopUpId::parse(id).ok()?, OrgId::parse(org).ok()?);
        is_moment.then(|| ReviewPlace { org, id, at: at.to_owned() })
    }

    /// Moment, top-up and organisation with dots between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.at, self.id, self.org)
    }

    fn of(item: &Item) -> Result<ReviewPlace, PortError> {
        let row = Reader(item);
        let (org, id) = keys::parse_top_up(row.text(PK)?, row.text(SK)?).ok_or_else(|| row.fault(SK))?;
        Ok(ReviewPlace { org, id, at: row.text(DUE_AT)?.to_owned() })
    }

    fn key(&self, partition: &str) -> Item {
        let mut key = keys::top_up(&self.org, &self.id);
        key.insert(DUE_PK.to_owned(), text(partition));
        key.insert(DUE_AT.to_owned(), text(self.at.clone()));
        key
    }
}

impl Store {
    /// Finished top-ups that a person has to look at, the oldest first: at most `limit`, which is no more than 100.
    ///
    /// The index may lag behind the table by moments: what is no more to be looked at is left out.
    pub async fn reviews(
        &self,
        limit: usize,
        after: Option<&ReviewPlace>,
    ) -> Result<Page<TopUp, ReviewPlace>, PortError> {
        let partition: String = keys::due_partitions(Work::Review).collect();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :review")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_values(":review", text(partition.clone()))
            .set_exclusive_start_key(after.map(|place| place.key(&partition)))
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let places: Vec<_> = answer.items().iter().map(ReviewPlace::of).collect::<Result<_, _>>()?;
        let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
        let next = places.last().cloned().filter(|_| more);
        if places.is_empty() {
            return Ok(Page { items: Vec::new(), next });
        }
        let wanted = places.iter().map(|place| keys::top_up(&place.org, &place.id)).collect();
        let rows = self.items(wanted).await?;
        let mut rows: Vec<_> = rows.iter().map(top_up_of).collect::<Result<_, _>>()?;
        let order = |row: &TopUp| places.iter().position(|place| place.id == row.id && place.org == row.org);
        rows.retain(|row| row.review.is_some());
        rows.sort_by_key(order);
        Ok(Page { items: rows, next })
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

#[cfg(test)]
mod tests {
    use super::*;
    use saldo_domain::Timestamp;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let id = TopUpId::new(Timestamp::from_ms(1_795_428_000_000));
        let org = OrgId::parse("acme.example").unwrap();
        let place = ReviewPlace { org, id, at: keys::due_at(Timestamp::from_ms(5)) };
        assert_eq!(ReviewPlace::parse(&place.to_text()), Some(place.clone()));
        for text in ["", "..", "5.top_x.acme", &place.to_text()[1..], &place.to_text().replace("acme", "a#")]
        {
            assert_eq!(ReviewPlace::parse(text), None, "{text}");
        }
    }
}
