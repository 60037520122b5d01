//! Who did it: the author of every entry and of every change of a row.

use std::fmt;
use std::str::FromStr;

use crate::{InvalidId, OperationId};

/// Whoever caused a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Someone at the customer, by their token.
    Person(Subject),
    /// A program of the customer, by its token.
    Machine(Subject),
    /// Saldo itself: the worker, cleanup, a repair.
    System,
    /// Someone of the staff, by their token.
    Operator(Subject),
}

/// The subject of a verified token: 1 to 255 bytes without control characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

/// Who changes a row, and on what occasion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub actor: Actor,
    pub cause: Cause,
}

/// The occasion of a change of a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Someone buys.
    Order,
    /// Someone cancels.
    Cancellation,
    /// The payment provider told of something, in an event of this id.
    Event(String),
    /// Someone of the staff did something, under the id of an operation.
    Operation(OperationId),
    /// It was due to be compared with the payment provider.
    Check,
}

impl Subject {
    pub fn parse(text: &str) -> Result<Subject, InvalidId> {
        let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Subject(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As it is stored: `person:<subject>`, `machine:<subject>`, `operator:<subject>` or `system`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Person(subject) => write!(f, "person:{subject}"),
            Actor::Machine(subject) => write!(f, "machine:{subject}"),
            Actor::System => f.write_str("system"),
            Actor::Operator(subject) => write!(f, "operator:{subject}"),
        }
    }
}

impl FromStr for Actor {
    type Err = InvalidId;

    /// Reads the form that is stored.
    fn from_str(text: &str) -> Result<Actor, InvalidId> {
        if text == "system" {
            return Ok(Actor::System);
        }
        let (kind, subject) = text.split_once(':').ok_or(InvalidId)?;
        let subject = Subject::parse(subject)?;
        match kind {
            "person" => Ok(Actor::Person(subject)),
            "machine" => Ok(Actor::Machine(subject)),
            "operator" => Ok(Actor::Operator(subject)),
            _ => Err(InvalidId),
        }
    }
}

/// As it is stored: `order`, `cancellation`, `event:<id>`, `operation:<id>` or `check`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Order => f.write_str("order"),
            Cause::Cancellation => f.write_str("cancellation"),
            Cause::Event(id) => write!(f, "event:{id}"),
            Cause::Operation(id) => write!(f, "operation:{id}"),
            Cause::Check => f.write_str("check"),
        }
    }
}

impl FromStr for Cause {
    type Err = InvalidId;

    /// Reads the form that is stored.
    fn from_str(text: &str) -> Result<Cause, InvalidId> {
        match text.split_once(':') {
            Some(("event", id)) => Ok(Cause::Event(id.to_owned())),
            Some(("operation", id)) => OperationId::parse(id).map(Cause::Operation),
            Some(_) => Err(InvalidId),
            None => match text {
                "order" => Ok(Cause::Order),
                "cancellation" => Ok(Cause::Cancellation),
                "check" => Ok(Cause::Check),
                _ => Err(InvalidId),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_reads_back_as_it_was_stored() {
        let subject = || Subject::parse("auth0|5f:7").unwrap();
        for actor in
            [Actor::Person(subject()), Actor::Machine(subject()), Actor::System, Actor::Operator(subject())]
        {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for text in ["", "person", "person:", "system:ana", "root:ana", "person:a\nb"] {
            assert_eq!(text.parse::<Actor>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_cause_reads_back_as_it_was_stored() {
        let operation = OperationId::new(crate::Timestamp::from_ms(5));
        for cause in [
            Cause::Order,
            Cause::Cancellation,
            Cause::Event("evt_1:2".to_owned()),
            Cause::Operation(operation),
            Cause::Check,
        ] {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert_eq!("whim".parse::<Cause>(), Err(InvalidId));
    }

    #[test]
    fn a_subject_is_bounded() {
        assert!(Subject::parse(&"x".repeat(255)).is_ok());
        assert_eq!(Subject::parse(&"x".repeat(256)), Err(InvalidId));
    }
}
