//! The stamp: the mark that the database gives one application of a debit to a balance shard.

use super::ShardId;
use crate::{Channel, Credits};

/// How far the sequence of a balance shard moves with every reservation.
pub const SEQUENCE_STEP: i64 = 65_536;
const CHANNELS: i64 = 16;
/// The sequence of shard `n` starts at `n` times this, so that no two shards ever give the same stamp: room for a million
/// million reservations each.
const SHARD_SEQUENCE: i64 = 1 << 56;

/// The mark of one application of a debit to a balance, given by the database: no two applications of an id share one,
/// and it tells what was reserved and from which shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64);

impl Stamp {
    /// What a debit adds to the sequence to make its stamp; below one step.
    #[must_use]
    pub fn code(credits: Credits, channel: Channel) -> Option<i64> {
        let code = credits.0.checked_mul(CHANNELS)?.checked_add(channel.code())?;
        (credits > Credits::ZERO && code < SEQUENCE_STEP).then_some(code)
    }

    /// The credits that were reserved.
    #[must_use]
    pub fn credits(self) -> Credits {
        Credits(self.0.rem_euclid(SEQUENCE_STEP) / CHANNELS)
    }

    #[must_use]
    pub fn channel(self) -> Option<Channel> {
        Channel::of_code(self.0.rem_euclid(SEQUENCE_STEP) % CHANNELS)
    }

    /// Which balance shard gave it.
    #[must_use]
    pub fn shard(self) -> ShardId {
        ShardId::of_number(self.0.div_euclid(SHARD_SEQUENCE))
    }
}

impl ShardId {
    /// Where the sequence of this balance shard starts.
    #[must_use]
    pub fn first_sequence(self) -> i64 {
        i64::from(self.number()) * SHARD_SEQUENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_what_was_reserved_and_where() {
        for shard in ShardId::balances() {
            for channel in [Channel::Email, Channel::Whatsapp, Channel::Sms] {
                for credits in [1, 2, 1_000, 4_095] {
                    let code = Stamp::code(Credits(credits), channel).unwrap();
                    let stamp = Stamp(shard.first_sequence() + 7 * SEQUENCE_STEP + code);
                    let told = (stamp.credits(), stamp.channel(), stamp.shard());
                    assert_eq!(told, (Credits(credits), Some(channel), shard));
                }
            }
        }
        for credits in [-1, 0, 4_096, i64::MAX] {
            assert_eq!(Stamp::code(Credits(credits), Channel::Email), None, "{credits}");
        }
        assert_eq!(Stamp(16).channel(), None);
    }
}
