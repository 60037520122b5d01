//! The table: what is written together, and under which conditions.

mod attributes;
mod audits;
mod balance_shards;
mod balances;
mod books;
mod budgets;
mod closings;
mod counters;
mod due;
mod errors;
mod hold_items;
mod holds;
mod keys;
mod listed;
mod months;
mod pending;
mod posting;
mod proposals;
mod reads;
mod redrives;
mod reports;
mod reviews;
mod rows;
mod runs;
mod sender_keys;
mod settings;
mod short_names;
mod top_ups;
mod trail;
mod transactions;

use aws_sdk_dynamodb::Client;

pub use due::{Due, DueWork};
pub use listed::Place;
pub use months::Ledger;
pub use posting::Posted;
pub use reads::{Balance, Page};
pub use redrives::{Redrive, RedriveAsked};
pub use trail::Trail;

/// The one table of Saldo. All reads of a decision are consistent, all writes conditional.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    pub(crate) fn new(client: Client, table: &str) -> Store {
        Store { client, table: table.to_owned() }
    }
}
