//! Reading requests without trusting them.

use lambda_http::{Body, Request, RequestExt};

use super::Problem;

/// The largest body of an API call, in bytes.
const LARGEST_BODY: usize = 16 * 1024;
/// The longest header or query value looked at, in bytes.
const LONGEST_VALUE: usize = 1024;

/// The raw body, at most 16 KB.
pub fn limited_body(request: &Request) -> Result<&[u8], Problem> {
    let body: &[u8] = match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    };
    if body.len() > LARGEST_BODY { Err(Problem::too_large(LARGEST_BODY)) } else { Ok(body) }
}

/// A header's value; `None` when absent, a problem when repeated, too long or not plain text.
pub fn header<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = request.headers().get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| text.len() <= LONGEST_VALUE && values.next().is_none());
    text.map(Some).ok_or_else(|| Problem::invalid(name, format!("The header {name} is not readable.")))
}

/// A query parameter's value; a problem when it is repeated or too long.
pub fn query_parameter(request: &Request, name: &str) -> Result<Option<String>, Problem> {
    let parameters = request.query_string_parameters_ref();
    let values = parameters.and_then(|all| all.all(name)).unwrap_or_default();
    match values.as_slice() {
        [] => Ok(None),
        [value] if value.len() <= LONGEST_VALUE => Ok(Some((*value).to_owned())),
        [..] => Err(Problem::invalid(name, format!("Give {name} once, and short."))),
    }
}

/// A whole number as written in JSON or a query, brought into the range of `i64`; `None` when it is not one.
///
/// A number too large to hold is still a whole number, and then above every limit.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let furthest = if digits.len() < text.len() { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(furthest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_any_size_and_nothing_else() {
        assert_eq!(integer("1000"), Some(1000));
        assert_eq!(integer("-5"), Some(-5));
        assert_eq!(integer("99999999999999999999"), Some(i64::MAX));
        assert_eq!(integer("-99999999999999999999"), Some(i64::MIN));
        for text in ["", "-", "1e3", "1.0", "1,000", " 1", "+1", "\"1\"", "null", "0x10", "١٠٠٠"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
