//! The least that each call could cost under the money rules, and what it may cost with a stated reason.

use crate::meter::capacity::Counts;

/// A call's bounds.
pub(crate) struct Bound {
    pub(crate) call: &'static str,
    pub(crate) least: Counts,
    pub(crate) allowed: Counts,
    /// Why it may cost more than the least; empty where it does not.
    pub(crate) why: &'static str,
}

const CONSISTENT: &str = "consistent read";
const CONSISTENT_AND_INVOICE: &str = "consistent read; the invoice is remembered apart from the row by id and number, so that it is found without its metadata and by what it says; the trail";
const FIRST: &str = "consistent read; the invoice is remembered apart from the row by id and number, so that it is found without its metadata and by what it says; the organisation is listed, so that its books are compared; the trail";
const CONSISTENT_AND_ENTRIES: &str = "consistent read; each row names the entries by which it was posted";
const CONFLICT: &str =
    "conditional write first; Stripe is asked, so that a slot whose top-up is over frees itself";
const AGAIN: &str = "conditional write first";
const CREDIT: &str = "slot apart from the balance; consistent read; the trail";
const PAID_WITH: &str = "consistent read; the trail; how it was paid is asked once, behind the credit";
const CONSISTENT_AND_TRAIL: &str = "consistent read; the trail";
const RETURNED: &str = "consistent read; the row is found by its invoice, which is remembered apart; what moved credits is looked at once more, as it may be over; the trail";
const REMEMBERED: &str =
    "consistent read; the row is found by its invoice, which is remembered apart; the trail";
const HEAD: &str = "consistent read; the balance is read too, to finish debits that were left half done";
const PARTITIONS: &str = "due work is spread over ten partitions";
const PARTITIONS_AND_HEAD: &str = "due work is spread over ten partitions; consistent read; the balance is read too, to finish debits that were left half done";

const PARTITIONS_HEAD_AND_TRAIL: &str = "due work is spread over ten partitions; consistent read; the balance is read too, to finish debits that were left half done; the trail";

const OPERATED: &str = "consistent read; the key is kept before anything is done, so that whoever is cut off goes on; who, when and why; the trail";
const OPERATED_BEFORE: &str = "conditional write first: the key tells what was done";
const REFUNDED: &str = "consistent read; the key is kept before anything is done; what went back is asked before its credits are taken, and once the provider has made it; who, when and why; the trail";
const RECONCILED: &str = "consistent read; the list of organisations has eight parts; every balance shard and ledger there may be is read; where the run stands is kept, so that one that is cut off goes on; in a month's first days, also what closing the month before it takes";

/// In the order of a top-up's life.
pub(crate) const BOUNDS: [Bound; 46] = [
    exact("quote", cost(0, [0, 0], 0, 0, 0)),
    Bound {
        call: "create, the organisation's first",
        least: cost(5, [9, 1], 1, 4, 0),
        allowed: cost(8, [18, 2], 2, 4, 0),
        why: FIRST,
    },
    Bound {
        call: "create, later ones",
        least: cost(4, [8, 1], 1, 3, 0),
        allowed: cost(7, [16, 1], 2, 3, 0),
        why: CONSISTENT_AND_INVOICE,
    },
    Bound {
        call: "create, after the contact changed",
        least: cost(5, [9, 1], 1, 4, 0),
        allowed: cost(8, [17, 1], 2, 4, 0),
        why: CONSISTENT_AND_INVOICE,
    },
    Bound {
        call: "create, refused: one is open (409)",
        least: cost(2, [0, 0], 2, 0, 0),
        allowed: cost(2, [8, 0], 2, 1, 0),
        why: CONFLICT,
    },
    Bound {
        call: "create, the same request again (200)",
        least: cost(2, [0, 0], 2, 0, 0),
        allowed: cost(2, [8, 0], 2, 0, 0),
        why: AGAIN,
    },
    exact("webhook", cost(0, [0, 0], 0, 0, 1)),
    Bound {
        call: "worker, credits",
        least: cost(2, [6, 1], 1, 1, 0),
        allowed: cost(2, [10, 1], 2, 1, 0),
        why: CREDIT,
    },
    Bound {
        call: "worker, the same event again",
        least: cost(1, [0, 0], 1, 1, 0),
        allowed: cost(3, [2, 0], 2, 2, 0),
        why: PAID_WITH,
    },
    Bound {
        call: "worker, a refund",
        least: cost(2, [6, 0], 1, 5, 0),
        allowed: cost(6, [8, 0], 10, 9, 0),
        why: RETURNED,
    },
    Bound {
        call: "worker, the same refund again",
        least: cost(1, [0, 0], 1, 5, 0),
        allowed: cost(3, [1, 0], 4, 5, 0),
        why: REMEMBERED,
    },
    Bound {
        call: "worker, nothing to do (canceled before)",
        least: cost(1, [0, 0], 1, 1, 0),
        allowed: cost(2, [1, 0], 2, 1, 0),
        why: CONSISTENT_AND_TRAIL,
    },
    Bound {
        call: "balance, nothing open",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(1, [0, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "balance, a top-up open",
        least: cost(2, [0, 0], 2, 0, 0),
        allowed: cost(2, [0, 0], 4, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "top-ups, a page of 20",
        least: cost(1, [0, 0], 3, 0, 0),
        allowed: cost(1, [0, 0], 8, 0, 0),
        why: CONSISTENT_AND_ENTRIES,
    },
    Bound {
        call: "one top-up",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(1, [0, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "entries, a page of 20",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(2, [0, 0], 4, 0, 0),
        why: HEAD,
    },
    Bound {
        call: "cancel",
        least: cost(2, [4, 1], 1, 1, 0),
        allowed: cost(3, [7, 1], 2, 1, 0),
        why: CONSISTENT_AND_TRAIL,
    },
    exact("debit, the organisation's first", cost(2, [2, 0], 0, 0, 0)),
    exact("debit, later ones", cost(2, [2, 0], 0, 0, 0)),
    Bound {
        call: "debit, the same again (200)",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(1, [0, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "debit, refused: not enough left (402)",
        least: cost(2, [1, 0], 1, 0, 0),
        allowed: cost(2, [1, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "debit, the first refused since credits came (402)",
        least: cost(3, [2, 0], 1, 0, 0),
        allowed: cost(3, [2, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    exact("debit, a process's first since credits came behind it", cost(3, [3, 0], 0, 0, 0)),
    exact("debit under a key", cost(3, [3, 0], 0, 0, 0)),
    Bound {
        call: "debit under a key, the same again (200)",
        least: cost(2, [1, 0], 1, 0, 0),
        allowed: cost(2, [1, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "debit, reversed",
        least: cost(2, [6, 0], 1, 0, 0),
        allowed: cost(2, [6, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    Bound {
        call: "debit, reversed again",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(1, [0, 0], 2, 0, 0),
        why: CONSISTENT,
    },
    exact("debits, a batch of ten in one run", cost(2, [2, 0], 0, 0, 0)),
    exact("debits, a batch of ten at random", cost(11, [11, 0], 0, 0, 0)),
    exact("debit, later ones of an organisation with shards", cost(2, [2, 0], 0, 0, 0)),
    exact("beside it: a transaction of three items", cost(1, [6, 0], 0, 0, 0)),
    exact("beside it: a transaction of two items", cost(1, [4, 0], 0, 0, 0)),
    Bound {
        call: "cleanup, nothing due",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(10, [0, 0], 10, 0, 0),
        why: PARTITIONS,
    },
    Bound {
        call: "cleanup, one checked",
        least: cost(3, [1, 2], 2, 1, 0),
        allowed: cost(13, [1, 2], 14, 1, 0),
        why: PARTITIONS_AND_HEAD,
    },
    Bound {
        call: "cleanup, one expired",
        least: cost(3, [4, 1], 2, 1, 0),
        allowed: cost(13, [6, 1], 14, 1, 0),
        why: PARTITIONS_HEAD_AND_TRAIL,
    },
    Bound {
        call: "staff, extend",
        least: cost(2, [4, 2], 1, 0, 0),
        allowed: cost(5, [8, 2], 6, 0, 0),
        why: OPERATED,
    },
    Bound {
        call: "staff, settle what is settled",
        least: cost(2, [1, 0], 1, 4, 0),
        allowed: cost(6, [5, 0], 6, 4, 0),
        why: OPERATED,
    },
    Bound {
        call: "staff, refund",
        least: cost(4, [9, 1], 2, 6, 0),
        allowed: cost(10, [16, 2], 14, 13, 0),
        why: REFUNDED,
    },
    Bound {
        call: "staff, the same refund again (200)",
        least: cost(1, [0, 0], 1, 0, 0),
        allowed: cost(4, [2, 0], 6, 0, 0),
        why: OPERATED_BEFORE,
    },
    Bound {
        call: "worker, a refund of the staff's",
        least: cost(1, [0, 0], 1, 5, 0),
        allowed: cost(4, [2, 0], 4, 5, 0),
        why: REMEMBERED,
    },
    Bound {
        call: "staff, adjust",
        least: cost(2, [6, 0], 1, 0, 0),
        allowed: cost(4, [8, 0], 4, 0, 0),
        why: OPERATED,
    },
    Bound {
        call: "reconcile, nothing there",
        least: cost(3, [1, 0], 1, 1, 0),
        allowed: cost(13, [3, 0], 12, 2, 0),
        why: RECONCILED,
    },
    Bound {
        call: "reconcile, the first time of an organisation",
        least: cost(5, [3, 2], 3, 1, 0),
        allowed: cost(40, [10, 4], 60, 16, 0),
        why: RECONCILED,
    },
    Bound {
        call: "reconcile, half an hour later",
        least: cost(3, [1, 0], 1, 1, 0),
        allowed: cost(13, [3, 0], 12, 2, 0),
        why: RECONCILED,
    },
    Bound {
        call: "reconcile, the same organisation a day later",
        least: cost(5, [3, 2], 3, 1, 0),
        allowed: cost(40, [10, 4], 60, 16, 0),
        why: RECONCILED,
    },
];

const fn exact(call: &'static str, cost: Counts) -> Bound {
    Bound { call, least: cost, allowed: cost, why: "" }
}

/// Writes are whole units of table and index, reads half units.
const fn cost(dynamodb: u32, writes: [u32; 2], half_reads: u32, stripe: u32, sqs: u32) -> Counts {
    let [table, index] = writes;
    Counts { dynamodb, table_writes: 2 * table, index_writes: 2 * index, reads: half_reads, stripe, sqs }
}
