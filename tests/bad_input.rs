//! Bad input gets its 4xx problem, leaves nothing behind, and never breaks anything.
mod bodies;
mod debits;
mod guard;
mod parameters;
mod signatures;
mod tokens;
