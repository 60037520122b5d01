//! The rules of buying and spending credits: pure, without I/O, clock or async.
//!
//! Time and identifiers come in as arguments. What Stripe says comes in as [`InvoiceFacts`]; what to do about it goes out
//! as a [`Change`].

mod account;
mod balance;
mod credits;
mod currency;
mod decide;
mod ids;
mod invoice;
mod ledger;
mod money;
mod payment_failure;
mod permission;
mod port_error;
mod price_list;
mod rates;
mod timestamp;
mod top_up;

pub use account::{Actor, Subject};
pub use balance::{
    BalanceShard, BalanceShards, Debit, DebitEntry, DebitId, Details, MOST_ACKNOWLEDGED, MOST_IN_BATCH,
    MOST_SHARDS, PENDING_MOST, PENDING_ROOM, Rebalance, Reference, Refusal, Reservation, ReservedDebit,
    Reversal, RunId, SEQUENCE_STEP, ShardCounts, ShardCountsError, ShardId, Sharding, Stamp, rebalance,
    refusal, total,
};
pub use credits::Credits;
pub use currency::{Currency, UnknownCurrency};
pub use decide::{Change, Commit, Nothing, Policy, Seen, apply, decide};
pub use ids::{IdempotencyKey, InvalidId, OrgId, TopUpId};
pub use invoice::{InvoiceFacts, InvoiceStatus, Payment, PaymentKind};
pub use ledger::{Entry, EntryId, EntryKind, Month};
pub use money::Money;
pub use payment_failure::PaymentFailure;
pub use permission::{Permission, Permissions};
pub use port_error::PortError;
pub use price_list::{PriceList, PriceListError, Purchase, Quote, QuoteError, TaxPercent};
pub use rates::{Channel, Country, Rates, RatesError};
pub use timestamp::Timestamp;
pub use top_up::{InvoiceLink, ReviewReason, Status, TopUp};
