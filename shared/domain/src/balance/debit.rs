//! A debit: what it says, its entry, and how it is taken back.

use super::hold::{HeldOf, Hold, HoldTerms};
use super::period::Counted;
use super::{Beside, DebitId, Details, Known, Stamp};
use crate::{
    Actor, Channel, Class, Country, Credits, EntryId, Meters, PriceError, RateVersion, Timestamp, Units,
};

/// Credits to be spent on one message, or on whatever else a meter counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit {
    pub id: DebitId,
    /// What it costs, its units at one rate: 0 to [`crate::MOST_CREDITS`].
    pub credits: Credits,
    /// By which rates; `None` where that is not known.
    pub version: Option<RateVersion>,
    /// What it may cost at the most, if it is new; `None` for anything.
    pub max_credits: Option<Credits>,
    /// Why it has no price; then it costs nothing, and is answered if it was done before, and else refused.
    pub not_sold: Option<PriceError>,
    pub channel: Channel,
    pub details: Details,
    /// There where it is a hold: what it does cost is said later.
    pub hold: Option<HoldTerms>,
}

impl Debit {
    /// A debit that costs this, by rates that are not known.
    #[must_use]
    pub fn costing(id: DebitId, channel: Channel, credits: Credits) -> Debit {
        let (details, hold) = (Details::default(), None);
        Debit { id, credits, version: None, max_credits: None, not_sold: None, channel, details, hold }
    }

    /// A debit of what its units cost by the rates that held when its id was made, so that every attempt costs the same.
    ///
    /// # Errors
    /// When there is no such meter or class, or when it would cost more than a debit may.
    pub fn new(
        meters: &Meters,
        id: DebitId,
        channel: Channel,
        details: Details,
    ) -> Result<Debit, PriceError> {
        let price = meters.price(channel, details.class, details.country, details.units, id.at())?;
        let version = Some(price.version);
        Ok(Debit { version, details, ..Debit::costing(id, channel, price.credits) })
    }

    /// The same of what may have been sold before and is not any more: a repeat of it is answered as it was.
    ///
    /// # Errors
    /// When it would cost more than a debit may.
    pub fn perhaps_repeated(
        meters: &Meters,
        id: DebitId,
        channel: Channel,
        details: Details,
    ) -> Result<Debit, PriceError> {
        match Debit::new(meters, id, channel, details.clone()) {
            Err(why @ (PriceError::UnknownChannel(_) | PriceError::UnknownClass(_))) => {
                let not_sold = Some(why);
                Ok(Debit { not_sold, details, ..Debit::costing(id, channel, Credits::ZERO) })
            }
            sold => sold,
        }
    }

    /// Whether it costs more than it may, or has no price: then it is only answered if it was done before.
    #[must_use]
    pub fn is_refused_if_new(&self) -> bool {
        self.not_sold.is_some() || self.max_credits.is_some_and(|most| self.credits > most)
    }
}

/// The ledger entry of a debit, with what makes it recognisable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebitEntry {
    pub id: DebitId,
    /// The application that this entry is for; any other one is taken back.
    pub stamp: Stamp,
    pub credits: Credits,
    /// By which rates; `None` where that is not known.
    pub version: Option<RateVersion>,
    pub channel: Channel,
    /// As far as they are known.
    pub details: Details,
    /// Less than everything when the entry was written by someone else than the sender, from the stamp alone: then it is
    /// nobody's message yet, and the first one that it may be completes it.
    pub known: Known,
    /// The balance that was seen when it was applied.
    pub available: Credits,
    /// Who sent the message; [`Actor::System`] when the entry was written from the stamp alone.
    pub actor: Actor,
    /// When the entry was written, by our clock, in whole seconds.
    pub booked_at: Timestamp,
    /// How much of it the history shows: less than is known where its sender said what it was when its month took no changes
    /// any more. That answers repeats, and nothing else.
    pub shown: Known,
    /// There where it is a hold.
    pub hold: Option<Hold>,
    /// By which budgets it was counted, where whoever reserved it wrote the entry.
    pub counted: Counted,
}

impl DebitEntry {
    /// Whether a repeated debit is this one. What a message costs may have changed since, so that credits are not
    /// compared.
    #[must_use]
    pub fn is_of(&self, debit: &Debit) -> bool {
        let known = self.known == Known::Everything;
        let same_kind = self.hold.is_some() == debit.hold.is_some();
        known && same_kind && self.is_of_meter(debit) && self.details_of(debit) == self.details
    }

    /// This entry, as it is at `now`, with all that the sender of `debit` says, if it may be that message's: its own is not
    /// all known yet, and what is known is the same.
    #[must_use]
    pub fn completed_by(&self, debit: &Debit, actor: &Actor, now: Timestamp) -> Option<DebitEntry> {
        let fits = match self.known {
            _ if self.hold.is_some() != debit.hold.is_some() => false,
            Known::Everything => false,
            Known::ButReference => {
                self.is_of_meter(debit)
                    && self.details == Details { reference: None, ..self.details_of(debit) }
            }
            Known::ChannelOnly => {
                self.channel == debit.channel
                    && (debit.details.units, debit.details.class) == (Units::ONE, None)
            }
        };
        let in_time = self.id.entry().month().takes_changes(now);
        let named = self.channel.is_unnamed() && in_time;
        let details = if named { debit.details.clone() } else { self.details_of(debit) };
        fits.then(|| DebitEntry {
            channel: if named { debit.channel } else { self.channel },
            details,
            actor: actor.clone(),
            known: Known::Everything,
            version: self.version.or(debit.version.filter(|_| in_time && debit.credits == self.credits)),
            shown: if in_time { Known::Everything } else { self.known },
            hold: self.hold.map(|hold| hold.completed(debit.hold)),
            ..self.clone()
        })
    }

    /// Also where only the meter's number is known.
    fn is_of_meter(&self, debit: &Debit) -> bool {
        if self.channel.is_unnamed() {
            return self.channel.number(None) == debit.channel.number(debit.details.class);
        }
        self.channel == debit.channel && self.details.class == debit.details.class
    }

    /// What a debit of this meter says, with its class as this entry says it.
    fn details_of(&self, debit: &Debit) -> Details {
        let class = if self.channel.is_unnamed() { self.details.class } else { debit.details.class };
        Details { class, ..debit.details.clone() }
    }

    /// What is charged by it, and for what: of a hold what was captured or reported of it, or all while it is open.
    fn charged(&self) -> (Credits, HeldOf) {
        let Details { units, class, country, .. } = self.details;
        let held = HeldOf { channel: self.channel, class, country, units, version: self.version };
        match self.hold.and_then(|hold| hold.charge()) {
            None => (self.credits, held),
            Some(charge) => (charge.credits, held.charged(&charge)),
        }
    }

    /// What one unit cost.
    #[must_use]
    pub fn rate(&self) -> Option<Credits> {
        self.details.units.rate(self.credits)
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
    pub class: Option<Class>,
    pub country: Option<Country>,
    pub units: Units,
    pub at: Timestamp,
}

impl Reversal {
    /// Takes `debit` back at `now`: all that was charged of it.
    #[must_use]
    pub fn of(debit: &DebitEntry, now: Timestamp) -> Reversal {
        let (credits, charged) = debit.charged();
        let beside = if debit.hold.is_some() { Beside::HoldReversal } else { Beside::Reversal };
        Reversal {
            debit: debit.id,
            entry: debit.id.entry_beside(now, beside),
            credits,
            channel: charged.channel,
            class: charged.class,
            country: charged.country,
            units: charged.units,
            at: now,
        }
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
            version: None,
            channel: Channel::EMAIL,
            details: Details::default(),
            known: Known::ChannelOnly,
            available: Credits(0),
            actor: Actor::System,
            booked_at: Timestamp::from_secs(1),
            shown: Known::ChannelOnly,
            hold: None,
            counted: Counted::default(),
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
