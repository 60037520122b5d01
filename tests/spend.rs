//! Spending: histories of the protocol, its planted bugs, and debits over HTTP.
mod bugs;
mod cases;
mod contract;
mod history;
mod http;
mod simulator;
mod store;
