//! Lists of what waits for a person, as the index of due work keeps them, page by page.

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{OperationId, OrgId, PortError, TopUpId};

use super::Store;
use super::attributes::{Item, Reader, text};
use super::errors::port_error;
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, Work};
use super::reads::page_size;

/// What a list is of, by its id within an organisation.
pub trait Listed: Sized + Clone + PartialEq {
    #[doc(hidden)]
    fn parse(id: &str) -> Option<Self>;
    #[doc(hidden)]
    fn as_text(&self) -> &str;
    #[doc(hidden)]
    fn key(&self, org: &OrgId) -> Item;
    #[doc(hidden)]
    fn of_key(pk: &str, sk: &str) -> Option<(OrgId, Self)>;
}

impl Listed for TopUpId {
    fn parse(id: &str) -> Option<TopUpId> {
        TopUpId::parse(id).ok()
    }

    fn as_text(&self) -> &str {
        self.as_str()
    }

    fn key(&self, org: &OrgId) -> Item {
        keys::top_up(org, self)
    }

    fn of_key(pk: &str, sk: &str) -> Option<(OrgId, TopUpId)> {
        keys::parse_top_up(pk, sk)
    }
}

impl Listed for OperationId {
    fn parse(id: &str) -> Option<OperationId> {
        OperationId::parse(id).ok()
    }

    fn as_text(&self) -> &str {
        self.as_str()
    }

    fn key(&self, org: &OrgId) -> Item {
        keys::proposal(org, self)
    }

    fn of_key(pk: &str, sk: &str) -> Option<(OrgId, OperationId)> {
        keys::parse_proposal(pk, sk)
    }
}

/// A place in a list, behind which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<Id> {
    org: OrgId,
    id: Id,
    /// As the index sorts it: 15 digits.
    at: String,
}

impl<Id: Listed> Place<Id> {
    /// Reads what [`Place::to_text`] wrote.
    #[must_use]
    pub fn parse(place: &str) -> Option<Place<Id>> {
        let (at, rest) = place.split_once('.')?;
        let (id, org) = rest.split_once('.')?;
        let is_moment = at.len() == 15 && at.bytes().all(|byte| byte.is_ascii_digit());
        let (id, org) = (Id::parse(id)?, OrgId::parse(org).ok()?);
        is_moment.then(|| Place { org, id, at: at.to_owned() })
    }

    /// Moment, id and organisation with dots between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.at, self.id.as_text(), self.org)
    }

    fn of(item: &Item) -> Result<Place<Id>, PortError> {
        let row = Reader(item);
        let (org, id) = Id::of_key(row.text(PK)?, row.text(SK)?).ok_or_else(|| row.fault(SK))?;
        Ok(Place { org, id, at: row.text(DUE_AT)?.to_owned() })
    }

    fn key(&self, partition: &str) -> Item {
        let mut key = self.id.key(&self.org);
        key.insert(DUE_PK.to_owned(), text(partition));
        key.insert(DUE_AT.to_owned(), AttributeValue::S(self.at.clone()));
        key
    }
}

impl Store {
    /// A page of what waits, the oldest first, and where it goes on: at most `limit`, which is no more than 100. As the
    /// index may lag behind the table by moments, `read` leaves out what waits no more.
    pub(super) async fn listed<Id: Listed, T>(
        &self,
        work: Work,
        limit: usize,
        after: Option<&Place<Id>>,
        read: impl Fn(&Item) -> Result<Option<T>, PortError>,
    ) -> Result<(Vec<T>, Option<Place<Id>>), PortError> {
        let partition: String = keys::due_partitions(work).collect();
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#pk = :list")
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_values(":list", text(partition.clone()))
            .set_exclusive_start_key(after.map(|place| place.key(&partition)))
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let places: Vec<Place<Id>> = answer.items().iter().map(Place::of).collect::<Result<_, _>>()?;
        let more = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
        let next = places.last().cloned().filter(|_| more);
        if places.is_empty() {
            return Ok((Vec::new(), next));
        }
        let rows = self.items(places.iter().map(|place| place.id.key(&place.org)).collect()).await?;
        let of = |place: &Place<Id>| {
            let key = place.id.key(&place.org);
            rows.iter().find(|row| key.iter().all(|(name, is)| row.get(name) == Some(is)))
        };
        let waiting: Result<Vec<_>, _> = places.iter().filter_map(of).map(read).collect();
        Ok((waiting?.into_iter().flatten().collect(), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saldo_domain::Timestamp;

    fn reads_back_and_nothing_else<Id: Listed + std::fmt::Debug>(id: Id) {
        let org = OrgId::parse("acme.example").unwrap();
        let place = Place { org, id, at: keys::due_at(Timestamp::from_ms(5)) };
        assert_eq!(Place::parse(&place.to_text()), Some(place.clone()));
        let short = format!("5.{}.acme", place.id.as_text());
        for text in ["", "..", &short, &place.to_text()[1..], &place.to_text().replace("acme", "a#")] {
            assert_eq!(Place::<Id>::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let now = Timestamp::from_ms(1_795_428_000_000);
        reads_back_and_nothing_else(TopUpId::new(now));
        reads_back_and_nothing_else(OperationId::new(now));
        let of_top_up =
            Place { org: OrgId::parse("acme").unwrap(), id: TopUpId::new(now), at: keys::due_at(now) };
        assert_eq!(Place::<OperationId>::parse(&of_top_up.to_text()), None, "of another list");
    }
}
