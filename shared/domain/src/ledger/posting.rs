//! Everything that credits can do, one constructor for each movement.
//!
//! A debit's reservation is the only change of a balance that is not here: it is two plain writes, whose entry follows later.

use super::{Credits, Entry, EntryId, EntryKind};
use crate::{
    Actor, Counted, DebitEntry, DebitId, Details, HeldLine, HeldOf, Hold, Known, LateReport, Reversal,
    ShardId, Timestamp, TopUp, TopUpId,
};

/// One movement of credits, which is written together with the balance and whatever else belongs to it, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub entry: Entry,
    pub once: Once,
    pub floor: Floor,
    /// Budgets that count it no more, and the day of the main shard's counters: with another one it is a conflict.
    pub uncounted: Counted,
}

/// What makes a posting unique, beside the revision of the row that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// The id of its entry, which follows from what is posted: the same again is the same entry.
    Entry,
    /// A mark beside the entry of the debit that it takes back, which lies in this ledger.
    Debit(DebitId, ShardId),
}

/// How far a posting may take a balance down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// It is refused where the balance does not cover it.
    Zero,
    /// It may make debt, which the next credits pay.
    None,
}

/// `credits` are how many move, and never negative; [`Posting::adjustment`] alone goes either way.
impl Posting {
    /// Credits for money that is proven.
    #[must_use]
    pub fn top_up(of: &TopUp, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::of_top_up(of, EntryKind::TopUp, credits, actor, now)
    }

    /// Money went back to the payer, and takes its credits along.
    #[must_use]
    pub fn refund(of: &TopUp, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::of_top_up(of, EntryKind::Refund, credits.negated(), actor, now)
    }

    /// A refund did not reach the payer, so that the money is ours again.
    #[must_use]
    pub fn refund_undone(of: &TopUp, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::of_top_up(of, EntryKind::RefundUndone, credits, actor, now)
    }

    /// The payer's bank took money back.
    #[must_use]
    pub fn dispute(of: &TopUp, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::of_top_up(of, EntryKind::Dispute, credits.negated(), actor, now)
    }

    /// The payer's bank gave the money again.
    #[must_use]
    pub fn dispute_undone(of: &TopUp, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::of_top_up(of, EntryKind::DisputeUndone, credits, actor, now)
    }

    /// A debit whose message was not sent comes back.
    #[must_use]
    pub fn reversal(of: &Reversal, ledger: ShardId, actor: Option<&Actor>) -> Posting {
        let entry = Entry {
            id: of.entry,
            at: of.at,
            booked_at: of.at.whole_secs(),
            credits: of.credits,
            kind: EntryKind::Reversal,
            cause: of.debit.to_string(),
            actor: actor.cloned(),
            channel: Some(of.channel),
            class: of.class,
            country: of.country,
            reference: None,
            units: of.units,
            version: None,
            hold: None,
        };
        Posting {
            entry,
            once: Once::Debit(of.debit, ledger),
            floor: Floor::None,
            uncounted: Counted::default(),
        }
    }

    /// What was used of a quota that had ended, charged when it is reported. It never makes debt.
    #[must_use]
    pub fn late_report(of: &LateReport, actor: &Actor) -> Posting {
        let LateReport { entry: quota, reported, .. } = of;
        let Details { units, class, country, reference } = quota.details.clone();
        let held = HeldOf { channel: quota.channel, class, country, units, version: quota.version };
        let charged = held.charged(&reported.charge);
        let entry = Entry {
            id: of.entry_id(),
            at: reported.at,
            booked_at: reported.at.whole_secs(),
            credits: reported.charge.credits.negated(),
            kind: EntryKind::Debit,
            cause: quota.id.to_string(),
            actor: Some(actor.clone()),
            channel: Some(charged.channel),
            class: charged.class,
            country: charged.country,
            reference: reference.map(|reference| reference.as_str().to_owned()),
            units: charged.units,
            version: charged.version,
            hold: None,
        };
        Posting { entry, once: Once::Entry, floor: Floor::Zero, uncounted: Counted::default() }
    }

    /// Someone set a balance right, for the reason that `cause` leads to; it never makes debt. The id is made when it is
    /// posted, so that it is of a month that is not over.
    #[must_use]
    pub fn adjustment(id: EntryId, cause: &str, credits: Credits, actor: &Actor) -> Posting {
        let entry = Entry::new(id.first_of_run(), id.at(), credits, EntryKind::Adjustment, cause, actor);
        Posting { entry, once: Once::Entry, floor: Floor::Zero, uncounted: Counted::default() }
    }

    /// The same under a new id of `now`, for what is made unique by what it is written with.
    #[must_use]
    pub fn adjustment_now(cause: &str, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        Posting::adjustment(EntryId::of_top_up(&TopUpId::new(now), now), cause, credits, actor)
    }

    fn of_top_up(of: &TopUp, kind: EntryKind, credits: Credits, actor: &Actor, now: Timestamp) -> Posting {
        let id = EntryId::of_top_up(&of.id, now).posted_as(kind, of.revision);
        let entry = Entry::new(id, now, credits, kind, of.id.as_str(), actor);
        Posting { entry, once: Once::Entry, floor: Floor::None, uncounted: Counted::default() }
    }
}

impl Entry {
    /// Credits spent on one message: written by itself, after they were reserved. What was said of it too late for its
    /// month, the history does not show.
    #[must_use]
    pub fn of_debit(debit: &DebitEntry) -> Entry {
        let Details { units, class, country, reference } = debit.details.clone();
        let late = debit.shown < debit.known;
        let hidden = late && debit.shown == Known::ChannelOnly;
        let (class, country) = (class.filter(|_| !hidden), country.filter(|_| !hidden));
        let held = HeldOf { channel: debit.channel, class, country, units, version: debit.version };
        let ended = debit.hold.and_then(|hold| hold.ended).filter(|ended| !ended.late);
        let credits = match (debit.hold, ended) {
            (Some(_), Some(ended)) => ended.captured.credits,
            (Some(hold), None) => hold.held,
            (None, _) => debit.credits,
        };
        let charged = ended.map_or(held, |ended| held.charged(&ended.captured));
        let line = |hold: Hold| HeldLine {
            held: hold.held,
            of: held,
            ended: ended.map(|ended| (ended.how, ended.at)),
        };
        Entry {
            id: if debit.hold.is_some() { debit.id.entry().of_hold() } else { debit.id.entry() },
            at: debit.id.at(),
            booked_at: debit.booked_at,
            credits: credits.negated(),
            kind: EntryKind::Debit,
            cause: debit.id.to_string(),
            actor: Some(if late { Actor::System } else { debit.actor.clone() }),
            channel: Some(charged.channel),
            class: charged.class,
            country: charged.country,
            reference: reference.filter(|_| !late).map(|reference| reference.as_str().to_owned()),
            units: charged.units,
            version: charged.version,
            hold: debit.hold.map(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;

    #[test]
    fn an_adjustment_has_an_item_of_its_own_and_never_makes_debt() {
        let id = EntryId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        let actor = Actor::Operator(Subject::parse("ana").unwrap());
        let posting = Posting::adjustment(id, "adj_1", Credits(-5), &actor);
        assert_eq!(posting.entry.id, posting.entry.id.first_of_run());
        assert_eq!((posting.entry.credits, posting.floor), (Credits(-5), Floor::Zero));
        assert_eq!(
            posting,
            Posting::adjustment(id, "adj_1", Credits(-5), &actor),
            "a repeat is the same entry"
        );
    }
}
