//! Reconciling: every way in which the books can be wrong is told by its kind, what can be is repaired, and what moves is
//! never told wrongly.
mod clean;
mod planted;
