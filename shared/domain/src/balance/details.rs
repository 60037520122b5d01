//! What a sender says about a debit beside its channel, and how much of it is known.

use crate::{Class, Country, InvalidId, Units};

/// The caller's own name for a message: 1 to 128 bytes of text without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(String);

impl Reference {
    pub fn parse(text: &str) -> Result<Reference, InvalidId> {
        let fits = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Reference(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the sender said about a message beside its channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub units: Units,
    pub class: Option<Class>,
    pub country: Option<Country>,
    pub reference: Option<Reference>,
}

/// How much of what its sender said an entry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// The channel, and that it was one unit: all that stamps told before they told more.
    ChannelOnly,
    /// All that a stamp tells: everything but the reference.
    ButReference,
    Everything,
}
