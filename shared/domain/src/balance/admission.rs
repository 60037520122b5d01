//! Admission: which of the many senders of an organisation use a balance shard that cannot serve them all.
//!
//! A shard serves no more debits for having more senders: each has one debit pending at the least, which makes the item
//! larger, and so each write dearer, and a reservation that is refused costs as much as one that is not. So a process that
//! meets a crowd takes turns: it reserves for a while, leaves its place to another, and comes back when it reads, which
//! costs no write, that there is room. Nobody is told any of this: each process judges by what the shard shows it.

use super::{BalanceShard, PENDING_ROOM};
use crate::Timestamp;

/// So many pending debits keep a shard busy, with some of processes that have left among them.
const SERVED: usize = 20;
/// From so many pending debits of others on, others may be waiting.
const CROWDED: usize = 18;
/// How many debits a call's place serves before it is another one's, in the mean: by chance, so that not all go at once.
const TURN: u64 = 20;
/// How long the looks of one who waits lie apart, in milliseconds.
const SHORTEST_PAUSE_MS: i64 = 20;
const LONGEST_PAUSE_MS: i64 = 2_000;
/// A shard that reserves for nobody in so many milliseconds has nobody who is under way there.
const STILL_MS: i64 = 10;
/// So long after it was to look, a process has been away, and begins anew.
const AWAY_MS: i64 = 30_000;
/// How long a call waits for room before it is refused, in milliseconds.
pub const LONGEST_WAIT_MS: i64 = 1_500;
/// How long a call that was refused is told to stay away at the most.
pub const LONGEST_RETRY_AFTER_SECS: u32 = 4;

/// What a process knows of the crowd at one balance shard, and how many of its calls are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Calls that may reserve.
    inside: usize,
    /// How many may; `None` while there is no crowd.
    places: Option<usize>,
    /// When it looks next whether there is room for one more.
    looks_at: Timestamp,
    /// How far its looks lie apart, as it has learned, in milliseconds.
    rate: i64,
    since: Option<Timestamp>,
    /// What the shard's sequence was when it last met it, and when that was.
    met: (i64, Timestamp),
}

/// What a look at a crowded shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There is room for one more.
    Room,
    NoRoom,
    /// It is full of debits that nobody works on.
    Still,
}

impl Admission {
    /// A call goes inside, which has to be told when it [leaves](Admission::leave); or in how many milliseconds it is to look
    /// whether there is room.
    pub fn enter(&mut self, now: Timestamp) -> Result<(), i64> {
        let ms = self.looks_at.ms().saturating_sub(now.ms());
        if ms < -AWAY_MS {
            self.since = None;
            self.places = None;
        }
        if self.places.is_some_and(|places| self.inside >= places) {
            return Err(ms.max(0));
        }
        self.inside += 1;
        Ok(())
    }

    /// A call that was inside is over.
    pub fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// A call that was inside found no room and has left.
    pub fn refused(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        self.places = Some(self.inside);
        self.found_none(shard, now, random);
    }

    /// A call reserved for so many debits. Its place may be another one's from now on.
    pub fn reserved(&mut self, shard: &BalanceShard, debits: usize, now: Timestamp, random: u64) {
        if shard.pending.len() < CROWDED + self.inside.max(debits) {
            self.places = None;
        } else if random.is_multiple_of(TURN) {
            self.places = Some(self.inside.saturating_sub(1));
            self.wait(shard, now, random / TURN);
        }
    }

    /// A call outside looked at the shard. What its process has written counts like any other's, so that who gave up a place
    /// is no nearer to one than those who wait.
    pub fn looked(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) -> Look {
        let (sequence, at) = self.met;
        let free = SERVED.saturating_sub(shard.pending.len()) as u64;
        if free > 0 && random % 4 >= free {
            self.wait(shard, now, random / 4);
            return Look::NoRoom;
        }
        if free > 0 {
            self.rate += 1_500;
            self.since = None;
            self.places = Some(self.inside + 1);
            Look::Room
        } else if shard.sequence == sequence
            && now.ms().saturating_sub(at.ms()) >= if shard.pending.len() > PENDING_ROOM + 1 { STILL_MS } else { 250 }
        {
            if random % 4 > 0 { self.wait(shard, now, random / 4); return Look::NoRoom; }
            self.places = None;
            self.since = None;
            Look::Still
        } else {
            self.found_none(shard, now, random);
            Look::NoRoom
        }
    }

    /// When to come again, in seconds, for one who has waited too long: 1 to [`LONGEST_RETRY_AFTER_SECS`], by chance.
    #[must_use]
    pub fn retry_after_secs(&self, random: u64) -> u32 {
        let span = (1_000_000 / self.rate.max(1)).div_euclid(500).clamp(1, LONGEST_RETRY_AFTER_SECS.into());
        1 + u32::try_from(random % span.unsigned_abs()).unwrap_or_default()
    }

    /// Of several calls of this process that find no room at once, the first one decides for all.
    fn found_none(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        if self.looks_at <= now {
            self.rate = self.rate * 3 / 4;
            self.wait(shard, now, random);
        }
    }

    fn wait(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        if self.rate == 0 {
            self.rate = 50_000;
        }
        if self.met.0 != shard.sequence { self.met = (shard.sequence, now); }
        self.rate = self.rate.clamp(500, 50_000);
        let since = *self.since.get_or_insert(now);
        let waited = now.ms() - since.ms();
        let ms = (1_000_000 / self.rate * 1_000 / (1_000 + waited / 3)).max(SHORTEST_PAUSE_MS);
        // A half longer or shorter, by chance, so that those who wait do not come at once.
        let part = i64::try_from(random % ms.unsigned_abs()).unwrap_or_default();
        self.looks_at = Timestamp::from_ms(now.ms().saturating_add(ms / 2).saturating_add(part));
    }
}
