//! Reconciling: every way in which the books can be wrong is told by its kind, what can be is repaired, and what moves is
//! never told wrongly.
mod books_with_a_wrong;
mod clean;
mod closings;
mod cut_off;
mod planted;
mod repaired;
mod statements;
