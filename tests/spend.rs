//! Spending: histories of the protocol, its planted bugs, and debits over HTTP.
mod bugs;
mod history;
mod simulator;
mod store;
