//! The system tests of Saldo: one binary, one module per question a reader would ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod dashboard;
mod events;
mod journey;
mod local;
mod money;
mod spend;
mod stand_in;
mod support;
mod template;
mod tidy;

use support::{books, client, system as rig};
