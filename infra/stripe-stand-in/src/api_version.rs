//! The versions of Stripe's API: the one that is spoken, and those that a caller may ask for.

use axum::http::HeaderMap;

use crate::api_error::{ApiError, ApiResult};

/// Sent with every answer and in every event.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Versions whose shapes do not differ in what the stand-in answers: the product's, and the official SDK's.
const KNOWN: [&str; 2] = [API_VERSION, "2026-10-28.endive"];

/// Refuses a version that does not exist, or whose shapes are others.
pub(crate) fn check(headers: &HeaderMap) -> ApiResult<()> {
    let Some(version) = headers.get("stripe-version") else { return Ok(()) };
    let version = version.to_str().unwrap_or_default();
    if KNOWN.contains(&version) {
        return Ok(());
    }
    let message =
        format!("Invalid Stripe API version: {version}. The stand-in speaks {}.", KNOWN.join(" and "));
    Err(ApiError::new(400, "invalid_request_error", message))
}
