//! Holds: what becomes of them, and where the open ones of an organisation are.

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures_util::future::try_join_all;
use saldo_credits::{OpenHolds, OpenHoldsOf};
use saldo_domain::{
    Actor, Counted, DebitEntry, DebitId, EntryId, HoldChange, LateReport, Month, OrgId, Posting, Round,
    ShardId, Timestamp, Watermark,
};

use super::Store;
use super::attributes::{Item, Reader, number, text};
use super::balances::{or_conflict, updated};
use super::counters::uncounted;
use super::errors::port_error;
use super::hold_items::{hold_update, report_update};
use super::keys::{self, DUE_AT, DUE_INDEX, DUE_PK, PK, SK, Work};
use super::reads::page_size;
use super::rows::{REVISION, entry_item};
use super::runs::holds_of;
use super::short_names::shard::HOLDS;
use super::transactions::not_built;
use crate::PortError;

/// Earlier holds have ended, in milliseconds.
const FROM: &str = "from";
/// Where the next run goes on, in milliseconds; absent where that is the same.
const GO_ON: &str = "go_on";
/// Ids of earlier ones that may be open, one after the other.
const CARRIED: &str = "carried";
/// When somebody was last about to hold, in milliseconds.
const TOUCHED: &str = "touched";
/// How often that is kept, in milliseconds.
const TOUCHED_MS: i64 = 3_600_000;
/// How soon holds are looked at, in seconds.
const FIRST_LOOK_SECS: i64 = 300;
/// Items read at a time.
const ITEMS: usize = 500;
/// Organisations of each partition of the index in one reading.
const ORGANISATIONS: usize = 50;

impl Store {
    /// Some organisations whose holds are to be looked at by `now`.
    pub async fn organisations_with_holds(&self, now: Timestamp) -> Result<Vec<OrgId>, PortError> {
        let read = |partition: String| async move {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#pk = :due AND #at <= :now")
                .expression_attribute_names("#pk", DUE_PK)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", text(partition))
                .expression_attribute_values(":now", text(keys::due_at(now)))
                .limit(page_size(ORGANISATIONS));
            let answer = query.send().await.map_err(|error| port_error(&error))?;
            let org = |item: &Item| Reader(item).parsed(PK, keys::parse_org);
            answer.items().iter().map(org).collect::<Result<Vec<_>, _>>()
        };
        let all = try_join_all(keys::due_partitions(Work::Holds).map(read)).await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// The main shard says it first: where the list has the organisation, both do.
    pub(super) async fn look_for_holds(&self, org: &OrgId, now: Timestamp) -> Result<(), PortError> {
        let kept = self.item(keys::holds(org)).await?;
        if let Some(kept) = &kept {
            let touched = Reader(kept).number(TOUCHED)?;
            if kept.contains_key(DUE_PK) && now.ms() - touched < TOUCHED_MS {
                return Ok(());
            }
        } else {
            let flag = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(keys::shard(org, ShardId::MAIN)))
                .update_expression("SET #h = :one")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#h", HOLDS)
                .expression_attribute_values(":one", number(1));
            or_conflict(updated(flag).await?)?;
        }
        let due = keys::due_partition(Work::Holds, org.as_str());
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::holds(org)))
            .update_expression(
                "SET #touched = :now, #from = if_not_exists(#from, :from), #pk = :due, #at = if_not_exists(#at, :at) ADD #revision :one",
            )
            .expression_attribute_names("#touched", TOUCHED)
            .expression_attribute_names("#from", FROM)
            .expression_attribute_names("#pk", DUE_PK)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":now", number(now.ms()))
            // Ids may be minutes older than this.
            .expression_attribute_values(":from", number(now.plus_secs(-TOUCHED_MS / 1000).ms()))
            .expression_attribute_values(":due", text(due))
            .expression_attribute_values(":at", text(keys::due_at(now.plus_secs(FIRST_LOOK_SECS))))
            .expression_attribute_values(":one", number(1));
        updated(update).await?.map(drop).map_err(|_| PortError::Conflict)
    }

    pub(super) async fn write_hold(
        &self,
        org: &OrgId,
        change: &HoldChange,
        counted: &Counted,
        actor: &Actor,
    ) -> Result<(), PortError> {
        let of_hold = hold_update(&self.table, org, change).build().map_err(not_built)?;
        if change.returned.0 == 0 {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(of_hold.key))
                .update_expression(of_hold.update_expression)
                .set_condition_expression(of_hold.condition_expression)
                .set_expression_attribute_names(of_hold.expression_attribute_names)
                .set_expression_attribute_values(of_hold.expression_attribute_values);
            return or_conflict(updated(update).await?);
        }
        let back = self.gain_back(org, change.returned);
        let back = uncounted(back, counted, change.returned).build().map_err(not_built)?;
        let mut parts = vec![
            TransactWriteItem::builder().update(of_hold).build(),
            TransactWriteItem::builder().update(back).build(),
        ];
        if let Some(reversal) = &change.reversal {
            let posting = Posting::reversal(reversal, ShardId::HOLDS, Some(actor));
            parts.push(self.put_if_absent(entry_item(org, &posting.entry))?);
        }
        self.transact(parts).await?.map_err(|_| PortError::Conflict)
    }
}

impl Store {
    /// Whether there were as many credits.
    pub(super) async fn write_late_report(
        &self,
        org: &OrgId,
        report: &LateReport,
        actor: &Actor,
    ) -> Result<bool, PortError> {
        let posting = Posting::late_report(report, actor);
        let of_hold = report_update(&self.table, org, report).build().map_err(not_built)?;
        let parts = vec![
            TransactWriteItem::builder().update(of_hold).build(),
            self.put_if_absent(entry_item(org, &posting.entry))?,
        ];
        match self.with_balance(org, parts, &[posting]).await? {
            Ok(()) => Ok(true),
            Err(refused) if refused.at(0) || refused.at(1) => Err(PortError::Conflict),
            Err(_) => Ok(false),
        }
    }
}

impl OpenHolds for Store {
    async fn open_holds(&self, org: &OrgId) -> Result<OpenHoldsOf, PortError> {
        let item = self.item(keys::holds(org)).await?.ok_or(PortError::Conflict)?;
        let row = Reader(&item);
        let ids = row.optional_text(CARRIED).unwrap_or_default().split_whitespace();
        let carried = ids.map(DebitId::parse).collect::<Result<_, _>>().map_err(|_| row.fault(CARRIED))?;
        Ok(OpenHoldsOf {
            round: Round {
                mark: Watermark { from: row.moment(FROM)?, carried },
                go_on: row.optional_moment(GO_ON),
            },
            touched: row.moment(TOUCHED)?,
            revision: row.number(REVISION)?,
        })
    }

    async fn keep_open_holds(
        &self,
        org: &OrgId,
        of: &OpenHoldsOf,
        next: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let Round { mark, go_on } = &of.round;
        let carried: Vec<_> = mark.carried.iter().map(DebitId::to_string).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::holds(org)))
            .condition_expression("#revision = :before")
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_names("#from", FROM)
            .expression_attribute_names("#carried", CARRIED)
            .expression_attribute_names("#go_on", GO_ON)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":before", number(of.revision))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":from", number(mark.from.ms()))
            .expression_attribute_values(":carried", text(carried.join(" ")));
        let (mut set, mut remove) = ("SET #from = :from, #carried = :carried".to_owned(), Vec::new());
        let mut update = update;
        match next {
            Some(next) => {
                set.push_str(", #at = :next");
                update = update.expression_attribute_values(":next", text(keys::due_at(next)));
            }
            None => {
                remove.extend(["#pk", "#at"]);
                update = update.expression_attribute_names("#pk", DUE_PK);
            }
        }
        match go_on {
            Some(go_on) => {
                set.push_str(", #go_on = :go_on");
                update = update.expression_attribute_values(":go_on", number(go_on.ms()));
            }
            None => remove.push("#go_on"),
        }
        let remove = if remove.is_empty() { String::new() } else { format!(" REMOVE {}", remove.join(", ")) };
        let update = update.update_expression(format!("{set}{remove} ADD #revision :one"));
        or_conflict(updated(update).await?)
    }

    async fn holds(
        &self,
        org: &OrgId,
        month: Month,
        from: Timestamp,
        after: Option<EntryId>,
    ) -> Result<(Vec<DebitEntry>, Option<EntryId>), PortError> {
        let behind = after.map(|id| keys::entry_in(org, month, ShardId::HOLDS, id));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk >= :from")
            .expression_attribute_values(":pk", text(keys::ledger_partition(org, month, ShardId::HOLDS)))
            .expression_attribute_values(":from", text(EntryId::first_at(from).to_string()))
            .consistent_read(true)
            .set_exclusive_start_key(behind)
            .limit(page_size(ITEMS));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let mut holds = Vec::new();
        for item in answer.items() {
            holds.extend(holds_of(item)?);
        }
        let last = answer.last_evaluated_key().filter(|key| !key.is_empty());
        let next = last.map(|key| Reader(key).parsed(SK, |id| EntryId::parse(id).ok())).transpose()?;
        Ok((holds, next))
    }
}
