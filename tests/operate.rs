//! What the staff see and do: by whom it may be reached, what it finds, and that the books stay right.
mod access;
mod acts;
mod any_failure;
mod customer;
mod dead_letters;
mod lists;
mod reads;
mod refund;
mod search;
pub(crate) mod staff;
