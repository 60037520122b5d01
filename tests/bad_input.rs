//! Bad input gets its 4xx problem, leaves nothing behind, and never breaks anything.
mod bodies;
mod debits;
mod guard;
mod parameters;
mod settings;
mod signatures;
mod tokens;
