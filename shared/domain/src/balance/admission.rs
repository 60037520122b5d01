//! Admission: which of the many senders of an organisation use a balance shard that cannot serve them all.
//!
//! A shard serves no more debits for having more senders. Each has one debit pending at the least, which makes the item
//! larger and every write dearer, and a reservation that is refused costs as much as one that is not. So calls that meet a
//! crowd take turns. Each place serves some twenty debits, ends by chance, and is then free for anybody; who has none reads
//! the shard now and then, which costs no write, until there is room. Nobody is told any of this and nothing of it is
//! written: every process judges by what the shard shows it.

use super::reservation::room_for;
use super::shard::SELDOM;
use super::{BalanceShard, Crowd, PENDING_ROOM, SEQUENCE_STEP};
use crate::Timestamp;

/// With the pending debits of fewer reservations there is room for one more call: so many keep a shard busy, and the ones who
/// are on their way to it still fit.
const SERVED: usize = 22;
/// With those of as many reservations of others, there may be some who wait.
const CROWDED: usize = 20;
/// A process that came so many milliseconds ago comes seldom.
const SELDOM_MS: i64 = 100;
/// How many debits a place serves in the mean. By chance, so that places do not end all at once.
const TURN: u64 = 20;
/// Of those who see a single place free, one in so many takes it: others see it at the same moment.
const TAKERS: u64 = 4;
/// How often one who waits looks at the most and at the least, in looks for each thousand seconds.
const MOST_LOOKS: i64 = 100_000;
const LEAST_LOOKS: i64 = 500;
/// How many more looks that become when one finds room. One that finds none leaves three quarters of them, so that all who wait come
/// to look about equally often, and the less often the more they are.
const MORE_LOOKS: i64 = 1_500;
/// Who has waited for so long looks twice as often, in milliseconds.
const TWICE_AS_OFTEN_MS: i64 = 3_000;
/// Between two looks at a shard that is crowded by single debits, in milliseconds.
const SHORTEST_PAUSE_MS: i64 = 20;
/// Between two looks at one that a batch makes too full for anybody.
const SHORTEST_PAUSE_BEHIND_BATCH_MS: i64 = 10;
/// A shard that is full and reserves for nobody in so many milliseconds has nobody who works on what is pending.
const STILL_MS: i64 = 250;
/// The same where a batch is in the way: whoever works on it has written its entries in the meantime.
const STILL_BEHIND_BATCH_MS: i64 = 5;
/// No reservation is like more single debits than this.
const MOST_OF_ONE: usize = 2;
/// So many seats of one reservation are a batch that leaves no room for single debits.
const BATCH: usize = 8;
/// So long after it was to look, a process has been away, and knows nothing of the crowd any more.
const AWAY_MS: i64 = 30_000;

/// How long a call waits for room before it is told to come again, in milliseconds.
pub const LONGEST_WAIT_MS: i64 = 1_500;
/// How long it is told to stay away at the most, in seconds.
pub const LONGEST_RETRY_AFTER_SECS: u32 = 4;

/// What a process knows of the crowd at one balance shard, and how many of its calls are there.
///
/// What is named `random` is any number, another one each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Calls that may reserve.
    inside: usize,
    /// How many may; `None` while there is no crowd.
    places: Option<usize>,
    /// When the next look is.
    looks_at: Timestamp,
    /// How many looks it takes in a thousand seconds; 0 before the first crowd.
    looks: i64,
    /// Since when it has waited.
    since: Option<Timestamp>,
    /// The sequence that the shard was last seen with, and when it was first seen with that.
    seen: (i64, Timestamp),
}

/// What a look at a crowded shard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// One more call of this process may reserve.
    Room,
    NoRoom,
    /// It is full of debits that nobody works on: whoever finds it so makes room.
    Still,
}

impl Admission {
    /// Lets a call in that has to [leave](Admission::leave); an error says in how many milliseconds to look whether there
    /// is room.
    pub fn enter(&mut self, now: Timestamp) -> Result<(), i64> {
        let ms = ms_between(now, self.looks_at);
        if self.places.is_some() && ms < -AWAY_MS {
            *self = Admission { inside: self.inside, ..Admission::default() };
        }
        if self.places.is_some_and(|places| self.inside >= places) {
            return Err(ms.max(0));
        }
        self.inside += 1;
        Ok(())
    }

    /// A call that was let in is over, or was refused.
    pub fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// A call that was let in found no room, and has left: its place is gone with it.
    pub fn refused(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        self.places = Some(self.inside);
        self.found_none(shard, now, random);
    }

    /// A call that was let in has reserved. Where there is a crowd, its place may be free for others now.
    pub fn reserved(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) -> Crowd {
        let (sequence, at) = self.seen;
        let seldom = shard.sequence.saturating_sub(sequence) > SELDOM * SEQUENCE_STEP
            || ms_between(at, now) > SELDOM_MS;
        self.see(shard, now);
        // Most shards are told apart without a look at each stamp.
        if shard.pending.len() <= CROWDED / MOST_OF_ONE || senders(shard) <= CROWDED {
            self.places = None;
            return Crowd::None;
        }
        if seldom {
            return Crowd::Idle;
        }
        if random.is_multiple_of(TURN) {
            self.places = Some(self.inside.saturating_sub(1));
            self.wait(shard, now, random / TURN);
        }
        Crowd::Busy
    }

    /// A call of so many seats that was not let in looked at the shard.
    pub fn looked(&mut self, shard: &BalanceShard, seats: usize, now: Timestamp, random: u64) -> Look {
        let served = if shard.seats() < room_for(seats) { SERVED } else { 0 };
        let free = u64::try_from(served.saturating_sub(senders(shard))).unwrap_or_default();
        if free > random % TAKERS {
            self.looks += MORE_LOOKS;
            self.since = None;
            self.places = Some(self.inside + 1);
            return Look::Room;
        }
        if free > 0 {
            self.wait(shard, now, random / TAKERS);
            return Look::NoRoom;
        }
        let (sequence, at) = self.seen;
        let behind_batch = has_batch(shard);
        let still_ms = if behind_batch { STILL_BEHIND_BATCH_MS } else { STILL_MS };
        // Not by everybody who sees it at the same moment.
        if sequence == shard.sequence && ms_between(at, now) >= still_ms && random.is_multiple_of(2) {
            self.since = None;
            self.places = None;
            return Look::Still;
        }
        self.found_none(shard, now, random / 2);
        Look::NoRoom
    }

    /// When to come again, in seconds, for one who has waited long enough: 1 to [`LONGEST_RETRY_AFTER_SECS`], by chance, of
    /// the fewer the less the crowd.
    #[must_use]
    pub fn retry_after_secs(&self, random: u64) -> u32 {
        let span = u64::from(LONGEST_RETRY_AFTER_SECS).min(2 * 1_000 / self.looks.unsigned_abs().max(1));
        1 + u32::try_from(random % span.max(1)).unwrap_or_default()
    }

    /// Of several calls of this process that find none at once, the first one decides for all.
    fn found_none(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        self.see(shard, now);
        if self.looks_at <= now {
            self.looks = self.looks * 3 / 4;
            self.wait(shard, now, random);
        }
    }

    fn see(&mut self, shard: &BalanceShard, now: Timestamp) {
        if self.seen.0 != shard.sequence {
            self.seen = (shard.sequence, now);
        }
    }

    fn wait(&mut self, shard: &BalanceShard, now: Timestamp, random: u64) {
        let looks = if self.looks == 0 { MOST_LOOKS } else { self.looks };
        self.looks = looks.clamp(LEAST_LOOKS, MOST_LOOKS);
        let waited = ms_between(*self.since.get_or_insert(now), now).clamp(0, AWAY_MS);
        let ms = 1_000_000 / self.looks * TWICE_AS_OFTEN_MS / (TWICE_AS_OFTEN_MS + waited);
        let shortest = if has_batch(shard) { SHORTEST_PAUSE_BEHIND_BATCH_MS } else { SHORTEST_PAUSE_MS };
        let ms = ms.max(shortest);
        // A half of it shorter or longer, so that those who wait do not come at once.
        let part = i64::try_from(random % ms.unsigned_abs()).unwrap_or_default();
        self.looks_at = Timestamp::from_ms(now.ms().saturating_add(ms / 2).saturating_add(part));
    }
}

fn ms_between(from: Timestamp, to: Timestamp) -> i64 {
    to.ms().saturating_sub(from.ms())
}

/// How many single debits the pending reservations are like: a group is like two, by the room that it takes, and a batch like one,
/// since it is gone at once.
fn senders(shard: &BalanceShard) -> usize {
    let like = |seats: usize| if seats >= BATCH { 1 } else { seats.min(MOST_OF_ONE) };
    shard.reservations().into_iter().map(like).sum()
}

/// Whether many debits of one reservation take the room of single ones, each for itself.
fn has_batch(shard: &BalanceShard) -> bool {
    shard.pending.len() >= BATCH
        && shard.seats() >= PENDING_ROOM
        && shard.reservations().into_iter().any(|seats| seats >= BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DebitId, MOST_ACKNOWLEDGED, Stamp};

    /// At the sequence `at`, with as many pending single debits and one batch.
    fn shard(at: i64, singles: usize, batch: usize) -> BalanceShard {
        let sequence = at * SEQUENCE_STEP;
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        let pending = (0..singles + batch).map(|number| {
            bytes[15] = u8::try_from(number).unwrap();
            let age = i64::try_from(number.saturating_sub(batch.saturating_sub(1))).unwrap();
            (DebitId::from_bytes(bytes).unwrap(), Stamp::given(sequence - age * SEQUENCE_STEP, 17))
        });
        BalanceShard { sequence, ready: true, pending: pending.collect(), ..BalanceShard::default() }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_795_441_928_000 + ms)
    }

    /// One call that was refused at 0.
    fn refused() -> Admission {
        let mut admission = Admission::default();
        assert_eq!(admission.enter(at(0)), Ok(()));
        admission.leave();
        admission.refused(&shard(100, 26, 0), at(0), 0);
        admission
    }

    #[test]
    fn without_a_crowd_everybody_goes_in() {
        let mut admission = Admission::default();
        for call in 1..=100 {
            assert_eq!(admission.enter(at(call)), Ok(()));
            assert_eq!(admission.reserved(&shard(call, CROWDED, 0), at(call), 0), Crowd::None);
        }
        assert_eq!((admission.inside, admission.places), (100, None));
    }

    #[test]
    fn a_place_in_a_crowd_ends_by_chance_and_the_others_stay() {
        let (mut admission, mut sequence) = (Admission::default(), 100);
        for _ in 0..3 {
            admission.enter(at(0)).unwrap();
        }
        let mut reserved = |admission: &mut Admission, pending, random| {
            sequence += 20;
            admission.reserved(&shard(sequence, pending, 0), at(sequence), random)
        };
        assert_eq!(reserved(&mut admission, CROWDED + 1, 0), Crowd::Idle, "nothing is known of it yet");
        assert_eq!(reserved(&mut admission, CROWDED + 1, 1), Crowd::Busy);
        assert_eq!(admission.places, None, "one in {TURN}");
        assert_eq!(reserved(&mut admission, CROWDED + 1, TURN), Crowd::Busy);
        assert_eq!(admission.places, Some(2));
        admission.leave();
        assert!(admission.enter(at(160)).is_err_and(|ms| ms > 0), "who comes next waits");
        admission.leave();
        assert_eq!(admission.enter(at(160)), Ok(()), "the others have their places");
        assert_eq!(reserved(&mut admission, CROWDED, 0), Crowd::None);
        assert_eq!(admission.places, None, "the crowd is gone");
    }

    #[test]
    fn who_comes_seldom_leaves_nothing_behind() {
        let crowd = |at| shard(at, CROWDED + 1, 0);
        for (sequence, ms, seen) in [
            (SELDOM, SELDOM_MS, Crowd::Busy),
            (SELDOM + 1, SELDOM_MS, Crowd::Idle),
            (SELDOM, SELDOM_MS + 1, Crowd::Idle),
        ] {
            let mut admission = Admission::default();
            admission.reserved(&crowd(100), at(0), 1);
            assert_eq!(admission.reserved(&crowd(100 + sequence), at(ms), 1), seen, "{sequence} {ms}");
        }
    }

    #[test]
    fn who_is_refused_waits_for_room_and_goes_in_where_it_finds_some() {
        let mut admission = refused();
        let ms = admission.enter(at(0)).unwrap_err();
        assert!((SHORTEST_PAUSE_MS / 2..=SHORTEST_PAUSE_MS * 3 / 2).contains(&ms), "{ms}");
        assert_eq!(admission.looked(&shard(120, SERVED, 0), 1, at(ms), 0), Look::NoRoom);
        assert!(admission.enter(at(ms)).is_err());
        let last = shard(140, SERVED - 1, 0);
        assert_eq!(
            admission.looked(&last, 1, at(60), TAKERS - 1),
            Look::NoRoom,
            "one in {TAKERS} takes the last"
        );
        assert_eq!(admission.looked(&shard(141, SERVED - 4, 0), 1, at(80), TAKERS - 1), Look::Room);
        assert_eq!(admission.enter(at(80)), Ok(()));
        assert!(admission.enter(at(80)).is_err(), "for one call");
    }

    #[test]
    fn the_more_often_a_look_is_in_vain_the_rarer_looks_become() {
        let (mut admission, mut now, mut pauses) = (refused(), 0, Vec::new());
        for look in 0..30 {
            let pause = admission.enter(at(now)).unwrap_err();
            now += pause;
            pauses.push(pause);
            assert_eq!(admission.looked(&shard(200 + look, 26, 0), 1, at(now), 0), Look::NoRoom);
        }
        assert!(pauses[9] > 5 * pauses[0], "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 1_500), "{pauses:?}");
        let (longest, last) = (pauses.iter().max().unwrap(), pauses.last().unwrap());
        assert!(last < longest, "who has waited long looks more often: {pauses:?}");
        let rare = admission.looks;
        assert_eq!(admission.looked(&shard(300, 10, 0), 1, at(now), 0), Look::Room);
        assert!(admission.looks > rare);
    }

    #[test]
    fn calls_of_one_process_that_are_refused_at_once_count_once() {
        let mut admission = Admission::default();
        for _ in 0..16 {
            admission.enter(at(0)).unwrap();
        }
        for _ in 0..16 {
            admission.leave();
            admission.refused(&shard(100, 26, 0), at(0), 7);
        }
        let once = refused();
        assert_eq!((admission.looks, admission.inside, admission.places), (once.looks, 0, Some(0)));
    }

    #[test]
    fn a_shard_that_stands_still_is_made_room_on() {
        let full = |at| shard(at, 26, 0);
        let mut admission = refused();
        assert_eq!(admission.looked(&full(100), 1, at(STILL_MS - 1), 0), Look::NoRoom, "it may be slow");
        assert_eq!(admission.looked(&full(101), 1, at(STILL_MS), 0), Look::NoRoom, "it moves");
        let later = at(2 * STILL_MS);
        assert_eq!(
            admission.clone().looked(&full(101), 1, later, 1),
            Look::NoRoom,
            "every other one makes room"
        );
        assert_eq!(admission.looked(&full(101), 1, later, 0), Look::Still);
        assert_eq!(admission.enter(later), Ok(()));
        let mut admission = Admission::default();
        admission.refused(&shard(100, 2, 25), at(0), 0);
        assert!(admission.enter(at(0)).unwrap_err() <= SHORTEST_PAUSE_BEHIND_BATCH_MS);
        let batch = shard(100, 2, 25);
        assert_eq!(admission.looked(&batch, 1, at(STILL_BEHIND_BATCH_MS), 0), Look::Still, "a batch at once");
    }

    #[test]
    fn what_goes_together_is_one_sender() {
        let mut admission = Admission::default();
        admission.enter(at(0)).unwrap();
        let group = shard(100, 2, 25);
        assert_eq!(admission.reserved(&group, at(0), 0), Crowd::None, "three reservations");
        assert_eq!(refused().looked(&group, 25, at(40), 0), Look::Room, "another group fits");
        assert_ne!(refused().looked(&group, 1, at(40), 0), Look::Room, "a single debit does not");
    }

    #[test]
    fn who_passes_finishes_what_is_far_behind_and_in_a_crowd_more() {
        let pending = |sequence, crowd| {
            let mut shard = shard(sequence, 60, 0);
            let far = DebitId::parse("019ab0f2-6c40-7a11-8b22-3344556677ff").unwrap();
            shard.pending.insert(far, Stamp::given((sequence - 257) * SEQUENCE_STEP, 17));
            shard.to_finish_in_passing(crowd).len()
        };
        assert_eq!((pending(1_000, Crowd::None), pending(1_001, Crowd::Busy)), (1, 1));
        assert_eq!(pending(1_000, Crowd::Busy), 1 + 60 - 49, "one in eight looks");
        assert_eq!(pending(1_001, Crowd::Idle), MOST_ACKNOWLEDGED);
    }

    #[test]
    fn who_was_away_knows_nothing_of_the_crowd() {
        let mut admission = refused();
        assert!(admission.enter(at(AWAY_MS)).is_err());
        assert_eq!(admission.enter(at(AWAY_MS + 1_000)), Ok(()));
        assert_eq!(admission, Admission { inside: 1, ..Admission::default() });
    }

    #[test]
    fn who_is_told_to_come_again_is_told_a_time_of_its_own() {
        let mut admission = refused();
        let told = |admission: &Admission| -> std::collections::BTreeSet<u32> {
            (0..100).map(|random| admission.retry_after_secs(random)).collect()
        };
        assert_eq!(told(&admission), [1].into(), "a small crowd");
        admission.looks = LEAST_LOOKS;
        assert_eq!(told(&admission), (1..=LONGEST_RETRY_AFTER_SECS).collect());
    }
}
