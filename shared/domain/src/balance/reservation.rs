//! A reservation: credits set aside on a balance shard for some debits, all of them or none, and why one is refused.

use super::counting::{Counting, NotCounted};
use super::pending::{PendingChange, ReservedDebit};
use super::{BalanceShard, DebitId, Sharding, Stamp};
use crate::{Credits, Timestamp};

/// How many seats may be taken before and after another debit: a shard with as many, of an organisation with a name of usual
/// length, stays below 1,024 bytes, so that a debit costs one write unit. A debit that is pending by itself takes one, and a
/// group of alike ones two.
pub const PENDING_ROOM: usize = 26;
/// A reservation of so many seats gets room like a single debit.
const FEW: usize = 2;
/// How many seats may be taken before a group of more than these: ten of different debits, so that those of eight callers are under
/// way at once, at two or three units each.
const PENDING_ROOM_FOR_GROUPS: usize = 50;
/// A group takes so many seats at the most.
const MOST_OF_GROUP: usize = 15;
/// How many may be taken before a batch of more.
const PENDING_ROOM_FOR_BATCHES: usize = 39;
/// How many seats are ever taken on one shard, which then stays below 4,096 bytes whatever is pending.
pub const PENDING_MOST: usize = 83;

/// One attempt to reserve credits of a balance shard for some debits, all of them or none, which also acknowledges that the
/// entries of others are written: these are pending no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// 1 to [`super::MOST_IN_BATCH`], each of another id.
    pub debits: Vec<ReservedDebit>,
    /// Of at most [`super::MOST_ACKNOWLEDGED`] seats, none of them among `debits`; the entry of each is known to carry this very stamp.
    pub acknowledged: Vec<(DebitId, Stamp)>,
    /// Whether the process believes that the organisation's debits are not spread over shards. The shard refuses when it
    /// knows better.
    pub unsharded: bool,
    /// The epoch that the process knows: the shard refuses when it is in another one.
    pub epoch: i64,
    /// How budgets count it: the shard refuses what is beyond one, and who does not know the budgets of now.
    pub counting: Counting,
    /// When it is made; the shard keeps the whole seconds.
    pub at: Timestamp,
}

impl Reservation {
    /// All that is reserved.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.debits.iter().fold(Credits::ZERO, |sum, debit| Credits(sum.0.saturating_add(debit.credits.0)))
    }

    /// What it does to what is pending on a shard that was `seen` like this.
    #[must_use]
    pub fn change(&self, seen: Option<&BalanceShard>) -> PendingChange {
        PendingChange::reserving(&self.debits, &self.acknowledged, seen)
    }

    /// Fewer seats than this must be taken before, on a shard that was `seen` like this. What is acknowledged lends its room.
    #[must_use]
    pub fn room(&self, seen: Option<&BalanceShard>) -> usize {
        let lent = PendingChange::acknowledging(&self.acknowledged, None).seats_gone();
        let seats = self.change(seen).seats();
        (room_for(seats) + lent).min((PENDING_MOST + 1).saturating_sub(seats))
    }
}

/// Fewer seats than this must be taken before so many more are without acknowledging any.
pub(super) fn room_for(seats: usize) -> usize {
    if seats <= FEW {
        PENDING_ROOM + 1 - seats
    } else if seats <= MOST_OF_GROUP {
        PENDING_ROOM_FOR_GROUPS + 1
    } else {
        PENDING_ROOM_FOR_BATCHES + 1
    }
}

/// Why a balance shard refused a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The organisation's debits are spread over shards, which the process did not know.
    Sharded,
    /// Some of the debits are pending already.
    AlreadyPending,
    /// Something was taken back that the main shard did not have: this one serves again once nothing is owed.
    Halted,
    /// There are only so many.
    NotEnough(Credits),
    /// It must be made ready first.
    NotReady,
    /// Credits came since it was made, after someone was told that there are not enough: the same for the epoch of now.
    Outdated,
    /// It is not counted by budgets as it is: for the reason, another one may be.
    NotCounted(NotCounted),
    /// Too many debits are pending.
    Full,
    /// A debit to acknowledge does not have the stamp that it had: the same without acknowledging may do.
    NotAsAcknowledged,
}

/// Why the shard that is shown refused. Where nothing else did, something to acknowledge is not as it was.
#[must_use]
pub fn refusal(shard: Option<&BalanceShard>, reservation: &Reservation) -> Refusal {
    why_refused(shard, reservation).unwrap_or(Refusal::NotAsAcknowledged)
}

/// Why the shard that is shown has to refuse; `None` where it need not: then the groups that are pending there were not the ones
/// that were supposed to be.
#[must_use]
pub fn why_refused(shard: Option<&BalanceShard>, reservation: &Reservation) -> Option<Refusal> {
    let Some(shard) = shard else { return Some(Refusal::NotEnough(Credits::ZERO)) };
    if reservation.unsharded && shard.sharding != Sharding::No {
        Some(Refusal::Sharded)
    } else if reservation.debits.iter().any(|debit| shard.pending.contains_key(&debit.id)) {
        Some(Refusal::AlreadyPending)
    } else if shard.halted {
        Some(Refusal::Halted)
    } else if shard.credits < reservation.credits() {
        Some(Refusal::NotEnough(shard.credits))
    } else if !shard.ready {
        Some(Refusal::NotReady)
    } else if shard.epoch != reservation.epoch {
        Some(Refusal::Outdated)
    } else if let Err(why) = reservation.counting.fits(&shard.budgets) {
        Some(Refusal::NotCounted(why))
    } else if shard.seats() >= reservation.room(Some(shard)) {
        Some(Refusal::Full)
    } else if !shard.has_or_has_not(&reservation.acknowledged) {
        Some(Refusal::NotAsAcknowledged)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MOST_ACKNOWLEDGED, MOST_IN_BATCH};

    fn id(last: u8) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        bytes[15] = last;
        DebitId::from_bytes(bytes).unwrap()
    }

    /// In another run for each `run`.
    fn id_of(run: u8, place: u8) -> DebitId {
        let mut bytes = id(place).bytes();
        bytes[14] = run;
        DebitId::from_bytes(bytes).unwrap()
    }

    fn reserving(places: &[u8]) -> Reservation {
        let debits =
            places.iter().map(|at| ReservedDebit { id: id(*at), credits: Credits(3), code: 51 }).collect();
        let at = Timestamp::from_ms(0);
        Reservation {
            debits,
            acknowledged: Vec::new(),
            unsharded: true,
            epoch: 0,
            counting: Counting::default(),
            at,
        }
    }

    #[test]
    fn a_refusal_has_the_reason_that_matters_most() {
        let (one, two) = (reserving(&[1]), reserving(&[1, 2]));
        let shard = BalanceShard { credits: Credits(3), ready: true, ..BalanceShard::default() };
        assert_eq!(refusal(None, &one), Refusal::NotEnough(Credits(0)));
        assert_eq!(refusal(Some(&shard), &one), Refusal::NotAsAcknowledged);
        assert_eq!(refusal(Some(&shard), &two), Refusal::NotEnough(Credits(3)), "both or none");
        let unready = BalanceShard { ready: false, ..shard.clone() };
        assert_eq!(refusal(Some(&unready), &one), Refusal::NotReady);
        let later = BalanceShard { epoch: 1, ..shard.clone() };
        assert_eq!(refusal(Some(&later), &one), Refusal::Outdated);
        assert_eq!(refusal(Some(&later), &two), Refusal::NotEnough(Credits(3)), "whatever the epoch");
        let mut full = shard.clone();
        for at in 0..PENDING_ROOM {
            full.pending.insert(id_of(1, 100 + u8::try_from(at).unwrap()), Stamp(17));
        }
        assert_eq!(refusal(Some(&full), &one), Refusal::Full);
        full.credits = Credits(2);
        assert_eq!(refusal(Some(&full), &one), Refusal::NotEnough(Credits(2)));
        full.pending.insert(id(2), Stamp(51));
        assert_eq!(refusal(Some(&full), &two), Refusal::AlreadyPending);
        let halted = BalanceShard { halted: true, ..shard.clone() };
        assert_eq!(refusal(Some(&halted), &one), Refusal::Halted, "whatever it has");
        assert_eq!(refusal(Some(&halted), &two), Refusal::Halted);
        full.sharding = Sharding::Since(Timestamp::from_ms(1));
        assert_eq!(refusal(Some(&full), &two), Refusal::Sharded);
        assert_eq!(refusal(Some(&full), &Reservation { unsharded: false, ..two }), Refusal::AlreadyPending);
    }

    /// Of runs of their own, and of one.
    #[test]
    fn no_reservation_takes_more_room_than_there_is() {
        for (count, apart) in (1..=MOST_IN_BATCH).flat_map(|count| [(count, 0), (count, 1)]) {
            let debits = (0..u8::try_from(count).unwrap()).map(|at| ReservedDebit {
                id: id_of(at * apart, at),
                credits: Credits(3),
                code: 51,
            });
            let one = Reservation { debits: debits.collect(), ..reserving(&[]) };
            let seats = one.change(None).seats();
            assert_eq!(seats, if apart == 1 || count == 1 { count } else { 2 });
            let with =
                |written| Reservation { acknowledged: vec![(id(200), Stamp(17)); written], ..one.clone() };
            for written in 0..=MOST_ACKNOWLEDGED {
                assert!(with(written).room(None) - 1 + seats <= PENDING_MOST, "{count} {apart} {written}");
            }
            assert!(one.room(None) > 22 || seats == 25, "{count} {apart}");
            let finished = with(MOST_ACKNOWLEDGED).room(None);
            assert!(
                finished > MOST_ACKNOWLEDGED + 20,
                "{count}: a batch that is finished stops no other debit"
            );
        }
    }
}
