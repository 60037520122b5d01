//! Names of meters, of price classes and of countries, short enough to be copied.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

/// The longest name of a meter or class, in bytes.
const LONGEST: usize = 24;
/// What the name of a meter begins with that is known by its number alone.
const UNNAMED: &str = "meter_";

/// A small letter, then small letters, digits and `_`: up to 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name {
    letters: [u8; LONGEST],
    length: u8,
}

impl Name {
    const fn of(text: &'static str) -> Name {
        let (mut letters, bytes, mut at) = ([0; LONGEST], text.as_bytes(), 0);
        while at < bytes.len() {
            letters[at] = bytes[at];
            at += 1;
        }
        Name { letters, length: at as u8 }
    }

    fn parse(text: &str) -> Option<Name> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let first = text.bytes().next()?;
        if !first.is_ascii_lowercase() || !text.bytes().all(fits) {
            return None;
        }
        let mut letters = [0; LONGEST];
        letters.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Name { letters, length: u8::try_from(text.len()).ok()? })
    }

    fn as_str(&self) -> &str {
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }
}

macro_rules! name {
    ($name:ident) => {
        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

/// The name of a meter: what is sold, which for messages is how they go. 1 to 24 bytes, a small letter and then small
/// letters, digits and `_`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Channel(Name);

/// A price class within a meter, like `utility`; written like a [`Channel`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Class(Name);

name!(Channel);
name!(Class);

/// Numbers of meters in a [`crate::Stamp`] are below this.
pub(crate) const NUMBERS: u32 = 1 << 19;
/// The first number that is made from a name.
const FIRST_MADE: u32 = 16;

impl Channel {
    pub const EMAIL: Channel = Channel(Name::of("email"));
    pub const WHATSAPP: Channel = Channel(Name::of("whatsapp"));
    pub const SMS: Channel = Channel(Name::of("sms"));

    #[must_use]
    pub fn parse(text: &str) -> Option<Channel> {
        Name::parse(text).map(Channel)
    }

    /// A meter of which only its number is known, or that of one of its classes: `meter_<number>`.
    fn unnamed(number: u32) -> Channel {
        let name = Name::parse(&format!("{UNNAMED}{number}"));
        Channel(name.unwrap_or(Name::of("meter_0")))
    }

    /// Whether its number alone is known.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.number_in_name().is_some()
    }

    /// The number that stands for this meter, or for one class of it, in a [`crate::Stamp`]; never another one, whatever else
    /// is configured: of e-mail, WhatsApp and SMS 1, 2 and 3, of others one from 16 on that is made from the names, so that
    /// two may have the same. [`crate::Meters`] has no such two.
    #[must_use]
    pub fn number(&self, class: Option<Class>) -> u32 {
        if let Some(number) = self.number_in_name() {
            return number;
        }
        match (self.as_str(), class) {
            ("email", None) => 1,
            ("whatsapp", None) => 2,
            ("sms", None) => 3,
            (name, class) => made_from(name, class.as_ref().map(Class::as_str)),
        }
    }

    /// One of the meters that always had their numbers, else [`Channel::unnamed`].
    #[must_use]
    pub fn of_number(number: u32) -> Channel {
        let first = [Channel::EMAIL, Channel::WHATSAPP, Channel::SMS];
        let known = first.into_iter().find(|channel| channel.number(None) == number);
        known.unwrap_or_else(|| Channel::unnamed(number))
    }

    fn number_in_name(&self) -> Option<u32> {
        self.as_str().strip_prefix(UNNAMED)?.parse().ok().filter(|number| *number < NUMBERS)
    }
}

impl Class {
    #[must_use]
    pub fn parse(text: &str) -> Option<Class> {
        Name::parse(text).map(Class)
    }
}

/// FNV-1a over the name and the class behind a slash, which no name has.
fn made_from(name: &str, class: Option<&str>) -> u32 {
    let slash = class.map(|_| b'/');
    let bytes = name.bytes().chain(slash).chain(class.unwrap_or_default().bytes());
    let mixed =
        bytes.fold(0x811c_9dc5_u32, |mixed, byte| (mixed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    FIRST_MADE + (mixed ^ (mixed >> 19)) % (NUMBERS - FIRST_MADE)
}

/// A two-letter country code (ISO 3166-1 alpha-2), upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    #[must_use]
    pub fn parse(text: &str) -> Option<Country> {
        let letters = <[u8; 2]>::try_from(text.as_bytes()).ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Country(letters))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// 1 to 676.
    pub(crate) fn number(self) -> u32 {
        let [first, second] = self.0.map(|letter| u32::from(letter.saturating_sub(b'A')));
        first * 26 + second + 1
    }

    pub(crate) fn of_number(number: u32) -> Option<Country> {
        let at = number.checked_sub(1).filter(|at| *at < 26 * 26)?;
        let letter = |at: u32| u8::try_from(at).ok().map(|at| b'A' + at);
        Some(Country([letter(at / 26)?, letter(at % 26)?]))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for text in ["a", "email", "ai_tokens2", &"x".repeat(24)] {
            assert_eq!(Channel::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "Email", "1a", "_a", "a-b", "a b", "é", &"x".repeat(25)] {
            assert_eq!(Channel::parse(text), None, "{text}");
        }
        assert!(Channel::parse("a").unwrap() < Channel::parse("aa").unwrap());
    }

    #[test]
    fn a_meter_has_one_number_for_ever() {
        let utility = Class::parse("utility");
        let voice = Channel::parse("voice").unwrap();
        let numbers = [
            Channel::EMAIL.number(None),
            Channel::WHATSAPP.number(None),
            Channel::SMS.number(None),
            Channel::WHATSAPP.number(utility),
            voice.number(None),
            voice.number(utility),
        ];
        assert_eq!(numbers, [1, 2, 3, 202_155, 312_650, 242_298]);
        for number in numbers {
            assert!(number < NUMBERS);
            let unnamed = Channel::unnamed(number);
            assert!(unnamed.is_unnamed() && Channel::parse(unnamed.as_str()) == Some(unnamed));
            assert_eq!(unnamed.number(None), number);
            assert_eq!(Channel::of_number(number).number(None), number);
        }
        assert_eq!(Channel::of_number(2), Channel::WHATSAPP);
        assert!(!voice.is_unnamed() && !Channel::parse("meter_a").unwrap().is_unnamed());
    }

    #[test]
    fn a_country_has_a_number() {
        for text in ["AA", "ID", "US", "ZZ"] {
            let country = Country::parse(text).unwrap();
            assert_eq!(Country::of_number(country.number()), Some(country));
        }
        assert_eq!((Country::of_number(0), Country::of_number(677)), (None, None));
        for text in ["", "id", "IDN", "I", "é"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }
}
