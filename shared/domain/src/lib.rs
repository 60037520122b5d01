//! The rules of buying and spending credits: pure, without I/O, clock or async.
//!
//! Time and identifiers come in as arguments. What Stripe says comes in as [`InvoiceFacts`]; what to do about it goes out
//! as a [`Change`].

mod account;
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
mod spend;
mod timestamp;
mod top_up;

pub use account::{Actor, Subject};
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
pub use spend::{
    Debit, DebitEntry, DebitId, Details, Funds, Gain, Head, MOST_PORTIONS, MOST_TRIMS, Portion, RING_MOST,
    RING_ROOM, Reference, Refusal, Reversal, RunId, Shard, Shards, ShardsError, Split, TURN, Tag, Take,
    gather, refusal, total,
};
pub use timestamp::Timestamp;
pub use top_up::{InvoiceLink, ReviewReason, Status, TopUp};
