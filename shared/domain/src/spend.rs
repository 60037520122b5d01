//! Spending: what a debit is, how the head of a balance remembers it, and why it may be refused.

use std::collections::BTreeMap;
use std::fmt;

use uuid::{Uuid, Variant};

use crate::{Channel, Country, Credits, EntryId, InvalidId, Timestamp};

/// A debit: a UUIDv7 chosen by who sends the message, in its canonical lower-case form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DebitId(EntryId);

/// How old an id may be when it is used for the first time, in seconds.
const FIRST_USE_SECS: i64 = 24 * 3600;
/// How far a sender's clock may be ahead of ours, in seconds.
const AHEAD_SECS: i64 = 5 * 60;
/// From this age on an id may well be a repeat, in milliseconds.
const MAYBE_REPEATED_MS: i64 = 2_000;
/// From this age on nobody is at work on a debit any more, in seconds: far longer than a function may run.
const LEFT_ALONE_SECS: i64 = 60;

impl DebitId {
    pub fn parse(text: &str) -> Result<DebitId, InvalidId> {
        let id = EntryId::parse(text)?;
        if id.uuid().get_variant() == Variant::RFC4122 { Ok(DebitId(id)) } else { Err(InvalidId) }
    }

    /// From the 16 bytes of [`DebitId::bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Result<DebitId, InvalidId> {
        DebitId::parse(&Uuid::from_bytes(bytes).to_string())
    }

    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        *self.0.uuid().as_bytes()
    }

    /// The ledger entry of this debit: every attempt, at any time, writes the same one.
    #[must_use]
    pub fn entry(self) -> EntryId {
        self.0
    }

    /// When the sender made the id.
    #[must_use]
    pub fn at(self) -> Timestamp {
        self.0.at()
    }

    /// Whether the id may be used for the first time now: at most 24 hours old and not from the future.
    #[must_use]
    pub fn is_timely(self, now: Timestamp) -> bool {
        let age = now.secs_since(self.at());
        (-AHEAD_SECS..=FIRST_USE_SECS).contains(&age)
    }

    /// Whether the ledger is asked before the balance is touched.
    #[must_use]
    pub fn maybe_repeated(self, now: Timestamp) -> bool {
        now.ms() - self.at().ms() > MAYBE_REPEATED_MS || !self.is_timely(now)
    }

    /// Whether a debit that is only half done has been given up by who began it.
    #[must_use]
    pub fn is_left_alone(self, now: Timestamp) -> bool {
        now.secs_since(self.at()) >= LEFT_ALONE_SECS
    }
}

impl fmt::Display for DebitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DebitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The caller's own name for a message: 1 to 128 bytes of text without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    pub fn parse(text: &str) -> Result<Reference, InvalidId> {
        let fits = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Reference(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Credits to be spent on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit {
    pub id: DebitId,
    /// What the message costs: 1 to 4,095.
    pub credits: Credits,
    pub channel: Channel,
    pub details: Details,
}

/// What the sender said about a message beside its channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub country: Option<Country>,
    pub reference: Option<Reference>,
}

/// How far the counter of a head moves with every debit.
pub const TURN: i64 = 65_536;
const CHANNELS: i64 = 16;

/// The mark of one application of a debit to a balance, given by the database: no two applications share one, and it
/// tells what was taken.
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
}

/// The item that debits go through: credits, and the debits that may not have their entry yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub credits: Credits,
    /// Counts debits, in steps of [`TURN`].
    pub turns: i64,
    /// Whether the head can take debits; one that has only ever been credited may have to be made ready.
    pub ready: bool,
    pub ring: BTreeMap<DebitId, Tag>,
}

/// How many debits the ring of a head holds before another one is refused for the moment.
pub const RING_ROOM: usize = 20;
/// How many finished debits one debit may take out of the ring. Their room is lent before they are gone, so that a
/// ring never holds more than [`RING_ROOM`] + `MOST_TRIMS`, with which a head stays below 1,024 bytes.
pub const MOST_TRIMS: usize = 4;
/// A ring with as many debits is looked through.
const RING_CROWDED: usize = 16;
/// A debit that lies so many behind the newest is looked at.
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
        (far || self.ring.len() >= RING_CROWDED).then_some(oldest)
    }
}

/// One attempt to take credits from a head, and finished debits to forget on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    pub id: DebitId,
    pub credits: Credits,
    /// [`Tag::code`] of credits and channel.
    pub code: i64,
    /// At most [`MOST_TRIMS`]; each one's entry is known to carry this very tag.
    pub trims: Vec<(DebitId, Tag)>,
}

impl Take {
    /// The ring must hold fewer than this before.
    #[must_use]
    pub fn room(&self) -> usize {
        RING_ROOM + self.trims.len().min(MOST_TRIMS)
    }
}

/// Why a head did not give credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It gave them before, under this tag.
    Taken(Tag),
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
    if let Some(tag) = head.ring.get(&take.id) {
        Refusal::Taken(*tag)
    } else if head.credits < take.credits {
        Refusal::NotEnough(head.credits)
    } else if !head.ready {
        Refusal::NotReady
    } else if head.ring.len() >= take.room() {
        Refusal::Full
    } else {
        Refusal::Trims
    }
}

/// The ledger entry of a debit, with what makes it recognisable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebitEntry {
    pub id: DebitId,
    /// The application that this entry is for; any other one is taken back.
    pub tag: Tag,
    pub credits: Credits,
    pub channel: Channel,
    /// `None` when the entry was written by someone else than the sender, from the tag alone.
    pub details: Option<Details>,
    /// The balance that was seen when it was applied.
    pub available: Credits,
}

impl DebitEntry {
    /// Whether a repeated debit is this one. What a message costs may have changed since, so that credits are not
    /// compared; details that are not known cannot be.
    #[must_use]
    pub fn is_of(&self, debit: &Debit) -> bool {
        let same_details = self.details.as_ref().is_none_or(|details| *details == debit.details);
        self.id == debit.id && self.channel == debit.channel && same_details
    }
}

/// A debit taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversal {
    pub debit: DebitId,
    pub entry: EntryId,
    /// What came back.
    pub credits: Credits,
    pub channel: Channel,
    pub at: Timestamp,
}

impl Reversal {
    /// Takes `debit` back at `now`; `random` tells reversals of one millisecond apart.
    #[must_use]
    pub fn of(debit: &DebitEntry, now: Timestamp) -> Reversal {
        let mut random = [0; 10];
        random.copy_from_slice(&debit.id.bytes()[6..]);
        // Never the debit's own key, even in its own millisecond.
        random[9] ^= 0xff;
        let entry = EntryId::made_at(now, &random);
        Reversal { debit: debit.id, entry, credits: debit.credits, channel: debit.channel, at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019ab0f2-6c40-7a11-8b22-334455667788";

    fn id(text: &str) -> DebitId {
        DebitId::parse(text).unwrap()
    }

    #[test]
    fn only_a_canonical_uuid_of_version_7_is_an_id() {
        assert_eq!(DebitId::from_bytes(id(ID).bytes()), Ok(id(ID)));
        for text in [
            "",
            "019AB0F2-6C40-7A11-8B22-334455667788",
            "019ab0f26c407a118b22334455667788",
            "{019ab0f2-6c40-7a11-8b22-334455667788}",
            "019ab0f2-6c40-4a11-8b22-334455667788",
            "019ab0f2-6c40-7a11-0b22-334455667788",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(DebitId::parse(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_id_is_first_used_within_a_day() {
        let made = id(ID).at();
        let at = |secs: i64| id(ID).is_timely(made.plus_secs(secs));
        assert_eq!([at(-301), at(-300), at(0), at(86_400), at(86_401)], [false, true, true, true, false]);
        assert!(!id(ID).maybe_repeated(made.plus_secs(2)));
        assert!(id(ID).maybe_repeated(made.plus_secs(3)));
        assert!(id(ID).maybe_repeated(made.plus_secs(-400)));
    }

    #[test]
    fn a_tag_tells_what_was_taken() {
        for channel in [Channel::Email, Channel::Whatsapp, Channel::Sms] {
            for credits in [1, 2, 1_000, 4_095] {
                let code = Tag::code(Credits(credits), channel).unwrap();
                let tag = Tag(7 * TURN + code);
                assert_eq!((tag.credits(), tag.channel()), (Credits(credits), Some(channel)));
            }
        }
        for credits in [-1, 0, 4_096, i64::MAX] {
            assert_eq!(Tag::code(Credits(credits), Channel::Email), None, "{credits}");
        }
        assert_eq!(Tag(16).channel(), None);
    }

    #[test]
    fn a_refusal_has_the_reason_that_matters_most() {
        let take = Take { id: id(ID), credits: Credits(3), code: 51, trims: Vec::new() };
        let head = Head { credits: Credits(3), ready: true, ..Head::default() };
        assert_eq!(refusal(None, &take), Refusal::NotEnough(Credits(0)));
        assert_eq!(refusal(Some(&head), &take), Refusal::Trims);
        let unready = Head { ready: false, ..head.clone() };
        assert_eq!(refusal(Some(&unready), &take), Refusal::NotReady);
        let mut full = head.clone();
        for at in 0..RING_ROOM {
            let mut bytes = id(ID).bytes();
            bytes[15] = u8::try_from(at).unwrap();
            full.ring.insert(DebitId::from_bytes(bytes).unwrap(), Tag(17));
        }
        assert_eq!(refusal(Some(&full), &take), Refusal::Full);
        full.credits = Credits(2);
        assert_eq!(refusal(Some(&full), &take), Refusal::NotEnough(Credits(2)));
        full.ring.insert(take.id, Tag(51));
        assert_eq!(refusal(Some(&full), &take), Refusal::Taken(Tag(51)));
    }

    #[test]
    fn a_reversal_has_a_key_of_its_own() {
        let debit = DebitEntry {
            id: id(ID),
            tag: Tag(17),
            credits: Credits(1),
            channel: Channel::Email,
            details: None,
            available: Credits(0),
        };
        let reversal = Reversal::of(&debit, id(ID).at());
        assert_ne!(reversal.entry, id(ID).entry());
        assert_eq!(reversal.entry.at(), id(ID).at());
        assert_eq!(reversal, Reversal::of(&debit, id(ID).at()));
    }
}
