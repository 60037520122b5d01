//! Why something could not be measured.

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
