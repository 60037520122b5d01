//! Sums of entries: what they moved by kind, by channel and by top-up.

use std::collections::BTreeMap;

use crate::{Channel, Credits, Entitlement, Entry, EntryKind};

/// What entries of one kind moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many entries there are.
    pub entries: i64,
    /// Added to the balance; negative where credits left.
    pub credits: Credits,
}

/// What was sent on one channel, less what was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Below zero where more was taken back than sent.
    pub messages: i64,
    /// Units of the meter; below zero like the messages.
    pub units: i64,
    /// What was spent; below zero like the messages.
    pub credits: Credits,
}

/// Sums of some entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Kinds of which there are no entries are absent.
    pub by_kind: BTreeMap<EntryKind, Moved>,
    /// Channels on which nothing was sent or taken back are absent.
    pub by_channel: BTreeMap<Channel, Used>,
    /// What was granted for each top-up and taken back again, by what its entries name as their cause.
    pub by_top_up: BTreeMap<String, Entitlement>,
}

impl Sums {
    /// Counts one entry more.
    pub fn add(&mut self, entry: &Entry) {
        let credits = entry.credits;
        let moved = self.by_kind.entry(entry.kind).or_default();
        moved.entries = moved.entries.saturating_add(1);
        moved.credits = plus(moved.credits, credits);
        match entry.kind {
            EntryKind::Debit | EntryKind::Reversal => self.used(entry, entry.uses()),
            EntryKind::TopUp => {
                let posted = self.of_top_up(entry);
                posted.granted = plus(posted.granted, credits);
            }
            EntryKind::Refund | EntryKind::RefundUndone => {
                let posted = self.of_top_up(entry);
                posted.refunded = plus(posted.refunded, credits.negated());
            }
            EntryKind::Dispute | EntryKind::DisputeUndone => {
                let posted = self.of_top_up(entry);
                posted.disputed = plus(posted.disputed, credits.negated());
            }
            EntryKind::Adjustment => {}
        }
    }

    /// These and others together.
    pub fn add_all(&mut self, others: &Sums) {
        for (kind, other) in &others.by_kind {
            let moved = self.by_kind.entry(*kind).or_default();
            moved.entries = moved.entries.saturating_add(other.entries);
            moved.credits = plus(moved.credits, other.credits);
        }
        for (channel, other) in &others.by_channel {
            let used = self.by_channel.entry(*channel).or_default();
            used.messages = used.messages.saturating_add(other.messages);
            used.units = used.units.saturating_add(other.units);
            used.credits = plus(used.credits, other.credits);
        }
        self.add_top_ups(others);
    }

    /// Of others only what they say of top-ups.
    pub(super) fn add_top_ups(&mut self, others: &Sums) {
        for (top_up, other) in &others.by_top_up {
            let posted = self.by_top_up.entry(top_up.clone()).or_default();
            posted.granted = plus(posted.granted, other.granted);
            posted.refunded = plus(posted.refunded, other.refunded);
            posted.disputed = plus(posted.disputed, other.disputed);
        }
    }

    /// What all of them added to the balance.
    #[must_use]
    pub fn total(&self) -> Credits {
        self.by_kind.values().fold(Credits::ZERO, |sum, moved| plus(sum, moved.credits))
    }

    /// How many entries were counted.
    #[must_use]
    pub fn entries(&self) -> i64 {
        self.by_kind.values().fold(0, |sum: i64, moved| sum.saturating_add(moved.entries))
    }

    fn used(&mut self, entry: &Entry, messages: i64) {
        let Some(channel) = entry.channel else { return };
        let used = self.by_channel.entry(channel).or_default();
        used.messages = used.messages.saturating_add(messages);
        used.units = used.units.saturating_add(messages.saturating_mul(entry.units.get()));
        used.credits = plus(used.credits, entry.credits.negated());
    }

    fn of_top_up(&mut self, entry: &Entry) -> &mut Entitlement {
        self.by_top_up.entry(entry.cause.clone()).or_default()
    }
}

/// No sum of credits that were ever sold comes near the end of numbers.
fn plus(one: Credits, other: Credits) -> Credits {
    Credits(one.0.saturating_add(other.0))
}
