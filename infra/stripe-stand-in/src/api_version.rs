//! The version of Stripe's API whose shapes the stand-in answers with.

/// Sent with every answer and in every event.
pub const API_VERSION: &str = "2026-09-30.endive";
