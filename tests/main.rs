//! The system tests of Saldo: one binary, one module per question a reader would ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod books;
mod chaos;
mod client;
mod crash;
mod dashboard;
mod data_folder;
mod deployed;
mod events;
mod journey;
mod local;
mod mistakes;
mod proxy;
mod race;
mod rig;
mod spend;
mod stand_in;
mod template;
