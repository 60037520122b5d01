//! A reservation: credits set aside on a balance shard for some debits, all of them or none, and why one is refused.

use super::counting::{Counting, NotCounted};
use super::{BalanceShard, DebitId, MOST_ACKNOWLEDGED, MOST_IN_BATCH, Sharding, Stamp};
use crate::{Credits, Timestamp};

/// How many debits may be pending before another single one is refused for the moment: a shard with as many, of an
/// organisation with a name of usual length, stays below 1,024 bytes, so that a debit costs one write unit.
pub const PENDING_ROOM: usize = 26;
/// How many may be pending before a batch is refused for the moment.
const PENDING_ROOM_FOR_BATCHES: usize = 40;
/// How many debits are ever pending on one shard.
pub const PENDING_MOST: usize = PENDING_ROOM_FOR_BATCHES - 1 + MOST_ACKNOWLEDGED + MOST_IN_BATCH;

/// One debit of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedDebit {
    pub id: DebitId,
    pub credits: Credits,
    /// [`Stamp::code`] of it.
    pub code: i128,
}

/// One attempt to reserve credits of a balance shard for some debits, all of them or none, which also acknowledges that the
/// entries of others are written: these are pending no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// 1 to [`MOST_IN_BATCH`], each of another id.
    pub debits: Vec<ReservedDebit>,
    /// At most [`MOST_ACKNOWLEDGED`], none of them among `debits`; the entry of each is known to carry this very stamp.
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

    /// Fewer than this must be pending before.
    #[must_use]
    pub fn room(&self) -> usize {
        room_for(self.debits.len()) + self.acknowledged.len().min(MOST_ACKNOWLEDGED)
    }
}

/// Fewer than this must be pending before so many debits are reserved without acknowledging any.
pub(super) fn room_for(debits: usize) -> usize {
    if debits == 1 { PENDING_ROOM } else { PENDING_ROOM_FOR_BATCHES }
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

/// Why the shard that is shown refused.
#[must_use]
pub fn refusal(shard: Option<&BalanceShard>, reservation: &Reservation) -> Refusal {
    let Some(shard) = shard else { return Refusal::NotEnough(Credits::ZERO) };
    if reservation.unsharded && shard.sharding != Sharding::No {
        Refusal::Sharded
    } else if reservation.debits.iter().any(|debit| shard.pending.contains_key(&debit.id)) {
        Refusal::AlreadyPending
    } else if shard.halted {
        Refusal::Halted
    } else if shard.credits < reservation.credits() {
        Refusal::NotEnough(shard.credits)
    } else if !shard.ready {
        Refusal::NotReady
    } else if shard.epoch != reservation.epoch {
        Refusal::Outdated
    } else if let Err(why) = reservation.counting.fits(&shard.budgets) {
        Refusal::NotCounted(why)
    } else if shard.pending.len() >= reservation.room() {
        Refusal::Full
    } else {
        Refusal::NotAsAcknowledged
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
            full.pending.insert(id(100 + u8::try_from(at).unwrap()), Stamp(17));
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

    #[test]
    fn no_reservation_makes_more_pending_than_the_most() {
        for count in 1..=MOST_IN_BATCH {
            let places: Vec<u8> = (0..u8::try_from(count).unwrap()).collect();
            let with = |written| Reservation {
                acknowledged: vec![(id(200), Stamp(17)); written],
                ..reserving(&places)
            };
            for written in 0..=MOST_ACKNOWLEDGED {
                assert!(with(written).room() - 1 + places.len() <= PENDING_MOST, "{places:?} {written}");
            }
            assert!(
                with(MOST_ACKNOWLEDGED).room() > MOST_ACKNOWLEDGED,
                "a batch that is finished stops no other debit"
            );
        }
    }
}
