//! A balance against its ledger, and rows against their entries.

use std::collections::{BTreeMap, BTreeSet};

use super::{Closing, Cut, Difference, DifferenceKind, LedgerLine, Outcome, Sums};
use crate::{Credits, DebitId, Entitlement, Month, OrgId, ShardId, Stamp, Status, TopUp, total};

/// A ledger that is being counted against the cut of its balance, one month after the other.
#[derive(Debug)]
pub struct LedgerCheck {
    cut: Cut,
    opening: Credits,
    month: Sums,
    /// Whether an entry of the month at hand is not part of the cut.
    passed_over: bool,
    all: Sums,
    unwritten: BTreeSet<(DebitId, Stamp)>,
}

/// What a balance is, and what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What all balance shards have together.
    pub balance: Credits,
    /// The sum of all entries.
    pub entries: Credits,
    /// What is reserved for debits that have no entry yet.
    pub unwritten: Credits,
}

impl Comparison {
    /// By how much the balance is above what its entries say; 0 when the books are right.
    #[must_use]
    pub fn drift(&self) -> Credits {
        let expected = self.entries.0.saturating_sub(self.unwritten.0);
        Credits(self.balance.0.saturating_sub(expected))
    }
}

impl LedgerCheck {
    /// Begins behind the last closing, or at the beginning of the ledger.
    #[must_use]
    pub fn new(cut: Cut, closings: &[Closing]) -> LedgerCheck {
        let mut all = Sums::default();
        for closing in closings {
            all.add_top_ups(&closing.sums);
        }
        LedgerCheck {
            opening: closings.last().map(Closing::closing).unwrap_or_default(),
            month: Sums::default(),
            passed_over: false,
            all,
            unwritten: cut.pending().collect(),
            cut,
        }
    }

    /// Counts an entry of the month at hand, if it is part of the cut.
    pub fn count(&mut self, line: &LedgerLine) {
        if !self.cut.counts(line) {
            self.passed_over = true;
            return;
        }
        self.month.add(&line.entry);
        if let Some(stamp) = line.stamp
            && let Ok(id) = DebitId::parse(&line.entry.cause)
        {
            self.unwritten.remove(&(id, stamp));
        }
    }

    /// Ends the month at hand. Gives its closing if all of its entries were counted and no debit of it is without its own;
    /// `number_of` is the invoice number of a top-up.
    pub fn end_month(&mut self, month: Month, number_of: impl Fn(&str) -> Option<String>) -> Option<Closing> {
        let sums = std::mem::take(&mut self.month);
        let whole = !std::mem::take(&mut self.passed_over)
            && !self.unwritten.iter().any(|(id, _)| Month::of(id.at()) <= month);
        self.all.add_all(&sums);
        let opening = self.opening;
        let granted = sums.by_top_up.iter().filter(|(_, posted)| posted.granted > Credits::ZERO);
        let invoices = granted.filter_map(|(top_up, _)| number_of(top_up)).collect();
        let closing = Closing::new(month, opening, sums, invoices);
        self.opening = closing.closing();
        whole.then_some(closing)
    }

    /// The balance against all entries.
    #[must_use]
    pub fn comparison(&self) -> Comparison {
        let unwritten =
            self.unwritten.iter().fold(0_i64, |sum, (_, stamp)| sum.saturating_add(stamp.credits().0));
        Comparison { balance: total(self.cut.shards()), entries: self.opening, unwritten: Credits(unwritten) }
    }

    /// How many entries were read.
    #[must_use]
    pub fn entries(&self) -> i64 {
        self.all.entries()
    }

    /// Every way in which the books of `org` do not fit together; `rows` are its top-ups, read within the cut.
    #[must_use]
    pub fn differences(&self, org: &OrgId, rows: &RowBooks) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut tell = |kind, subject: &str, ours: String, theirs: String| {
            let subject = subject.to_owned();
            found.push(Difference {
                org: Some(org.clone()),
                kind,
                subject,
                ours,
                theirs,
                outcome: Outcome::ForAPerson,
            });
        };
        let compared = self.comparison();
        if compared.drift() != Credits::ZERO {
            let Comparison { balance, entries, unwritten } = compared;
            let entries = format!("entries {entries}, unwritten {unwritten}");
            tell(DifferenceKind::Balance, "balance", format!("balance {balance}"), entries);
        }
        for (id, shard) in self.cut.shards() {
            if *id != ShardId::MAIN && shard.credits < Credits::ZERO {
                let subject = format!("shard {}", id.number());
                tell(
                    DifferenceKind::ShardInDebt,
                    &subject,
                    shard.credits.to_string(),
                    "0 or more".to_owned(),
                );
            }
        }
        let taken = self
            .all
            .by_top_up
            .values()
            .any(|one| one.refunded != Credits::ZERO || one.disputed != Credits::ZERO);
        if compared.balance < Credits::ZERO && !taken && compared.drift() == Credits::ZERO {
            tell(DifferenceKind::Debt, "balance", compared.balance.to_string(), "0 or more".to_owned());
        }
        self.against_rows(rows, &mut tell);
        found
    }

    fn against_rows(&self, rows: &RowBooks, tell: &mut impl FnMut(DifferenceKind, &str, String, String)) {
        for (id, row) in &rows.rows {
            let entries = self.all.by_top_up.get(id).copied().unwrap_or_default();
            for (kind, ours, theirs) in [
                (DifferenceKind::Granted, row.posted.granted, entries.granted),
                (DifferenceKind::Refunded, row.posted.refunded, entries.refunded),
                (DifferenceKind::Disputed, row.posted.disputed, entries.disputed),
            ] {
                if ours != theirs {
                    tell(kind, id, format!("row {ours}"), format!("entries {theirs}"));
                }
            }
            let paid = row.status == Status::Paid;
            if paid != (row.posted.granted != Credits::ZERO) {
                tell(
                    DifferenceKind::Status,
                    id,
                    row.status.as_str().to_owned(),
                    format!("granted {}", row.posted.granted),
                );
            }
            if row.unfinished_unlisted {
                tell(
                    DifferenceKind::Unlisted,
                    id,
                    row.status.as_str().to_owned(),
                    "not on the work list".to_owned(),
                );
            }
        }
        for (id, posted) in &self.all.by_top_up {
            if *posted != Entitlement::default() && !rows.rows.contains_key(id) {
                let entries = format!(
                    "granted {}, refunded {}, disputed {}",
                    posted.granted, posted.refunded, posted.disputed
                );
                tell(DifferenceKind::EntryWithoutRow, id, "no row".to_owned(), entries);
            }
        }
        let unfinished: Vec<_> = rows
            .rows
            .iter()
            .filter(|(_, row)| row.status.is_unfinished())
            .map(|(id, _)| id.as_str())
            .collect();
        let holder: Vec<_> = rows.open_slot.iter().map(String::as_str).collect();
        if unfinished != holder {
            let shown = |ids: &[&str]| if ids.is_empty() { "none".to_owned() } else { ids.join(" ") };
            let subject = holder.first().or(unfinished.first()).copied().unwrap_or_default();
            tell(
                DifferenceKind::OpenSlot,
                subject,
                format!("holder {}", shown(&holder)),
                format!("unfinished {}", shown(&unfinished)),
            );
        }
    }
}

/// What an organisation's rows say of their credits.
#[derive(Clone, Debug, Default)]
pub struct RowBooks {
    rows: BTreeMap<String, RowBook>,
    /// Who holds the open slot.
    open_slot: Option<String>,
}

#[derive(Clone, Debug)]
struct RowBook {
    status: Status,
    posted: Entitlement,
    number: Option<String>,
    unfinished_unlisted: bool,
}

impl RowBooks {
    /// With the top-up that holds the open slot.
    #[must_use]
    pub fn new(open_slot: Option<String>) -> RowBooks {
        RowBooks { rows: BTreeMap::new(), open_slot }
    }

    pub fn add(&mut self, row: &TopUp) {
        let number = row.invoice.as_ref().and_then(|link| link.number.clone());
        let unfinished_unlisted = row.status.is_unfinished() != row.due_at.is_some();
        let book = RowBook { status: row.status, posted: row.posted, number, unfinished_unlisted };
        self.rows.insert(row.id.to_string(), book);
    }

    /// The invoice number of a top-up, where it has one.
    #[must_use]
    pub fn number_of(&self, top_up: &str) -> Option<String> {
        self.rows.get(top_up).and_then(|row| row.number.clone())
    }
}
