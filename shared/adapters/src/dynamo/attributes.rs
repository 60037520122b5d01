//! Attributes of items, to and from plain values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_domain::{Currency, Money, Timestamp};

use crate::PortError;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Of up to the 38 digits that DynamoDB keeps.
pub(super) fn long_number(value: i128) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Builds an item, leaving out what is absent.
pub(super) struct Writer(pub(super) Item);

impl Writer {
    pub(super) fn text(mut self, name: &str, value: impl Into<String>) -> Writer {
        self.0.insert(name.to_owned(), text(value));
        self
    }

    pub(super) fn number(mut self, name: &str, value: i64) -> Writer {
        self.0.insert(name.to_owned(), number(value));
        self
    }

    pub(super) fn optional_text(self, name: &str, value: Option<&str>) -> Writer {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(super) fn optional_number(self, name: &str, value: Option<i64>) -> Writer {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }
}

/// Reads an item; what is missing or of another kind is a fault of ours, and named.
pub(super) struct Reader<'a>(pub(super) &'a Item);

impl<'a> Reader<'a> {
    pub(super) fn optional_text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, PortError> {
        self.optional_text(name).ok_or_else(|| self.fault(name))
    }

    pub(super) fn optional_number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok())
    }

    pub(super) fn number(&self, name: &str) -> Result<i64, PortError> {
        self.optional_number(name).ok_or_else(|| self.fault(name))
    }

    /// Of up to 38 digits.
    pub(super) fn long_number(&self, name: &str) -> Result<i128, PortError> {
        let digits = self.0.get(name).and_then(|value| value.as_n().ok());
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.fault(name))
    }

    pub(super) fn optional_moment(&self, name: &str) -> Option<Timestamp> {
        self.optional_number(name).map(Timestamp::from_ms)
    }

    pub(super) fn moment(&self, name: &str) -> Result<Timestamp, PortError> {
        self.number(name).map(Timestamp::from_ms)
    }

    pub(super) fn money(&self, name: &str, currency: Currency) -> Result<Money, PortError> {
        Ok(Money::new(currency, self.number(name)?))
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, PortError> {
        parse(self.text(name)?).ok_or_else(|| self.fault(name))
    }

    pub(super) fn fault(&self, name: &str) -> PortError {
        let key = |part| self.optional_text(part).unwrap_or("?");
        PortError::Broken(format!("item {} {} has no usable {name}", key("pk"), key("sk")))
    }
}

/// The size of an item as DynamoDB counts it, in bytes.
#[cfg(test)]
pub(super) fn bytes(item: &Item) -> usize {
    let of = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::M(map) => 3 + map.len() + bytes(map),
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, value)| name.len() + of(value)).sum()
}
