//! What was seen of a fact.

use std::fmt;

/// Whether it is what was expected, in words.
pub(super) struct Seen {
    pub(super) as_expected: bool,
    pub(super) words: String,
}

impl Seen {
    pub(super) fn new(as_expected: bool, words: impl fmt::Display) -> Seen {
        Seen { as_expected, words: words.to_string() }
    }
}
