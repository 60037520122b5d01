//! Balance shards as items: what a reservation and an acknowledgement say to DynamoDB, and what an item says of a shard.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use saldo_domain::{
    BalanceShard, Counted, Credits, DebitId, OrgId, PendingChange, Rebalance, Reservation, Resume,
    SEQUENCE_STEP, ShardId, Sharding, Stamp, Timestamp,
};

use super::Store;
use super::attributes::{Item, Reader, number};
use super::counters::{Counts, counters_of, uncounting, with_uncounted};
use super::keys;
use super::pending::{Expressions, pending_of};
use super::rows::CREDITS;
use super::short_names::shard::{
    EPOCH, HALTED, HOLDS, MOVEMENTS, PENDING, REFUSED, RESERVED_AT, RETURNED, RETURNS, SEQUENCE, SHARDING,
    SHARDS,
};
use crate::PortError;

impl Store {
    fn shard_update(&self, org: &OrgId, id: ShardId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(keys::shard(org, id)))
    }

    /// A reservation on a shard that was `seen` like this.
    pub(super) fn reserve_update(
        &self,
        org: &OrgId,
        id: ShardId,
        reservation: &Reservation,
        seen: Option<&BalanceShard>,
    ) -> UpdateItemFluentBuilder {
        let Reservation { unsharded, epoch, at, counting, .. } = reservation;
        let (counts, pending) = (Counts::of(counting), Expressions::of(&reservation.change(seen)));
        let fence = if *unsharded { " AND attribute_not_exists(#s)" } else { "" };
        let halted = if id == ShardId::MAIN { "" } else { " AND attribute_not_exists(#o)" };
        let first = if *epoch == 0 { "attribute_not_exists(#e) OR " } else { "" };
        let mut update = Counts::named(self.shard_update(org, id), counting)
            .update_expression(format!(
                "SET #credits = #credits - :credits, #v = #v + :step, #t = :at{}{}{}",
                pending.set, counts.set, pending.removing()
            ))
            .condition_expression(format!(
                "#credits >= :credits AND attribute_exists(#q) AND size(#q) < :room AND ({first}#e = :epoch){fence}{halted}{}{}",
                counts.condition, pending.condition
            ))
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", SEQUENCE)
            .expression_attribute_names("#t", RESERVED_AT)
            .expression_attribute_names("#e", EPOCH)
            .expression_attribute_values(":at", number(at.secs()))
            .expression_attribute_values(":epoch", number(*epoch))
            .expression_attribute_values(":credits", number(reservation.credits().0))
            .expression_attribute_values(":step", number(SEQUENCE_STEP))
            .expression_attribute_values(
                ":room",
                number(i64::try_from(reservation.room(seen)).unwrap_or_default()),
            )
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if *unsharded {
            update = update.expression_attribute_names("#s", SHARDING);
        }
        if id != ShardId::MAIN {
            update = update.expression_attribute_names("#o", HALTED);
        }
        pending.named(update)
    }

    pub(super) fn ready_update(&self, org: &OrgId) -> UpdateItemFluentBuilder {
        self.shard_update(org, ShardId::MAIN)
            .update_expression(
                "SET #credits = if_not_exists(#credits, :zero), #v = if_not_exists(#v, :zero), #q = if_not_exists(#q, :empty)",
            )
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", SEQUENCE)
            .expression_attribute_names("#q", PENDING)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":empty", AttributeValue::M(Item::new()))
    }

    /// That these are pending no more on a shard that was `seen` like this; `None` where none of them is.
    pub(super) fn acknowledge_update(
        &self,
        org: &OrgId,
        id: ShardId,
        written: &[(DebitId, Stamp)],
        seen: Option<&BalanceShard>,
    ) -> Option<UpdateItemFluentBuilder> {
        let pending = Expressions::of(&PendingChange::acknowledging(written, seen));
        if pending.is_nothing() {
            return None;
        }
        let set = pending.set.strip_prefix(',').map(|set| format!("SET{set}")).unwrap_or_default();
        let update = self
            .shard_update(org, id)
            .update_expression(format!("{set}{}", pending.removing()))
            .condition_expression(format!("attribute_exists(#q){}", pending.condition))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Some(pending.named(update))
    }

    /// That one is pending no more, and its credits are there again.
    pub(super) fn give_back_update(
        &self,
        org: &OrgId,
        stamp: Stamp,
        change: &PendingChange,
        counted: &Counted,
    ) -> UpdateItemFluentBuilder {
        let ((there, uncounted), pending) = (uncounting(counted), Expressions::of(change));
        let update = with_uncounted(self.shard_update(org, stamp.shard()), counted, stamp.credits())
            .update_expression(format!(
                "SET #credits = #credits + :credits, {NEXT_EPOCH}{uncounted}{}{} ADD #g :one",
                pending.set,
                pending.removing()
            ))
            .condition_expression(format!("attribute_exists(#q){}{there}", pending.condition))
            .expression_attribute_names("#e", EPOCH)
            .expression_attribute_names("#f", REFUSED)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":born", number(0))
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#g", MOVEMENTS)
            .expression_attribute_values(":credits", number(stamp.credits().0))
            .expression_attribute_values(":one", number(1));
        pending.named(update)
    }

    pub(super) fn announce_sharding_update(&self, org: &OrgId) -> UpdateItemFluentBuilder {
        self.shard_update(org, ShardId::MAIN)
            .update_expression("SET #s = :announced")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(#s)")
            .expression_attribute_names("#s", SHARDING)
            .expression_attribute_values(":announced", number(0))
    }

    pub(super) fn start_sharding_update(&self, org: &OrgId, since: Timestamp) -> UpdateItemFluentBuilder {
        self.shard_update(org, ShardId::MAIN)
            .update_expression("SET #s = :since")
            .condition_expression("#s = :announced")
            .expression_attribute_names("#s", SHARDING)
            .expression_attribute_values(":announced", number(0))
            .expression_attribute_values(":since", number(since.ms()))
    }

    pub(super) fn shards_update(&self, org: &OrgId, shards: Option<u8>) -> UpdateItemFluentBuilder {
        let update = self
            .shard_update(org, ShardId::MAIN)
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#n", SHARDS);
        match shards {
            None => update.update_expression("REMOVE #n"),
            Some(shards) => update
                .update_expression("SET #n = :shards")
                .expression_attribute_values(":shards", number(shards.into())),
        }
    }

    pub(super) fn fence_update(&self, org: &OrgId, id: ShardId, at_once: bool) -> UpdateItemFluentBuilder {
        let update = self
            .shard_update(org, id)
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        if at_once {
            return update
                .update_expression("SET #e = if_not_exists(#e, :zero) + :one")
                .expression_attribute_names("#e", EPOCH)
                .expression_attribute_values(":zero", number(0));
        }
        update.update_expression("SET #f = :one").expression_attribute_names("#f", REFUSED)
    }

    /// Credits that come to a balance shard, or leave it; makes the shard if there is none.
    ///
    /// A main shard is born in the epoch 0, which is what a process assumes of one that it has not seen. Any other is
    /// born in a later one: an attempt of before, which someone may have been refused behind, does not succeed on it.
    pub(super) fn gain(&self, org: &OrgId, id: ShardId, credits: Credits) -> UpdateBuilder {
        let born = i64::from(id != ShardId::MAIN);
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::shard(org, id)))
            .update_expression(format!(
                "SET #v = if_not_exists(#v, :first), #q = if_not_exists(#q, :empty), {NEXT_EPOCH} ADD #credits :credits, #g :one"
            ))
            .expression_attribute_names("#e", EPOCH)
            .expression_attribute_names("#f", REFUSED)
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", SEQUENCE)
            .expression_attribute_names("#q", PENDING)
            .expression_attribute_names("#g", MOVEMENTS)
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":born", number(born))
            .expression_attribute_values(":credits", number(credits.0))
            .expression_attribute_values(":first", number(id.first_sequence()))
            .expression_attribute_values(":empty", AttributeValue::M(Item::new()))
            .expression_attribute_values(":one", number(1))
    }

    /// What comes back of a hold to the main shard.
    pub(super) fn gain_back(&self, org: &OrgId, credits: Credits) -> UpdateBuilder {
        let update = self.gain(org, ShardId::MAIN, credits);
        let expression = update.get_update_expression().clone().unwrap_or_default();
        update
            .update_expression(format!("{expression}, #i :one, #r :credits"))
            .expression_attribute_names("#i", RETURNS)
            .expression_attribute_names("#r", RETURNED)
    }

    /// Lets a balance shard serve nothing; makes it if there is none, so that none comes to be that serves.
    pub(super) fn halt(&self, org: &OrgId, id: ShardId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::shard(org, id)))
            .update_expression("SET #o = :one")
            .expression_attribute_names("#o", HALTED)
            .expression_attribute_values(":one", number(1))
    }

    /// Halted shards serve again and give what the main one owes, for one transaction.
    pub(super) fn resume_updates(
        &self,
        org: &OrgId,
        resume: &Resume,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let gained = resume.credits();
        let main = self
            .gain(org, ShardId::MAIN, gained)
            .condition_expression("#credits >= :least")
            .expression_attribute_values(":least", number(gained.negated().0));
        let mut updates = vec![TransactWriteItem::builder().update(main.build()?).build()];
        for (id, credits) in &resume.gives {
            let mut update = self.gain(org, *id, credits.negated());
            let expression = update.get_update_expression().clone().unwrap_or_default();
            update = update
                .update_expression(format!("{expression} REMOVE #o"))
                .expression_attribute_names("#o", HALTED);
            if *credits > Credits::ZERO {
                update = update
                    .condition_expression("#credits >= :least")
                    .expression_attribute_values(":least", number(credits.0));
            }
            updates.push(TransactWriteItem::builder().update(update.build()?).build());
        }
        Ok(updates)
    }

    /// Both sides of a move, for one transaction.
    pub(super) fn rebalance_updates(
        &self,
        org: &OrgId,
        rebalance: &Rebalance,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let all = rebalance.from.iter().fold(0_i64, |sum, (_, credits)| sum.saturating_add(credits.0));
        let to = self.gain(org, rebalance.to, Credits(all)).build()?;
        let mut updates = vec![TransactWriteItem::builder().update(to).build()];
        for (id, credits) in &rebalance.from {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keys::shard(org, *id)))
                .update_expression("SET #credits = #credits - :credits ADD #g :one")
                .condition_expression("#credits >= :credits")
                .expression_attribute_names("#credits", CREDITS)
                .expression_attribute_names("#g", MOVEMENTS)
                .expression_attribute_values(":credits", number(credits.0))
                .expression_attribute_values(":one", number(1))
                .build()?;
            updates.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(updates)
    }
}

/// The epoch moves on, if someone was refused, with credits that come.
const NEXT_EPOCH: &str = "#e = if_not_exists(#e, :zero) + if_not_exists(#f, :born), #f = :zero";

pub(super) fn shard_of(item: &Item) -> Result<BalanceShard, PortError> {
    let row = Reader(item);
    let mut shard = BalanceShard {
        credits: Credits(row.optional_number(CREDITS).unwrap_or_default()),
        sequence: row.optional_number(SEQUENCE).unwrap_or_default(),
        movements: row.optional_number(MOVEMENTS).unwrap_or_default(),
        returns: row.optional_number(RETURNS).unwrap_or_default(),
        returned: Credits(row.optional_number(RETURNED).unwrap_or_default()),
        sharding: match row.optional_number(SHARDING) {
            None => Sharding::No,
            Some(0) => Sharding::Announced,
            Some(ms) => Sharding::Since(Timestamp::from_ms(ms)),
        },
        shards: row.optional_number(SHARDS).and_then(|shards| u8::try_from(shards).ok()),
        reserved_at: Timestamp::from_secs(row.optional_number(RESERVED_AT).unwrap_or_default()),
        epoch: row.optional_number(EPOCH).unwrap_or_default(),
        refused: row.optional_number(REFUSED).is_some_and(|refused| refused > 0),
        holds: item.contains_key(HOLDS),
        halted: item.contains_key(HALTED),
        budgets: counters_of(item)?,
        ..BalanceShard::default()
    };
    if let Some(pending) = pending_of(item)? {
        (shard.ready, shard.pending) = (true, pending);
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use saldo_domain::{
        Channel, Class, Count, Counting, Country, Day, Details, MOST_ACKNOWLEDGED, MOST_BUDGETS,
        MOST_IN_BATCH, PENDING_ROOM, ReservedDebit, Units,
    };

    use super::*;
    use crate::dynamo::attributes::{bytes, long_number};
    use crate::dynamo::counters::counter;
    use crate::dynamo::pending::alone;
    use crate::dynamo::short_names::shard::{BUDGETS, DAY};

    fn ids(count: usize) -> impl Iterator<Item = DebitId> {
        (0..count).map(|at| {
            let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
            (bytes[14], bytes[15]) = (u8::try_from(at / 32).unwrap(), u8::try_from(at % 32).unwrap());
            DebitId::from_bytes(bytes).unwrap()
        })
    }

    /// Enough for a million million debits.
    fn last_sequence() -> i64 {
        let last = ShardId::balances().last().unwrap();
        last.first_sequence() + ShardId::balances().nth(1).unwrap().first_sequence() - 1
    }

    /// A shard with nothing pending, whose numbers are as long as they come to be.
    fn largest(more: &[(&str, i64)]) -> Item {
        // A UUID, as identity providers issue; with the longest possible name, a full shard costs two units.
        let org = OrgId::parse(&"x".repeat(36)).unwrap();
        let mut item = keys::shard(&org, ShardId::balances().last().unwrap());
        let usual = [
            (CREDITS, 999_999_999_999),
            (SEQUENCE, last_sequence()),
            (MOVEMENTS, 999_999_999),
            (RESERVED_AT, 9_999_999_999),
            (EPOCH, 999_999),
            (REFUSED, 1),
        ];
        for (name, value) in usual.iter().chain(more) {
            item.insert((*name).to_owned(), number(*value));
        }
        item
    }

    /// With so many debits of such details pending, each at 999 credits for a unit.
    fn bytes_with(item: &Item, pending: usize, details: &Details) -> usize {
        let code = Stamp::code(Credits(999 * details.units.get()), Channel::EMAIL, details).unwrap();
        let stamp = long_number(Stamp::given(last_sequence(), code).0);
        let pending = ids(pending).map(|id| (alone(id), stamp.clone())).collect();
        let mut item = item.clone();
        item.insert(PENDING.to_owned(), AttributeValue::M(pending));
        bytes(&item)
    }

    #[test]
    fn the_largest_shard_of_single_debits_costs_one_unit() {
        let item = largest(&[(HALTED, 1)]);
        let full = |pending: usize, units: i64, class: &str, country: &str| {
            let (class, country) = (Class::parse(class), Country::parse(country));
            let details = Details { units: Units::new(units).unwrap(), class, country, reference: None };
            bytes_with(&item, pending, &details)
        };
        assert!(full(PENDING_ROOM, 1, "", "ID") <= 1024, "as many as there is room for, of usual messages");
        assert!(full(23, 100, "utility", "ID") <= 1024);
        // Only above a crowded shard's number does a reservation cost two units, whatever it is of.
        assert!(full(21, 1_000_000_000, "utility", "ID") <= 1024);
    }

    #[test]
    fn a_shard_with_eight_budgets_costs_one_unit_until_it_is_crowded() {
        let mut item = largest(&[(BUDGETS, -9_999), (DAY, 99_999)]);
        // Numbers of budgets that were changed a hundred times, each of some million credits.
        for budget in 100..108 {
            item.insert(counter(budget), number(-99_999_999));
        }
        let with = |pending: usize| {
            let details = Details { country: Country::parse("ID"), ..Details::default() };
            bytes_with(&item, pending, &details)
        };
        assert!(with(23) <= 1024, "{}", with(23));
        assert!(with(PENDING_ROOM) > 1024, "else it is said to cost more than it does");
    }

    #[test]
    fn the_longest_reservation_is_within_dynamodbs_limits() {
        let world = crate::world::World::at(
            crate::world::Endpoints {
                dynamodb: None,
                sqs: None,
                secrets_manager: None,
                stripe: String::new(),
            },
            crate::clock::Clock::system(),
        );
        let env = [("SALDO_TABLE".to_owned(), "saldo".to_owned())].into_iter().collect();
        let store = world.store(&env).unwrap();
        // Each in a run of its own, and both of what may be in a group.
        let debits = ids(MOST_IN_BATCH * 32)
            .step_by(32)
            .map(|id| ReservedDebit { id, credits: Credits(4_095), code: (1 << 124) - 1 })
            .collect();
        let acknowledged =
            ids(1_000).skip(33).step_by(32).take(MOST_ACKNOWLEDGED).map(|id| (id, Stamp(17))).collect();
        let (epoch, at) = (0, Timestamp::from_ms(0));
        let counts = (1..=MOST_BUDGETS).map(|number| Count {
            number: 100 + i64::try_from(number).unwrap(),
            credits: Credits(4_095),
            most_before: Some(9),
        });
        let counting = Counting { version: 9, day: Day(20_784), counts: counts.collect() };
        let reservation = Reservation { debits, acknowledged, unsharded: true, epoch, counting, at };
        let update = store.reserve_update(&OrgId::parse("acme").unwrap(), ShardId::MAIN, &reservation, None);
        for expression in [update.get_update_expression(), update.get_condition_expression()] {
            let text = expression.as_deref().unwrap();
            assert!(text.len() <= 4_096, "{}", text.len());
            let operators = [" AND ", " OR ", " = ", " < ", " <= ", " >= ", " + ", " - ", "exists(", "size("];
            let count: usize = operators.iter().map(|operator| text.matches(operator).count()).sum();
            assert!(count <= 300, "{count}");
        }
    }

    #[test]
    fn a_shard_reads_back() {
        let id = ids(1).next().unwrap();
        let org = OrgId::parse("acme").unwrap();
        let mut item = keys::shard(&org, ShardId::MAIN);
        item.insert(CREDITS.to_owned(), number(5));
        assert_eq!(shard_of(&item).unwrap(), BalanceShard { credits: Credits(5), ..BalanceShard::default() });
        item.insert(SEQUENCE.to_owned(), number(SEQUENCE_STEP));
        item.insert(MOVEMENTS.to_owned(), number(3));
        item.insert(PENDING.to_owned(), AttributeValue::M(Item::from([(alone(id), number(51))])));
        let shard = shard_of(&item).unwrap();
        assert_eq!(
            (shard.ready, shard.sequence, shard.pending.get(&id)),
            (true, SEQUENCE_STEP, Some(&Stamp(51)))
        );
        assert_eq!((shard.movements, shard.sharding), (3, Sharding::No));
        item.insert(SHARDS.to_owned(), number(4));
        assert_eq!(shard_of(&item).unwrap().shards, Some(4));
        for (name, value) in [(EPOCH, 7), (REFUSED, 1), (RESERVED_AT, 9)] {
            item.insert(name.to_owned(), number(value));
        }
        let shard = shard_of(&item).unwrap();
        assert_eq!((shard.epoch, shard.refused, shard.reserved_at), (7, true, Timestamp::from_secs(9)));
        item.insert(SHARDING.to_owned(), number(0));
        assert_eq!(shard_of(&item).unwrap().sharding, Sharding::Announced);
        item.insert(SHARDING.to_owned(), number(7));
        assert_eq!(shard_of(&item).unwrap().sharding, Sharding::Since(Timestamp::from_ms(7)));
        item.insert(PENDING.to_owned(), AttributeValue::M(Item::from([("x".to_owned(), number(51))])));
        assert!(shard_of(&item).is_err());
    }
}
