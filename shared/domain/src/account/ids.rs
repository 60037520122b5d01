//! Identifiers that come from outside, bounded and checked.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::Timestamp;

/// The text cannot be that identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid identifier")
    }
}

impl std::error::Error for InvalidId {}

/// The paying tenant; only ever taken from a verified token.
///
/// 1 to 128 letters, digits, `-`, `_`, `.`, `:`, `@` or `|`: what identity providers issue. `#`, which separates the
/// parts of a table key, is not among them. What programs write when they have none (`null`, `undefined`) is no
/// organisation either: all who lack one would share it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct OrgId(String);

/// How languages and libraries write that there is nothing, in any case of letters. `[object Object]` and the like have
/// characters that no identifier has.
const NO_ORGANISATION: [&str; 6] = ["null", "undefined", "none", "nil", "nan", "void"];

impl OrgId {
    pub fn parse(text: &str) -> Result<OrgId, InvalidId> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@|".contains(&byte))
            && !NO_ORGANISATION.iter().any(|none| none.eq_ignore_ascii_case(text));
        if fits { Ok(OrgId(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A top-up: `top_` and a UUIDv7 in hexadecimal, so that ids sort by the time of their making.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopUpId {
    uuid: Uuid,
    text: String,
}

const TOP_UP_PREFIX: &str = "top_";

impl TopUpId {
    /// A new id made at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> TopUpId {
        TopUpId::of(uuid_v7(now))
    }

    pub fn parse(text: &str) -> Result<TopUpId, InvalidId> {
        let digits = text.strip_prefix(TOP_UP_PREFIX).ok_or(InvalidId)?;
        let id = TopUpId::of(Uuid::try_parse(digits).map_err(|_| InvalidId)?);
        if id.uuid.get_version_num() == 7 && id.text == text { Ok(id) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// When the id was made, which is when the top-up was written down.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let ms = self.uuid.as_bytes()[..6].iter().fold(0_i64, |ms, byte| (ms << 8) | i64::from(*byte));
        Timestamp::from_ms(ms)
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.uuid
    }

    fn of(uuid: Uuid) -> TopUpId {
        TopUpId { uuid, text: format!("{TOP_UP_PREFIX}{}", uuid.simple()) }
    }
}

impl Serialize for TopUpId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Something that the staff did: `op_` and a UUIDv7 in hexadecimal, so that ids sort by the time of their making.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(String);

const OPERATION_PREFIX: &str = "op_";

impl OperationId {
    /// A new id made at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> OperationId {
        OperationId(format!("{OPERATION_PREFIX}{}", uuid_v7(now).simple()))
    }

    pub fn parse(text: &str) -> Result<OperationId, InvalidId> {
        let digits = text.strip_prefix(OPERATION_PREFIX).ok_or(InvalidId)?;
        let id = Uuid::try_parse(digits).map_err(|_| InvalidId)?;
        let exact = id.get_version_num() == 7 && id.simple().to_string() == digits;
        if exact { Ok(OperationId(text.to_owned())) } else { Err(InvalidId) }
    }

    /// The id of the operation that undoes this one: it follows from it, so that there is one at the most, and is its
    /// neighbour in time.
    #[must_use]
    pub fn undone(&self) -> OperationId {
        let digits = self.0.strip_prefix(OPERATION_PREFIX).unwrap_or_default();
        let number = Uuid::try_parse(digits).map_or(0, |id| id.as_u128());
        OperationId(format!("{OPERATION_PREFIX}{}", Uuid::from_u128(number ^ 1).simple()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client sends to make a repeated request the same request: 1 to 255 visible ASCII characters.
///
/// No comma is among them: API Gateway joins a header that was sent twice with one, and two keys are none.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub fn parse(text: &str) -> Result<IdempotencyKey, InvalidId> {
        let fits = (1..=255).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if fits { Ok(IdempotencyKey(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A fresh UUIDv7 of the moment.
fn uuid_v7(now: Timestamp) -> Uuid {
    let secs = u64::try_from(now.secs()).unwrap_or_default();
    let nanos = u32::try_from(now.ms() % 1000).unwrap_or_default() * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, secs, nanos))
}

macro_rules! shown_as_text {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}
shown_as_text!(OrgId, TopUpId, OperationId, IdempotencyKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_cannot_reach_into_another_key() {
        for text in ["", "a#b", "a b", "acmé", &"x".repeat(129)] {
            assert_eq!(OrgId::parse(text), Err(InvalidId), "{text}");
        }
        assert!(OrgId::parse("auth0|org_1:eu@acme.example").is_ok());
    }

    #[test]
    fn nothing_is_no_organisation() {
        for text in ["null", "undefined", "None", "nil", "NaN", "NULL", "[object Object]", "{}", "[]"] {
            assert_eq!(OrgId::parse(text), Err(InvalidId), "{text}");
        }
        assert!(OrgId::parse("none.example").is_ok() && OrgId::parse("nullable").is_ok());
    }

    #[test]
    fn two_keys_joined_by_a_gateway_are_no_key() {
        for text in ["", "a,b", "a,", "a b", "clé", &"k".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(text).map(drop), Err(InvalidId), "{text}");
        }
        assert!(IdempotencyKey::parse("\"01a208df-7580\"").is_ok());
    }

    #[test]
    fn top_up_ids_sort_by_time_and_read_back() {
        let early = TopUpId::new(Timestamp::from_ms(1_000));
        let late = TopUpId::new(Timestamp::from_ms(2_000));
        assert!(early < late);
        assert_eq!(TopUpId::parse(early.as_str()), Ok(early.clone()));
        for text in
            ["", "top_", "top_1", &early.as_str().to_uppercase(), &format!("{early}0"), &early.as_str()[4..]]
        {
            assert_eq!(TopUpId::parse(text), Err(InvalidId), "{text}");
        }
    }
}
