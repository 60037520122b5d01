//! Admission: which of the many senders of an organisation use a balance shard that cannot serve them all.
//!
//! A shard serves no more debits for having more senders: each has one debit pending at the least, which makes the item
//! larger, and so each write dearer, and a reservation that is refused costs as much as one that is not. So a process that
//! meets a crowd takes turns: it reserves for a while, leaves its place to another, and comes back when it reads, which
//! costs no write, that there is room. Nobody is told any of this: each process judges by what the shard shows it.

use super::BalanceShard;
use crate::Timestamp;

/// So many pending debits keep a shard busy, with some of processes that have left among them.
const SERVED: usize = 20;
/// From so many pending debits of others on, others may be waiting.
const CROWDED: usize = 18;
/// How many debits a process has in its turn, for each that it has under way.
const TURN: u64 = 20;
/// How long the looks of one who waits lie apart, in milliseconds.
const SHORTEST_PAUSE_MS: i64 = 40;
const LONGEST_PAUSE_MS: i64 = 2_000;
/// A shard that reserves for nobody in so many milliseconds has nobody who is under way there.
const STILL_MS: i64 = 30;
/// So long after it was to look, a process has been away, and begins anew.
const AWAY_MS: i64 = 30_000;
/// How long a call waits for room before it is refused, in milliseconds.
pub const LONGEST_WAIT_MS: i64 = 1_500;
/// How long a call that was refused is told to stay away at the most.
pub const LONGEST_RETRY_AFTER_SECS: u32 = 4;

/// What a process knows of the crowd at one balance shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// When it looks whether there is room; `None` while it reserves without.
    looks_at: Option<Timestamp>,
    /// How long it waits between two looks, as it has learned, in milliseconds.
    pause_ms: i64,
    /// What the shard's sequence was when it last met it, and when that was.
    met: (i64, Timestamp),
}

/// What a look at a crowded shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Enter,
    Wait,
    /// It is full of debits that nobody works on.
    Still,
}

impl Admission {
    /// Reserved for `debits`, of which it has `under_way` in all.
    pub fn reserved(
        &mut self,
        shard: &BalanceShard,
        debits: usize,
        under_way: usize,
        now: Timestamp,
        random: u64,
    ) {
        let crowded = shard.pending.len() >= CROWDED + under_way.max(debits);
        let turn = TURN * under_way.max(1) as u64;
        if crowded && random % turn < debits as u64 {
            self.leave(shard.sequence, now, random / turn);
        }
    }

    /// There was no room.
    pub fn refused(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        self.pause_ms = self.pause_ms * 3 / 2;
        self.leave(shard.sequence, now, random);
    }

    fn leave(&mut self, sequence: i64, now: Timestamp, random: u64) {
        self.met = (sequence, now);
        self.pause_ms = self.pause_ms.clamp(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
        self.looks_at = Some(later(now, jittered(self.pause_ms, random)));
    }

    /// How long to wait before a look, in milliseconds; `None` where it reserves without one.
    pub fn waits_ms(&mut self, now: Timestamp) -> Option<i64> {
        let looks_at = self.looks_at?;
        let ms = looks_at.ms() - now.ms();
        if ms < -AWAY_MS {
            *self = Admission::default();
            return None;
        }
        Some(ms.max(0))
    }

    /// Looked, where `own` of what is pending is acknowledged with the reservation that follows.
    pub fn looked(&mut self, shard: &BalanceShard, own: usize, now: Timestamp, random: u64) -> Look {
        let (sequence, at) = self.met;
        let look = if shard.pending.len().saturating_sub(own) < SERVED {
            Look::Enter
        } else if shard.sequence == sequence && now.ms() - at.ms() >= STILL_MS {
            Look::Still
        } else {
            Look::Wait
        };
        if look == Look::Wait {
            self.pause_ms = self.pause_ms * 3 / 2;
            self.leave(shard.sequence, now, random);
        } else {
            self.pause_ms = self.pause_ms * 3 / 4;
            self.looks_at = None;
        }
        look
    }

    /// When to come again, in seconds, for one who has waited too long: 1 to [`LONGEST_RETRY_AFTER_SECS`], by chance.
    #[must_use]
    pub fn retry_after_secs(&self, random: u64) -> u32 {
        let span = self.pause_ms.div_euclid(500).clamp(1, LONGEST_RETRY_AFTER_SECS.into());
        1 + u32::try_from(random % span.unsigned_abs()).unwrap_or_default()
    }
}

/// A half longer or shorter, by chance.
fn jittered(ms: i64, random: u64) -> i64 {
    let part = random % ms.unsigned_abs().max(1);
    ms / 2 + i64::try_from(part).unwrap_or_default()
}

fn later(now: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_ms(now.ms().saturating_add(ms))
}
