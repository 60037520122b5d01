//! One organisation's items, and what each call does to them.

use std::collections::BTreeMap;

use saldo_adapters::PortError;
use saldo_adapters::spend::{Reversed, Stored, Taken, Written};
use saldo_domain::{
    Credits, DebitEntry, DebitId, EntryId, Funds, Gain, Head, Reversal, Shard, Split, TURN, Tag, Take,
    Timestamp, total,
};

use crate::Bug;

/// What [`Bug::StaleReads`] misses: what was written so many calls ago or less.
const STALE_CALLS: u64 = 6;
/// How much too early [`Bug::SplitAtOnce`] makes a split.
const SPLIT_EARLY_SECS: i64 = -600;

/// The items of one organisation.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub bug: Option<Bug>,
    pub heads: Funds,
    pub ledger: BTreeMap<(Shard, EntryId), Row>,
    pub reversals: BTreeMap<DebitId, Reversal>,
    /// Applications of each debit that were not given back.
    pub charged: BTreeMap<DebitId, i64>,
    /// What all heads had together, after each call.
    pub totals: Vec<i64>,
    /// The first thing that was false at any moment.
    pub wrong: Option<String>,
    /// Whether the books are left alone after each call: a look at them takes as long as the ledger is.
    pub unchecked: bool,
    /// Debits by when their entry came, in calls.
    written_at: BTreeMap<DebitId, u64>,
    calls: u64,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Debit(DebitEntry),
    Reversal(Credits),
    TopUp(Credits),
}

/// A call.
#[derive(Clone, Debug)]
pub enum Op {
    Take(Shard, Take),
    Ready,
    Put(Shard, Vec<DebitEntry>),
    GiveBack(DebitId, Tag),
    Trim(Shard, Vec<(DebitId, Tag)>),
    Entries(Vec<(Shard, DebitId)>),
    Head,
    HeadOf(Shard),
    Shift(Gain),
    AnnounceSplit,
    Split(Timestamp),
    Reversal(DebitId),
    Reverse(Reversal),
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Taken(Taken),
    Done(()),
    Written(Written),
    Entries(Vec<Stored>),
    Head(Head),
    HeadOf(Option<Head>),
    Reversal(Option<Reversal>),
    Reversed(Reversed),
}

impl Table {
    #[must_use]
    pub fn new(bug: Option<Bug>) -> Table {
        Table { bug, ..Table::default() }
    }

    /// The main head; made if there is none.
    pub fn main(&mut self) -> &mut Head {
        self.heads.entry(Shard::MAIN).or_default()
    }

    /// What the transaction of a paid top-up does.
    pub fn credit(&mut self, entry: EntryId, credits: Credits) {
        self.ledger.insert((Shard::MAIN, entry), Row::TopUp(credits));
        let forgets = self.bug == Some(Bug::TopUpForgetsRing);
        let head = self.main();
        head.credits.0 += credits.0;
        head.gains += 1;
        if forgets {
            head.ring.clear();
        }
        self.check();
    }

    pub fn apply(&mut self, op: &Op) -> Result<Answer, PortError> {
        self.calls += 1;
        let answer = match op {
            Op::Take(shard, take) => Ok(Answer::Taken(self.take(*shard, take))),
            Op::Ready => self.heads.get_mut(&Shard::MAIN).map_or(Err(PortError::Conflict), |head| {
                head.ready = true;
                Ok(Answer::Done(()))
            }),
            Op::Put(ledger, entries) => Ok(Answer::Written(self.put(*ledger, entries))),
            Op::GiveBack(id, tag) => {
                self.give_back(*id, *tag);
                Ok(Answer::Done(()))
            }
            Op::Trim(shard, done) => self.trim(*shard, done).map(Answer::Done),
            Op::Entries(ids) => Ok(Answer::Entries(ids.iter().map(|one| self.entry(*one)).collect())),
            Op::Head => Ok(Answer::Head(self.heads.get(&Shard::MAIN).cloned().unwrap_or_default())),
            Op::HeadOf(shard) => Ok(Answer::HeadOf(self.head_of(*shard))),
            Op::Shift(gain) => self.shift(gain).map(Answer::Done),
            Op::AnnounceSplit => self.set_split(Split::No, Split::Coming).map(Answer::Done),
            Op::Split(since) => {
                let early = self.bug == Some(Bug::SplitAtOnce);
                let since = if early { since.plus_secs(SPLIT_EARLY_SECS) } else { *since };
                self.set_split(Split::Coming, Split::Since(since)).map(Answer::Done)
            }
            Op::Reversal(id) => Ok(Answer::Reversal(self.reversals.get(id).copied())),
            Op::Reverse(reversal) => Ok(Answer::Reversed(self.reverse(*reversal))),
        };
        self.check();
        answer
    }

    fn take(&mut self, shard: Shard, take: &Take) -> Taken {
        let bug = self.bug;
        let portions = &take.portions;
        if take.trims.iter().any(|(id, _)| portions.iter().any(|portion| portion.id == *id)) {
            self.wrong
                .get_or_insert("a debit writes and removes the same path, which DynamoDB refuses".to_owned());
        }
        let Some(head) = self.heads.get_mut(&shard) else { return Taken::Refused(None) };
        let checked = if bug == Some(Bug::BatchChecksFirstId) { 1 } else { portions.len() };
        let absent = portions.iter().take(checked).all(|portion| !head.ring.contains_key(&portion.id));
        let needed = match portions.first() {
            Some(first) if bug == Some(Bug::BatchChecksFirstCredits) => first.credits,
            Some(_) | None => take.credits(),
        };
        let trims = take.trims.iter().all(|(id, tag)| head.ring.get(id).is_none_or(|there| there == tag));
        let gives = head.ready
            && (head.credits >= needed || bug == Some(Bug::NoBalanceCheck))
            && (absent || bug == Some(Bug::NoRingCheck))
            && head.ring.len() < take.room()
            && (trims || bug == Some(Bug::UnguardedTrim))
            && (!take.unsplit || head.split == Split::No || bug == Some(Bug::NoFence));
        if !gives {
            return Taken::Refused(Some(head.clone()));
        }
        for (id, _) in &take.trims {
            head.ring.remove(id);
        }
        if bug == Some(Bug::TrimUnfinished) {
            head.ring.pop_first();
        }
        for portion in portions {
            let tag = match bug {
                Some(Bug::ClientTag) => Tag(TURN * i64::from(portion.id.place()) + portion.code),
                _ => Tag(head.turns + portion.code),
            };
            head.credits.0 -= portion.credits.0;
            head.ring.insert(portion.id, tag);
            *self.charged.entry(portion.id).or_default() += 1;
        }
        if bug != Some(Bug::CounterStands) {
            head.turns += TURN;
        }
        Taken::Given(head.clone())
    }

    fn put(&mut self, ledger: Shard, entries: &[DebitEntry]) -> Written {
        if self.bug == Some(Bug::EntryNotWritten) {
            return Written::New;
        }
        let there: Vec<Stored> = entries.iter().map(|entry| self.stored(ledger, entry.id)).collect();
        let checked = if self.bug == Some(Bug::BatchWritesOverEntries) { 1 } else { there.len() };
        let absent = there.iter().take(checked).all(|stored| *stored == Stored::Nothing);
        if !absent && self.bug != Some(Bug::EntryOverwritten) {
            let fits = |(stored, entry): (Stored, &DebitEntry)| match stored {
                Stored::Debit(there) if self.bug == Some(Bug::AnyTagFits) => {
                    Stored::Debit(DebitEntry { tag: entry.tag, ..there })
                }
                stored => stored,
            };
            return Written::Before(there.into_iter().zip(entries).map(fits).collect());
        }
        for entry in entries {
            self.ledger.insert((ledger, entry.id.entry()), Row::Debit(entry.clone()));
            self.written_at.insert(entry.id, self.calls);
        }
        Written::New
    }

    fn give_back(&mut self, id: DebitId, tag: Tag) {
        let bug = self.bug;
        let Some(head) = self.heads.get_mut(&tag.shard()) else { return };
        let there = head.ring.get(&id) == Some(&tag);
        if bug == Some(Bug::NoGiveBack) || (!there && bug != Some(Bug::UnguardedGiveBack)) {
            return;
        }
        head.credits.0 += tag.credits().0;
        head.gains += 1;
        if bug != Some(Bug::GiveBackKeepsRing) {
            head.ring.remove(&id);
        }
        *self.charged.entry(id).or_default() -= 1;
    }

    fn trim(&mut self, shard: Shard, done: &[(DebitId, Tag)]) -> Result<(), PortError> {
        let unguarded = self.bug == Some(Bug::UnguardedRepair);
        let Some(head) = self.heads.get_mut(&shard) else { return Err(PortError::Conflict) };
        if !unguarded && !done.iter().all(|(id, tag)| head.ring.get(id).is_none_or(|there| there == tag)) {
            return Err(PortError::Conflict);
        }
        for (id, _) in done {
            head.ring.remove(id);
        }
        Ok(())
    }

    fn entry(&self, (ledger, id): (Shard, DebitId)) -> Stored {
        let fresh = self.written_at.get(&id).is_some_and(|at| self.calls - at < STALE_CALLS);
        if fresh && self.bug == Some(Bug::StaleReads) {
            return Stored::Nothing;
        }
        self.stored(ledger, id)
    }

    /// An entry that is no debit is the first of its run and has it for itself.
    fn stored(&self, ledger: Shard, id: DebitId) -> Stored {
        let other = |row: &Row| !matches!(row, Row::Debit(_));
        if self.ledger.get(&(ledger, id.run().first())).is_some_and(other) {
            return Stored::Other;
        }
        match self.ledger.get(&(ledger, id.entry())) {
            Some(Row::Debit(entry)) => Stored::Debit(entry.clone()),
            Some(Row::Reversal(_) | Row::TopUp(_)) => Stored::Other,
            None => Stored::Nothing,
        }
    }

    fn head_of(&self, shard: Shard) -> Option<Head> {
        let last = self.heads.keys().last() == Some(&shard) && shard != Shard::MAIN;
        let unseen = last && self.bug == Some(Bug::LastHeadUnseen);
        self.heads.get(&shard).filter(|_| !unseen).cloned()
    }

    fn shift(&mut self, gain: &Gain) -> Result<(), PortError> {
        let has = |shard: &Shard| self.heads.get(shard).map_or(0, |head| head.credits.0);
        let covered = gain.from.iter().all(|(shard, credits)| has(shard) >= credits.0);
        if !covered && self.bug != Some(Bug::UnguardedShift) {
            return Err(PortError::Conflict);
        }
        let counts = i64::from(self.bug != Some(Bug::GainsNotCounted));
        let mut moved = 0;
        for (shard, credits) in &gain.from {
            let Some(head) = self.heads.get_mut(shard) else { continue };
            head.credits.0 -= credits.0;
            head.gains += counts;
            moved += credits.0;
        }
        if self.bug == Some(Bug::ShiftLosesCredits) {
            return Ok(());
        }
        let first = if self.bug == Some(Bug::ShardsShareTags) { 0 } else { gain.to.first_turn() };
        let fresh = Head { turns: first, ready: true, ..Head::default() };
        let head = self.heads.entry(gain.to).or_insert(fresh);
        head.credits.0 += moved;
        head.gains += counts;
        head.ready = true;
        Ok(())
    }

    fn set_split(&mut self, from: Split, to: Split) -> Result<(), PortError> {
        match self.heads.get_mut(&Shard::MAIN) {
            Some(head) if head.split == from => {
                head.split = to;
                Ok(())
            }
            Some(_) | None => Err(PortError::Conflict),
        }
    }

    fn reverse(&mut self, reversal: Reversal) -> Reversed {
        if let Some(before) = self.reversals.get(&reversal.debit)
            && self.bug != Some(Bug::ReversedTwice)
        {
            return Reversed::Before(*before);
        }
        self.reversals.insert(reversal.debit, reversal);
        if self.bug != Some(Bug::ReversalWithoutEntry) {
            self.ledger.insert((Shard::MAIN, reversal.entry), Row::Reversal(reversal.credits));
        }
        let head = self.main();
        head.credits.0 += reversal.credits.0;
        head.gains += 1;
        head.ready = true;
        Reversed::New
    }

    /// What may not be false for a moment: no debt, and the balance is the sum of the entries less what is in a ring
    /// under a tag that no entry carries.
    fn check(&mut self) {
        if self.unchecked {
            return;
        }
        let mut expected = 0;
        for row in self.ledger.values() {
            expected += match row {
                Row::Debit(entry) => -entry.credits.0,
                Row::Reversal(credits) | Row::TopUp(credits) => credits.0,
            };
        }
        for (id, tag) in self.heads.values().flat_map(|head| &head.ring) {
            let own = |row: &Row| matches!(row, Row::Debit(entry) if entry.id == *id && entry.tag == *tag);
            let places = Shard::ledgers().filter_map(|ledger| self.ledger.get(&(ledger, id.entry())));
            if !places.into_iter().any(own) {
                expected -= tag.credits().0;
            }
        }
        let all = total(&self.heads).0;
        self.totals.push(all);
        let wrong = if let Some((shard, head)) = self.heads.iter().find(|(_, head)| head.credits.0 < 0) {
            format!("the balance of {shard:?} is {}", head.credits)
        } else if all != expected {
            format!("the balance is {all}, entries and ring make {expected}")
        } else {
            return;
        };
        self.wrong.get_or_insert(wrong);
    }
}
