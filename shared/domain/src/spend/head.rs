//! A head: the item that debits go through, and the marks it gives them.

use std::collections::BTreeMap;

use super::{DebitId, Shard, Split};
use crate::{Channel, Credits, Timestamp};

/// How far the counter of a head moves with every take.
pub const TURN: i64 = 65_536;
const CHANNELS: i64 = 16;
/// The counter of shard `n` starts at `n` times this, so that no two shards ever give the same tag: room for a million
/// million takes each.
const SHARD_TURNS: i64 = 1 << 56;

/// The mark of one application of a debit to a balance, given by the database: no two applications of an id share one,
/// and it tells what was taken and from which shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub i64);

impl Tag {
    /// What a debit adds to the counter to make its tag; below one turn.
    #[must_use]
    pub fn code(credits: Credits, channel: Channel) -> Option<i64> {
        let code = credits.0.checked_mul(CHANNELS)?.checked_add(channel.code())?;
        (credits > Credits::ZERO && code < TURN).then_some(code)
    }

    /// The credits that were taken.
    #[must_use]
    pub fn credits(self) -> Credits {
        Credits(self.0.rem_euclid(TURN) / CHANNELS)
    }

    #[must_use]
    pub fn channel(self) -> Option<Channel> {
        Channel::of_code(self.0.rem_euclid(TURN) % CHANNELS)
    }

    /// Whose head gave it.
    #[must_use]
    pub fn shard(self) -> Shard {
        Shard::of_number(self.0.div_euclid(SHARD_TURNS))
    }
}

impl Shard {
    /// Where the counter of this shard's head starts.
    #[must_use]
    pub fn first_turn(self) -> i64 {
        i64::from(self.number()) * SHARD_TURNS
    }
}

/// The item that debits go through: credits, and the debits that may not have their entry yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub credits: Credits,
    /// Counts takes, in steps of [`TURN`].
    pub turns: i64,
    /// Counts what adds credits or moves them between shards; a take does not.
    pub gains: i64,
    /// Whether the head can take debits; one that has only ever been credited may have to be made ready.
    pub ready: bool,
    pub ring: BTreeMap<DebitId, Tag>,
    /// Whether debits of this organisation are spread over shards; only the main head tells.
    pub split: Split,
}

/// How many debits the ring holds before another single one is refused for the moment: a head with as many, of an
/// organisation with a name of usual length, stays below 1,024 bytes, so that a debit costs one write unit.
pub const RING_ROOM: usize = 26;
/// How many it holds before a batch is refused for the moment.
const RING_ROOM_FOR_BATCHES: usize = 40;
/// How many debits one take is for at the most.
pub const MOST_PORTIONS: usize = 25;
/// How many finished debits one take may remove from the ring: as many as a batch brings. Their room is lent before they
/// are gone.
pub const MOST_TRIMS: usize = MOST_PORTIONS;
/// How many debits a ring ever holds.
pub const RING_MOST: usize = RING_ROOM_FOR_BATCHES - 1 + MOST_TRIMS + MOST_PORTIONS;
/// With as many debits of others in the ring, nothing stays there that is finished.
const RING_CROWDED: usize = 21;
/// A debit that lies so many takes behind the newest is looked at.
const FAR_BEHIND: i64 = 256;

impl Head {
    /// The debits in the ring from the oldest application on.
    #[must_use]
    pub fn by_age(&self) -> Vec<(DebitId, Tag)> {
        let mut all: Vec<_> = self.ring.iter().map(|(id, tag)| (*id, *tag)).collect();
        all.sort_by_key(|(_, tag)| *tag);
        all
    }

    /// Debits that whoever began them has left alone.
    #[must_use]
    pub fn left_alone(&self, now: Timestamp) -> Vec<(DebitId, Tag)> {
        self.by_age().into_iter().filter(|(id, _)| id.is_left_alone(now)).collect()
    }

    /// The debit that the next one should look after in passing: one that was left alone, when it lies far behind or the
    /// ring is crowded.
    #[must_use]
    pub fn to_look_after(&self, now: Timestamp) -> Option<(DebitId, Tag)> {
        let oldest = self.left_alone(now).into_iter().next()?;
        let far = self.turns.saturating_sub(oldest.1.0) > FAR_BEHIND * TURN;
        (far || self.is_crowded_beside(1)).then_some(oldest)
    }

    /// Whether `own` debits that are finished should leave the ring at once, by a write of their own, and not with the next
    /// take: the next one of this process may be long in coming when many processes share the head.
    #[must_use]
    pub fn is_crowded_beside(&self, own: usize) -> bool {
        self.ring.len().saturating_sub(own) >= RING_CROWDED
    }
}

/// What one debit wants of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    pub id: DebitId,
    pub credits: Credits,
    /// [`Tag::code`] of credits and channel.
    pub code: i64,
}

/// One attempt to take credits from a head for some debits, all of them or none, and finished debits to forget on the
/// way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// 1 to [`MOST_PORTIONS`], each of another id.
    pub portions: Vec<Portion>,
    /// At most [`MOST_TRIMS`], none of them a portion's; each one's entry is known to carry this very tag.
    pub trims: Vec<(DebitId, Tag)>,
    /// Whether the taker believes that the organisation's debits are not spread over shards. The head refuses when it
    /// knows better.
    pub unsplit: bool,
}

impl Take {
    /// All that is taken.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.portions
            .iter()
            .fold(Credits::ZERO, |sum, portion| Credits(sum.0.saturating_add(portion.credits.0)))
    }

    /// The ring must hold fewer than this before.
    #[must_use]
    pub fn room(&self) -> usize {
        let room = if self.portions.len() == 1 { RING_ROOM } else { RING_ROOM_FOR_BATCHES };
        room + self.trims.len().min(MOST_TRIMS)
    }
}

/// Why a head did not give credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The organisation's debits are spread over shards, which the taker did not know.
    Split,
    /// Some portions were given before: the ring has their tags.
    Taken,
    /// There are only so many.
    NotEnough(Credits),
    /// It must be made ready first.
    NotReady,
    /// Too many debits are under way.
    Full,
    /// A debit to forget is not what it was: the same without forgetting may do.
    Trims,
}

/// Why the head that is shown refused.
#[must_use]
pub fn refusal(head: Option<&Head>, take: &Take) -> Refusal {
    let Some(head) = head else { return Refusal::NotEnough(Credits::ZERO) };
    if take.unsplit && head.split != Split::No {
        Refusal::Split
    } else if take.portions.iter().any(|portion| head.ring.contains_key(&portion.id)) {
        Refusal::Taken
    } else if head.credits < take.credits() {
        Refusal::NotEnough(head.credits)
    } else if !head.ready {
        Refusal::NotReady
    } else if head.ring.len() >= take.room() {
        Refusal::Full
    } else {
        Refusal::Trims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: u8) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        bytes[15] = last;
        DebitId::from_bytes(bytes).unwrap()
    }

    fn take(portions: &[u8]) -> Take {
        let portions =
            portions.iter().map(|at| Portion { id: id(*at), credits: Credits(3), code: 51 }).collect();
        Take { portions, trims: Vec::new(), unsplit: true }
    }

    #[test]
    fn a_tag_tells_what_was_taken_and_where() {
        for shard in Shard::heads() {
            for channel in [Channel::Email, Channel::Whatsapp, Channel::Sms] {
                for credits in [1, 2, 1_000, 4_095] {
                    let code = Tag::code(Credits(credits), channel).unwrap();
                    let tag = Tag(shard.first_turn() + 7 * TURN + code);
                    let told = (tag.credits(), tag.channel(), tag.shard());
                    assert_eq!(told, (Credits(credits), Some(channel), shard));
                }
            }
        }
        for credits in [-1, 0, 4_096, i64::MAX] {
            assert_eq!(Tag::code(Credits(credits), Channel::Email), None, "{credits}");
        }
        assert_eq!(Tag(16).channel(), None);
    }

    #[test]
    fn a_refusal_has_the_reason_that_matters_most() {
        let (one, two) = (take(&[1]), take(&[1, 2]));
        let head = Head { credits: Credits(3), ready: true, ..Head::default() };
        assert_eq!(refusal(None, &one), Refusal::NotEnough(Credits(0)));
        assert_eq!(refusal(Some(&head), &one), Refusal::Trims);
        assert_eq!(refusal(Some(&head), &two), Refusal::NotEnough(Credits(3)), "both or none");
        let unready = Head { ready: false, ..head.clone() };
        assert_eq!(refusal(Some(&unready), &one), Refusal::NotReady);
        let mut full = head.clone();
        for at in 0..RING_ROOM {
            full.ring.insert(id(100 + u8::try_from(at).unwrap()), Tag(17));
        }
        assert_eq!(refusal(Some(&full), &one), Refusal::Full);
        full.credits = Credits(2);
        assert_eq!(refusal(Some(&full), &one), Refusal::NotEnough(Credits(2)));
        full.ring.insert(id(2), Tag(51));
        assert_eq!(refusal(Some(&full), &two), Refusal::Taken);
        full.split = Split::Since(Timestamp::from_ms(1));
        assert_eq!(refusal(Some(&full), &two), Refusal::Split);
        assert_eq!(refusal(Some(&full), &Take { unsplit: false, ..two }), Refusal::Taken);
    }

    #[test]
    fn no_take_brings_a_ring_over_its_most() {
        for portions in 1..=MOST_PORTIONS {
            let portions: Vec<u8> = (0..u8::try_from(portions).unwrap()).collect();
            let take = |trims| Take { trims: vec![(id(200), Tag(17)); trims], ..take(&portions) };
            for trims in 0..=MOST_TRIMS {
                assert!(take(trims).room() - 1 + portions.len() <= RING_MOST, "{portions:?} {trims}");
            }
            assert!(take(MOST_TRIMS).room() > MOST_TRIMS, "a batch that is finished stops no other debit");
        }
    }
}
