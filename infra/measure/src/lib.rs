//! What the house rules and the measuring of functions share: the sources of this workspace as they are written.
pub mod source;
