//! What the entry of a hold says beside what a debit's does: until when, and what became of it.

use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use saldo_domain::{
    AtEnd, Channel, Charge, ChargedAs, Class, Country, Credits, DebitId, Hold, HoldChange, HoldEnded,
    HoldTerms, HowEnded, LateReport, OrgId, RateVersion, Reported, ShardId, Timestamp,
};

use super::attributes::{Item, Reader, Writer, number, text};
use super::keys::{self, place_name};
use super::short_names::run::{
    CAPTURED, CAPTURED_AT_END, CAPTURED_UNITS, CHARGED_CHANNEL, CHARGED_CLASS, CHARGED_COUNTRY,
    CHARGED_VERSION, ENDED, ENDED_AT, ENDED_LATE, ENDS_AT, REPORTED, REPORTED_AT, REPORTED_CHANNEL,
    REPORTED_CLASS, REPORTED_COUNTRY, REPORTED_UNITS, REPORTED_VERSION, STAMP, VALID_UNTIL,
};
use crate::PortError;

/// What the parts of a charge are called.
struct Names {
    credits: &'static str,
    units: &'static str,
    channel: &'static str,
    class: &'static str,
    country: &'static str,
    version: &'static str,
}

const OF_CAPTURE: Names = Names {
    credits: CAPTURED,
    units: CAPTURED_UNITS,
    channel: CHARGED_CHANNEL,
    class: CHARGED_CLASS,
    country: CHARGED_COUNTRY,
    version: CHARGED_VERSION,
};

const OF_REPORT: Names = Names {
    credits: REPORTED,
    units: REPORTED_UNITS,
    channel: REPORTED_CHANNEL,
    class: REPORTED_CLASS,
    country: REPORTED_COUNTRY,
    version: REPORTED_VERSION,
};

/// The item of a debit with what makes it a hold.
pub(super) fn with_hold(item: Writer, hold: &Hold) -> Writer {
    let Hold { terms, ended, reported, .. } = hold;
    let item = item
        .number(ENDS_AT, terms.ends_at.secs())
        .optional_number(CAPTURED_AT_END, (terms.at_end == AtEnd::Capture).then_some(1))
        .optional_number(VALID_UNTIL, terms.valid_until.map(Timestamp::secs))
        .optional_text(ENDED, ended.map(|ended| ended.how.as_str()))
        .optional_number(ENDED_AT, ended.map(|ended| ended.at.secs()))
        .optional_number(ENDED_LATE, ended.filter(|ended| ended.late).map(|_| 1))
        .optional_number(REPORTED_AT, reported.map(|reported| reported.at.ms()));
    let item = with_charge(item, &OF_CAPTURE, ended.map(|ended| ended.captured));
    with_charge(item, &OF_REPORT, reported.map(|reported| reported.charge))
}

fn with_charge(item: Writer, names: &Names, charge: Option<Charge>) -> Writer {
    let Some(Charge { credits, units, charged_as }) = charge else { return item };
    let item = item.number(names.credits, credits.0).number(names.units, units);
    let Some(ChargedAs { channel, class, country, version }) = charged_as else { return item };
    item.text(names.channel, channel.as_str())
        .optional_text(names.class, class.as_ref().map(Class::as_str))
        .optional_text(names.country, country.as_ref().map(Country::as_str))
        .number(names.version, version.0)
}

/// The hold that a debit is which took `held`; `None` where it is none.
pub(super) fn hold_of(held: Credits, row: &Reader<'_>) -> Result<Option<Hold>, PortError> {
    let Some(ends_at) = row.optional_number(ENDS_AT) else { return Ok(None) };
    let at_end = if row.optional_number(CAPTURED_AT_END).is_some() { AtEnd::Capture } else { AtEnd::Release };
    let ended = match row.optional_text(ENDED) {
        None => None,
        Some(_) => Some(HoldEnded {
            how: row.parsed(ENDED, HowEnded::parse)?,
            captured: charge(row, &OF_CAPTURE)?,
            at: Timestamp::from_secs(row.number(ENDED_AT)?),
            late: row.optional_number(ENDED_LATE).is_some(),
        }),
    };
    let reported = match row.optional_moment(REPORTED_AT) {
        None => None,
        Some(at) => Some(Reported { charge: charge(row, &OF_REPORT)?, at }),
    };
    let valid_until = row.optional_number(VALID_UNTIL).map(Timestamp::from_secs);
    let terms = HoldTerms { ends_at: Timestamp::from_secs(ends_at), at_end, valid_until };
    Ok(Some(Hold { held, terms, ended, reported }))
}

fn charge(row: &Reader<'_>, names: &Names) -> Result<Charge, PortError> {
    let charged_as = match row.optional_text(names.channel) {
        None => None,
        Some(channel) => Some(ChargedAs {
            channel: Channel::parse(channel).ok_or_else(|| row.fault(names.channel))?,
            class: row.optional_text(names.class).and_then(Class::parse),
            country: row.optional_text(names.country).and_then(Country::parse),
            version: RateVersion(row.number(names.version)?),
        }),
    };
    let (credits, units) = (Credits(row.number(names.credits)?), row.number(names.units)?);
    Ok(Charge { credits, units, charged_as })
}

/// Writes what becomes of a hold, if it is as it was when that was decided.
pub(super) fn hold_update(table: &str, org: &OrgId, change: &HoldChange) -> UpdateBuilder {
    set_hold(table, org, change.id, &change.hold)
        .condition_expression("#d.#stamp = :stamp AND #d.#ends = :before AND attribute_not_exists(#d.#ended)")
        .expression_attribute_names("#stamp", STAMP)
        .expression_attribute_names("#ends", ENDS_AT)
        .expression_attribute_names("#ended", ENDED)
        .expression_attribute_values(":stamp", number(change.stamp.mark()))
        .expression_attribute_values(":before", number(change.before.ends_at.secs()))
}

/// Writes what was used of a quota that ended at its time, if nothing was reported before.
pub(super) fn report_update(table: &str, org: &OrgId, report: &LateReport) -> UpdateBuilder {
    set_hold(table, org, report.id, &report.hold)
        .condition_expression("#d.#stamp = :stamp AND #d.#ended = :expired AND attribute_not_exists(#d.#at)")
        .expression_attribute_names("#stamp", STAMP)
        .expression_attribute_names("#ended", ENDED)
        .expression_attribute_names("#at", REPORTED_AT)
        .expression_attribute_values(":stamp", number(report.stamp.mark()))
        .expression_attribute_values(":expired", text(HowEnded::Expired.as_str()))
}

fn set_hold(table: &str, org: &OrgId, id: DebitId, hold: &Hold) -> UpdateBuilder {
    let item = with_hold(Writer(Item::new()), hold).0;
    let mut set = Vec::new();
    let mut update =
        Update::builder().table_name(table).set_key(Some(keys::run(org, ShardId::HOLDS, id.run())));
    for (at, (name, value)) in item.into_iter().enumerate() {
        set.push(format!("#d.#n{at} = :n{at}"));
        update = update
            .expression_attribute_names(format!("#n{at}"), name)
            .expression_attribute_values(format!(":n{at}"), value);
    }
    update
        .update_expression(format!("SET {}", set.join(", ")))
        .expression_attribute_names("#d", place_name(id))
}
