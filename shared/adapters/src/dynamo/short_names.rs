//! What the short attribute names stand for: they are short because the size of these two items is what spending costs.
//!
//! A balance shard stays below 1 KB with [`saldo_domain::PENDING_ROOM`] seats taken, and the item of a run with ten
//! debits, so that each is one write unit; every letter of a name counts once for each debit.

/// Of a balance shard.
pub(super) mod shard {
    /// The sequence: counts reservations.
    pub(in super::super) const SEQUENCE: &str = "v";
    /// The pending debits: a map from ids, 22 characters each, to stamps, and from runs, 21 characters each, to the sequences of
    /// pending groups, with their codes beside them.
    pub(in super::super) const PENDING: &str = "q";
    /// Counts movements of credits that are no debits.
    pub(in super::super) const MOVEMENTS: &str = "g";
    /// Since when debits are spread over shards, in milliseconds; 0 while that is announced. Of the main shard only.
    pub(in super::super) const SHARDING: &str = "s";
    /// Over how many shards the organisation wants its debits spread. Of the main shard only.
    pub(in super::super) const SHARDS: &str = "n";
    /// How many of these are what came back of holds, and the credits of all of them. Of the main shard only.
    pub(in super::super) const RETURNS: &str = "i";
    pub(in super::super) const RETURNED: &str = "r";
    /// There when the organisation may have holds. Of the main shard only.
    pub(in super::super) const HOLDS: &str = "h";
    /// When credits were last reserved, in seconds.
    pub(in super::super) const RESERVED_AT: &str = "t";
    /// The epoch that reservations must know; absent for the first one, 0.
    pub(in super::super) const EPOCH: &str = "e";
    /// By how much the epoch moves when credits come: 1 when someone was refused since they last came.
    pub(in super::super) const REFUSED: &str = "f";
    /// The version of the budgets that the shard knows; less than nothing while it is to be settled. Absent where none were set.
    pub(in super::super) const BUDGETS: &str = "c";
    /// The day of its counters.
    pub(in super::super) const DAY: &str = "d";
    /// Before a budget's number: what was counted of it. No other name begins so.
    pub(in super::super) const COUNTER: &str = "u";
    /// There while the shard is halted, since the main one may owe. Never of the main shard.
    pub(in super::super) const HALTED: &str = "o";
}

/// Of the item of a run, in which each debit is a map under its place, `00` to `31`.
pub(super) mod run {
    /// Who sent the messages: in the item for all of them, and in a debit where it is someone else.
    pub(in super::super) const ACTOR: &str = "by";
    pub(in super::super) const STAMP: &str = "t";
    /// The credits that were spent.
    pub(in super::super) const SPENT: &str = "n";
    /// The credits that were available after it.
    pub(in super::super) const AVAILABLE: &str = "a";
    /// By how many seconds it was booked later than its id was made; absent where it was the same second.
    pub(in super::super) const BOOKED: &str = "b";
    pub(in super::super) const CHANNEL: &str = "ch";
    pub(in super::super) const COUNTRY: &str = "co";
    pub(in super::super) const REFERENCE: &str = "r";
    /// How many units; absent for one.
    pub(in super::super) const UNITS: &str = "u";
    pub(in super::super) const CLASS: &str = "cl";
    /// Of a hold: until when, in seconds.
    pub(in super::super) const ENDS_AT: &str = "h";
    /// There when a hold is captured at its end.
    pub(in super::super) const CAPTURED_AT_END: &str = "hc";
    /// Of a quota: until when its sender uses it, in seconds.
    pub(in super::super) const VALID_UNTIL: &str = "hv";
    /// How a hold was ended; absent while it is open.
    pub(in super::super) const ENDED: &str = "o";
    /// When it was, in seconds.
    pub(in super::super) const ENDED_AT: &str = "oa";
    /// The credits that were charged then, and their units.
    pub(in super::super) const CAPTURED: &str = "oc";
    pub(in super::super) const CAPTURED_UNITS: &str = "ou";
    /// What was charged instead of what was held: channel, class, country, and the version of the rates.
    pub(in super::super) const CHARGED_CHANNEL: &str = "och";
    pub(in super::super) const CHARGED_CLASS: &str = "ocl";
    pub(in super::super) const CHARGED_COUNTRY: &str = "oco";
    pub(in super::super) const CHARGED_VERSION: &str = "ow";
    /// Of a quota that had ended: when it was told what was used of it, in milliseconds; the credits and units, and as what.
    pub(in super::super) const REPORTED_AT: &str = "la";
    pub(in super::super) const REPORTED: &str = "lc";
    pub(in super::super) const REPORTED_UNITS: &str = "lu";
    pub(in super::super) const REPORTED_CHANNEL: &str = "lch";
    pub(in super::super) const REPORTED_CLASS: &str = "lcl";
    pub(in super::super) const REPORTED_COUNTRY: &str = "lco";
    pub(in super::super) const REPORTED_VERSION: &str = "lw";
    /// There when it was ended too late for its month.
    pub(in super::super) const ENDED_LATE: &str = "ol";
    /// The version of the rates: in the item for all of them, and in a debit where it is another one; 0 where it is not known.
    pub(in super::super) const VERSION: &str = "w";
    /// Before a place: when the debit there was reversed, in milliseconds, beside the debits.
    pub(in super::super) const REVERSED: &str = "x";
    /// By which budgets it was counted, where it was: their numbers, `3,7`, and the day behind `@` where it is not the id's.
    pub(in super::super) const COUNTED: &str = "k";
    /// There when the debit does not say all that its sender said: 2 when only the reference may be missing, else 1.
    pub(in super::super) const BY_REPAIR: &str = "by_repair";
    /// There when its sender said it too late for the month: what was known before, like the one above.
    pub(in super::super) const LATE: &str = "late";
}
