//! The system tests of Saldo: one binary, one module per question a reader would ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alarms;
mod api_reference;
mod bad_input;
mod billing_contact;
mod call_budgets;
mod clients;
mod dashboard;
mod deployed;
mod doors;
mod due_work;
mod environment;
mod events;
mod invoices_contract;
mod journey;
mod local;
mod money;
mod openapi;
mod operate;
mod reconcile;
mod restricted_keys;
mod returns;
mod secrets;
mod settings;
mod spend;
mod stand_in;
mod support;
mod template;
mod tidy;
mod tracing;
mod watch;
