//! The budgets of an organisation as an item, and what is told of whom.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use saldo_domain::{
    Budget, BudgetBy, BudgetId, BudgetName, BudgetTerms, Budgets, Channel, Credits, Day, Limiting, OrgId,
    Period, Reached, Reference, ShardId, Subject,
};

use super::Store;
use super::attributes::{Item, Reader, Writer, number};
use super::counters::counter;
use super::keys;
use super::short_names::shard::BUDGETS;
use super::transactions::not_built;
use crate::PortError;

const VERSION: &str = "version";
const LAST_NUMBER: &str = "last_number";
/// A map by id.
const ALL: &str = "budgets";
const NUMBER: &str = "number";
const NAME: &str = "name";
const METER: &str = "meter";
const KEY: &str = "key";
const PREFIX: &str = "reference_prefix";
const PERIOD: &str = "period";
const LIMIT: &str = "limit";
const LIMITING: &str = "limiting";
const CHANGED_AT: &str = "changed_at";
const CHANGED_BY: &str = "changed_by";
/// Before the number of a budget: what was told of it, as ten times the first day of the period, and how far it was.
const TOLD: &str = "told";

impl Store {
    /// The change of the item, and that all balance shards know of it, for one transaction.
    pub(super) fn budgets_updates(
        &self,
        org: &OrgId,
        before: &Budgets,
        after: &Budgets,
    ) -> Result<Vec<TransactWriteItem>, PortError> {
        let condition = if before.version == 0 { "attribute_not_exists(#v)" } else { "#v = :before" };
        let changed = |budget: &&Budget| after.numbered(budget.number) != Some(budget);
        let forgotten: Vec<_> = before.all.iter().filter(changed).map(|budget| budget.number).collect();
        let removed: Vec<_> = forgotten.iter().map(|number| format!("#t{number}")).collect();
        let remove =
            if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        let all = after.all.iter().map(|budget| (budget.id.as_str().to_owned(), item_of(budget)));
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::budgets(org)))
            .update_expression(format!("SET #v = :after, #last = :last, #all = :all{remove}"))
            .condition_expression(condition)
            .expression_attribute_names("#v", VERSION)
            .expression_attribute_names("#last", LAST_NUMBER)
            .expression_attribute_names("#all", ALL)
            .expression_attribute_values(":after", number(after.version))
            .expression_attribute_values(":last", number(after.last_number))
            .expression_attribute_values(":all", AttributeValue::M(all.collect()));
        if before.version != 0 {
            update = update.expression_attribute_values(":before", number(before.version));
        }
        for one in forgotten {
            update = update.expression_attribute_names(format!("#t{one}"), told(one));
        }
        let mut updates =
            vec![TransactWriteItem::builder().update(update.build().map_err(not_built)?).build()];
        let over = before.over_in(after);
        for id in ShardId::balances() {
            let known = if id == ShardId::MAIN { after.version } else { -after.version };
            updates.push(self.budgets_known(org, id, known, &over)?);
        }
        Ok(updates)
    }

    /// A balance shard knows of the budgets of this version, and forgets these counters; made if there is none.
    fn budgets_known(
        &self,
        org: &OrgId,
        id: ShardId,
        known: i64,
        over: &[i64],
    ) -> Result<TransactWriteItem, PortError> {
        let removed: Vec<_> = over.iter().map(|number| format!("#u{number}")).collect();
        let remove =
            if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::shard(org, id)))
            .update_expression(format!("SET #c = :known{remove}"))
            .expression_attribute_names("#c", BUDGETS)
            .expression_attribute_values(":known", number(known));
        for one in over {
            update = update.expression_attribute_names(format!("#u{one}"), counter(*one));
        }
        Ok(TransactWriteItem::builder().update(update.build().map_err(not_built)?).build())
    }

    pub(super) fn told_update(
        &self,
        org: &OrgId,
        budget: i64,
        period: Day,
        reached: Reached,
    ) -> UpdateItemFluentBuilder {
        let far = match reached {
            Reached::Nearly => 1,
            Reached::Limit => 2,
        };
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::budgets(org)))
            .update_expression("SET #t = :told")
            .condition_expression("attribute_exists(#v) AND (attribute_not_exists(#t) OR #t < :told)")
            .expression_attribute_names("#v", VERSION)
            .expression_attribute_names("#t", told(budget))
            .expression_attribute_values(":told", number(period.0.saturating_mul(10).saturating_add(far)))
    }
}

fn told(budget: i64) -> String {
    format!("{TOLD}{budget}")
}

fn item_of(budget: &Budget) -> AttributeValue {
    let Budget { number, terms, changed_at, changed_by, .. } = budget;
    let item = Writer(Item::new())
        .number(NUMBER, *number)
        .text(NAME, terms.name.as_str())
        .text(PERIOD, terms.period.as_str())
        .number(LIMIT, terms.limit.0)
        .text(LIMITING, terms.limiting.as_str())
        .number(CHANGED_AT, changed_at.ms())
        .text(CHANGED_BY, changed_by.to_string());
    let item = match &terms.by {
        BudgetBy::Meter(channel) => item.text(METER, channel.as_str()),
        BudgetBy::Key(key) => item.text(KEY, key.as_str()),
        BudgetBy::ReferencePrefix(prefix) => item.text(PREFIX, prefix.as_str()),
    };
    AttributeValue::M(item.0)
}

pub(super) fn budgets_of(item: &Item) -> Result<Budgets, PortError> {
    let row = Reader(item);
    let (version, last_number) = (row.number(VERSION)?, row.number(LAST_NUMBER)?);
    let none = HashMap::new();
    let all = item.get(ALL).and_then(|all| all.as_m().ok()).unwrap_or(&none);
    let mut all: Vec<Budget> = all
        .iter()
        .map(|(id, budget)| budget_of(id, budget).ok_or_else(|| row.fault(ALL)))
        .collect::<Result<_, _>>()?;
    all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Budgets { version, last_number, all })
}

fn budget_of(id: &str, budget: &AttributeValue) -> Option<Budget> {
    let row = Reader(budget.as_m().ok()?);
    let meter = row.optional_text(METER).and_then(Channel::parse).map(BudgetBy::Meter);
    let key = row.optional_text(KEY).and_then(|key| Subject::parse(key).ok()).map(BudgetBy::Key);
    let prefix = row.optional_text(PREFIX).and_then(|prefix| Reference::parse(prefix).ok());
    let terms = BudgetTerms {
        name: BudgetName::parse(row.optional_text(NAME)?).ok()?,
        by: meter.or(key).or(prefix.map(BudgetBy::ReferencePrefix))?,
        period: Period::parse(row.optional_text(PERIOD)?)?,
        limit: Credits(row.optional_number(LIMIT)?),
        limiting: Limiting::parse(row.optional_text(LIMITING)?)?,
    };
    Some(Budget {
        id: BudgetId::parse(id).ok()?,
        number: row.optional_number(NUMBER)?,
        terms,
        changed_at: row.optional_moment(CHANGED_AT)?,
        changed_by: row.optional_text(CHANGED_BY)?.parse().ok()?,
    })
}
