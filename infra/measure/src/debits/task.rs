//! What is asked of a program that spends.

use saldo_adapters::config::Env;

/// Where to spend, and how often.
pub(crate) struct Task {
    pub(crate) count: u32,
    pub(crate) url: String,
    /// As the function has it.
    pub(crate) env: Env,
}
