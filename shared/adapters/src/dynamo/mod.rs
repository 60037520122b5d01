//! The table: what is written together, and under which conditions.

mod attributes;
mod balance_shards;
mod balances;
mod errors;
mod keys;
mod months;
mod reads;
mod rows;
mod runs;
mod short_names;
mod writes;

use aws_sdk_dynamodb::Client;

pub use months::Ledger;
pub use reads::{Balance, Due, Page};
pub use writes::Begun;

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
