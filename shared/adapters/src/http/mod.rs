//! HTTP as the functions speak it: who asks, what they ask, what they are told.

mod answer;
mod callers;
mod claims;
mod event;
mod problem;
mod problem_code;
mod report;
mod request;
mod resources;
mod trail;

pub use answer::answer;
pub use callers::Callers;
pub use claims::{Caller, ClaimNames, Staff};
pub use event::{Event, serve};
pub use problem::{Problem, obstacle_problem, quote_problem};
pub use problem_code::ProblemCode;
pub use report::report_json;
pub use request::{header, integer, limited_body, query_parameter};
pub use resources::{json_response, money_json, open_top_up_json, quote_json, top_up_json};
pub use trail::{trail_json, whole_trail_json};
