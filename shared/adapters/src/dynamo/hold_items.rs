//! What the entry of a hold says beside what a debit's does: until when, and what became of it.

use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use saldo_domain::{
    AtEnd, Channel, Charge, ChargedAs, Class, Country, Credits, Hold, HoldChange, HoldEnded, HoldTerms,
    HowEnded, OrgId, RateVersion, ShardId, Timestamp,
};

use super::attributes::{Item, Reader, Writer, number};
use super::keys::{self, place_name};
use super::short_names::run::{
    CAPTURED, CAPTURED_AT_END, CAPTURED_UNITS, CHARGED_CHANNEL, CHARGED_CLASS, CHARGED_COUNTRY,
    CHARGED_VERSION, ENDED, ENDED_AT, ENDED_LATE, ENDS_AT, STAMP,
};
use crate::PortError;

/// The item of a debit with what makes it a hold.
pub(super) fn with_hold(item: Writer, hold: &Hold) -> Writer {
    let ended = hold.ended;
    let charged_as = ended.and_then(|ended| ended.captured.charged_as);
    item.number(ENDS_AT, hold.terms.ends_at.secs())
        .optional_number(CAPTURED_AT_END, (hold.terms.at_end == AtEnd::Capture).then_some(1))
        .optional_text(ENDED, ended.map(|ended| ended.how.as_str()))
        .optional_number(ENDED_AT, ended.map(|ended| ended.at.secs()))
        .optional_number(CAPTURED, ended.map(|ended| ended.captured.credits.0))
        .optional_number(CAPTURED_UNITS, ended.map(|ended| ended.captured.units))
        .optional_text(CHARGED_CHANNEL, charged_as.map(|of| of.channel).as_ref().map(Channel::as_str))
        .optional_text(CHARGED_CLASS, charged_as.and_then(|of| of.class).as_ref().map(Class::as_str))
        .optional_text(CHARGED_COUNTRY, charged_as.and_then(|of| of.country).as_ref().map(Country::as_str))
        .optional_number(CHARGED_VERSION, charged_as.map(|of| of.version.0))
        .optional_number(ENDED_LATE, ended.filter(|ended| ended.late).map(|_| 1))
}

/// `held` is what the debit took; `None` where it is no hold.
pub(super) fn hold_of(held: Credits, row: &Reader<'_>) -> Result<Option<Hold>, PortError> {
    let Some(ends_at) = row.optional_number(ENDS_AT) else { return Ok(None) };
    let at_end = if row.optional_number(CAPTURED_AT_END).is_some() { AtEnd::Capture } else { AtEnd::Release };
    let ended = match row.optional_text(ENDED) {
        None => None,
        Some(_) => Some(HoldEnded {
            how: row.parsed(ENDED, HowEnded::parse)?,
            captured: Charge {
                credits: Credits(row.number(CAPTURED)?),
                units: row.number(CAPTURED_UNITS)?,
                charged_as: charged_as(row)?,
            },
            at: Timestamp::from_secs(row.number(ENDED_AT)?),
            late: row.optional_number(ENDED_LATE).is_some(),
        }),
    };
    let terms = HoldTerms { ends_at: Timestamp::from_secs(ends_at), at_end };
    Ok(Some(Hold { held, terms, ended }))
}

fn charged_as(row: &Reader<'_>) -> Result<Option<ChargedAs>, PortError> {
    let Some(channel) = row.optional_text(CHARGED_CHANNEL) else { return Ok(None) };
    Ok(Some(ChargedAs {
        channel: Channel::parse(channel).ok_or_else(|| row.fault(CHARGED_CHANNEL))?,
        class: row.optional_text(CHARGED_CLASS).and_then(Class::parse),
        country: row.optional_text(CHARGED_COUNTRY).and_then(Country::parse),
        version: RateVersion(row.number(CHARGED_VERSION)?),
    }))
}

/// Writes what becomes of a hold, if it is as it was when that was decided.
pub(super) fn hold_update(table: &str, org: &OrgId, change: &HoldChange) -> UpdateBuilder {
    let item = with_hold(Writer(Item::new()), &change.hold).0;
    let mut set = Vec::new();
    let mut update =
        Update::builder().table_name(table).set_key(Some(keys::run(org, ShardId::HOLDS, change.id.run())));
    for (at, (name, value)) in item.into_iter().enumerate() {
        set.push(format!("#d.#n{at} = :n{at}"));
        update = update
            .expression_attribute_names(format!("#n{at}"), name)
            .expression_attribute_values(format!(":n{at}"), value);
    }
    update
        .update_expression(format!("SET {}", set.join(", ")))
        .condition_expression("#d.#stamp = :stamp AND #d.#ends = :before AND attribute_not_exists(#d.#ended)")
        .expression_attribute_names("#d", place_name(change.id))
        .expression_attribute_names("#stamp", STAMP)
        .expression_attribute_names("#ends", ENDS_AT)
        .expression_attribute_names("#ended", ENDED)
        .expression_attribute_values(":stamp", number(change.stamp.mark()))
        .expression_attribute_values(":before", number(change.before.ends_at.secs()))
}
