//! What is asked of a program that spends.

/// Where to spend, and how often.
pub(crate) struct Task {
    pub(crate) count: u32,
    pub(crate) url: String,
    pub(crate) table: String,
}
