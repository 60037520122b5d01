//! Spending credits: two write units a debit, never negative, one answer per id for ever.
//!
//! A debit is two plain writes and no transaction. What is written in which phase, what a crash behind it leaves, and who
//! repairs that:
//!
//! | phase | what is written | a crash behind it leaves | who repairs it |
//! |---|---|---|---|
//! | 1 look up (`debit.rs`), only for an id that may be a repeat | nothing | nothing | nobody needs to |
//! | 2 reserve (`reserve.rs`) | one update of a balance shard: credits less, the sequence one step further, the id pending with its **stamp** | credits reserved, no entry | its repeat; its reversal; whoever finds it far behind or in the way; balance, history, cleanup, once the shard has been idle for a minute (`repair.rs`) |
//! | 3 enter (`finish.rs`) | the ledger entry with that stamp, unless there is one | the debit pending though its entry is written | the next reservation of the process that wrote it; else as above |
//! | 3a give back, where the entry carries another stamp | one update of the shard: credits back, the id pending no more, if it still has this stamp | credits reserved twice for one id | as behind phase 2 |
//! | 4 acknowledge, with the next reservation, or at once in a crowd by a process that comes seldom | the id pending no more, if it still has this stamp | nothing | nobody needs to |
//! | turn, allow (`budgets.rs`), when a day begins, budgets were changed, or a shard may count too little | counters of budgets of one shard, or of several in a transaction | nothing | nobody needs to |
//! | rebalance (`cover.rs`), when a shard runs short | a transaction: credits of several shards | nothing | nobody needs to |
//! | shard (`sharding.rs`), once in the life of an organisation | announced; then since when | announced, and nothing can be reserved | whoever comes next |
//! | complete (`lookup.rs`), where repair wrote the entry from its stamp alone | what its sender says, once | nothing | nobody needs to |
//! | fence (`cover.rs`), before a refusal for lack of credits | the shard keeps that someone was refused, or begins a new epoch | nothing | nobody needs to |
//! | claim (`keyed.rs`), where the sender has a key for an id | which id the key stands for, if it stands for none | a key whose id nobody has used | its sender's repeat |
//! | close, replace (`keyed.rs`), where that id is too old to be used first | in the ledger that nothing will ever be there, if nothing is; then another id for the key, if it still has this one | a key whose id is over | its sender's repeat |
//! | hold (`hold.rs`) | as a debit, with a stamp and an entry that say that it is a hold | as a debit | as a debit |
//! | capture, release, extend (`hold.rs`), end (`open_holds.rs`) | the entry, if it is as it was read; with what comes back, a transaction with the balance | nothing | nobody needs to |
//! | reverse (`reverse.rs`) | a transaction: entry, mark at the debit's own, balance | nothing | nobody needs to |
//!
//! The database makes the stamp, so that every application of an id has its own, and whoever finds only the stamp still
//! knows what was reserved and on which shard. An id is pending until its entry is known to carry its stamp: pending or in
//! the ledger, it is never forgotten.
//!
//! Repair may come at any time, also before the living: an entry that it writes says no more than the stamp, and is nobody's
//! message until the first one of its channel completes it. So one id is one message, and its sender is told that it is new.
//!
//! A refusal is for good. Reservations carry the epoch of their shard, which moves on when credits come after somebody was
//! refused: an attempt of before that arrives late finds either too few credits or another epoch.
//!
//! Where more calls want to reserve on a shard than it serves, they take turns (`admission.rs`): a call that finds no room
//! waits, looks by reads, and is told when to come again, [`SpendError::Crowded`]. Nothing is written for that.
//!
//! Batches are the same with several ids in one reservation, all of them or none. Where one item is too slow for an
//! organisation, its debits are spread over several balance shards; which of two applications counts is decided by the
//! entry as before, so that processes may disagree about the number of shards.
//!
//! Senders in the same AWS account can use this as a library, over the table of `saldo_adapters`, with the table permissions
//! that the function `spend` has:
//!
//! ```
//! # use saldo_credits::{Balances, Debited, SpendError, Spender};
//! # use saldo_domain::{Actor, Channel, Debit, DebitId, Details, Meters, OrgId, Timestamp, Units};
//! # async fn send(
//! #     spender: Spender<impl Balances>, meters: Meters, org: &OrgId, actor: &Actor, id: &str, now: Timestamp,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let details = Details { units: Units::new(2).unwrap_or_default(), ..Details::default() }; // two segments
//! let debit = Debit::new(&meters, DebitId::parse(id)?, Channel::SMS, details)?;
//! match spender.debit(org, actor, &debit, now).await {
//!     Ok(Debited { available, .. }) => println!("send it; {available} credits are left"),
//!     Err(SpendError::NotEnough { available, .. }) => println!("do not send it; there are {available} credits"),
//!     Err(error) => return Err(error.into()), // repeat it with the same id
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a process debits at the same time shares its writes. Who needs no id of its own lets Saldo choose one, before the call
//! (`Spender::choose_id`) or with it, so that entries lie together as well:
//!
//! ```
//! # use saldo_credits::{Balances, NotSent, Order, Spender};
//! # use saldo_domain::{Actor, Channel, Details, Meters, OrgId, Timestamp};
//! # async fn send(
//! #     spender: Spender<impl Balances>, meters: Meters, org: &OrgId, actor: &Actor, now: Timestamp,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let order = Order::new(&meters, Channel::SMS, Details::default(), None, now)?;
//! match spender.send(org, actor, &order, now).await {
//!     Ok(debited) => println!("send it; its debit is {}", debited.id),
//!     Err(NotSent { error, debit }) => println!("{error}; repeat it as {}", debit.id),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `spender` is made once, `Spender::new(world.store(&env)?).with_shards(env.shards()?)`, and its clones share what it knows.

mod admission;
mod budgets;
mod call;
mod cover;
mod debit;
mod finish;
mod group;
mod hold;
mod keyed;
mod lookup;
mod open_holds;
mod outcome;
mod port;
mod process;
mod repair;
mod reserve;
mod reverse;
mod send;
mod sharding;
mod spender;
#[cfg(feature = "test-support")]
pub mod test_support;

pub use budgets::{BudgetError, BudgetsSpent};
pub use group::{NotSent, Order};
pub use hold::{Held, Settled, Settlement};
pub use keyed::NotKeyed;
pub use open_holds::Ended;
pub use outcome::{Debited, Outcome, SpendError};
pub use port::{Balances, Keys, OpenHolds, OpenHoldsOf, Reserved, Reversed, Stored, Written};
pub use spender::Spender;
