//! Top-ups and ledger entries as items, and back.

use saldo_domain::{
    Actor, Author, Channel, Class, Country, Credits, Currency, DisputeStatus, Entitlement, Entry, EntryId,
    EntryKind, FailureReason, InvoiceLink, Looked, NoteDocument, OperationId, OrgId, OtherBase, PaidWith,
    PaymentFailure, Purchase, RateVersion, Reason, RefundUnderWay, Returns, ReviewReason, Status, TaxBase,
    TaxPercent, Timestamp, ToldBeside, TopUp, TopUpId, Units,
};

use super::attributes::{Item, Reader, Writer};
use super::keys;
use crate::PortError;

pub(super) const REVISION: &str = "revision";
pub(super) const TOP_UP_ID: &str = "top_up_id";
pub(super) const CREDITS: &str = "credits";
const OUT_OF_BAND: &str = "out_of_band";
const THROUGH_STRIPE: &str = "stripe";

pub(super) fn top_up_item(top_up: &TopUp) -> Item {
    let purchase = &top_up.purchase;
    let invoice = top_up.invoice.as_ref();
    let failure = top_up.payment_failure.as_ref();
    let item = Writer(keys::top_up(&top_up.org, &top_up.id))
        .text("status", top_up.status.as_str())
        .number(CREDITS, purchase.credits.0)
        .text("currency", purchase.total.currency.as_str())
        .number("unit_price", purchase.unit_price.minor_units)
        .number("subtotal", purchase.subtotal.minor_units)
        .text("tax_percent", purchase.tax_percent.to_string())
        .text("tax_name", &purchase.tax_name)
        .optional_text("tax_base", purchase.other_base.map(|base| base.part.to_string()).as_deref())
        .optional_number("other_base", purchase.other_base.map(|base| base.amount.minor_units))
        .number("tax", purchase.tax.minor_units)
        .number("total", purchase.total.minor_units)
        .text("price_list_version", &purchase.price_list_version)
        .number("created_at", top_up.created_at.ms())
        .number("expires_at", top_up.expires_at.ms())
        .text("created_by", top_up.created_by.to_string())
        .text("changed_by", top_up.changed_by.actor.to_string())
        .text("changed_for", top_up.changed_by.cause.to_string())
        .optional_text("customer", top_up.payer.as_deref())
        .optional_text("invoice", invoice.map(|link| link.id.as_str()))
        .optional_text("invoice_number", invoice.and_then(|link| link.number.as_deref()))
        .optional_text("pay_url", invoice.and_then(|link| link.pay_url.as_deref()))
        .optional_text("invoice_pdf", invoice.and_then(|link| link.pdf.as_deref()))
        .optional_number("paid_at", top_up.paid_at.map(|at| at.ms()))
        .optional_number("canceled_at", top_up.canceled_at.map(|at| at.ms()))
        .optional_text("failure_code", failure.map(|failure| failure.code.as_str()))
        .optional_text("failure_detail", failure.map(|failure| failure.detail.as_str()))
        .optional_number("failure_at", failure.map(|failure| failure.at.ms()))
        .optional_text("failed_for", top_up.failure.map(FailureReason::as_str))
        .optional_text("review", top_up.review.map(ReviewReason::as_str))
        .optional_number("review_since", top_up.review_since.map(|at| at.ms()))
        .optional_text("released", top_up.released.map(ReviewReason::as_str))
        .optional_number("review_by", top_up.review_by.map(|at| at.ms()))
        .optional_text("payment", top_up.payment.as_deref())
        .optional_text("paid_with", top_up.paid_with.as_ref().map(|how| how.method.as_str()))
        .optional_text("receipt_url", top_up.paid_with.as_ref().and_then(|how| how.receipt_url.as_deref()))
        .optional_number("money_refunded", some(top_up.returns.refunded))
        .optional_number("money_disputed", some(top_up.returns.disputed))
        .optional_text("credit_notes", notes_text(&top_up.credit_notes).as_deref())
        .optional_text("dispute", top_up.returns.dispute.map(DisputeStatus::as_str))
        .optional_number("granted", some(top_up.posted.granted.0))
        .optional_number("refunded", some(top_up.posted.refunded.0))
        .optional_number("disputed", some(top_up.posted.disputed.0))
        .optional_text("entries", entries_text(&top_up.entries).as_deref())
        .optional_text(keys::DUE_PK, due_partition(top_up).as_deref())
        .optional_text(keys::DUE_AT, listed_at(top_up).map(keys::due_at).as_deref())
        .optional_number("looks", top_up.looked.as_ref().map(|looked| looked.times))
        .optional_number("looked_at", top_up.looked.as_ref().map(|looked| looked.at.ms()))
        .optional_text("looked_by", top_up.looked.as_ref().and_then(|looked| looked.id.as_deref()))
        .number(REVISION, top_up.revision);
    with_refund(item, top_up.refund.as_ref()).0
}

/// Where in the index it is: what is unfinished is work, and what is finished and in doubt is to be looked at.
fn due_partition(top_up: &TopUp) -> Option<String> {
    let in_part = |work| Some(keys::due_partition(work, top_up.id.as_str()));
    match (top_up.due_at, &top_up.refund, top_up.review) {
        (Some(_), _, _) => in_part(keys::Work::TopUp),
        (None, Some(_), _) => in_part(keys::Work::Refund),
        (None, None, Some(_)) => in_part(keys::Work::Review),
        (None, None, None) => None,
    }
}

fn listed_at(top_up: &TopUp) -> Option<Timestamp> {
    let in_review = top_up.review.map(|_| top_up.review_since.unwrap_or(top_up.created_at));
    top_up.due_at.or(top_up.refund.as_ref().map(RefundUnderWay::next_check)).or(in_review)
}

fn with_refund(item: Writer, refund: Option<&RefundUnderWay>) -> Writer {
    let Some(refund) = refund else { return item };
    item.text("refund", refund.operation.as_str())
        .text("refund_reason", refund.reason.as_str())
        .number("refund_credits", refund.credits.0)
        .number("refund_money", refund.money)
        .number("refund_before", refund.before)
        .number("refund_told", refund.told.refunded)
        .number("refund_disputed", refund.told.disputed)
        .text("refund_way", if refund.out_of_band { OUT_OF_BAND } else { THROUGH_STRIPE })
        .number("refund_since", refund.since.ms())
        .number("refund_tried_at", refund.tried_at.ms())
        .number("refund_tries", refund.tries)
        .number("refund_keys", refund.keys_used)
}

fn refund_of(row: &Reader<'_>) -> Result<Option<RefundUnderWay>, PortError> {
    if row.optional_text("refund").is_none() {
        return Ok(None);
    }
    Ok(Some(RefundUnderWay {
        operation: row.parsed("refund", |id| OperationId::parse(id).ok())?,
        reason: row.parsed("refund_reason", |reason| Reason::parse(reason).ok())?,
        credits: Credits(row.number("refund_credits")?),
        money: row.number("refund_money")?,
        before: row.number("refund_before")?,
        told: ToldBeside {
            refunded: row.optional_number("refund_told").unwrap_or_default(),
            disputed: row.optional_number("refund_disputed").unwrap_or_default(),
        },
        out_of_band: row.text("refund_way")? == OUT_OF_BAND,
        since: row.moment("refund_since")?,
        tried_at: row.moment("refund_tried_at")?,
        tries: row.number("refund_tries")?,
        keys_used: row.number("refund_keys")?,
    }))
}

/// A line for each, its parts with tabs between them: none of them has one.
fn notes_text(notes: &[NoteDocument]) -> Option<String> {
    let line = |note: &NoteDocument| {
        let NoteDocument { number, pdf, money, at } = note;
        format!("{number}\t{money}\t{}\t{}", at.ms(), pdf.as_deref().unwrap_or_default())
    };
    let lines: Vec<_> = notes.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn notes_of(row: &Reader<'_>) -> Result<Vec<NoteDocument>, PortError> {
    let note = |line: &str| {
        let mut parts = line.split('\t');
        let number = parts.next()?.to_owned();
        let money = parts.next()?.parse().ok()?;
        let at = Timestamp::from_ms(parts.next()?.parse().ok()?);
        let pdf = parts.next().filter(|pdf| !pdf.is_empty()).map(str::to_owned);
        Some(NoteDocument { number, pdf, money, at })
    };
    let lines = row.optional_text("credit_notes").unwrap_or_default().lines();
    lines.map(|line| note(line).ok_or_else(|| row.fault("credit_notes"))).collect()
}

fn entries_text(entries: &[EntryId]) -> Option<String> {
    let ids: Vec<_> = entries.iter().map(EntryId::to_string).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// Rows that were posted first do not name their entries.
fn entries_named_in(row: &Reader<'_>) -> Result<Vec<EntryId>, PortError> {
    let ids = row.optional_text("entries").unwrap_or_default().split_whitespace();
    ids.map(|id| EntryId::parse(id).map_err(|_| row.fault("entries"))).collect()
}

pub(super) fn top_up_of(item: &Item) -> Result<TopUp, PortError> {
    let row = Reader(item);
    let (org, id) =
        keys::parse_top_up(row.text(keys::PK)?, row.text(keys::SK)?).ok_or_else(|| row.fault(keys::SK))?;
    Ok(TopUp {
        id,
        org,
        status: row.parsed("status", Status::parse)?,
        purchase: purchase_of(&row)?,
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
        payer: row.optional_text("customer").map(str::to_owned),
        invoice: link_of(&row),
        paid_at: row.optional_moment("paid_at"),
        canceled_at: row.optional_moment("canceled_at"),
        payment_failure: failure_of(&row),
        failure: row.optional_text("failed_for").and_then(FailureReason::parse),
        review: row.optional_text("review").and_then(ReviewReason::parse),
        review_since: row.optional_moment("review_since"),
        released: row.optional_text("released").and_then(ReviewReason::parse),
        review_by: row.optional_moment("review_by"),
        payment: row.optional_text("payment").map(str::to_owned),
        paid_with: row.optional_text("paid_with").map(|method| PaidWith {
            method: method.to_owned(),
            receipt_url: row.optional_text("receipt_url").map(str::to_owned),
        }),
        returns: Returns {
            refunded: row.optional_number("money_refunded").unwrap_or_default(),
            disputed: row.optional_number("money_disputed").unwrap_or_default(),
            dispute: row.optional_text("dispute").and_then(DisputeStatus::parse),
        },
        credit_notes: notes_of(&row)?,
        refund: refund_of(&row)?,
        posted: posted_of(&row),
        entries: entries_named_in(&row)?,
        created_by: row.parsed("created_by", |text| text.parse().ok())?,
        changed_by: Author {
            actor: row.parsed("changed_by", |text| text.parse().ok())?,
            cause: row.parsed("changed_for", |text| text.parse().ok())?,
        },
        due_at: due_at_of(&row),
        looked: looked_of(&row),
        revision: row.number(REVISION)?,
    })
}

/// When it is due; of one that is finished the index says something else.
fn due_at_of(row: &Reader<'_>) -> Option<Timestamp> {
    let unfinished = row.optional_text(keys::DUE_PK).is_some_and(keys::is_of_top_ups);
    let digits = row.optional_text(keys::DUE_AT).filter(|_| unfinished)?;
    digits.parse().ok().map(Timestamp::from_ms)
}

fn purchase_of(row: &Reader<'_>) -> Result<Purchase, PortError> {
    let currency = row.parsed("currency", |code| code.parse().ok())?;
    Ok(Purchase {
        credits: Credits(row.number(CREDITS)?),
        unit_price: row.money("unit_price", currency)?,
        subtotal: row.money("subtotal", currency)?,
        tax_percent: row.parsed("tax_percent", TaxPercent::parse)?,
        tax_name: row.text("tax_name")?.to_owned(),
        other_base: other_base_of(row, currency)?,
        tax: row.money("tax", currency)?,
        total: row.money("total", currency)?,
        price_list_version: row.text("price_list_version")?.to_owned(),
    })
}

fn other_base_of(row: &Reader<'_>, currency: Currency) -> Result<Option<OtherBase>, PortError> {
    if row.optional_text("tax_base").is_none() {
        return Ok(None);
    }
    let part = row.parsed("tax_base", TaxBase::parse)?;
    Ok(Some(OtherBase { part, amount: row.money("other_base", currency)? }))
}

fn link_of(row: &Reader<'_>) -> Option<InvoiceLink> {
    let owned = |name| row.optional_text(name).map(str::to_owned);
    Some(InvoiceLink {
        id: owned("invoice")?,
        number: owned("invoice_number"),
        pay_url: owned("pay_url"),
        pdf: owned("invoice_pdf"),
    })
}

fn failure_of(row: &Reader<'_>) -> Option<PaymentFailure> {
    Some(PaymentFailure {
        code: row.optional_text("failure_code")?.to_owned(),
        detail: row.optional_text("failure_detail")?.to_owned(),
        at: row.optional_moment("failure_at")?,
    })
}

fn looked_of(row: &Reader<'_>) -> Option<Looked> {
    Some(Looked {
        times: row.optional_number("looks")?,
        at: row.optional_moment("looked_at")?,
        id: row.optional_text("looked_by").map(str::to_owned),
    })
}

fn posted_of(row: &Reader<'_>) -> Entitlement {
    let credits = |name| Credits(row.optional_number(name).unwrap_or_default());
    Entitlement { granted: credits("granted"), refunded: credits("refunded"), disputed: credits("disputed") }
}

/// Nothing is not written.
fn some(number: i64) -> Option<i64> {
    (number != 0).then_some(number)
}

/// An entry that is no debit.
pub(super) fn entry_item(org: &OrgId, entry: &Entry) -> Item {
    Writer(keys::entry(org, entry.id))
        .number("at", entry.at.ms())
        .number("booked_at", entry.booked_at.ms())
        .number(CREDITS, entry.credits.0)
        .text("kind", entry.kind.as_str())
        .text("cause", &entry.cause)
        .optional_text("actor", entry.actor.as_ref().map(Actor::to_string).as_deref())
        .optional_text("channel", entry.channel.as_ref().map(Channel::as_str))
        .optional_text("class", entry.class.as_ref().map(Class::as_str))
        .optional_text("country", entry.country.as_ref().map(Country::as_str))
        .optional_text("reference", entry.reference.as_deref())
        .optional_number("units", (entry.units != Units::ONE).then_some(entry.units.get()))
        .optional_number("version", entry.version.map(|RateVersion(version)| version))
        .0
}

/// An entry that is no debit, read back.
pub(super) fn entry_of(item: &Item) -> Result<Entry, PortError> {
    let row = Reader(item);
    let at = row.moment("at")?;
    Ok(Entry {
        id: row.parsed(keys::SK, |id| EntryId::parse(id).ok())?,
        at,
        // The first entries were written without it, all of them when their ids were made.
        booked_at: row.optional_moment("booked_at").unwrap_or_else(|| at.whole_secs()),
        credits: Credits(row.number(CREDITS)?),
        kind: row.parsed("kind", EntryKind::parse)?,
        cause: row.text("cause")?.to_owned(),
        actor: row.optional_text("actor").and_then(|actor| actor.parse().ok()),
        channel: row.optional_text("channel").and_then(Channel::parse),
        class: row.optional_text("class").and_then(Class::parse),
        country: row.optional_text("country").and_then(Country::parse),
        reference: row.optional_text("reference").map(str::to_owned),
        units: row.optional_number("units").and_then(Units::new).unwrap_or_default(),
        version: row.optional_number("version").map(RateVersion),
        hold: None,
    })
}

/// The top-up that an open slot or a request points to.
pub(super) fn pointer_of(item: &Item) -> Result<TopUpId, PortError> {
    Reader(item).parsed(TOP_UP_ID, |id| TopUpId::parse(id).ok())
}
