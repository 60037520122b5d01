//! What is to be sent, read from a request that is not trusted.

use std::collections::BTreeMap;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use saldo_adapters::http::{Problem, limited_body};
use saldo_domain::{Channel, Country, Debit, DebitId, Details, Rates, Reference};
use serde_json::{Value, json};

/// The debit with today's rate.
pub(crate) fn read(request: &Request, id: DebitId, rates: &Rates) -> Result<Debit, Problem> {
    parse(limited_body(request)?, id, rates)
}

fn parse(body: &[u8], id: DebitId, rates: &Rates) -> Result<Debit, Problem> {
    let message: BTreeMap<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))?;
    let channel =
        text(&message, "channel")?.ok_or_else(|| Problem::invalid("channel", "channel is missing."))?;
    let channel = Channel::parse(channel).ok_or_else(unknown_channel)?;
    let country = match text(&message, "country")? {
        None => None,
        Some(code) => Some(Country::parse(code).ok_or_else(|| {
            Problem::invalid("country", "country is a two-letter code in capitals, like ID.")
        })?),
    };
    let reference = match text(&message, "reference")? {
        None => None,
        Some(text) => Some(Reference::parse(text).map_err(|_| {
            Problem::invalid("reference", "reference is 1 to 128 bytes of text without control characters.")
        })?),
    };
    let credits = rates.rate(channel, country.as_ref());
    Ok(Debit { id, credits, channel, details: Details { country, reference } })
}

/// A member that is text; `None` when it is absent or null.
fn text<'a>(message: &'a BTreeMap<String, Value>, name: &str) -> Result<Option<&'a str>, Problem> {
    match message.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(name, format!("{name} is text."))),
    }
}

fn unknown_channel() -> Problem {
    let known = Channel::ALL.map(Channel::as_str);
    let detail = format!("channel is one of {}.", known.join(", "));
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_channel", detail).with("channels", json!(known))
}

#[cfg(test)]
mod tests {
    use saldo_domain::Credits;

    use super::*;

    fn parsed(body: &str) -> Result<Debit, (u16, &'static str)> {
        let rates = Rates::from_json(
            r#"{"email":{"default":1},"whatsapp":{"default":2,"US":5},"sms":{"default":3}}"#,
        )
        .unwrap();
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        parse(body.as_bytes(), id, &rates).map_err(|problem| (problem.status.as_u16(), problem.code))
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
}
