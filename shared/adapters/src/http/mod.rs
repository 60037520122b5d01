//! HTTP as the functions speak it: who asks, what they ask, what they are told.

mod claims;
mod problem;
mod request;
mod resources;

pub use claims::{Caller, ClaimNames};
pub use problem::{Problem, quote_problem};
pub use request::{header, integer, limited_body, query_parameter};
pub use resources::{json_response, open_top_up_json, quote_json, top_up_json};
