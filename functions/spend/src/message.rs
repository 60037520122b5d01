//! The members of a message, read from a request that is not trusted.

use std::collections::BTreeMap;

use saldo_adapters::http::Problem;
use saldo_domain::{Channel, Class, Country, MOST_CREDITS, Meters, PriceError};
use serde_json::{Value, json};

/// How much of a member's name is shown, in characters, when there is no such member.
const MOST_SHOWN: usize = 32;

pub(crate) type Object = BTreeMap<String, Value>;

/// One message of a request, and how its members are named when one of them is refused.
pub(crate) struct Message<'a> {
    pub(crate) members: &'a Object,
    pub(crate) path: String,
}

pub(crate) fn object(body: &[u8]) -> Result<Object, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))
}

impl Message<'_> {
    pub(crate) fn channel(&self, meters: &Meters) -> Result<Option<Channel>, Problem> {
        let unknown = || no_price(&self.path, &PriceError::UnknownChannel(meters.channels().collect()));
        self.text("channel")?.map(|name| Channel::parse(name).ok_or_else(unknown)).transpose()
    }

    pub(crate) fn country(&self) -> Result<Option<Country>, Problem> {
        let invalid = || self.invalid("country", "country is a two-letter code in capitals, like ID.");
        self.text("country")?.map(|code| Country::parse(code).ok_or_else(invalid)).transpose()
    }

    pub(crate) fn class(&self) -> Result<Option<Class>, Problem> {
        let detail = "class is a small letter, then small letters, digits and _, up to 24 in all.";
        let invalid = || self.invalid("class", detail);
        self.text("class")?.map(|name| Class::parse(name).ok_or_else(invalid)).transpose()
    }

    /// Refuses what is misspelt: it would be charged as if it had not been said.
    pub(crate) fn says_only(&self, known: &[&[&str]]) -> Result<(), Problem> {
        let is_known = |member: &&String| known.iter().any(|some| some.contains(&member.as_str()));
        let Some(unknown) = self.members.keys().find(|member| !is_known(member)) else { return Ok(()) };
        let detail = format!("There is no such member, but only {}.", known.concat().join(", "));
        let shown: String = unknown.chars().filter(|char| !char.is_control()).take(MOST_SHOWN).collect();
        Err(if shown.is_empty() { self.nameless(&detail) } else { self.invalid(&shown, &detail) })
    }

    /// Names the object itself, where what is wrong in it has no name.
    fn nameless(&self, detail: &str) -> Problem {
        let object = self.path.trim_end_matches('.');
        Problem::invalid(if object.is_empty() { "body" } else { object }, detail)
    }

    /// A member that is a whole number within limits; `None` when it is absent or null.
    pub(crate) fn number(&self, member: &str, least: i64, most: i64) -> Result<Option<i64>, Problem> {
        let number = match self.members.get(member) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_i64().filter(|number| (least..=most).contains(number)),
        };
        let detail = format!("{member} is a whole number from {least} to {most}.");
        number.map(Some).ok_or_else(|| self.invalid(member, &detail))
    }

    /// A member that is text; `None` when it is absent or null.
    pub(crate) fn text(&self, member: &str) -> Result<Option<&str>, Problem> {
        match self.members.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(member, &format!("{member} is text."))),
        }
    }

    pub(crate) fn name(&self, member: &str) -> String {
        format!("{}{member}", self.path)
    }

    pub(crate) fn invalid(&self, member: &str, detail: &str) -> Problem {
        Problem::invalid(&self.name(member), detail)
    }
}

/// Why something has no price; `path` is how its members are named, if not by themselves.
pub(crate) fn no_price(path: &str, error: &PriceError) -> Problem {
    let field = |member: &str| format!("{path}{member}");
    match error {
        PriceError::UnknownChannel(known) => Problem::unknown_channel(&field("channel"), known),
        PriceError::UnknownClass(known) => Problem::unknown_class(&field("class"), known),
        PriceError::TooMuch(rate) => {
            let detail = format!(
                "One unit costs {rate} credits, and a debit is of {MOST_CREDITS} credits at the most."
            );
            Problem::invalid(&field("units"), &detail).with("most", json!(MOST_CREDITS))
        }
    }
}
