//! What is pending as members of the map in a balance shard's item: their names, and what a change says to DynamoDB.
//!
//! A member of 22 letters is a debit by itself, and its stamp. One of 21 letters is the group of a run, and its sequence; behind
//! that name with a point and a digit lie the parts of its codes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_domain::{Codes, DebitId, Group, Guard, PendingChange, RunId, Stamp};

use super::attributes::{Item, Reader, long_number, number};
use super::short_names::shard::{PENDING, SEQUENCE};
use crate::PortError;

/// Letters of 16 bytes.
const OF_ID: usize = 22;
/// The last letter of a run's first id, whose last five bits are 0.
const LAST_OF_RUN: char = 'A';
/// How the parts of a group are numbered.
const RADIX: u32 = 36;

/// A change of what is pending, in the words of DynamoDB.
#[derive(Default)]
pub(super) struct Expressions {
    /// After other conditions.
    pub(super) condition: String,
    /// Clauses of `SET`, each behind a comma.
    pub(super) set: String,
    /// Paths to remove.
    pub(super) remove: Vec<String>,
    members: BTreeMap<String, String>,
    values: Vec<AttributeValue>,
    sequence: bool,
}

impl Expressions {
    pub(super) fn of(change: &PendingChange) -> Expressions {
        let mut all = Expressions::default();
        for guard in &change.guards {
            let condition = all.guard(guard);
            all.condition.push_str(&condition);
        }
        for debit in &change.alone {
            let (path, code) = (all.path(alone(debit.id)), all.value(long_number(debit.code)));
            all.set.push_str(&format!(", {path} = #v + {code}"));
        }
        for (run, codes) in &change.groups {
            let path = all.path(group(*run));
            all.set.push_str(&format!(", {path} = #v"));
            all.set_parts(*run, codes);
        }
        for id in &change.gone {
            let path = all.path(alone(*id));
            all.remove.push(path);
        }
        for (before, left) in &change.left {
            if left.is_empty() {
                let path = all.path(group(before.run));
                all.remove.push(path);
            }
            for at in left.parts().len()..before.codes.parts().len() {
                let path = all.path(part(before.run, at));
                all.remove.push(path);
            }
            all.set_parts(before.run, left);
        }
        all.sequence = !(change.alone.is_empty() && change.groups.is_empty());
        all
    }

    /// Whether nothing is written.
    pub(super) fn is_nothing(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// ` REMOVE …`, if anything is.
    pub(super) fn removing(&self) -> String {
        if self.remove.is_empty() { String::new() } else { format!(" REMOVE {}", self.remove.join(", ")) }
    }

    /// Says what the names and values stand for, that of the map too.
    pub(super) fn named(self, mut update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        update = update.expression_attribute_names("#q", PENDING);
        if self.sequence {
            update = update.expression_attribute_names("#v", SEQUENCE);
        }
        for (member, name) in self.members {
            update = update.expression_attribute_names(name, member);
        }
        for (at, value) in self.values.into_iter().enumerate() {
            update = update.expression_attribute_values(format!(":q{at}"), value);
        }
        update
    }

    fn guard(&mut self, guard: &Guard) -> String {
        match guard {
            Guard::NotAlone(id) => format!(" AND attribute_not_exists({})", self.path(alone(*id))),
            Guard::Alone(id, stamp) => {
                format!(" AND {} = {}", self.path(alone(*id)), self.value(long_number(stamp.number())))
            }
            Guard::AloneUnder(id, stamp) => {
                let (path, stamp) = (self.path(alone(*id)), self.value(long_number(stamp.number())));
                format!(" AND (attribute_not_exists({path}) OR {path} = {stamp})")
            }
            Guard::NoGroup(run, None) => format!(" AND attribute_not_exists({})", self.path(group(*run))),
            Guard::NoGroup(run, Some(sequence)) => {
                let (path, sequence) = (self.path(group(*run)), self.value(number(*sequence)));
                format!(" AND (attribute_not_exists({path}) OR {path} = {sequence})")
            }
            Guard::GroupOrNone(one) => {
                let path = self.path(group(one.run));
                format!(" AND (attribute_not_exists({path}) OR ({}))", self.is(one))
            }
            Guard::Group(one) => format!(" AND {}", self.is(one)),
        }
    }

    /// That a group is there and is this one. It has no further part: others may begin like it.
    fn is(&mut self, one: &Group) -> String {
        let (path, sequence) = (self.path(group(one.run)), self.value(number(one.sequence)));
        let mut is = format!("{path} = {sequence}");
        let parts = one.codes.parts();
        let further = self.path(part(one.run, parts.len()));
        for (at, bytes) in parts.into_iter().enumerate() {
            let (path, bytes) =
                (self.path(part(one.run, at)), self.value(AttributeValue::B(Blob::new(bytes))));
            is.push_str(&format!(" AND {path} = {bytes}"));
        }
        is.push_str(&format!(" AND attribute_not_exists({further})"));
        is
    }

    fn set_parts(&mut self, run: RunId, codes: &Codes) {
        for (at, bytes) in codes.parts().into_iter().enumerate() {
            let (path, bytes) = (self.path(part(run, at)), self.value(AttributeValue::B(Blob::new(bytes))));
            self.set.push_str(&format!(", {path} = {bytes}"));
        }
    }

    fn path(&mut self, member: String) -> String {
        let next = self.members.len();
        format!("#q.{}", self.members.entry(member).or_insert_with(|| format!("#q{next}")))
    }

    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":q{}", self.values.len() - 1)
    }
}

/// The name of a debit that is pending by itself.
pub(super) fn alone(id: DebitId) -> String {
    URL_SAFE_NO_PAD.encode(id.bytes())
}

/// The name of a run's group.
fn group(run: RunId) -> String {
    let mut name = URL_SAFE_NO_PAD.encode(run.bytes());
    name.truncate(OF_ID - 1);
    name
}

/// The name of one part of its codes.
fn part(run: RunId, at: usize) -> String {
    let digit = u32::try_from(at).ok().and_then(|at| char::from_digit(at, RADIX));
    format!("{}.{}", group(run), digit.unwrap_or_default())
}

fn id_of(name: &str) -> Option<DebitId> {
    let bytes = <[u8; 16]>::try_from(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?;
    DebitId::from_bytes(bytes).ok()
}

/// What the map says, if there is one: an item that has none cannot serve.
pub(super) fn pending_of(item: &Item) -> Result<Option<BTreeMap<DebitId, Stamp>>, PortError> {
    let Some(AttributeValue::M(members)) = item.get(PENDING) else { return Ok(None) };
    let fault = || Reader(item).fault(PENDING);
    let mut pending = BTreeMap::new();
    for name in members.keys().filter(|name| !name.contains('.')) {
        let told = Reader(members).long_number(name).map_err(|_| fault())?;
        if name.len() == OF_ID {
            pending.insert(id_of(name).ok_or_else(fault)?, Stamp(told));
            continue;
        }
        let run = id_of(&format!("{name}{LAST_OF_RUN}")).ok_or_else(fault)?.run();
        let parts = (0..).map_while(|at| members.get(&part(run, at)));
        let bytes: Option<Vec<_>> = parts.map(|part| part.as_b().ok().map(AsRef::as_ref)).collect();
        let codes = bytes.and_then(|bytes| Codes::parse(&bytes.concat())).ok_or_else(fault)?;
        let sequence = i64::try_from(told).map_err(|_| fault())?;
        pending.extend(Group { run, sequence, codes }.debits());
    }
    Ok(Some(pending))
}

#[cfg(test)]
mod tests {
    use saldo_domain::{
        Channel, Class, Country, Credits, Details, MOST_IN_BATCH, MOST_RATE, PENDING_MOST, PENDING_ROOM,
        ReservedDebit, SEQUENCE_STEP, ShardId, Units,
    };

    use super::*;
    use crate::dynamo::attributes::bytes;

    fn id(run: u8, place: u8) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        (bytes[14], bytes[15]) = (run, place);
        DebitId::from_bytes(bytes).unwrap()
    }

    /// At the end of the last shard's sequences, whose numbers are the longest.
    fn sequence() -> i64 {
        let last = ShardId::balances().last().unwrap();
        last.first_sequence() + ShardId::balances().nth(1).unwrap().first_sequence() - SEQUENCE_STEP
    }

    fn code(units: i64, rate: i64, class: &str) -> i128 {
        let (class, country) = (Class::parse(class), Country::parse("ID"));
        let details = Details { units: Units::new(units).unwrap(), class, country, reference: None };
        Stamp::code(Credits(units * rate), Channel::WHATSAPP, &details).unwrap()
    }

    /// As the item has groups, one of each run from 0 on.
    fn item(groups: &[Codes]) -> Item {
        let mut members = Item::new();
        for (at, codes) in (0..).zip(groups) {
            let run = id(at, 0).run();
            members.insert(group(run), number(sequence()));
            for (at, bytes) in codes.parts().into_iter().enumerate() {
                members.insert(part(run, at), AttributeValue::B(Blob::new(bytes)));
            }
        }
        Item::from([(PENDING.to_owned(), AttributeValue::M(members))])
    }

    fn alike(count: u8) -> Codes {
        (0..count).map(|place| (place, code(1, 2, ""))).collect()
    }

    #[test]
    fn a_group_reads_back_and_is_no_debit_of_its_run() {
        let codes: Codes = (0..25).map(|place| (place, code(1, 2 + i64::from(place % 3), ""))).collect();
        let mut item = item(&[codes.clone(), alike(2)]);
        let first = id(0, 0);
        assert_ne!(alone(first), group(first.run()), "whose first id it is");
        let pending = pending_of(&item).unwrap().unwrap();
        assert_eq!(pending.len(), 27);
        for (place, code) in codes.iter() {
            let stamp = pending[&id(0, place)];
            assert!(stamp.is_in_group());
            assert_eq!((stamp.number(), stamp.code_given()), (i128::from(sequence()) + code, code));
        }
        // Beside one of its run that is pending by itself.
        let Some(AttributeValue::M(members)) = item.get_mut(PENDING) else { panic!("no map") };
        members.insert(alone(id(0, 31)), number(51));
        members.insert(alone(id(2, 0)), number(17));
        let pending = pending_of(&item).unwrap().unwrap();
        let by_themselves: Vec<_> = pending.iter().filter(|(_, stamp)| !stamp.is_in_group()).collect();
        assert_eq!(by_themselves, [(&id(0, 31), &Stamp(51)), (&id(2, 0), &Stamp(17))]);
        assert_eq!(pending_of(&Item::new()).unwrap(), None);
    }

    #[test]
    fn what_no_group_is_written_as_is_a_fault() {
        let run = id(0, 0).run();
        let with = |name: String, value: AttributeValue| {
            let mut item = item(&[alike(3)]);
            let Some(AttributeValue::M(members)) = item.get_mut(PENDING) else { panic!("no map") };
            members.insert(name, value);
            pending_of(&item)
        };
        assert!(with(part(run, 0), AttributeValue::B(Blob::new([40, 1]))).is_err());
        assert!(with(part(run, 0), number(1)).is_err());
        assert!(with(group(run), AttributeValue::S("1".to_owned())).is_err());
        assert!(with(group(id(1, 0).run()), number(1)).is_err(), "without its parts");
        assert!(with("x".repeat(21), number(1)).is_err());
        assert!(with("x".to_owned(), number(1)).is_err());
    }

    /// The bytes that groups and debits by themselves take of an item.
    fn taken(item: &Item, count: usize, stamp: Stamp) -> usize {
        let mut item = item.clone();
        let Some(AttributeValue::M(members)) = item.get_mut(PENDING) else { panic!("no map") };
        for at in 0..count {
            let (run, place) = (u8::try_from(at / 32).unwrap() + 200, u8::try_from(at % 32).unwrap());
            members.insert(alone(id(run, place)), long_number(stamp.number()));
        }
        bytes(&item)
    }

    /// What an item has beside, as long as it comes to be, with eight budgets.
    const BESIDE: usize = 190;

    #[test]
    fn a_group_of_alike_debits_takes_as_much_as_two_by_themselves() {
        let stamp = Stamp::given(sequence(), code(1, 2, ""));
        let groups = item(&vec![alike(25); PENDING_ROOM / 2]);
        assert!(taken(&groups, 0, stamp) <= taken(&item(&[]), PENDING_ROOM, stamp));
        assert!(taken(&item(&[alike(25)]), 0, stamp) <= 70, "{}", taken(&item(&[alike(25)]), 0, stamp));
        assert!(taken(&item(&vec![alike(25); 4]), 0, stamp) <= 270, "where they were 3,500");
    }

    /// Whatever is pending: the longest codes, each another one, in as many groups as there may be, and beside them.
    #[test]
    fn no_shard_is_larger_than_four_kilobytes() {
        let longest = |place: u8| Stamp::held(code(1_000_000, MOST_RATE - i64::from(place), "utility"));
        let largest = Stamp::given(sequence(), longest(0));
        assert_eq!(largest.0.to_string().len(), 38, "a number cannot be longer");
        for debits in 2..=MOST_IN_BATCH {
            let codes: Codes =
                (0..u8::try_from(debits).unwrap()).map(|place| (place, longest(place))).collect();
            let seats = 1 + codes.parts().len();
            for groups in 0..=PENDING_MOST / seats {
                let groups = item(&vec![codes.clone(); groups]);
                let Some(AttributeValue::M(members)) = groups.get(PENDING) else { panic!("no map") };
                let all = taken(&groups, PENDING_MOST - members.len(), largest);
                assert!(BESIDE + all <= 4_096, "{debits} in each of {} seats: {all}", members.len());
            }
        }
    }

    /// Another group may begin as this one does.
    #[test]
    fn a_group_is_known_by_all_its_parts() {
        let all: Codes = (0..25).map(|place| (place, code(1, 2 + i64::from(place), ""))).collect();
        let begins: Codes = all.iter().take(1).collect();
        for codes in [all, begins] {
            let one = Group { run: id(0, 0).run(), sequence: sequence(), codes };
            let change =
                PendingChange { guards: vec![Guard::Group(one.clone())], ..PendingChange::default() };
            let said = Expressions::of(&change);
            let parts = one.codes.parts().len();
            assert_eq!(said.condition.matches(" = ").count(), 1 + parts);
            assert!(said.condition.ends_with(')') && said.members.contains_key(&part(one.run, parts)));
        }
    }

    #[test]
    fn a_debit_is_written_once_whatever_form_it_has() {
        let debit =
            |run, place| ReservedDebit { id: id(run, place), credits: Credits(2), code: code(1, 2, "") };
        let debits = [debit(0, 0), debit(0, 1), debit(1, 0)];
        let said = Expressions::of(&PendingChange::reserving(&debits, &[], None));
        assert_eq!(said.set.matches("= #v").count(), 2, "{}", said.set);
        assert_eq!(said.condition.matches("attribute_not_exists").count(), 3 + 2, "{}", said.condition);
    }
}
