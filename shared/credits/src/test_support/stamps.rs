//! The stamps that a balance shard gives, and takes off its pending debits.

use saldo_domain::{BalanceShard, DebitId, ReservedDebit, SEQUENCE_STEP, Stamp};

use super::Bug;

/// A stamp without its units, of [`Bug::UnitsNotInStamp`].
const UNITS_LEFT_OUT: i128 = !(((1 << 30) - 1) << 86);
/// What a number of 64 bits keeps of a stamp, of [`Bug::LongStampsCutOff`].
const CUT_OFF: i128 = (1 << 63) - 1;

/// The stamp of a debit that is reserved at this sequence.
pub(super) fn given(bug: Option<Bug>, sequence: i64, debit: &ReservedDebit) -> Stamp {
    let stamp = Stamp::given(sequence, debit.code);
    match bug {
        Some(Bug::ClientStamp) => Stamp::given(SEQUENCE_STEP * i64::from(debit.id.place()), debit.code),
        Some(Bug::UnitsNotInStamp) => Stamp(stamp.0 & UNITS_LEFT_OUT),
        Some(Bug::HoldNotInStamp) => Stamp(stamp.0 & !(1 << 124)),
        Some(Bug::LongStampsCutOff) => Stamp(stamp.0 & CUT_OFF),
        Some(_) | None => stamp,
    }
}

/// These are pending no more, each where it is pending with its stamp.
pub(super) fn acknowledged_in(bug: Option<Bug>, shard: &mut BalanceShard, written: &[(DebitId, Stamp)]) {
    let unguarded = matches!(bug, Some(Bug::UnguardedAcknowledging | Bug::UnguardedRepair));
    shard
        .pending
        .retain(|id, there| !written.iter().any(|(done, stamp)| done == id && (unguarded || stamp == there)));
}
