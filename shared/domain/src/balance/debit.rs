//! A debit: what it says, its entry, and how it is taken back.

use super::{DebitId, Stamp};
use crate::{Actor, Channel, Country, Credits, EntryId, InvalidId, Timestamp};

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

/// The ledger entry of a debit, with what makes it recognisable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebitEntry {
    pub id: DebitId,
    /// The application that this entry is for; any other one is taken back.
    pub stamp: Stamp,
    pub credits: Credits,
    pub channel: Channel,
    /// `None` when the entry was written by someone else than the sender, from the stamp alone: then it is nobody's message
    /// yet, and the first one of its channel that comes completes it.
    pub details: Option<Details>,
    /// The balance that was seen when it was applied.
    pub available: Credits,
    /// Who sent the message; [`Actor::System`] when the entry was written from the stamp alone.
    pub actor: Actor,
    /// When the entry was written, by our clock, in whole seconds.
    pub booked_at: Timestamp,
    /// Whether its sender said what it was when its month took no changes any more: that answers repeats, and nothing else.
    pub completed_late: bool,
}

impl DebitEntry {
    /// Whether a repeated debit is this one. What a message costs may have changed since, so that credits are not
    /// compared.
    #[must_use]
    pub fn is_of(&self, debit: &Debit) -> bool {
        self.channel == debit.channel && self.details.as_ref() == Some(&debit.details)
    }

    /// This entry, as it is at `now`, with all that the sender of `debit` says, if it may be that message's: nothing is known
    /// of its own yet, and the channel is the same.
    #[must_use]
    pub fn completed_by(&self, debit: &Debit, actor: &Actor, now: Timestamp) -> Option<DebitEntry> {
        let fits = self.details.is_none() && self.channel == debit.channel;
        let details = Some(debit.details.clone());
        let completed_late = !self.id.entry().month().takes_changes(now);
        fits.then(|| DebitEntry { details, actor: actor.clone(), completed_late, ..self.clone() })
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
        // Never the debit's own run, even in its own millisecond.
        random[9] ^= 0xff;
        // Our own entries are the first of their run, so that debits of one run are told apart elsewhere.
        random[1] ^= debit.id.place();
        let entry = EntryId::made_at(now, &random);
        Reversal { debit: debit.id, entry, credits: debit.credits, channel: debit.channel, at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019ab0f2-6c40-7a11-8b22-334455667788";

    #[test]
    fn a_reversal_has_a_key_of_its_own() {
        let debit = DebitEntry {
            id: DebitId::parse(ID).unwrap(),
            stamp: Stamp(17),
            credits: Credits(1),
            channel: Channel::Email,
            details: None,
            available: Credits(0),
            actor: Actor::System,
            booked_at: Timestamp::from_secs(1),
            completed_late: false,
        };
        let reversal = Reversal::of(&debit, debit.id.at());
        assert_ne!(reversal.entry, debit.id.entry());
        assert_eq!(reversal.entry.at(), debit.id.at());
        assert_eq!(reversal, Reversal::of(&debit, debit.id.at()));
        let run: std::collections::BTreeSet<_> = (0..32)
            .map(|place| DebitEntry { id: debit.id.run().id(place).unwrap(), ..debit.clone() })
            .map(|debit| Reversal::of(&debit, debit.id.at()).entry)
            .collect();
        assert_eq!(run.len(), 32, "a whole run can be taken back in one millisecond");
        assert!(run.iter().all(|entry| entry.first_of_run() == *entry), "our entries begin a run");
        assert!(!run.contains(&debit.id.run().first()), "and never the debits' own");
    }
}
