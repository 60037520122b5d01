//! What the client orders, read from a request that is not trusted.

use std::collections::BTreeMap;

use lambda_http::Request;
use saldo_adapters::http::{Problem, header, integer, limited_body};
use saldo_domain::{Credits, IdempotencyKey, Money};
use serde_json::value::RawValue;

/// How many credits, and the total that the payer was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) credits: Credits,
    pub(crate) expected_total: Money,
}

/// More than any total is, in minor units: it stands in the interface's description.
const MOST_MINOR_UNITS: i64 = 999_999_999_999;

const KEY_HEADER: &str = "Idempotency-Key";

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Wish {
    pub(crate) fn read(request: &Request) -> Result<(IdempotencyKey, Wish), Problem> {
        let body = limited_body(request)?;
        let key = header(request, KEY_HEADER)?.ok_or_else(|| {
            Problem::invalid(
                KEY_HEADER,
                "Send the header Idempotency-Key with a value unique to this purchase.",
            )
        })?;
        let key = IdempotencyKey::parse(key).map_err(|_| {
            let detail = "Send one Idempotency-Key of 1 to 255 visible ASCII characters, without a comma.";
            Problem::invalid(KEY_HEADER, detail)
        })?;
        Ok((key, Wish::parse(body)?))
    }

    fn parse(body: &[u8]) -> Result<Wish, Problem> {
        let wish: Members<'_> = serde_json::from_slice(body)
            .map_err(|_| Problem::invalid("body", "The body is a JSON object."))?;
        let credits = whole_number(&wish, "credits", "credits")?;
        let total = wish.get("expected_total").ok_or_else(|| missing("expected_total"))?;
        let total: Members<'_> = serde_json::from_str(total.get()).map_err(|_| {
            Problem::invalid("expected_total", "expected_total is an object with currency and minor_units.")
        })?;
        let minor_units = whole_number(&total, "minor_units", "expected_total.minor_units")?;
        if !(1..=MOST_MINOR_UNITS).contains(&minor_units) {
            let detail = format!("expected_total.minor_units is 1 to {MOST_MINOR_UNITS}.");
            return Err(Problem::invalid("expected_total.minor_units", detail));
        }
        let field = "expected_total.currency";
        let currency = total.get("currency").ok_or_else(|| missing(field))?;
        let currency = serde_json::from_str(currency.get()).map_err(|_| {
            Problem::invalid(field, format!("{field} is a three-letter currency code, like IDR."))
        })?;
        Ok(Wish { credits: Credits(credits), expected_total: Money::new(currency, minor_units) })
    }
}

fn whole_number(members: &Members<'_>, name: &str, field: &str) -> Result<i64, Problem> {
    let value = members.get(name).ok_or_else(|| missing(field))?;
    integer(value.get()).ok_or_else(|| Problem::invalid(field, format!("{field} is a whole number.")))
}

fn missing(field: &str) -> Problem {
    Problem::invalid(field, format!("{field} is missing."))
}

#[cfg(test)]
mod tests {
    use saldo_domain::Currency;

    use super::*;

    #[test]
    fn a_number_too_large_to_hold_is_still_a_number() {
        let body = br#"{"credits":123456789012345678901234567890,"expected_total":{"currency":"idr","minor_units":1}}"#;
        let wish = Wish::parse(body).unwrap();
        assert_eq!(wish.credits, Credits(i64::MAX));
        assert_eq!(wish.expected_total, Money::new(Currency::IDR, 1));
    }

    #[test]
    fn anything_else_is_refused() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"credits":1000}"#,
            r#"{"credits":"1000","expected_total":{"currency":"IDR","minor_units":1}}"#,
            r#"{"credits":1e3,"expected_total":{"currency":"IDR","minor_units":1}}"#,
            r#"{"credits":1000.0,"expected_total":{"currency":"IDR","minor_units":1}}"#,
            r#"{"credits":1000,"expected_total":27750000}"#,
            r#"{"credits":1000,"expected_total":{"currency":"IDR","minor_units":0}}"#,
            r#"{"credits":1000,"expected_total":{"currency":"IDR","minor_units":1000000000000}}"#,
            r#"{"credits":1000,"expected_total":{"currency":"IDR"}}"#,
            r#"{"credits":1000,"expected_total":{"currency":"RUPIAH","minor_units":1}}"#,
            r#"{"credits":1000,"expected_total":{"currency":["IDR"],"minor_units":1}}"#,
            "{\"credits\":1000",
        ] {
            assert!(Wish::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Wish::parse(b"{\"credits\":\xff}").is_err());
    }
}
