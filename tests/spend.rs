//! Spending: histories of the protocol, its planted bugs, debits over HTTP, and what they add up to.
mod answers;
mod batches;
mod bugs;
mod cases;
mod contract;
mod crowd;
mod exact;
mod final_months;
mod history;
mod http;
mod meters;
mod sending_org;
mod shards;
mod simulator;
mod spreadsheets;
mod unreliable;
mod usage;
