//! The heads of a balance as items: what a take and a trim say to DynamoDB, and what an item says of a head.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_domain::{Credits, DebitId, Gain, Head, OrgId, Shard, Split, TURN, Tag, Take, Timestamp};

use super::Store;
use super::attributes::{Item, Reader, number};
use super::keys;
use super::rows::CREDITS;
use crate::PortError;

/// The counter of takes.
pub(super) const TURNS: &str = "v";
/// The ring: ids of debits, 22 characters each, with their tags.
pub(super) const RING: &str = "q";
/// The counter of gains.
pub(super) const GAINS: &str = "g";
/// Since when debits are spread over shards, in milliseconds; 0 while that is still to be said.
const SPLIT: &str = "s";

impl Store {
    pub(super) fn head_update(&self, org: &OrgId, shard: Shard) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).set_key(Some(keys::head(org, shard)))
    }

    pub(super) fn take_update(&self, org: &OrgId, shard: Shard, take: &Take) -> UpdateItemFluentBuilder {
        let (guards, removed) = trim_expressions(&take.trims);
        let fence = if take.unsplit { " AND attribute_not_exists(#s)" } else { "" };
        let new = 0..take.portions.len();
        let absent: String = new.clone().map(|at| format!(" AND attribute_not_exists(#q.#id{at})")).collect();
        let tags: String = new.map(|at| format!(", #q.#id{at} = #v + :code{at}")).collect();
        let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {removed}") };
        let mut update = with_trims(self.head_update(org, shard), &take.trims)
            .update_expression(format!("SET #credits = #credits - :credits, #v = #v + :turn{tags}{remove}"))
            .condition_expression(format!(
                "#credits >= :credits AND attribute_exists(#q) AND size(#q) < :room{fence}{absent}{guards}"
            ))
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", TURNS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_values(":credits", number(take.credits().0))
            .expression_attribute_values(":turn", number(TURN))
            .expression_attribute_values(":room", number(i64::try_from(take.room()).unwrap_or_default()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if take.unsplit {
            update = update.expression_attribute_names("#s", SPLIT);
        }
        for (at, portion) in take.portions.iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#id{at}"), ring_name(portion.id))
                .expression_attribute_values(format!(":code{at}"), number(portion.code));
        }
        update
    }

    pub(super) fn trim_update(
        &self,
        org: &OrgId,
        shard: Shard,
        done: &[(DebitId, Tag)],
    ) -> UpdateItemFluentBuilder {
        let (guards, removed) = trim_expressions(done);
        with_trims(self.head_update(org, shard), done)
            .update_expression(format!("REMOVE {removed}"))
            .condition_expression(format!("attribute_exists(#q){guards}"))
            .expression_attribute_names("#q", RING)
    }

    pub(super) fn give_back_update(&self, org: &OrgId, id: DebitId, tag: Tag) -> UpdateItemFluentBuilder {
        self.head_update(org, tag.shard())
            .update_expression("SET #credits = #credits + :credits REMOVE #q.#id ADD #g :one")
            .condition_expression("#q.#id = :tag")
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_names("#g", GAINS)
            .expression_attribute_names("#id", ring_name(id))
            .expression_attribute_values(":credits", number(tag.credits().0))
            .expression_attribute_values(":tag", number(tag.0))
            .expression_attribute_values(":one", number(1))
    }

    pub(super) fn split_update(&self, org: &OrgId, since: Split) -> UpdateItemFluentBuilder {
        let update = self
            .head_update(org, Shard::MAIN)
            .update_expression("SET #s = :since")
            .expression_attribute_names("#s", SPLIT);
        match since {
            Split::Since(moment) => update
                .condition_expression("#s = :coming")
                .expression_attribute_values(":coming", number(0))
                .expression_attribute_values(":since", number(moment.ms())),
            Split::Coming | Split::No => update
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(#s)")
                .expression_attribute_values(":since", number(0)),
        }
    }

    /// Credits that come to a head, or leave it; makes the head if there is none.
    pub(super) fn gain(&self, org: &OrgId, shard: Shard, credits: Credits) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::head(org, shard)))
            .update_expression(
                "SET #v = if_not_exists(#v, :first), #q = if_not_exists(#q, :empty) ADD #credits :credits, #g :one",
            )
            .expression_attribute_names("#credits", CREDITS)
            .expression_attribute_names("#v", TURNS)
            .expression_attribute_names("#q", RING)
            .expression_attribute_names("#g", GAINS)
            .expression_attribute_values(":credits", number(credits.0))
            .expression_attribute_values(":first", number(shard.first_turn()))
            .expression_attribute_values(":empty", AttributeValue::M(Item::new()))
            .expression_attribute_values(":one", number(1))
    }

    /// Both sides of a move, for one transaction.
    pub(super) fn shift_updates(
        &self,
        org: &OrgId,
        gain: &Gain,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let all = gain.from.iter().fold(0_i64, |sum, (_, credits)| sum.saturating_add(credits.0));
        let to = self.gain(org, gain.to, Credits(all)).build()?;
        let mut updates = vec![TransactWriteItem::builder().update(to).build()];
        for (shard, credits) in &gain.from {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keys::head(org, *shard)))
                .update_expression("SET #credits = #credits - :credits ADD #g :one")
                .condition_expression("#credits >= :credits")
                .expression_attribute_names("#credits", CREDITS)
                .expression_attribute_names("#g", GAINS)
                .expression_attribute_values(":credits", number(credits.0))
                .expression_attribute_values(":one", number(1))
                .build()?;
            updates.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(updates)
    }
}

/// ` AND (…)` for each trim, and the paths to remove.
fn trim_expressions(trims: &[(DebitId, Tag)]) -> (String, String) {
    let guards = (0..trims.len())
        .map(|at| format!(" AND (attribute_not_exists(#q.#done{at}) OR #q.#done{at} = :done{at})"));
    let removed: Vec<_> = (0..trims.len()).map(|at| format!("#q.#done{at}")).collect();
    (guards.collect(), removed.join(", "))
}

fn with_trims(update: UpdateItemFluentBuilder, trims: &[(DebitId, Tag)]) -> UpdateItemFluentBuilder {
    trims.iter().enumerate().fold(update, |update, (at, (id, tag))| {
        update
            .expression_attribute_names(format!("#done{at}"), ring_name(*id))
            .expression_attribute_values(format!(":done{at}"), number(tag.0))
    })
}

fn ring_name(id: DebitId) -> String {
    URL_SAFE_NO_PAD.encode(id.bytes())
}

pub(super) fn head_of(item: &Item) -> Result<Head, PortError> {
    let row = Reader(item);
    let mut head = Head {
        credits: Credits(row.optional_number(CREDITS).unwrap_or_default()),
        turns: row.optional_number(TURNS).unwrap_or_default(),
        gains: row.optional_number(GAINS).unwrap_or_default(),
        split: match row.optional_number(SPLIT) {
            None => Split::No,
            Some(0) => Split::Coming,
            Some(ms) => Split::Since(Timestamp::from_ms(ms)),
        },
        ..Head::default()
    };
    if let Some(AttributeValue::M(ring)) = item.get(RING) {
        head.ready = true;
        for name in ring.keys() {
            let bytes = URL_SAFE_NO_PAD.decode(name).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            let id =
                bytes.and_then(|bytes| DebitId::from_bytes(bytes).ok()).ok_or_else(|| row.fault(RING))?;
            head.ring.insert(id, Tag(Reader(ring).number(name).map_err(|_| row.fault(RING))?));
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use saldo_domain::{MOST_PORTIONS, MOST_TRIMS, Portion, RING_ROOM};

    use super::*;
    use crate::dynamo::attributes::bytes;

    fn ids(count: usize) -> impl Iterator<Item = DebitId> {
        (0..count).map(|at| {
            let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
            (bytes[14], bytes[15]) = (u8::try_from(at / 32).unwrap(), u8::try_from(at % 32).unwrap());
            DebitId::from_bytes(bytes).unwrap()
        })
    }

    #[test]
    fn the_largest_head_of_single_debits_costs_one_unit() {
        // A UUID, as identity providers issue; with the longest possible name, a full ring costs two units.
        let org = OrgId::parse(&"x".repeat(36)).unwrap();
        let last = Shard::heads().last().unwrap();
        // Enough for a million million debits.
        let turns = last.first_turn() + Shard::heads().nth(1).unwrap().first_turn() - 1;
        let mut item = keys::head(&org, last);
        for (name, value) in [(CREDITS, 999_999_999_999), (TURNS, turns), (GAINS, 999_999_999)] {
            item.insert(name.to_owned(), number(value));
        }
        let ring = ids(RING_ROOM).map(|id| (ring_name(id), number(turns))).collect();
        item.insert(RING.to_owned(), AttributeValue::M(ring));
        assert!(bytes(&item) <= 1024, "{}", bytes(&item));
    }

    #[test]
    fn the_longest_take_is_within_dynamodbs_limits() {
        let world = crate::world::World::at(
            crate::world::Endpoints { dynamodb: None, sqs: None, stripe: String::new() },
            crate::clock::Clock::system(),
        );
        let env = [("SALDO_TABLE".to_owned(), "saldo".to_owned())].into_iter().collect();
        let store = world.store(&env).unwrap();
        let portions =
            ids(MOST_PORTIONS).map(|id| Portion { id, credits: Credits(4_095), code: TURN - 1 }).collect();
        let trims = ids(100).skip(32).take(MOST_TRIMS).map(|id| (id, Tag(17))).collect();
        let take = Take { portions, trims, unsplit: true };
        let update = store.take_update(&OrgId::parse("acme").unwrap(), Shard::MAIN, &take);
        for expression in [update.get_update_expression(), update.get_condition_expression()] {
            let text = expression.as_deref().unwrap();
            assert!(text.len() <= 4_096, "{}", text.len());
            let operators = text.matches([' ', '(', '-', '+', '=', '<']).count();
            assert!(operators <= 600, "{operators}");
        }
    }

    #[test]
    fn a_head_reads_back() {
        let id = ids(1).next().unwrap();
        let org = OrgId::parse("acme").unwrap();
        let mut item = keys::balance(&org);
        item.insert(CREDITS.to_owned(), number(5));
        assert_eq!(head_of(&item).unwrap(), Head { credits: Credits(5), ..Head::default() });
        item.insert(TURNS.to_owned(), number(TURN));
        item.insert(GAINS.to_owned(), number(3));
        item.insert(RING.to_owned(), AttributeValue::M(Item::from([(ring_name(id), number(51))])));
        let head = head_of(&item).unwrap();
        assert_eq!((head.ready, head.turns, head.ring.get(&id)), (true, TURN, Some(&Tag(51))));
        assert_eq!((head.gains, head.split), (3, Split::No));
        item.insert(SPLIT.to_owned(), number(0));
        assert_eq!(head_of(&item).unwrap().split, Split::Coming);
        item.insert(SPLIT.to_owned(), number(7));
        assert_eq!(head_of(&item).unwrap().split, Split::Since(Timestamp::from_ms(7)));
        item.insert(RING.to_owned(), AttributeValue::M(Item::from([("x".to_owned(), number(51))])));
        assert!(head_of(&item).is_err());
    }
}
