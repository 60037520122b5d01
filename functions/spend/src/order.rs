//! What is to be sent, read from a request that is not trusted.

use std::collections::{BTreeMap, BTreeSet};

use lambda_http::Request;
use saldo_adapters::http::{Problem, ProblemCode, limited_body};
use saldo_domain::{Channel, Country, Debit, DebitId, Details, MOST_IN_BATCH, Rates, Reference};
use serde_json::{Value, json};

type Object = BTreeMap<String, Value>;

/// One message of a request, and how its members are named when one of them is refused.
struct Message<'a> {
    members: &'a Object,
    path: String,
}

/// The debit with today's rate.
pub(crate) fn read(request: &Request, id: DebitId, rates: &Rates) -> Result<Debit, Problem> {
    parse(limited_body(request)?, id, rates)
}

/// The debits of a batch with today's rates: 1 to 25, each with an id of its own.
pub(crate) fn read_batch(request: &Request, rates: &Rates) -> Result<Vec<Debit>, Problem> {
    parse_batch(limited_body(request)?, rates)
}

/// The id of a debit.
pub(crate) fn id(text: &str, field: &str) -> Result<DebitId, Problem> {
    let detail = "The id of a debit is a UUID of version 7 in lower case.";
    DebitId::parse(text).map_err(|_| Problem::invalid(field, detail))
}

fn parse(body: &[u8], id: DebitId, rates: &Rates) -> Result<Debit, Problem> {
    Message { members: &object(body)?, path: String::new() }.debit(id, rates)
}

fn parse_batch(body: &[u8], rates: &Rates) -> Result<Vec<Debit>, Problem> {
    let batch = object(body)?;
    let Some(Value::Array(messages)) = batch.get("debits") else {
        return Err(Problem::invalid("debits", "debits is a list of debits."));
    };
    if messages.is_empty() || messages.len() > MOST_IN_BATCH {
        let detail = format!("A batch has 1 to {MOST_IN_BATCH} debits.");
        return Err(Problem::invalid("debits", detail).with("most", json!(MOST_IN_BATCH)));
    }
    let mut ids = BTreeSet::new();
    let read = |(at, message): (usize, &Value)| {
        let path = format!("debits[{at}]");
        let Value::Object(members) = message else {
            return Err(Problem::invalid(&path, "A debit is a JSON object."));
        };
        let members: Object = members.clone().into_iter().collect();
        let message = Message { members: &members, path: format!("{path}.") };
        let field = message.name("id");
        let text = message.text("id")?.ok_or_else(|| Problem::invalid(&field, "id is missing."))?;
        let debit = message.debit(id(text, &field)?, rates)?;
        if ids.insert(debit.id) {
            Ok(debit)
        } else {
            Err(Problem::invalid(&field, "Each id comes once in a batch."))
        }
    };
    messages.iter().enumerate().map(read).collect()
}

fn object(body: &[u8]) -> Result<Object, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))
}

impl Message<'_> {
    fn debit(&self, id: DebitId, rates: &Rates) -> Result<Debit, Problem> {
        let channel = self.text("channel")?.ok_or_else(|| self.invalid("channel", "channel is missing."))?;
        let channel = Channel::parse(channel).ok_or_else(|| self.unknown_channel())?;
        let country = match self.text("country")? {
            None => None,
            Some(code) => Some(Country::parse(code).ok_or_else(|| {
                self.invalid("country", "country is a two-letter code in capitals, like ID.")
            })?),
        };
        let reference = match self.text("reference")? {
            None => None,
            Some(text) => Some(Reference::parse(text).map_err(|_| {
                self.invalid("reference", "reference is 1 to 128 bytes of text without control characters.")
            })?),
        };
        let credits = rates.rate(channel, country.as_ref());
        Ok(Debit { id, credits, channel, details: Details { country, reference } })
    }

    /// A member that is text; `None` when it is absent or null.
    fn text(&self, member: &str) -> Result<Option<&str>, Problem> {
        match self.members.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(member, &format!("{member} is text."))),
        }
    }

    fn name(&self, member: &str) -> String {
        format!("{}{member}", self.path)
    }

    fn invalid(&self, member: &str, detail: &str) -> Problem {
        Problem::invalid(&self.name(member), detail)
    }

    fn unknown_channel(&self) -> Problem {
        let known = Channel::ALL.map(Channel::as_str);
        let detail = format!("channel is one of {}.", known.join(", "));
        Problem::new(ProblemCode::UnknownChannel, detail)
            .with("field", json!(self.name("channel")))
            .with("channels", json!(known))
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::Credits;

    use super::*;

    fn rates() -> Rates {
        let text = r#"{"email":{"default":1},"whatsapp":{"default":2,"US":5},"sms":{"default":3}}"#;
        Rates::from_json(text).unwrap()
    }

    fn parsed(body: &str) -> Result<Debit, (u16, &'static str)> {
        let rates = rates();
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        parse(body.as_bytes(), id, &rates)
            .map_err(|problem| (problem.code.status().as_u16(), problem.code.as_str()))
    }

    #[test]
    fn the_rate_is_that_of_channel_and_country() {
        let of = |body| parsed(body).unwrap().credits;
        assert_eq!(of(r#"{"channel":"whatsapp"}"#), Credits(2));
        assert_eq!(of(r#"{"channel":"whatsapp","country":"US"}"#), Credits(5));
        assert_eq!(of(r#"{"channel":"whatsapp","country":"ID","reference":null}"#), Credits(2));
        let debit = parsed(r#"{"channel":"sms","country":null,"reference":"order 17"}"#).unwrap();
        assert_eq!(debit.credits, Credits(3));
        assert_eq!(debit.details.reference.unwrap().as_str(), "order 17");
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(parsed(r#"{"channel":"fax"}"#).unwrap_err(), (422, "unknown_channel"));
        assert_eq!(parsed(r#"{"channel":"SMS"}"#).unwrap_err(), (422, "unknown_channel"));
        let long = format!(r#"{{"channel":"sms","reference":"{}"}}"#, "x".repeat(129));
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"channel":1}"#,
            r#"{"channel":null}"#,
            r#"{"channel":"sms","country":"Indonesia"}"#,
            r#"{"channel":"sms","country":"id"}"#,
            r#"{"channel":"sms","country":62}"#,
            r#"{"channel":"sms","reference":""}"#,
            r#"{"channel":"sms","reference":"a\u0000b"}"#,
            r#"{"channel":"sms","reference":["x"]}"#,
            &long,
        ] {
            assert_eq!(parsed(body).unwrap_err(), (400, "invalid_request"), "{body}");
        }
    }
    #[test]
    fn a_batch_is_refused_as_a_whole_and_names_what_is_wrong() {
        let id = |at: usize| format!("019ab0f2-6c40-7a11-8b22-3344556677{at:02x}");
        let many = |count| -> Value {
            (0..count).map(|at| json!({"id": id(at), "channel": "sms"})).collect::<Vec<_>>().into()
        };
        let of = |debits: &Value| parse_batch(json!({ "debits": debits }).to_string().as_bytes(), &rates());
        assert_eq!(of(&many(25)).unwrap().len(), 25);
        let mixed = json!([
            {"id": id(1), "channel": "email"},
            {"id": id(2), "channel": "whatsapp", "country": "US", "reference": "order 17"},
        ]);
        let debits = of(&mixed).unwrap();
        assert_eq!((debits[0].credits, debits[1].credits), (Credits(1), Credits(5)));
        let good = json!({"id": id(1), "channel": "sms"});
        for (debits, code, field) in [
            (many(26), "invalid_request", "debits"),
            (json!([]), "invalid_request", "debits"),
            (json!(null), "invalid_request", "debits"),
            (json!([good, "sms"]), "invalid_request", "debits[1]"),
            (json!([good, good]), "invalid_request", "debits[1].id"),
            (json!([good, {"channel": "sms"}]), "invalid_request", "debits[1].id"),
            (json!([good, {"id": "2", "channel": "sms"}]), "invalid_request", "debits[1].id"),
            (json!([good, {"id": id(2)}]), "invalid_request", "debits[1].channel"),
            (json!([good, {"id": id(2), "channel": "fax"}]), "unknown_channel", "debits[1].channel"),
            (
                json!([good, {"id": id(2), "channel": "sms", "country": "x"}]),
                "invalid_request",
                "debits[1].country",
            ),
        ] {
            let problem = of(&debits).unwrap_err();
            assert_eq!(problem.code.as_str(), code, "{debits}");
            let answer = problem.into_response();
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(body["field"], field, "{debits}");
        }
    }
}
