//! What the client wants to have set, read from a request that is not trusted.

use lambda_http::Request;
use lambda_http::http::header::IF_MATCH;
use saldo_adapters::http::{Problem, ProblemCode, header, integer, limited_body};
use saldo_domain::{BillingContact, ContactField};
use serde_json::{Map, Value, json};

/// A billing contact for the settings whose version the client has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) billing: BillingContact,
    pub(crate) seen: i64,
}

impl Change {
    pub(crate) fn read(request: &Request) -> Result<Change, Problem> {
        let body = limited_body(request)?;
        let seen = header(request, IF_MATCH.as_str())?.and_then(version);
        let seen = seen.ok_or_else(|| {
            Problem::invalid("If-Match", "Send the header If-Match with the version that you have seen.")
        })?;
        Ok(Change { billing: billing(body)?, seen })
    }
}

/// `"3"` as in the header ETag, or `3`.
fn version(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    integer(digits).filter(|version| *version >= 0)
}

fn billing(body: &[u8]) -> Result<BillingContact, Problem> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))?;
    let Some(Value::Object(parts)) = body.get("billing") else {
        return Err(Problem::invalid(
            "billing",
            "billing is an object with the parts of the billing contact.",
        ));
    };
    let mut contact = BillingContact::default();
    for (name, value) in parts {
        // The name is the client's own text: it is not repeated to anyone unless it is one of ours.
        let Some(field) = ContactField::ALL.into_iter().find(|field| field.as_str() == name) else {
            let known = ContactField::ALL.map(ContactField::as_str).join(", ");
            return Err(Problem::invalid("billing", format!("billing may have {known}, and nothing else.")));
        };
        let path = format!("billing.{name}");
        let typed = match value {
            Value::Null => "",
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(Problem::invalid(&path, format!("{path} is text.")));
            }
        };
        contact.set(field, typed).map_err(|invalid| {
            Problem::new(ProblemCode::InvalidSettings, invalid.detail).with("field", json!(path))
        })?;
    }
    Ok(contact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_whole_number_in_quotes_or_not() {
        assert_eq!(version("\"3\""), Some(3));
        assert_eq!(version(" 0 "), Some(0));
        for text in ["", "*", "W/\"3\"", "\"3", "-1", "3.0", "\"\"", "\"1\", \"2\""] {
            assert_eq!(version(text), None, "{text}");
        }
    }

    #[test]
    fn absent_null_and_empty_are_the_same() {
        let of = |body: &str| billing(body.as_bytes()).unwrap();
        let named = of(r#"{"billing":{"name":"PT Acme","phone":null,"email":""},"version":7}"#);
        assert_eq!(named, BillingContact { name: Some("PT Acme".to_owned()), ..BillingContact::default() });
        assert_eq!(of(r#"{"billing":{}}"#), BillingContact::default());
    }

    #[test]
    fn what_is_no_contact_is_refused() {
        let code = |body: &str| billing(body.as_bytes()).unwrap_err().code;
        for body in [
            "",
            "[]",
            "{}",
            r#"{"billing":[]}"#,
            r#"{"billing":{"e_mail":"a@b.test"}}"#,
            r#"{"billing":{"name":5}}"#,
        ] {
            assert_eq!(code(body), ProblemCode::InvalidRequest, "{body}");
        }
        assert_eq!(code(r#"{"billing":{"email":"nobody"}}"#), ProblemCode::InvalidSettings);
    }
}
