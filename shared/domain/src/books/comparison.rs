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
    /// What came back of holds while they were read: the entries may be ahead of the balance by so much.
    pub returned: Credits,
}

impl Comparison {
    /// By how much the balance is above what its entries say; 0 when the books are right, as far as can be told while holds end.
    #[must_use]
    pub fn drift(&self) -> Credits {
        let expected = self.entries.0.saturating_sub(self.unwritten.0);
        let apart = self.balance.0.saturating_sub(expected);
        let ahead = self.returned.0.min(0_i64.saturating_sub(apart)).max(0);
        Credits(apart.saturating_add(ahead))
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
        let entry = self.cut.as_of_then(&line.entry);
        self.passed_over |= entry.is_some();
        self.month.add(entry.as_ref().unwrap_or(&line.entry));
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
        let (balance, returned) = (total(self.cut.shards()), self.cut.returned());
        Comparison { balance, entries: self.opening, unwritten: Credits(unwritten), returned }
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
            let Comparison { balance, entries, unwritten, .. } = compared;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        Actor, BalanceShard, BalanceShards, Channel, Counted, DebitEntry, Details, Entry, EntryId, Known,
        Posting, SEQUENCE_STEP, Timestamp,
    };

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-26T12:00:00Z").unwrap()
    }

    /// An organisation with two shards whose debits reserve, enter and are acknowledged at any time.
    #[derive(Default)]
    struct World {
        shards: BalanceShards,
        ledger: BTreeMap<EntryId, LedgerLine>,
        reserved: Vec<(DebitId, Stamp)>,
        made: u64,
    }

    impl World {
        fn with(credits: i64) -> World {
            let mut world = World::default();
            for shard in ShardId::balances().take(2) {
                let sequence = shard.first_sequence();
                world.shards.insert(shard, BalanceShard { sequence, ready: true, ..BalanceShard::default() });
            }
            world.post(credits, 3_600);
            world
        }

        fn shard(&mut self, id: ShardId) -> &mut BalanceShard {
            self.shards.entry(id).or_default()
        }

        fn id(&mut self, secs_ago: i64) -> DebitId {
            self.made += 1;
            let mut random = [0; 10];
            random[1..9].copy_from_slice(&self.made.to_be_bytes());
            let id = EntryId::made_at(now().plus_secs(-secs_ago), &random);
            // Each in a run of its own.
            DebitId::parse(&id.to_string()).unwrap()
        }

        /// Credits that are no debit's come and go with a movement.
        fn post(&mut self, credits: i64, secs_ago: i64) -> EntryId {
            let id = EntryId::parse(&self.id(secs_ago).to_string()).unwrap();
            let entry = Posting::adjustment(id, "because", Credits(credits), &Actor::System).entry;
            self.ledger.insert(id, LedgerLine { entry, stamp: None });
            let main = self.shard(ShardId::MAIN);
            main.credits.0 += credits;
            main.movements += 1;
            id
        }

        /// What was used of a quota that had ended: a debit that nobody reserved.
        fn report(&mut self, credits: i64, secs_ago: i64) {
            let id = self.post(-credits, secs_ago);
            self.ledger.get_mut(&id).unwrap().entry.kind = crate::EntryKind::Debit;
        }

        fn reserve(&mut self, shard: usize, credits: i64, secs_ago: i64) {
            let id = self.id(secs_ago);
            let code = Stamp::code(Credits(credits), Channel::EMAIL, &Details::default()).unwrap();
            let shard = self.shard(ShardId::balances().nth(shard).unwrap());
            let stamp = Stamp::given(shard.sequence, code);
            shard.sequence += SEQUENCE_STEP;
            shard.credits.0 -= credits;
            shard.pending.insert(id, stamp);
            self.reserved.push((id, stamp));
        }

        /// The entry of a reservation is written, and it is perhaps pending no more.
        fn enter(&mut self, at: usize, acknowledged: bool) {
            let Some((id, stamp)) = self.reserved.get(at % self.reserved.len().max(1)).copied() else {
                return;
            };
            let debit = DebitEntry {
                id,
                stamp,
                credits: stamp.credits(),
                channel: Channel::EMAIL,
                version: None,
                details: Details::default(),
                known: Known::ButReference,
                available: Credits(0),
                actor: Actor::System,
                booked_at: now(),
                shown: Known::ButReference,
                hold: None,
                counted: Counted::default(),
            };
            let entry = Entry::of_debit(&debit);
            self.ledger.insert(entry.id, LedgerLine { entry, stamp: Some(stamp) });
            if acknowledged {
                self.shard(stamp.shard()).pending.remove(&id);
            }
        }
    }

    /// Holds end all the time; what is missing beside is still found, as far as it is more than what came back meanwhile.
    #[test]
    fn a_cut_stands_while_holds_end_and_finds_what_is_missing() {
        let apart = |balance, returned| {
            let (entries, unwritten) = (Credits(100), Credits(3));
            Comparison { balance: Credits(balance), entries, unwritten, returned: Credits(returned) }.drift()
        };
        assert_eq!([apart(97, 0), apart(97, 5), apart(92, 5), apart(94, 5)], [Credits(0); 4]);
        assert_eq!([apart(98, 5), apart(91, 5), apart(96, 0)], [Credits(1), Credits(-1), Credits(-1)]);
        let world = World::with(100);
        let mut later = world.shards.clone();
        let mut cut = Cut::new(world.shards.clone(), now());
        let main = later.get_mut(&ShardId::MAIN).unwrap();
        (main.movements, main.returns, main.returned) = (main.movements + 2, main.returns + 2, Credits(9));
        assert!(cut.stands(&later), "what came back of two holds");
        assert_eq!(cut.returned(), Credits(9));
        later.get_mut(&ShardId::MAIN).unwrap().movements += 1;
        assert!(!cut.stands(&later), "something else moved");
    }

    fn counted(cut: &Cut, world: &World) -> LedgerCheck {
        let mut check = LedgerCheck::new(cut.clone(), &[]);
        world.ledger.values().for_each(|line| check.count(line));
        check.end_month(Month::of(now()), |_| None);
        check
    }

    #[test]
    fn however_debits_go_on_the_balance_is_what_its_entries_say() {
        for seed in 0..2_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut world = World::with(100_000);
            for _ in 0..random.u8(..30) {
                world.step(&mut random);
            }
            let mut cut = Cut::new(world.shards.clone(), now());
            world.ledger.values().for_each(|line| cut.list(line));
            for _ in 0..random.u8(..30) {
                world.debit_step(&mut random);
            }
            assert!(cut.clone().stands(&world.shards), "seed {seed}");
            assert_eq!(counted(&cut, &world).comparison().drift(), Credits::ZERO, "seed {seed}");
            let some = world.ledger.keys().next().copied().unwrap();
            let removed = world.ledger.remove(&some).unwrap();
            let drift = counted(&cut, &world).comparison().drift();
            // One that is still pending may as well not have been written.
            let known = cut.counts(&removed) && !cut.pending().any(|(_, stamp)| Some(stamp) == removed.stamp);
            let missed = if known { removed.entry.credits } else { Credits::ZERO };
            assert_eq!(drift, missed, "what is taken out is missed: seed {seed}");
            world.post(5, 1);
            assert!(!cut.clone().stands(&world.shards), "a movement is seen: seed {seed}");
        }
    }

    impl World {
        fn step(&mut self, random: &mut fastrand::Rng) {
            if random.u8(..5) == 0 {
                self.post(random.i64(-50..50), random.i64(0..2_000));
            } else if random.u8(..9) == 0 {
                self.report(random.i64(1..9), random.i64(0..2_000));
            } else {
                self.debit_step(random);
            }
        }

        fn debit_step(&mut self, random: &mut fastrand::Rng) {
            match random.u8(..3) {
                // An id may be nearly a day old.
                0 => self.reserve(random.usize(..2), random.i64(1..10), random.i64(0..80_000)),
                _ => self.enter(random.usize(..1_000), random.bool()),
            }
        }
    }

    #[test]
    fn a_month_with_a_debit_that_has_no_entry_is_not_closed() {
        let mut world = World::with(1_000);
        world.reserve(0, 3, 60);
        let check = |world: &World| {
            let mut cut = Cut::new(world.shards.clone(), now());
            world.ledger.values().for_each(|line| cut.list(line));
            let mut check = LedgerCheck::new(cut, &[]);
            world.ledger.values().for_each(|line| check.count(line));
            check.end_month(Month::of(now()), |_| Some("A-1".to_owned()))
        };
        assert_eq!(check(&world), None);
        world.enter(0, false);
        let closing = check(&world).unwrap();
        assert_eq!((closing.opening, closing.closing()), (Credits(0), Credits(997)));
    }
}
