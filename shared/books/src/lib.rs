//! The use cases of proving the books: what the provider says against the rows, balances against their ledgers.
//!
//! | use case | what it does | what it repairs |
//! |---|---|---|
//! | [`Reconciliation::run`] | all of these, as far as there is time | |
//! | `events.rs` | what the provider told since the last run, once more through the worker's own use case | a webhook that never came |
//! | `invoices.rs` | every invoice of this deployment of the last 40 days against its row | what no event told |
//! | `organisation.rs` | an organisation's balance against its entries, its rows against their entries, its open rows against the provider; its final months are closed | debits that were left half done |
//!
//! What is repaired is what the use cases of money do whenever they see the same; nothing here moves a credit by itself. A
//! run stops before its time is over, and the next one goes on where it stopped: sweeps keep their place, and of
//! organisations the one comes first that was not looked at for the longest.

mod cut;
mod events;
mod finding;
mod invoices;
mod organisation;
mod port;
mod run;
mod settled;
mod time;

use saldo_credits::Spender;
use saldo_top_ups::TopUps;

pub use finding::Scope;
pub use port::{Books, DueOrganisation, LedgerPage, ListedEvent, Page, Place, Provider, RowPage, SweepOf};

pub use time::Time;

/// Proves the books of a table `S` against itself and against the provider `P`.
#[derive(Debug)]
pub struct Reconciliation<S, P> {
    pub top_ups: TopUps<S, P>,
    pub spender: Spender<S>,
}
