//! The system tests of Saldo: one binary, one module per question a reader would ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod dashboard;
mod events;
mod local;
mod stand_in;
mod template;
