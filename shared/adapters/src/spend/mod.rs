//! Spending credits: two write units a debit, never negative, one answer per id for ever.
//!
//! A debit is two plain writes. The first takes the credits from the head of the balance and leaves the debit's id with
//! a tag in the head's ring; the second writes the ledger entry with that tag. Whoever finds an id in the ring can finish
//! the debit from its tag; an entry with another tag proves that the first write was applied twice, and what it took is
//! given back. An id leaves the ring only when its entry is known to carry its tag.
//!
//! Senders in the same AWS account can use this as a library, with the table permissions that the function `spend` has:
//!
//! ```no_run
//! # use saldo_adapters::{config::Env, dynamo::Store, spend::{Debited, SpendError, Spender}, world::World};
//! # use saldo_domain::{Debit, DebitId, Details, OrgId, Channel};
//! # async fn send(org: &OrgId, id: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let env = Env::of_process();
//! let world = World::of_lambda(&env)?;
//! let spender: Spender<Store> = Spender::new(world.store(&env)?); // once; clones share it
//! let credits = env.rates()?.rate(Channel::Sms, None);
//! let debit = Debit { id: DebitId::parse(id)?, credits, channel: Channel::Sms, details: Details::default() };
//! match spender.debit(org, &debit, world.clock().now()).await {
//!     Ok(Debited { available, .. }) => println!("send it; {available} credits are left"),
//!     Err(SpendError::NotEnough(available)) => println!("do not send it; there are {available} credits"),
//!     Err(error) => return Err(error.into()), // repeat it with the same id
//! }
//! # Ok(())
//! # }
//! ```

mod memory;
mod port;
mod spender;

pub use port::{Heads, Reversed, Stored, Taken, Written};
pub use spender::{Debited, SpendError, Spender};
