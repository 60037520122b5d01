//! Counters of budgets as attributes of balance shards: what a reservation counts, and how a shard comes to count.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use saldo_domain::{Allowance, Counted, Counters, Counting, Credits, Day, OrgId, ShardId, Turn};

use super::Store;
use super::attributes::{Item, Reader, number};
use super::keys;
use super::short_names::shard::{BUDGETS, COUNTER, DAY, MOVEMENTS};
use super::transactions::not_built;
use crate::PortError;

/// The attribute of a budget's counter.
pub(super) fn counter(budget: i64) -> String {
    format!("{COUNTER}{budget}")
}

/// What counting adds to the expressions of a reservation.
pub(super) struct Counts {
    /// After other clauses of `SET`.
    pub(super) set: String,
    /// After other conditions.
    pub(super) condition: String,
}

impl Counts {
    pub(super) fn of(counting: &Counting) -> Counts {
        let known = if counting.version == 0 { "attribute_not_exists(#c)" } else { "#c = :budgets" };
        let mut counts = Counts { set: String::new(), condition: format!(" AND {known}") };
        if counting.counts.is_empty() {
            return counts;
        }
        counts.condition.push_str(" AND #d = :day");
        for (at, count) in counting.counts.iter().enumerate() {
            counts.set.push_str(&format!(", #u{at} = if_not_exists(#u{at}, :none) + :u{at}"));
            counts.condition.push_str(&match count.most_before {
                None => String::new(),
                // One that is not there has counted nothing.
                Some(most) if most >= 0 => {
                    format!(" AND (attribute_not_exists(#u{at}) OR #u{at} <= :most{at})")
                }
                Some(_) => format!(" AND #u{at} <= :most{at}"),
            });
        }
        counts
    }

    pub(super) fn named(mut update: UpdateItemFluentBuilder, counting: &Counting) -> UpdateItemFluentBuilder {
        update = update.expression_attribute_names("#c", BUDGETS);
        if counting.version != 0 {
            update = update.expression_attribute_values(":budgets", number(counting.version));
        }
        if counting.counts.is_empty() {
            return update;
        }
        update = update
            .expression_attribute_names("#d", DAY)
            .expression_attribute_values(":day", number(counting.day.0))
            .expression_attribute_values(":none", number(0));
        for (at, count) in counting.counts.iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#u{at}"), counter(count.number))
                .expression_attribute_values(format!(":u{at}"), number(count.credits.0));
            if let Some(most) = count.most_before {
                update = update.expression_attribute_values(format!(":most{at}"), number(most));
            }
        }
        update
    }
}

/// ` AND …` and `, …` for budgets that count so much no more, where they count on this day.
pub(super) fn uncounting(counted: &Counted) -> (String, String) {
    if counted.numbers.is_empty() {
        return (String::new(), String::new());
    }
    let places = 0..counted.numbers.len();
    let there: String = places.clone().map(|at| format!(" AND attribute_exists(#u{at})")).collect();
    (format!(" AND #d = :day{there}"), places.map(|at| format!(", #u{at} = #u{at} - :uncounted")).collect())
}

/// The names and values of [`uncounting`].
pub(super) fn with_uncounted(
    update: UpdateItemFluentBuilder,
    counted: &Counted,
    credits: Credits,
) -> UpdateItemFluentBuilder {
    if counted.numbers.is_empty() {
        return update;
    }
    let update = update
        .expression_attribute_names("#d", DAY)
        .expression_attribute_values(":day", number(counted.day.0))
        .expression_attribute_values(":uncounted", number(credits.0));
    counted.numbers.iter().enumerate().fold(update, |update, (at, budget)| {
        update.expression_attribute_names(format!("#u{at}"), counter(*budget))
    })
}

/// The same for a part of a transaction.
pub(super) fn uncounted(update: UpdateBuilder, counted: &Counted, credits: Credits) -> UpdateBuilder {
    if counted.numbers.is_empty() {
        return update;
    }
    let (condition, set) = uncounting(counted);
    let expression = update.get_update_expression().clone().unwrap_or_default();
    // What is set comes first in it.
    let expression = expression.replacen("SET ", &format!("SET {}, ", set.trim_start_matches(", ")), 1);
    let update = update
        .update_expression(expression)
        .condition_expression(condition.trim_start_matches(" AND "))
        .expression_attribute_names("#d", DAY)
        .expression_attribute_values(":day", number(counted.day.0))
        .expression_attribute_values(":uncounted", number(credits.0));
    counted.numbers.iter().enumerate().fold(update, |update, (at, budget)| {
        update.expression_attribute_names(format!("#u{at}"), counter(*budget))
    })
}

impl Store {
    /// What lets the counters of a shard begin a day: alone, or with the main shard that gets what this one has counted.
    pub(super) fn turn_updates(&self, org: &OrgId, turn: &Turn) -> Result<Vec<TransactWriteItem>, PortError> {
        let Turn { shard, version, unsettled, day_before, day, over, moved } = turn;
        let removed: Vec<_> = over.iter().map(|one| format!("#u{one}")).collect();
        let remove =
            if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        let day_seen = if *day_before == Day(0) { "attribute_not_exists(#d)" } else { "#d = :before" };
        let same: String = moved.iter().map(|(one, _)| format!(" AND #u{one} = :seen{one}")).collect();
        let moves = if moved.is_empty() { "" } else { " ADD #g :one" };
        let mut update = self
            .counters_update(org, *shard)
            .update_expression(format!("SET #c = :version, #d = :day{remove}{moves}"))
            .expression_attribute_names("#c", BUDGETS)
            .condition_expression(format!("#c = :known AND {day_seen}{same}"))
            .expression_attribute_values(":known", number(if *unsettled { -version } else { *version }))
            .expression_attribute_values(":version", number(*version))
            .expression_attribute_values(":day", number(day.0));
        if *day_before != Day(0) {
            update = update.expression_attribute_values(":before", number(day_before.0));
        }
        for one in over {
            update = update.expression_attribute_names(format!("#u{one}"), counter(*one));
        }
        for (one, seen) in moved {
            update = update.expression_attribute_values(format!(":seen{one}"), number(*seen));
        }
        if moved.is_empty() {
            return Ok(vec![TransactWriteItem::builder().update(update.build().map_err(not_built)?).build()]);
        }
        update =
            update.expression_attribute_names("#g", MOVEMENTS).expression_attribute_values(":one", number(1));
        let mut parts = vec![TransactWriteItem::builder().update(update.build().map_err(not_built)?).build()];
        parts.push(self.settled(org, turn)?);
        Ok(parts)
    }

    /// A part of a transaction as a write of its own, which costs half.
    pub(super) fn alone(&self, part: &TransactWriteItem) -> Option<UpdateItemFluentBuilder> {
        let update = part.update()?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(update.key().clone()))
            .update_expression(update.update_expression())
            .set_condition_expression(update.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(update.expression_attribute_names().cloned())
            .set_expression_attribute_values(update.expression_attribute_values().cloned());
        Some(sent)
    }

    /// What the main shard gets of one that is settled.
    fn settled(&self, org: &OrgId, turn: &Turn) -> Result<TransactWriteItem, PortError> {
        let set = |(one, _): &(i64, i64)| format!("#u{one} = if_not_exists(#u{one}, :none) + :moved{one}");
        let set: Vec<_> = turn.moved.iter().map(set).collect();
        let mut main = self
            .counters_update(org, ShardId::MAIN)
            .update_expression(format!("SET {} ADD #g :one", set.join(", ")))
            .condition_expression("#c = :version AND #d = :day")
            .expression_attribute_names("#c", BUDGETS)
            .expression_attribute_names("#g", MOVEMENTS)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":version", number(turn.version))
            .expression_attribute_values(":day", number(turn.day.0));
        for (one, moved) in &turn.moved {
            main = main
                .expression_attribute_names(format!("#u{one}"), counter(*one))
                .expression_attribute_values(format!(":moved{one}"), number(*moved));
        }
        Ok(TransactWriteItem::builder().update(main.build().map_err(not_built)?).build())
    }

    /// All sides of a move, for one transaction.
    pub(super) fn allow_updates(
        &self,
        org: &OrgId,
        allowance: &Allowance,
    ) -> Result<Vec<TransactWriteItem>, PortError> {
        let set = "SET #u = if_not_exists(#u, :none) + :more ADD #g :one";
        let moving = |shard: ShardId, more: i64, day: Day| {
            self.counters_update(org, shard)
                .update_expression(set)
                .expression_attribute_names("#u", counter(allowance.number))
                .expression_attribute_names("#g", MOVEMENTS)
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":more", number(more))
                .expression_attribute_values(":day", number(day.0))
        };
        let known = |update: UpdateBuilder| {
            update
                .expression_attribute_names("#c", BUDGETS)
                .expression_attribute_values(":version", number(allowance.version))
        };
        let to = known(moving(allowance.to, allowance.credits().negated().0, allowance.day));
        let mut updates = vec![to.condition_expression("#c = :version AND #d = :day")];
        for giver in &allowance.from {
            let mut update = moving(giver.shard, giver.credits.0, giver.day);
            let mut condition = "#d = :day".to_owned();
            if giver.shard == ShardId::MAIN {
                update = known(update);
                condition.push_str(" AND #c = :version");
            }
            if let Some(most) = giver.most_before {
                let absent = if most >= 0 { "attribute_not_exists(#u) OR " } else { "" };
                condition.push_str(&format!(" AND ({absent}#u <= :most)"));
                update = update.expression_attribute_values(":most", number(most));
            }
            updates.push(update.condition_expression(condition));
        }
        let part = |update: UpdateBuilder| {
            Ok(TransactWriteItem::builder().update(update.build().map_err(not_built)?).build())
        };
        updates.into_iter().map(part).collect()
    }

    /// Of a shard, with its day named.
    fn counters_update(&self, org: &OrgId, shard: ShardId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::shard(org, shard)))
            .expression_attribute_names("#d", DAY)
    }
}

/// What an item says of budgets.
pub(super) fn counters_of(item: &Item) -> Result<Counters, PortError> {
    let row = Reader(item);
    let known = row.optional_number(BUDGETS).unwrap_or_default();
    let mut counters = Counters {
        version: known.saturating_abs(),
        unsettled: known < 0,
        day: Day(row.optional_number(DAY).unwrap_or_default()),
        ..Counters::default()
    };
    for name in item.keys() {
        let number = name.strip_prefix(COUNTER).and_then(|number| number.parse().ok());
        if let Some(number) = number {
            counters.counted.insert(number, row.number(name)?);
        }
    }
    Ok(counters)
}
