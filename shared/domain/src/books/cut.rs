//! The cut: which entries belong to a balance as it was read, while debits go on.
//!
//! A balance and its ledger cannot be read at the same moment. But each debit's entry carries the stamp of the balance shard
//! that it was reserved on, and the shard, as it was read, tells by its sequence whether it had served that debit. So
//! debits may go on while the ledger is read, however long that takes. What else moves credits carries no stamp; it counts
//! movements on its shard. So what came of it lately is listed between two looks at the shards, and the cut stands only
//! if no movement was counted in between. A hold's line changes when it is ended, which is a movement as well: those that were
//! ended lately are listed too, and others are counted as they were. As holds may end all the time, what came back of them is
//! counted by itself: where nothing else moved, the cut stands, and what is listed may be ahead of the balance by as much as
//! came back while it was listed.

use std::collections::BTreeSet;

use crate::{
    BalanceShards, Credits, DebitId, Entry, EntryId, HeldLine, HeldOf, MOST_HOLD_SECS, Stamp, Timestamp,
};

/// An entry, with what tells when a debit was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    pub entry: Entry,
    /// Of a debit that was reserved, which alone has one: not of what was used of a quota that had ended.
    pub stamp: Option<Stamp>,
}

/// The balance shards of an organisation at some moment, and what is known of that moment.
#[derive(Clone, Debug)]
pub struct Cut {
    shards: BalanceShards,
    recent_from: Timestamp,
    recent: BTreeSet<EntryId>,
    returned: Credits,
}

/// An entry that is no debit's has the id of when its maker read the clock, and is written within this many seconds, or
/// never: over the longest that a use case may take, and clocks that differ by minutes.
const SETTLED_SECS: i64 = 15 * 60;

/// A hold is ended within this many seconds of its time, but for outages.
const HOLD_ENDED_SECS: i64 = 86_400;

/// When a hold was ended, by what its line tells.
fn ended_at(entry: &Entry) -> Option<Timestamp> {
    entry.hold?.ended.map(|(_, at)| at)
}

impl Cut {
    /// The balance shards as they were read at `now`.
    #[must_use]
    pub fn new(shards: BalanceShards, now: Timestamp) -> Cut {
        Cut {
            shards,
            recent_from: now.plus_secs(-SETTLED_SECS),
            recent: BTreeSet::new(),
            returned: Credits::ZERO,
        }
    }

    /// From when on entries that are no debits must be listed before the shards are read again.
    #[must_use]
    pub fn recent_from(&self) -> Timestamp {
        self.recent_from
    }

    /// Lists an entry of lately.
    pub fn list(&mut self, LedgerLine { entry, stamp }: &LedgerLine) {
        let recent = match stamp {
            Some(_) => ended_at(entry).is_some_and(|at| at >= self.recent_from),
            None => entry.id.at() >= self.recent_from,
        };
        if recent {
            self.recent.insert(entry.id);
        }
    }

    /// From when on ids of holds may be that were ended lately, and must be listed too.
    #[must_use]
    pub fn holds_from(&self) -> Timestamp {
        self.recent_from.plus_secs(-MOST_HOLD_SECS - HOLD_ENDED_SECS)
    }

    /// The entry of a hold as it was when the balance was read, where it has been ended since.
    #[must_use]
    pub fn as_of_then(&self, entry: &Entry) -> Option<Entry> {
        let (hold, at) = (entry.hold?, ended_at(entry)?);
        let later = at >= self.recent_from && !self.recent.contains(&entry.id);
        let hold = HeldLine { ended: None, ..hold };
        let HeldOf { channel, class, country, units, version } = hold.of;
        later.then(|| Entry {
            credits: hold.held.negated(),
            channel: Some(channel),
            class,
            country,
            units,
            version,
            hold: Some(hold),
            ..entry.clone()
        })
    }

    /// Whether nothing but debits and ends of holds happened between the reading of the shards and `later`: then what was
    /// listed is all there was, but for [`Cut::returned`].
    #[must_use]
    pub fn stands(&mut self, later: &BalanceShards) -> bool {
        let movements = |all: &BalanceShards| -> Vec<_> {
            all.iter().map(|(id, shard)| (*id, shard.movements - shard.returns)).collect()
        };
        let returned = |all: &BalanceShards| all.values().map(|shard| shard.returned.0).sum::<i64>();
        self.returned = Credits(returned(later).saturating_sub(returned(&self.shards)));
        movements(&self.shards) == movements(later)
    }

    /// What came back of holds while entries were listed: of what was listed so much may not be in the balance as it was read.
    #[must_use]
    pub fn returned(&self) -> Credits {
        self.returned
    }

    /// Whether the entry is part of the balance as it was read.
    #[must_use]
    pub fn counts(&self, line: &LedgerLine) -> bool {
        match line.stamp {
            Some(stamp) => self.shards.get(&stamp.shard()).is_some_and(|shard| stamp.mark() < shard.sequence),
            None => line.entry.id.at() < self.recent_from || self.recent.contains(&line.entry.id),
        }
    }

    /// The balance shards as they were read.
    #[must_use]
    pub fn shards(&self) -> &BalanceShards {
        &self.shards
    }

    /// What was pending then.
    pub fn pending(&self) -> impl Iterator<Item = (DebitId, Stamp)> + '_ {
        self.shards.values().flat_map(|shard| shard.pending.iter().map(|(id, stamp)| (*id, *stamp)))
    }
}
