//! A refund of ours between its credits, which are taken, and its money, of which nothing is known yet.

use super::entitlement::{disputed, refunded};
use crate::{Credits, OperationId, Reason, Returned, Timestamp};

/// Money that is being given back. Its credits are taken; whether the provider was asked, and what it did, is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundUnderWay {
    /// The operation that it is; its credit note carries the same id.
    pub operation: OperationId,
    pub reason: Reason,
    pub credits: Credits,
    /// In minor units of the purchase's currency.
    pub money: i64,
    /// What had been given back before it, in the same.
    pub before: i64,
    /// What the provider told beside it when it was last looked at. It changes no credits while this is under way, and is kept
    /// so that whoever undoes it by what was true before finds another row.
    pub told: ToldBeside,
    /// Whether the money goes back by another way than the provider, which only keeps the document.
    pub out_of_band: bool,
    pub since: Timestamp,
    /// When the provider was last asked for it.
    pub tried_at: Timestamp,
    /// How often somebody set out to ask it.
    pub tries: i64,
    /// How many idempotency keys were used up: the answers under them stay unclear for ever.
    pub keys_used: i64,
}

/// Money that went back by all that the provider tells, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToldBeside {
    pub refunded: i64,
    /// What payers' banks hold.
    pub disputed: i64,
}

impl ToldBeside {
    #[must_use]
    pub fn of(returned: &Returned) -> ToldBeside {
        ToldBeside { refunded: refunded(returned), disputed: disputed(returned) }
    }
}

/// How long after it was sent a request may still arrive, in seconds: far longer than any function may run.
const IN_FLIGHT_SECS: i64 = 60;
/// The shortest and the longest wait before one that nobody repeats is looked after, in seconds.
const WAITS_SECS: (i64, i64) = (5 * 60, 6 * 3600);

impl RefundUnderWay {
    /// The provider's idempotency key for it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-refund-{}", self.operation.as_str(), self.keys_used)
    }

    /// Whether the provider tells of it.
    #[must_use]
    pub fn is_among(&self, returned: &Returned) -> bool {
        returned.credit_notes.iter().any(|note| note.made_for.as_ref() == Some(&self.operation))
    }

    /// The same while it is under way by what the provider tells now; `None` once that tells of it.
    #[must_use]
    pub fn beside(&self, returned: &Returned) -> Option<RefundUnderWay> {
        let still = !self.is_among(returned);
        still.then(|| RefundUnderWay { told: ToldBeside::of(returned), ..self.clone() })
    }

    /// Whether nothing of it can be seen, and nothing that might be it: no more was given back than before it.
    #[must_use]
    pub fn has_left_no_mark(&self, returned: &Returned) -> bool {
        !self.is_among(returned) && refunded(returned) <= self.before
    }

    /// Whether a request that was sent before may still arrive, so that a refusal says nothing for good.
    #[must_use]
    pub fn may_still_arrive(&self, now: Timestamp) -> bool {
        now.secs_since(self.tried_at) < IN_FLIGHT_SECS
    }

    /// The same, asked for once more.
    #[must_use]
    pub fn tried_again(&self, now: Timestamp) -> RefundUnderWay {
        RefundUnderWay { tried_at: now, tries: self.tries.saturating_add(1), ..self.clone() }
    }

    /// When it is looked after by itself: its age doubles in between.
    #[must_use]
    pub fn next_check(&self) -> Timestamp {
        let (shortest, longest) = WAITS_SECS;
        self.tried_at.plus_secs(self.tried_at.secs_since(self.since).clamp(shortest, longest))
    }
}
