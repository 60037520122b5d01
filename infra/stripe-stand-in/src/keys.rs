//! Secret keys: who may call, and what a restricted key may do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};

use crate::api_error::{ApiError, ApiResult};

/// What the caller's key may do, and which permissions were asked for: clones share these.
#[derive(Clone, Debug)]
pub(crate) struct Permissions {
    given: Given,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Clone, Debug)]
enum Given {
    /// A secret key, or the stand-in's own hands.
    All,
    /// A restricted key: the permissions given to it, by Stripe's names, e.g. `rak_invoice_write`.
    Only { key: String, names: BTreeSet<String> },
}

impl Permissions {
    pub(crate) fn all() -> Permissions {
        Permissions { given: Given::All, asked: Arc::default() }
    }

    fn only(key: String, names: BTreeSet<String>) -> Permissions {
        Permissions { given: Given::Only { key, names }, asked: Arc::default() }
    }

    /// The permissions that were asked for, by Stripe's names.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses what a restricted key was not given; writing includes reading. Stripe names what is missing.
    pub(crate) fn require(&self, permission: &str) -> ApiResult<()> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(permission.to_owned());
        let Given::Only { key, names } = &self.given else { return Ok(()) };
        let writing = permission.strip_suffix("_read").map(|resource| format!("{resource}_write"));
        if names.contains(permission) || writing.is_some_and(|writing| names.contains(&writing)) {
            return Ok(());
        }
        let message = format!(
            "The provided key '{}' does not have the required permissions for this endpoint on account \
             '{}'. Having the '{permission}' permission would allow this request to continue.",
            veiled(key),
            crate::seller::ID,
        );
        Err(ApiError::new(403, "invalid_request_error", message))
    }
}

/// A restricted key and what it may do.
#[derive(Clone, Debug)]
pub(crate) struct RestrictedKey {
    pub(crate) key: String,
    pub(crate) names: BTreeSet<String>,
}

/// The caller's permissions. A test key will do, as a bearer token or as the user of basic authentication; once any
/// restricted key is registered, those that are not are unknown.
pub(crate) fn authenticate(headers: &HeaderMap, registered: &[RestrictedKey]) -> ApiResult<Permissions> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("basic") => user_of(token.trim()),
        _ => {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization \
                           header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
            return Err(ApiError::unauthorized(message));
        }
    };
    let begins = |prefix: &str| key.len() > prefix.len() && key.starts_with(prefix);
    if begins("sk_test_") || (begins("rk_test_") && registered.is_empty()) {
        return Ok(Permissions::all());
    }
    match registered.iter().find(|known| known.key == key) {
        Some(known) => Ok(Permissions::only(key, known.names.clone())),
        None => Err(ApiError::unauthorized("Invalid API Key provided: the stand-in takes test keys only.")),
    }
}

/// `rk_test_***********7890`, as Stripe shows a key.
fn veiled(key: &str) -> String {
    let (begin, secret) = key.split_at_checked("rk_test_".len()).unwrap_or(("", key));
    let shown = secret.len().saturating_sub(4);
    let end = secret.get(shown..).unwrap_or_default();
    format!("{begin}{}{end}", "*".repeat(shown))
}

/// The user of `base64(user:password)`.
fn user_of(token: &str) -> String {
    let decoded = decode_base64(token).unwrap_or_default();
    let text = String::from_utf8(decoded).unwrap_or_default();
    text.split(':').next().unwrap_or_default().to_owned()
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut decoded = Vec::new();
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    Some(decoded)
}
