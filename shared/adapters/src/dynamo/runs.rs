//! Entries of debits as items: one item for each run of ids, in which every debit is an attribute of its own.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use saldo_credits::Stored;
use saldo_domain::{
    Actor, Channel, Class, Counted, Country, Credits, Day, DebitEntry, DebitId, Details, Entry, EntryId,
    Known, OrgId, RateVersion, Reference, Reversal, RunId, ShardId, Stamp, Timestamp, Units,
};

use super::Store;
use super::attributes::{Item, Reader, Writer, number, text};
use super::hold_items::{hold_of, with_hold};
use super::keys::{self, place_name};
use super::short_names::run::{
    ACTOR, AVAILABLE, BOOKED, BY_REPAIR, CHANNEL, CLASS, COUNTED, COUNTRY, ENDED, ENDS_AT, LATE, REFERENCE,
    REVERSED, SPENT, STAMP, UNITS, VERSION,
};
use crate::PortError;

const KIND: &str = "kind";
/// The kind of an item that holds debits.
const DEBITS: &str = "debits";
/// In the place of a debit: there will never be one.
const CLOSED: &str = "closed";

impl Store {
    /// `entries` are of one run, of whose item this is said, or will be.
    pub(super) fn entries_update(
        &self,
        org: &OrgId,
        ledger: ShardId,
        run: RunId,
        of_run: &OfRun,
        entries: &[DebitEntry],
    ) -> UpdateItemFluentBuilder {
        let (same, version) = match of_run.version {
            None => ("attribute_not_exists(#w)", ""),
            Some(_) => ("#w = :w", ", #w = :w"),
        };
        let all = 0..entries.len();
        let absent: String = all.clone().map(|at| format!(" AND attribute_not_exists(#d{at})")).collect();
        let set: String = all.map(|at| format!(", #d{at} = :d{at}")).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::run(org, ledger, run)))
            .update_expression(format!("SET #kind = :debits, #by = :by{version}{set}"))
            .condition_expression(format!(
                "(attribute_not_exists(#kind) OR (#kind = :debits AND #by = :by AND {same})){absent}"
            ))
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#by", ACTOR)
            .expression_attribute_names("#w", VERSION)
            .expression_attribute_values(":debits", text(DEBITS))
            .expression_attribute_values(":by", text(of_run.actor.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match of_run.version {
            None => update,
            Some(RateVersion(version)) => update.expression_attribute_values(":w", number(version)),
        };
        entries.iter().enumerate().fold(update, |update, (at, entry)| {
            update
                .expression_attribute_names(format!("#d{at}"), place_name(entry.id))
                .expression_attribute_values(format!(":d{at}"), AttributeValue::M(debit_item(entry, of_run)))
        })
    }
}

impl Store {
    /// Replaces an entry that says no details and has the same stamp.
    pub(super) fn complete_update(
        &self,
        org: &OrgId,
        ledger: ShardId,
        entry: &DebitEntry,
    ) -> UpdateItemFluentBuilder {
        // It says all itself: it may be another one's than the item.
        let debit = Writer(debit_item(entry, &OfRun::of(entry)))
            .text(ACTOR, entry.actor.to_string())
            .number(VERSION, version_number(entry.version))
            .0;
        // What has become of a hold since it was read stays.
        let open = entry.hold.filter(|hold| hold.ended.is_none());
        let (update, still_open) = match open {
            None => (self.client.update_item(), ""),
            Some(hold) => (
                self.client
                    .update_item()
                    .expression_attribute_names("#ended", ENDED)
                    .expression_attribute_names("#ends", ENDS_AT)
                    .expression_attribute_values(":ends", number(hold.terms.ends_at.secs())),
                " AND attribute_not_exists(#d.#ended) AND #d.#ends <= :ends",
            ),
        };
        update
            .table_name(&self.table)
            .set_key(Some(keys::run(org, ledger, entry.id.run())))
            .update_expression("SET #d = :d")
            .condition_expression(format!(
                "attribute_exists(#d.#by_repair) AND #d.#stamp = :stamp{still_open}"
            ))
            .expression_attribute_names("#d", place_name(entry.id))
            .expression_attribute_names("#by_repair", BY_REPAIR)
            .expression_attribute_names("#stamp", STAMP)
            .expression_attribute_values(":d", AttributeValue::M(debit))
            .expression_attribute_values(":stamp", number(entry.stamp.mark()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Writes that there will be no debit, if there is none.
    pub(super) fn close_update(&self, org: &OrgId, ledger: ShardId, id: DebitId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::run(org, ledger, id.run())))
            .update_expression("SET #kind = :debits, #by = if_not_exists(#by, :by), #d = :closed")
            .condition_expression(
                "attribute_not_exists(#d) AND (attribute_not_exists(#kind) OR #kind = :debits)",
            )
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#by", ACTOR)
            .expression_attribute_names("#d", place_name(id))
            .expression_attribute_values(":debits", text(DEBITS))
            .expression_attribute_values(":by", text(Actor::System.to_string()))
            .expression_attribute_values(":closed", text(CLOSED))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Marks a debit that is there as reversed, once.
    pub(super) fn mark_reversed(
        &self,
        org: &OrgId,
        ledger: ShardId,
        debit: DebitId,
        at: Timestamp,
    ) -> Result<TransactWriteItem, BuildError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::run(org, ledger, debit.run())))
            .update_expression("SET #x = :at")
            .condition_expression("#kind = :debits AND attribute_type(#d, :map) AND attribute_not_exists(#x)")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#d", place_name(debit))
            .expression_attribute_names("#x", mark(debit))
            .expression_attribute_values(":debits", text(DEBITS))
            .expression_attribute_values(":map", text("M"))
            .expression_attribute_values(":at", number(at.ms()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// What the item of a run says for all of its debits that do not say it themselves.
pub(super) struct OfRun {
    /// Whose it is.
    actor: Actor,
    version: Option<RateVersion>,
}

impl OfRun {
    /// As this entry would have it.
    pub(super) fn of(entry: &DebitEntry) -> OfRun {
        OfRun { actor: entry.actor.clone(), version: entry.version }
    }

    pub(super) fn read(item: &Item) -> Result<OfRun, PortError> {
        let actor = Reader(item).parsed(ACTOR, |actor| actor.parse().ok())?;
        Ok(OfRun { actor, version: Reader(item).optional_number(VERSION).map(RateVersion) })
    }
}

/// 0 where it is not known.
fn version_number(version: Option<RateVersion>) -> i64 {
    version.map_or(0, |RateVersion(version)| version)
}

/// What an item of the ledger says of a debit of its run.
pub(super) fn stored_in(item: Option<&Item>, id: DebitId) -> Result<Stored, PortError> {
    let Some(item) = item else { return Ok(Stored::Nothing) };
    if Reader(item).text(KIND)? != DEBITS {
        return Ok(Stored::Other);
    }
    match item.get(&place_name(id)) {
        None => Ok(Stored::Nothing),
        Some(AttributeValue::M(debit)) => {
            let entry = debit_of(id, debit, OfRun::read(item)?)?;
            Ok(match Reader(item).optional_moment(&mark(id)) {
                None => Stored::Debit(entry),
                Some(at) => {
                    let reversal = Reversal::of(&entry, at);
                    Stored::Reversed(entry, reversal)
                }
            })
        }
        Some(AttributeValue::S(closed)) if closed == CLOSED => Ok(Stored::Other),
        Some(_) => Err(Reader(item).fault(&place_name(id))),
    }
}

/// The debits of a run, in their order, as the history shows them; `None` for an item that is something else.
pub(super) fn entries_of(item: &Item) -> Result<Option<Vec<Entry>>, PortError> {
    let row = Reader(item);
    if row.text(KIND)? != DEBITS {
        return Ok(None);
    }
    let first: EntryId = row.parsed(keys::SK, |id| EntryId::parse(id).ok())?;
    let first = first.hold().unwrap_or(first);
    let run = DebitId::parse(&first.to_string()).map_err(|_| row.fault(keys::SK))?.run();
    let mut entries = Vec::new();
    for place in 0..=31 {
        let id = run.id(place).map_err(|_| row.fault(keys::SK))?;
        entries.extend(stored_in(Some(item), id)?.entry().map(Entry::of_debit));
    }
    Ok(Some(entries))
}

/// The attribute that tells that a debit is reversed.
fn mark(id: DebitId) -> String {
    format!("{REVERSED}{}", place_name(id))
}

/// In the item of a run that says `of_run`.
fn debit_item(entry: &DebitEntry, of_run: &OfRun) -> Item {
    let Details { units, class, country, reference } = &entry.details;
    let late = (entry.shown < entry.known).then_some(entry.shown);
    let later = entry.booked_at.secs() - entry.id.at().secs();
    let item = Writer(Item::new())
        .number(STAMP, entry.stamp.mark())
        .number(SPENT, entry.credits.0)
        .number(AVAILABLE, entry.available.0)
        .text(CHANNEL, entry.channel.as_str())
        .optional_text(CLASS, class.as_ref().map(Class::as_str))
        .optional_text(COUNTRY, country.as_ref().map(Country::as_str))
        .optional_text(REFERENCE, reference.as_ref().map(Reference::as_str))
        .optional_number(UNITS, (*units != Units::ONE).then_some(units.get()))
        .optional_number(VERSION, (entry.version != of_run.version).then(|| version_number(entry.version)))
        .optional_number(BOOKED, (later != 0).then_some(later))
        .optional_number(BY_REPAIR, number_of(entry.known))
        .optional_number(LATE, late.and_then(number_of))
        .optional_text(COUNTED, counted_text(entry).as_deref())
        .optional_text(ACTOR, (entry.actor != of_run.actor).then(|| entry.actor.to_string()).as_deref());
    match &entry.hold {
        None => item.0,
        Some(hold) => with_hold(item, hold).0,
    }
}

/// The holds of a run, in their order; none of what is something else.
pub(super) fn holds_of(item: &Item) -> Result<Vec<DebitEntry>, PortError> {
    let entries = entries_of(item)?.unwrap_or_default();
    let hold = |entry: &Entry| {
        let id = DebitId::parse(&entry.cause).map_err(|_| Reader(item).fault(keys::SK))?;
        Ok(stored_in(Some(item), id)?.entry().filter(|entry| entry.hold.is_some()).cloned())
    };
    entries.iter().filter_map(|entry| hold(entry).transpose()).collect()
}

fn debit_of(id: DebitId, item: &Item, of_run: OfRun) -> Result<DebitEntry, PortError> {
    let row = Reader(item);
    let actor = row.optional_text(ACTOR).and_then(|actor| actor.parse().ok()).unwrap_or(of_run.actor);
    let version = match row.optional_number(VERSION) {
        None => of_run.version,
        Some(number) => Some(RateVersion(number)).filter(|_| number > 0),
    };
    let units = row.optional_number(UNITS).map_or(Some(Units::ONE), Units::new);
    let known = known_of(row.optional_number(BY_REPAIR));
    let details = Details {
        units: units.ok_or_else(|| row.fault(UNITS))?,
        class: row.optional_text(CLASS).and_then(Class::parse),
        country: row.optional_text(COUNTRY).and_then(Country::parse),
        reference: row.optional_text(REFERENCE).and_then(|text| Reference::parse(text).ok()),
    };
    Ok(DebitEntry {
        id,
        stamp: Stamp(row.number(STAMP)?.into()),
        credits: Credits(row.number(SPENT)?),
        version,
        channel: row.parsed(CHANNEL, Channel::parse)?,
        details,
        known,
        available: Credits(row.number(AVAILABLE)?),
        actor,
        booked_at: id.at().whole_secs().plus_secs(row.optional_number(BOOKED).unwrap_or_default()),
        shown: known_of(row.optional_number(LATE)).min(known),
        hold: hold_of(Credits(row.number(SPENT)?), &row)?,
        counted: counted_of(id, row.optional_text(COUNTED)).ok_or_else(|| row.fault(COUNTED))?,
    })
}

/// As [`COUNTED`] has it.
fn counted_text(entry: &DebitEntry) -> Option<String> {
    let Counted { day, numbers } = &entry.counted;
    let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
    let of_day = if *day == Day::of(entry.id.at()) { String::new() } else { format!("@{}", day.0) };
    (!numbers.is_empty()).then(|| format!("{}{of_day}", numbers.join(",")))
}

fn counted_of(id: DebitId, text: Option<&str>) -> Option<Counted> {
    let Some(text) = text else { return Some(Counted::default()) };
    let (numbers, day) = match text.split_once('@') {
        None => (text, Day::of(id.at())),
        Some((numbers, day)) => (numbers, Day(day.parse().ok()?)),
    };
    Some(Counted {
        day,
        numbers: numbers.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?,
    })
}

/// `None` where everything is known.
fn number_of(known: Known) -> Option<i64> {
    match known {
        Known::ChannelOnly => Some(1),
        Known::ButReference => Some(2),
        Known::Everything => None,
    }
}

fn known_of(number: Option<i64>) -> Known {
    match number {
        None => Known::Everything,
        Some(2) => Known::ButReference,
        Some(_) => Known::ChannelOnly,
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::{AtEnd, Charge, ChargedAs, Hold, HoldEnded, HoldTerms, HowEnded, Reported, Subject};

    use super::*;
    use crate::dynamo::attributes::bytes;

    fn entry(place: u8, reference: usize) -> DebitEntry {
        let run = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap().run();
        let details = Details {
            country: Country::parse("ID"),
            reference: Reference::parse(&"x".repeat(reference)).ok(),
            ..Details::default()
        };
        let id = run.id(place).unwrap();
        DebitEntry {
            id,
            stamp: Stamp(999_999_999_999_999),
            credits: Credits(4_095),
            channel: Channel::WHATSAPP,
            version: Some(RateVersion(99)),
            details,
            known: Known::Everything,
            available: Credits(999_999_999_999),
            actor: sender(),
            booked_at: id.at().whole_secs().plus_secs(9_999),
            shown: Known::Everything,
            hold: None,
            counted: Counted::default(),
        }
    }

    /// As long as the subjects that identity providers issue to machines.
    fn sender() -> Actor {
        Actor::Machine(Subject::parse("hGq2kXv9bQ7TzL1mPw4RsYd8NcFbJe5U@clients").unwrap())
    }

    fn item(org: &str, entries: &[DebitEntry]) -> Item {
        let run = entries[0].id.run();
        let mut item = keys::run(&OrgId::parse(org).unwrap(), ShardId::MAIN, run);
        item.insert(KIND.to_owned(), text(DEBITS));
        item.insert(ACTOR.to_owned(), text(sender().to_string()));
        item.insert(VERSION.to_owned(), number(99));
        let of_run = OfRun { actor: sender(), version: Some(RateVersion(99)) };
        let debit =
            |entry: &DebitEntry| (place_name(entry.id), AttributeValue::M(debit_item(entry, &of_run)));
        item.extend(entries.iter().map(debit));
        item
    }

    #[test]
    fn one_large_entry_and_ten_usual_ones_cost_one_unit() {
        let one = entry(8, 128);
        let alone = item(&"x".repeat(128), std::slice::from_ref(&one));
        assert!(bytes(&alone) <= 1024, "{}", bytes(&alone));
        assert_eq!(stored_in(Some(&alone), one.id).unwrap(), Stored::Debit(one.clone()));
        // Everything that a debit can say of its own, as long as it can be.
        let class = Class::parse(&"x".repeat(24));
        let details = Details { units: Units::new(1_000_000_000).unwrap(), class, ..one.details.clone() };
        let version = Some(RateVersion(1_000_000));
        let channel = Channel::parse(&"x".repeat(24)).unwrap();
        let credits = Credits(1_000_000_000_000);
        let counted = Counted { day: Day(99_999), numbers: (9_990..9_998).collect() };
        let largest = DebitEntry { details, version, channel, credits, counted, ..one.clone() };
        let alone = item(&"x".repeat(128), std::slice::from_ref(&largest));
        assert!(bytes(&alone) <= 1024, "{}", bytes(&alone));
        assert_eq!(stored_in(Some(&alone), largest.id).unwrap(), Stored::Debit(largest));
        let ten: Vec<_> = (0..10).map(|place| entry(place, 36)).collect();
        let together = item("org_2kXv9bQ7TzL1", &ten);
        assert!(bytes(&together) <= 1024, "{}", bytes(&together));
        // Booked hours after their ids were made, nine do.
        let booked_at = one_day_after(&ten[0]);
        let late: Vec<_> = ten[..9].iter().map(|entry| DebitEntry { booked_at, ..entry.clone() }).collect();
        assert!(bytes(&item("org_2kXv9bQ7TzL1", &late)) <= 1024);
    }

    #[test]
    fn the_largest_hold_costs_one_unit_whatever_became_of_it() {
        let (class, country) = (Class::parse(&"y".repeat(24)), Country::parse("US"));
        let channel = Channel::parse(&"x".repeat(24)).unwrap();
        let charged_as = Some(ChargedAs { channel, class, country, version: RateVersion(1_000_000) });
        let captured = Charge { credits: Credits(1_000_000_000_000), units: 1_000_000_000, charged_as };
        let at = entry(8, 128).booked_at;
        let ended = HoldEnded { how: HowEnded::Captured, captured, at, late: true };
        let terms = HoldTerms { ends_at: at, at_end: AtEnd::Capture, valid_until: Some(at) };
        let held = Credits(1_000_000_000_000);
        let details = Details { units: Units::new(1_000_000_000).unwrap(), class, ..entry(8, 128).details };
        let counted = Counted { day: Day(99_999), numbers: (9_990..9_998).collect() };
        let reported_at = Timestamp::from_ms(1_800_000_000_123);
        let reported = Reported { charge: captured, at: reported_at };
        let back = Charge { credits: Credits(0), units: 0, charged_as: None };
        let expired = HoldEnded { how: HowEnded::Expired, captured: back, ..ended };
        for (ended, reported) in [(ended, None), (expired, Some(reported))] {
            let hold = Some(Hold { held, terms, ended: Some(ended), reported });
            let (details, counted) = (details.clone(), counted.clone());
            let largest = DebitEntry { credits: held, hold, details, counted, channel, ..entry(8, 128) };
            let item = item(&"x".repeat(128), std::slice::from_ref(&largest));
            assert!(bytes(&item) <= 1024, "{}", bytes(&item));
            assert_eq!(stored_in(Some(&item), largest.id).unwrap(), Stored::Debit(largest));
        }
    }

    #[test]
    fn the_debits_of_a_run_are_told_one_by_one() {
        let three: Vec<_> = [30, 2, 7].map(|place| entry(place, 5)).to_vec();
        let item = item("acme", &three);
        let entries = entries_of(&item).unwrap().unwrap();
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [three[1].id.entry(), three[2].id.entry(), three[0].id.entry()]);
        assert!(entries.iter().all(|entry| entry.credits == Credits(-4_095)));
        assert_eq!(stored_in(Some(&item), entry(3, 5).id).unwrap(), Stored::Nothing);
    }

    fn one_day_after(entry: &DebitEntry) -> Timestamp {
        entry.id.at().plus_secs(86_400).whole_secs()
    }

    #[test]
    fn an_entry_tells_when_it_was_booked_in_few_bytes() {
        let made = entry(1, 5).id.at().whole_secs();
        let size = |booked_at| {
            let entry = DebitEntry { booked_at, ..entry(1, 5) };
            let item = item("acme", std::slice::from_ref(&entry));
            let shown = entries_of(&item).unwrap().unwrap();
            assert_eq!((shown[0].at, shown[0].booked_at), (entry.id.at(), booked_at));
            assert_eq!(stored_in(Some(&item), entry.id).unwrap(), Stored::Debit(entry));
            bytes(&item)
        };
        let nothing = size(made);
        for (secs, more) in [(1, 4), (-300, 5), (86_400, 6)] {
            assert!(size(made.plus_secs(secs)) <= nothing + more, "{secs}");
        }
    }

    #[test]
    fn what_was_said_too_late_is_kept_and_not_shown() {
        let late = DebitEntry { shown: Known::ButReference, ..entry(1, 5) };
        let item = item("acme", std::slice::from_ref(&late));
        assert_eq!(stored_in(Some(&item), late.id).unwrap(), Stored::Debit(late.clone()));
        let shown = entries_of(&item).unwrap().unwrap();
        let details = Details { reference: None, ..late.details.clone() };
        let known = Known::ButReference;
        let repaired = DebitEntry { details, actor: Actor::System, known, ..late };
        assert_eq!(shown, [Entry::of_debit(&repaired)], "as repair left it");
    }

    #[test]
    fn what_repair_wrote_says_no_details() {
        let (details, known) = (Details::default(), Known::ChannelOnly);
        let repaired = DebitEntry { details, known, shown: known, actor: Actor::System, ..entry(1, 5) };
        let item = item("acme", std::slice::from_ref(&repaired));
        assert_eq!(stored_in(Some(&item), repaired.id).unwrap(), Stored::Debit(repaired));
    }
}
