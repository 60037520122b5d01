//! Spending: histories of the protocol, its planted bugs, debits over HTTP, and what they add up to.
mod batches;
mod bugs;
mod cases;
mod contract;
mod history;
mod http;
mod office;
mod shards;
mod simulator;
mod told;
mod trouble;
mod usage;
