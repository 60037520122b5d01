//! The hosted invoice pages.

use axum::Router;

use crate::StandIn;

pub(crate) fn routes() -> Router<StandIn> {
    Router::new()
}
