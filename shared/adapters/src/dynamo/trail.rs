//! The trail of a top-up: one item for each occasion.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use saldo_domain::{
    Answer, Asked, Author, Cause, Credits, Entitlement, Occasion, OrgId, ReviewReason, RowThen, Status,
    TopUp, TopUpId, What,
};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::errors::port_error;
use super::keys::{self, TTL};
use super::reads::page_size;
use super::transactions::not_built;
use crate::PortError;

/// What is kept for a time only is kept this long, in seconds: longer than a payment can be disputed and the dispute appealed.
const LIFE_SECS: i64 = 400 * 24 * 3600;
/// How many occasions are read at the most, the latest.
const MOST_READ: usize = 200;

const ASKED: &str = "asked";

/// What happened to a top-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The earliest first; what left the row as it was stands behind what wrote it last.
    pub occasions: Vec<Occasion>,
    /// Whether there is more from before, which is not read.
    pub begins_later: bool,
}

impl Store {
    /// The trail of a top-up, as far as it is kept; nothing where there is no such top-up.
    pub async fn trail(&self, org: &OrgId, top_up: &TopUpId) -> Result<Trail, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::trail_partition(org, top_up)))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(page_size(MOST_READ));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let begins_later = answer.last_evaluated_key().is_some_and(|key| !key.is_empty());
        let mut occasions = answer.items().iter().map(occasion_of).collect::<Result<Vec<_>, _>>()?;
        occasions.sort_by_key(|one| (one.row.revision, !one.what.changes_the_row(), one.at.ms(), one.what));
        Ok(Trail { occasions, begins_later })
    }

    /// Writes an occasion that left its row as it is.
    pub(super) async fn put_occasion(&self, top_up: &TopUp, occasion: &Occasion) -> Result<(), PortError> {
        let put =
            self.client.put_item().table_name(&self.table).set_item(Some(occasion_item(top_up, occasion)));
        put.send().await.map(drop).map_err(|error| port_error(&error))
    }

    /// The same as a part of the transaction that writes the row.
    pub(super) fn occasion_put(
        &self,
        top_up: &TopUp,
        occasion: &Occasion,
    ) -> Result<TransactWriteItem, PortError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(occasion_item(top_up, occasion)));
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }

    /// Takes the first occasion away again, with a row that is taken away.
    pub(super) fn first_occasion_delete(&self, top_up: &TopUp) -> Result<TransactWriteItem, PortError> {
        let key = keys::occasion(&top_up.org, &top_up.id, FIRST_REVISION, None);
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(not_built)?).build())
    }
}

/// The revision that every row is begun with.
const FIRST_REVISION: i64 = 1;

fn occasion_item(top_up: &TopUp, occasion: &Occasion) -> Item {
    let Occasion { at, author, event, asked, what, detail, row } = occasion;
    let left_by = (!what.changes_the_row()).then(|| match &author.cause {
        Cause::Event(id) => id.clone(),
        Cause::Operation(id) => id.to_string(),
        Cause::Order | Cause::Cancellation | Cause::Check => {
            format!("{:015}-{:08x}", at.ms(), fastrand::u32(..))
        }
    });
    let key = keys::occasion(&top_up.org, &top_up.id, row.revision, left_by.as_deref());
    let asked = asked.iter().map(|asked| text(asked_text(asked))).collect::<Vec<_>>();
    let posted = row.posted;
    let counted = |credits: Credits| (credits != Credits::ZERO).then_some(credits.0);
    let mut item = Writer(key)
        .number("at", at.ms())
        .text("what", what.as_str())
        .optional_text("detail", detail.as_deref())
        .text("actor", author.actor.to_string())
        .text("cause", author.cause.to_string())
        .optional_text("event", event.as_deref())
        .number("revision", row.revision)
        .text("status", row.status.as_str())
        .optional_text("review", row.review.map(ReviewReason::as_str))
        .optional_number("granted", counted(posted.granted))
        .optional_number("refunded", counted(posted.refunded))
        .optional_number("disputed", counted(posted.disputed))
        .optional_number(TTL, (!what.is_lasting()).then(|| at.plus_secs(LIFE_SECS).secs()))
        .0;
    if !asked.is_empty() {
        item.insert(ASKED.to_owned(), AttributeValue::L(asked));
    }
    item
}

fn occasion_of(item: &Item) -> Result<Occasion, PortError> {
    let row = Reader(item);
    let credits = |name| Credits(row.optional_number(name).unwrap_or_default());
    let asked = item.get(ASKED).and_then(|list| list.as_l().ok());
    Ok(Occasion {
        at: row.moment("at")?,
        author: Author {
            actor: row.parsed("actor", |text| text.parse().ok())?,
            cause: row.parsed("cause", |text| text.parse().ok())?,
        },
        event: row.optional_text("event").map(str::to_owned),
        asked: asked.into_iter().flatten().filter_map(|one| asked_of(one.as_s().ok()?)).collect(),
        what: row.parsed("what", What::parse)?,
        detail: row.optional_text("detail").map(str::to_owned),
        row: RowThen {
            revision: row.number("revision")?,
            status: row.parsed("status", Status::parse)?,
            posted: Entitlement {
                granted: credits("granted"),
                refunded: credits("refunded"),
                disputed: credits("disputed"),
            },
            review: row.optional_text("review").and_then(ReviewReason::parse),
        },
    })
}

/// `<answer> <id or -> <call>`.
fn asked_text(asked: &Asked) -> String {
    format!("{} {} {}", asked.answer.as_str(), asked.id.as_deref().unwrap_or("-"), asked.call)
}

fn asked_of(text: &str) -> Option<Asked> {
    let mut parts = text.splitn(3, ' ');
    let answer = Answer::parse(parts.next()?)?;
    let id = parts.next().filter(|id| *id != "-").map(str::to_owned);
    Some(Asked { answer, id, call: parts.next()?.to_owned() })
}
