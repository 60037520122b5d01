//! Closings of months as items.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{
    Channel, Closing, Credits, Entitlement, EntryKind, Month, Moved, OrgId, PortError, Sums, Used,
};

use super::Store;
use super::attributes::{Item, Reader, Writer, number, text};
use super::errors::port_error;
use super::keys;

const OPENING: &str = "opening";
const CLOSING: &str = "closing";
const KINDS: &str = "by_kind";
const CHANNELS: &str = "by_channel";
const TOP_UPS: &str = "by_top_up";
const INVOICES: &str = "invoices";

impl Store {
    /// The closings of an organisation's months, from the first on.
    pub async fn kept_closings(&self, org: &OrgId) -> Result<Vec<Closing>, PortError> {
        let (mut closings, mut next) = (Vec::new(), None);
        loop {
            let query = self.all_of(org, keys::CLOSING_PREFIX).set_exclusive_start_key(next);
            let answer = query.send().await.map_err(|error| port_error(&error))?;
            for item in answer.items() {
                closings.push(closing_of(item)?);
            }
            next = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if next.is_none() {
                return Ok(closings);
            }
        }
    }

    /// One closing stays for ever: what is there already is not written again.
    pub(super) async fn write_closing(&self, org: &OrgId, closing: &Closing) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(closing_item(org, closing)))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await.map_err(|error| port_error(&error)) {
            Ok(_) | Err(PortError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn closing_item(org: &OrgId, closing: &Closing) -> Item {
    let pair = |one: i64, other: i64| AttributeValue::L(vec![number(one), number(other)]);
    let Sums { by_kind, by_channel, by_top_up } = &closing.sums;
    let kinds = by_kind
        .iter()
        .map(|(kind, moved)| (kind.as_str().to_owned(), pair(moved.entries, moved.credits.0)))
        .collect();
    let channels =
        by_channel.iter().map(|(channel, used)| (channel.as_str().to_owned(), used_item(*used))).collect();
    let posted = |one: &Entitlement| {
        AttributeValue::L([one.granted, one.refunded, one.disputed].map(|credits| number(credits.0)).to_vec())
    };
    let top_ups = by_top_up.iter().map(|(id, one)| (id.clone(), posted(one))).collect();
    let invoices = closing.invoices.iter().map(text).collect();
    let mut item = Writer(keys::closing(org, closing.month))
        .number(OPENING, closing.opening.0)
        .number(CLOSING, closing.closing().0)
        .0;
    item.insert(KINDS.to_owned(), AttributeValue::M(kinds));
    item.insert(CHANNELS.to_owned(), AttributeValue::M(channels));
    item.insert(TOP_UPS.to_owned(), AttributeValue::M(top_ups));
    item.insert(INVOICES.to_owned(), AttributeValue::L(invoices));
    item
}

fn closing_of(item: &Item) -> Result<Closing, PortError> {
    let row = Reader(item);
    let month: Month = row.parsed(keys::SK, keys::parse_closing)?;
    let mut sums = Sums::default();
    for (name, value) in map(&row, KINDS)? {
        let kind = EntryKind::parse(name).ok_or_else(|| row.fault(KINDS))?;
        let [entries, credits] = numbers(value).ok_or_else(|| row.fault(KINDS))?;
        sums.by_kind.insert(kind, Moved { entries, credits: Credits(credits) });
    }
    for (name, value) in map(&row, CHANNELS)? {
        let channel = Channel::parse(name).ok_or_else(|| row.fault(CHANNELS))?;
        let used = used_of(value).ok_or_else(|| row.fault(CHANNELS))?;
        sums.by_channel.insert(channel, used);
    }
    for (id, value) in map(&row, TOP_UPS)? {
        let [granted, refunded, disputed] = numbers(value).ok_or_else(|| row.fault(TOP_UPS))?.map(Credits);
        sums.by_top_up.insert(id.clone(), Entitlement { granted, refunded, disputed });
    }
    let Some(AttributeValue::L(invoices)) = item.get(INVOICES) else { return Err(row.fault(INVOICES)) };
    let invoices = invoices.iter().filter_map(|one| one.as_s().ok().cloned()).collect();
    let closing = Closing::new(month, Credits(row.number(OPENING)?), sums, invoices);
    // A closing that does not add up was not written by us.
    if row.number(CLOSING)? == closing.closing().0 { Ok(closing) } else { Err(row.fault(CLOSING)) }
}

fn used_item(used: Used) -> AttributeValue {
    AttributeValue::L([used.messages, used.credits.0, used.units].map(number).to_vec())
}

/// The first closings tell no units: each message was one.
fn used_of(value: &AttributeValue) -> Option<Used> {
    if let Some([messages, credits, units]) = numbers(value) {
        return Some(Used { messages, units, credits: Credits(credits) });
    }
    numbers(value).map(|[messages, credits]| Used { messages, units: messages, credits: Credits(credits) })
}

fn map<'a>(row: &Reader<'a>, name: &str) -> Result<BTreeMap<&'a String, &'a AttributeValue>, PortError> {
    match row.0.get(name) {
        Some(AttributeValue::M(map)) => Ok(map.iter().collect()),
        Some(_) | None => Err(row.fault(name)),
    }
}

fn numbers<const COUNT: usize>(value: &AttributeValue) -> Option<[i64; COUNT]> {
    let list = value.as_l().ok()?;
    let numbers: Vec<i64> = list.iter().map(|one| one.as_n().ok()?.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing() -> Closing {
        let mut sums = Sums::default();
        sums.by_kind.insert(EntryKind::TopUp, Moved { entries: 1, credits: Credits(1_000) });
        sums.by_kind.insert(EntryKind::Debit, Moved { entries: 2, credits: Credits(-4) });
        sums.by_channel.insert(Channel::WHATSAPP, Used { messages: 2, units: 7, credits: Credits(4) });
        let posted = Entitlement { granted: Credits(1_000), ..Entitlement::default() };
        sums.by_top_up.insert("top_1".to_owned(), posted);
        let invoices = vec!["B-2".to_owned(), "A-1".to_owned()];
        Closing::new("2026-11".parse().unwrap(), Credits(-3), sums, invoices)
    }

    #[test]
    fn a_closing_reads_back() {
        let org = OrgId::parse("acme").unwrap();
        let item = closing_item(&org, &closing());
        assert_eq!(item[keys::SK].as_s().unwrap(), "CLOSING#202611");
        assert_eq!(closing_of(&item).unwrap(), closing());
        assert_eq!(closing().closing(), Credits(993));
    }

    #[test]
    fn one_of_before_there_were_units_reads_as_it_was_meant() {
        let org = OrgId::parse("acme").unwrap();
        let mut item = closing_item(&org, &closing());
        let pair = AttributeValue::L(vec![number(2), number(4)]);
        item.insert(CHANNELS.to_owned(), AttributeValue::M(Item::from([("whatsapp".to_owned(), pair)])));
        let used = closing_of(&item).unwrap().sums.by_channel[&Channel::WHATSAPP];
        assert_eq!(used, Used { messages: 2, units: 2, credits: Credits(4) });
    }

    #[test]
    fn one_that_does_not_add_up_is_refused() {
        let org = OrgId::parse("acme").unwrap();
        for (name, value) in [(CLOSING, number(994)), (KINDS, number(1)), (INVOICES, number(1))] {
            let mut item = closing_item(&org, &closing());
            item.insert(name.to_owned(), value);
            assert!(matches!(closing_of(&item), Err(PortError::Broken(_))), "{name}");
        }
    }
}
