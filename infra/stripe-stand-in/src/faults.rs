//! Requests that are made to fail.

/// Where a request is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500, and nothing was done.
    Before,
    /// Done, but the answer is lost: 500.
    After,
}

pub(crate) struct PlannedFault {
    pub(crate) template: String,
    pub(crate) fault: Fault,
}
