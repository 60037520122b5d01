//! The JWT authoriser: who may pass, decided as API Gateway does.
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};

use crate::issuer::Issuer;
use crate::template::Authorizer;

const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The claims of the token in `header` (the value of Authorization) when `authorizer` lets it pass at `now`
/// (seconds since 1970).
pub(super) fn authorise(
    issuer: &Issuer,
    authorizer: &Authorizer,
    header: Option<&str>,
    now: i64,
) -> Option<Map<String, Value>> {
    let header = header?.trim();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None => header,
    };
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let claims = signed_claims(issuer, token)?;
    let issued_here = claims.get("iss").and_then(Value::as_str) == Some(authorizer.issuer.as_str());
    (issued_here && in_time(&claims, now) && for_us(&claims, &authorizer.audiences)).then_some(claims)
}

fn signed_claims(issuer: &Issuer, token: &str) -> Option<Map<String, Value>> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = issuer.checking_key(header.kid.as_deref())?;
    // The algorithm is ours to choose, not the token's. Times and audience follow below, by the clock of this system.
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation).ok().map(|data| data.claims)
}

fn in_time(claims: &Map<String, Value>, now: i64) -> bool {
    let expires = claims.get("exp").and_then(Value::as_i64);
    let begins = |key| claims.get(key).map_or(Some(i64::MIN), Value::as_i64);
    expires.is_some_and(|expires| expires > now)
        && begins("nbf").is_some_and(|begins| begins <= now)
        && begins("iat").is_some_and(|begins| begins <= now)
}

/// API Gateway looks at client_id only when there is no aud.
fn for_us(claims: &Map<String, Value>, audiences: &[String]) -> bool {
    let ours = |value: &Value| value.as_str().is_some_and(|name| audiences.iter().any(|ours| ours == name));
    match claims.get("aud").or_else(|| claims.get("client_id")) {
        Some(Value::Array(named)) => named.iter().any(ours),
        Some(named) => ours(named),
        None => false,
    }
}
