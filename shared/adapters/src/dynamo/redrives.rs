//! What is kept of moving dead letters back: each request of the staff under its key, and each time that it was done.

use saldo_domain::{Actor, IdempotencyKey, OperationId, PortError, Reason, Timestamp};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::audits::{OPERATION, REQUEST_LIFE_SECS, WHAT};
use super::errors::port_error;
use super::keys::{self, AUDIT_PREFIX, SK, TTL};
use super::reads::page_size;

/// One time that somebody of the staff moves dead letters back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    pub id: OperationId,
    /// An operator.
    pub by: Actor,
    pub at: Timestamp,
    pub reason: Reason,
    /// About how many messages lay there just before.
    pub waiting: u64,
}

/// What is kept under a key of the staff's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveAsked {
    /// It is to be done, under this id: it was never asked for, or was cut off.
    ToDo(OperationId),
    Done(Redrive),
    /// The key was used for something else.
    KeyReused,
}

impl Store {
    /// Remembers under the operator's key that dead letters are to be moved back for this reason, or tells what was asked
    /// under it before.
    pub async fn ask_redrive(
        &self,
        key: &IdempotencyKey,
        by: &Actor,
        reason: &Reason,
        now: Timestamp,
    ) -> Result<RedriveAsked, PortError> {
        let (id, what) = (OperationId::new(now), format!("redrive {}", reason.as_str()));
        let item = Writer(keys::operator_request(by, key))
            .text(WHAT, &what)
            .text(OPERATION, id.as_str())
            .number("at", now.ms())
            .number(TTL, now.plus_secs(REQUEST_LIFE_SECS).secs());
        let Err(refused) = self.transact(vec![self.put_if_absent(item.0)?]).await? else {
            return Ok(RedriveAsked::ToDo(id));
        };
        let row = Reader(refused.item_at(0).ok_or(PortError::Conflict)?);
        if row.text(WHAT)? != what {
            return Ok(RedriveAsked::KeyReused);
        }
        let id = row.parsed(OPERATION, |id| OperationId::parse(id).ok())?;
        let kept = self.item(keys::redrive(&id)).await?;
        Ok(match kept.as_ref().map(redrive_of).transpose()? {
            Some(redrive) => RedriveAsked::Done(redrive),
            None => RedriveAsked::ToDo(id),
        })
    }

    /// Keeps that it was done; the same again changes nothing.
    pub async fn keep_redrive(&self, redrive: &Redrive) -> Result<(), PortError> {
        let item = Writer(keys::redrive(&redrive.id))
            .text("by", redrive.by.to_string())
            .number("at", redrive.at.ms())
            .text("reason", redrive.reason.as_str())
            .number("waiting", i64::try_from(redrive.waiting).unwrap_or(i64::MAX));
        self.transact(vec![self.put_if_absent(item.0)?]).await.map(drop)
    }

    /// The latest times that dead letters were moved back, the newest first.
    pub async fn redrives(&self, limit: usize) -> Result<Vec<Redrive>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::DEAD_LETTERS))
            .expression_attribute_values(":prefix", text(AUDIT_PREFIX))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        answer.items().iter().map(redrive_of).collect()
    }
}

fn redrive_of(item: &Item) -> Result<Redrive, PortError> {
    let row = Reader(item);
    Ok(Redrive {
        id: row.parsed(SK, |sk| OperationId::parse(sk.strip_prefix(AUDIT_PREFIX)?).ok())?,
        by: row.parsed("by", |by| by.parse().ok())?,
        at: row.moment("at")?,
        reason: row.parsed("reason", |reason| Reason::parse(reason).ok())?,
        waiting: u64::try_from(row.number("waiting")?).unwrap_or_default(),
    })
}
