//! A top-up held side by side with what the provider says and with its entries in the ledger.

use super::MOST_ENTRIES;
use crate::{Credits, Entry, EntryKind, Evidence, InvoiceStatus, Status, TopUp};

/// Whom the row is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the payment provider says now.
    Provider,
    /// The entries by which the top-up was posted.
    Ledger,
}

/// One thing on which the row and another side do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    pub side: Side,
    /// What they disagree on, a stable word.
    pub what: &'static str,
    /// What the row says.
    pub row: String,
    /// What the other side says.
    pub other: String,
}

impl Side {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Provider => "stripe",
            Side::Ledger => "ledger",
        }
    }
}

/// All on which they do not agree. `evidence` is of the invoice that the row names; `entries` are those that it names.
///
/// A row that names none although it was posted is of before rows named them, and one that names the most that it may may have had
/// more: neither is held against the ledger.
#[must_use]
pub fn disagreements(top_up: &TopUp, evidence: Option<&Evidence>, entries: &[Entry]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    match evidence {
        Some(evidence) => with_provider(top_up, evidence, &mut found),
        None => found.extend(top_up.invoice.as_ref().filter(|_| names_a_real_invoice(top_up)).map(|link| {
            let (row, other) = (link.id.clone(), "none".to_owned());
            Disagreement { side: Side::Provider, what: "invoice", row, other }
        })),
    }
    let named = top_up.entries.len();
    if (named > 0 || top_up.posted.granted == Credits::ZERO) && named < MOST_ENTRIES {
        with_ledger(top_up, entries, &mut found);
    }
    found
}

/// A draft is deleted when its top-up ends, so that a row may well name one that is gone.
fn names_a_real_invoice(top_up: &TopUp) -> bool {
    match top_up.status {
        Status::Open | Status::Paid | Status::InReview => true,
        Status::Requested | Status::Canceled | Status::Expired | Status::Failed => false,
    }
}

fn with_provider(top_up: &TopUp, evidence: &Evidence, found: &mut Vec<Disagreement>) {
    let total = top_up.purchase.total;
    let mut differ = |what, row: String, other: String| {
        if row != other {
            found.push(Disagreement { side: Side::Provider, what, row, other });
        }
    };
    let fits = match top_up.status {
        Status::Requested => [InvoiceStatus::Draft, InvoiceStatus::Open].contains(&evidence.status),
        Status::Open => evidence.status == InvoiceStatus::Open,
        Status::Paid => evidence.status == InvoiceStatus::Paid,
        Status::Canceled | Status::Expired | Status::Failed => evidence.status == InvoiceStatus::Void,
        Status::InReview => false,
    };
    if !fits {
        differ("status", top_up.status.as_str().to_owned(), evidence.status.as_str().to_owned());
    }
    differ("currency", total.currency.as_str().to_owned(), evidence.currency.as_str().to_owned());
    differ("total", total.minor_units.to_string(), evidence.total.to_string());
    if evidence.status == InvoiceStatus::Paid {
        differ("amount_paid", total.minor_units.to_string(), evidence.amount_paid.to_string());
    }
    let nobody = || "none".to_owned();
    differ(
        "customer",
        top_up.payer.clone().unwrap_or_else(nobody),
        evidence.payer.clone().unwrap_or_else(nobody),
    );
    let named = evidence.top_up.as_ref().map_or_else(nobody, |id| id.as_str().to_owned());
    differ("top_up", top_up.id.as_str().to_owned(), named);
    let org = evidence.org.as_ref().map_or_else(nobody, |org| org.as_str().to_owned());
    differ("organisation", top_up.org.as_str().to_owned(), org);
}

fn with_ledger(top_up: &TopUp, entries: &[Entry], found: &mut Vec<Disagreement>) {
    let sum = |kinds: &[EntryKind]| {
        let of_kind = entries.iter().filter(|entry| kinds.contains(&entry.kind));
        of_kind.fold(0_i64, |sum, entry| sum.saturating_add(entry.credits.0))
    };
    let posted = top_up.posted;
    for (what, row, other) in [
        ("granted", posted.granted.0, sum(&[EntryKind::TopUp])),
        ("refunded", posted.refunded.0, sum(&[EntryKind::Refund, EntryKind::RefundUndone]).saturating_neg()),
        (
            "disputed",
            posted.disputed.0,
            sum(&[EntryKind::Dispute, EntryKind::DisputeUndone]).saturating_neg(),
        ),
    ] {
        if row != other {
            let (row, other) = (row.to_string(), other.to_string());
            found.push(Disagreement { side: Side::Ledger, what, row, other });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_up::examples::{invoice, now, top_up};
    use crate::{Actor, OrgId, Posting, TopUpId};

    fn paid() -> (TopUp, Evidence, Vec<Entry>) {
        let mut row = top_up(Status::Paid);
        let entry = Posting::top_up(&row, row.purchase.credits, &Actor::System, now()).entry;
        row.entries = vec![entry.id];
        let evidence = invoice(&row, InvoiceStatus::Paid);
        (row, evidence, vec![entry])
    }

    fn words(row: &TopUp, evidence: Option<&Evidence>, entries: &[Entry]) -> Vec<(Side, &'static str)> {
        disagreements(row, evidence, entries).into_iter().map(|one| (one.side, one.what)).collect()
    }

    #[test]
    fn three_that_agree_have_no_difference() {
        let (row, evidence, entries) = paid();
        assert_eq!(disagreements(&row, Some(&evidence), &entries), []);
        for (status, standing) in [
            (Status::Requested, InvoiceStatus::Draft),
            (Status::Open, InvoiceStatus::Open),
            (Status::Canceled, InvoiceStatus::Void),
            (Status::Expired, InvoiceStatus::Void),
        ] {
            let row = top_up(status);
            assert_eq!(disagreements(&row, Some(&invoice(&row, standing)), &[]), [], "{status:?}");
        }
        assert_eq!(disagreements(&top_up(Status::Failed), None, &[]), [], "its draft was deleted");
    }

    #[test]
    fn each_field_that_the_provider_says_otherwise_is_marked() {
        type Spoil = fn(&mut Evidence);
        let spoilt: [(&str, Spoil); 7] = [
            ("status", |i| i.status = InvoiceStatus::Void),
            ("currency", |i| i.currency = crate::Currency::USD),
            ("total", |i| i.total += 1),
            ("amount_paid", |i| i.amount_paid -= 1),
            ("customer", |i| i.payer = None),
            ("top_up", |i| i.top_up = Some(TopUpId::new(now().plus_secs(1)))),
            ("organisation", |i| i.org = OrgId::parse("rival").ok()),
        ];
        for (what, spoil) in spoilt {
            let (row, mut evidence, entries) = paid();
            spoil(&mut evidence);
            assert_eq!(words(&row, Some(&evidence), &entries), [(Side::Provider, what)]);
        }
        let (row, _, entries) = paid();
        assert_eq!(words(&row, None, &entries), [(Side::Provider, "invoice")]);
    }

    #[test]
    fn an_entry_that_is_gone_doubled_or_of_another_kind_is_marked() {
        let (row, evidence, entries) = paid();
        let seen = |row: &TopUp, entries: &[Entry]| words(row, Some(&evidence), entries);
        assert_eq!(seen(&row, &[]), [(Side::Ledger, "granted")]);
        let twice = [entries.clone(), entries.clone()].concat();
        assert_eq!(seen(&row, &twice), [(Side::Ledger, "granted")]);
        let mut refunded = row.clone();
        refunded.posted.refunded = Credits(5);
        assert_eq!(seen(&refunded, &entries), [(Side::Ledger, "refunded")]);
        let back = Posting::refund(&row, Credits(5), &Actor::System, now()).entry;
        assert_eq!(seen(&refunded, &[entries[0].clone(), back]), []);
        let mut old = row.clone();
        old.entries.clear();
        assert_eq!(seen(&old, &[]), [], "its entries are not known");
    }
}
