//! What is to be sent, read from a request that is not trusted.

use std::collections::BTreeSet;

use lambda_http::Request;
use saldo_adapters::http::{Problem, ProblemCode, header, limited_body};
use saldo_credits::Settlement;
use saldo_domain::{
    AtEnd, Credits, Debit, DebitId, Details, HOLD_SECS, HoldTerms, HoldUse, IdempotencyKey, LEAST_HOLD_SECS,
    MOST_CREDITS, MOST_HOLD_SECS, MOST_IN_BATCH, MOST_UNITS, MOST_VALID_SECS, Meters, Reference, Timestamp,
    Units,
};
use serde_json::{Value, json};

use crate::message::{Message, Object, no_price, object};

const KEY_HEADER: &str = "Idempotency-Key";

/// What a debit may say, and what of it a hold's end.
const OF_DEBIT: [&str; 6] = ["channel", "country", "reference", "units", "class", "max_credits"];
const OF_HOLD: [&str; 4] = ["expires_in_seconds", "valid_for_seconds", "settles", "at_end"];
const OF_USE: [&str; 4] = ["units", "channel", "class", "country"];

/// The debit with its price.
pub(crate) fn read(request: &Request, id: DebitId, meters: &Meters) -> Result<Debit, Problem> {
    parse(limited_body(request)?, id, meters)
}

/// The key under which a debit is made.
pub(crate) fn key(request: &Request) -> Result<IdempotencyKey, Problem> {
    let key = header(request, KEY_HEADER)?.ok_or_else(|| {
        let detail = "Send the header Idempotency-Key with a value unique to this message.";
        Problem::new(ProblemCode::IdempotencyKeyMissing, detail)
    })?;
    IdempotencyKey::parse(key).map_err(|_| {
        let detail = "Send one Idempotency-Key of 1 to 255 visible ASCII characters, without a comma.";
        Problem::invalid(KEY_HEADER, detail)
    })
}

/// The debits of a batch with its prices: 1 to 25, each with an id of its own.
pub(crate) fn read_batch(request: &Request, meters: &Meters) -> Result<Vec<Debit>, Problem> {
    parse_batch(limited_body(request)?, meters)
}

/// The id of a debit, or of a hold.
pub(crate) fn id(text: &str, field: &str) -> Result<DebitId, Problem> {
    let detail = "The id is a UUID of version 7 in lower case.";
    DebitId::parse(text).map_err(|_| Problem::invalid(field, detail))
}

/// The debit of a hold, with its price and its terms, and what it reports of the one before.
pub(crate) fn read_hold(
    request: &Request,
    id: DebitId,
    meters: &Meters,
    now: Timestamp,
) -> Result<(Debit, Option<Settlement>), Problem> {
    let members = object(limited_body(request)?)?;
    let message = Message { members: &members, path: String::new() };
    message.says_only(&[&OF_DEBIT, &OF_HOLD])?;
    let debit = message.debit(id, meters)?;
    let terms = message.terms(id, now)?;
    Ok((Debit { hold: Some(terms), ..debit }, message.settles(id, meters)?))
}

/// What was used of a hold; all of it where nothing is said.
pub(crate) fn read_capture(request: &Request, meters: &Meters) -> Result<HoldUse, Problem> {
    let members = object_or_nothing(limited_body(request)?)?;
    let message = Message { members: &members, path: String::new() };
    message.says_only(&[&OF_USE])?;
    message.used(meters)
}

/// For how long from now on a hold is to hold, in seconds.
pub(crate) fn read_extension(request: &Request) -> Result<i64, Problem> {
    let members = object(limited_body(request)?)?;
    let message = Message { members: &members, path: String::new() };
    let field = "expires_in_seconds";
    message.says_only(&[&[field]])?;
    let secs = message.number(field, LEAST_HOLD_SECS, MOST_HOLD_SECS)?;
    secs.ok_or_else(|| message.invalid(field, "expires_in_seconds is missing."))
}

fn object_or_nothing(body: &[u8]) -> Result<Object, Problem> {
    if body.is_empty() { Ok(Object::new()) } else { object(body) }
}

fn parse(body: &[u8], id: DebitId, meters: &Meters) -> Result<Debit, Problem> {
    let members = object(body)?;
    let message = Message { members: &members, path: String::new() };
    message.says_only(&[&OF_DEBIT])?;
    message.debit(id, meters)
}

fn parse_batch(body: &[u8], meters: &Meters) -> Result<Vec<Debit>, Problem> {
    let batch = object(body)?;
    Message { members: &batch, path: String::new() }.says_only(&[&["debits"]])?;
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
        message.says_only(&[&["id"], &OF_DEBIT])?;
        let field = message.name("id");
        let text = message.text("id")?.ok_or_else(|| Problem::invalid(&field, "id is missing."))?;
        let debit = message.debit(id(text, &field)?, meters)?;
        if ids.insert(debit.id) {
            Ok(debit)
        } else {
            Err(Problem::invalid(&field, "Each id comes once in a batch."))
        }
    };
    messages.iter().enumerate().map(read).collect()
}

impl Message<'_> {
    /// Until when a hold holds, and what becomes of it then.
    fn terms(&self, id: DebitId, now: Timestamp) -> Result<HoldTerms, Problem> {
        let secs = self.number("expires_in_seconds", LEAST_HOLD_SECS, MOST_HOLD_SECS)?;
        let valid = self.number("valid_for_seconds", LEAST_HOLD_SECS, MOST_VALID_SECS)?;
        let at_end = match self.text("at_end")? {
            None | Some("release") => AtEnd::Release,
            Some("capture") => AtEnd::Capture,
            Some(_) => return Err(self.invalid("at_end", "at_end is release or capture.")),
        };
        let made = id.at();
        match (secs, valid) {
            (None, Some(valid)) => Ok(HoldTerms::quota(made, now, valid, at_end)),
            (Some(_), Some(_)) => {
                let detail =
                    "A quota is held for twice as long as it is valid: expires_in_seconds is not said.";
                Err(self.invalid("expires_in_seconds", detail))
            }
            (secs, None) => Ok(HoldTerms::lasting(made, now, secs.unwrap_or(HOLD_SECS), at_end)),
        }
    }

    /// The quota before, and what was used of it.
    fn settles(&self, id: DebitId, meters: &Meters) -> Result<Option<Settlement>, Problem> {
        let members = match self.members.get("settles") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(members)) => members.clone().into_iter().collect(),
            Some(_) => return Err(self.invalid("settles", "settles is an object: an id and units.")),
        };
        let report = Message { members: &members, path: "settles.".to_owned() };
        report.says_only(&[&["id"], &OF_USE])?;
        let text = report.text("id")?.ok_or_else(|| report.invalid("id", "id is missing."))?;
        let of = self::id(text, "settles.id")?;
        if of == id {
            return Err(report.invalid("id", "A hold settles another one."));
        }
        let units = report.number("units", 0, MOST_UNITS)?;
        let used = match units {
            Some(0) => None,
            None => return Err(report.invalid("units", "units is missing: how much of it was used, or 0.")),
            Some(_) => Some(report.used(meters)?),
        };
        Ok(Some(Settlement { id: of, used }))
    }

    /// What was used of a hold.
    fn used(&self, meters: &Meters) -> Result<HoldUse, Problem> {
        let (channel, class, country) = (self.channel(meters)?, self.class()?, self.country()?);
        let units = self.number("units", 1, MOST_UNITS)?.and_then(Units::new);
        Ok(HoldUse { units, channel, class, country })
    }

    fn debit(&self, id: DebitId, meters: &Meters) -> Result<Debit, Problem> {
        let missing = || self.invalid("channel", "channel is missing.");
        let (channel, country) = (self.channel(meters)?.ok_or_else(missing)?, self.country()?);
        let reference = match self.text("reference")? {
            None => None,
            Some(text) => Some(Reference::parse(text).map_err(|_| {
                self.invalid("reference", "reference is 1 to 128 bytes of text without control characters.")
            })?),
        };
        let class = self.class()?;
        let units = self.number("units", 1, MOST_UNITS)?.and_then(Units::new).unwrap_or_default();
        let details = Details { units, class, country, reference };
        let max_credits = self.number("max_credits", 0, MOST_CREDITS)?.map(Credits);
        let debit = Debit::perhaps_repeated(meters, id, channel, details);
        let debit = debit.map_err(|error| no_price(&self.path, &error))?;
        Ok(Debit { max_credits, ..debit })
    }
}

#[cfg(test)]
mod tests {
    use saldo_domain::PriceError;

    use super::*;

    fn meters() -> Meters {
        let text = r#"{"email":{"default":1},"whatsapp":{"default":2,"US":5,"class":{"utility":0}},
            "sms":{"default":3},"ai":{"unit":"token","default":2000}}"#;
        Meters::from_json(text).unwrap()
    }

    fn parsed(body: &str) -> Result<Debit, (u16, &'static str)> {
        let meters = meters();
        let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
        parse(body.as_bytes(), id, &meters)
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
    fn units_and_class_are_read_and_priced() {
        let of = |body| parsed(body).unwrap();
        assert_eq!(of(r#"{"channel":"sms"}"#).details.units, Units::ONE);
        let segments = of(r#"{"channel":"sms","units":4,"max_credits":20}"#);
        assert_eq!((segments.credits, segments.max_credits), (Credits(12), Some(Credits(20))));
        assert_eq!(
            of(r#"{"channel":"whatsapp","class":"utility","country":"US","units":9}"#).credits,
            Credits(0)
        );
        assert_eq!(of(r#"{"channel":"ai","units":500000000}"#).credits, Credits(MOST_CREDITS));
        assert_eq!(parsed(r#"{"channel":"ai","units":500000001}"#).unwrap_err(), (400, "invalid_request"));
        let not_sold = parsed(r#"{"channel":"sms","class":"utility"}"#).unwrap().not_sold;
        assert_eq!(not_sold, Some(PriceError::UnknownClass(Vec::new())), "a repeat of it is answered");
        for member in ["units", "max_credits"] {
            for value in ["-1", "1.5", "\"1\"", "1e3", "1000000000001", "99999999999999999999", "[1]", "true"]
            {
                let body = format!("{{\"channel\":\"sms\",\"{member}\":{value}}}");
                assert_eq!(parsed(&body).unwrap_err(), (400, "invalid_request"), "{body}");
            }
        }
        for body in [
            r#"{"channel":"sms","units":0}"#,
            r#"{"channel":"sms","units":1000000001}"#,
            r#"{"channel":"sms","class":"Utility"}"#,
            r#"{"channel":"sms","class":7}"#,
        ] {
            assert_eq!(parsed(body).unwrap_err(), (400, "invalid_request"), "{body}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let not_sold = parsed(r#"{"channel":"fax"}"#).unwrap().not_sold;
        assert!(matches!(not_sold, Some(PriceError::UnknownChannel(_))), "a repeat of it is answered");
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
            r#"{"channel":"sms","unit":3}"#,
            r#"{"channel":"sms","max_credit":1}"#,
            r#"{"channel":"sms","id":"019ab0f2-6c40-7a11-8b22-334455667788"}"#,
            &long,
        ] {
            assert_eq!(parsed(body).unwrap_err(), (400, "invalid_request"), "{body}");
        }
    }

    #[test]
    fn what_is_misspelt_is_named_in_few_characters_or_not_at_all() {
        let long = "x".repeat(200);
        for (member, field) in [
            ("unit", "unit"),
            ("", "body"),
            ("\u{7}", "body"),
            ("\u{b4}\nw", "\u{b4}w"),
            (&*long, &long[..32]),
        ] {
            let body = json!({"channel": "sms", member: 3}).to_string();
            let id = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667788").unwrap();
            let answer = parse(body.as_bytes(), id, &meters()).unwrap_err().into_response();
            let told: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(told["field"], field, "{body}");
        }
    }

    #[test]
    fn a_batch_is_refused_as_a_whole_and_names_what_is_wrong() {
        let id = |at: usize| format!("019ab0f2-6c40-7a11-8b22-3344556677{at:02x}");
        let many = |count| -> Value {
            (0..count).map(|at| json!({"id": id(at), "channel": "sms"})).collect::<Vec<_>>().into()
        };
        let of = |debits: &Value| parse_batch(json!({ "debits": debits }).to_string().as_bytes(), &meters());
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
            (json!([good, {"id": id(2), "channel": "Fax"}]), "unknown_channel", "debits[1].channel"),
            (json!([good, {"id": id(2), "channel": "sms", "unit": 2}]), "invalid_request", "debits[1].unit"),
            (json!([good, {"id": id(2), "channel": "sms", "": 2}]), "invalid_request", "debits[1]"),
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
