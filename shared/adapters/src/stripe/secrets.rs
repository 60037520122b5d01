//! What the secrets that Stripe gave us say: an API key, and what signs its webhooks.

use std::sync::Arc;

use crate::secrets::{Secret, SecretError};

/// The header that carries a key.
#[derive(PartialEq, Eq)]
pub struct Bearer(String);

/// Where the key of a connection comes from.
#[derive(Clone)]
pub(crate) enum Key {
    /// Given once, by a program that somebody runs by hand.
    Given(Arc<Bearer>),
    Kept(Secret<Bearer>),
}

impl Bearer {
    /// A key of the mode. The error says what is wrong and not what the key is.
    pub(crate) fn of(key: &str, livemode: bool) -> Result<Bearer, String> {
        let mode = if livemode { "live" } else { "test" };
        let fits = ["sk", "rk"].iter().any(|kind| key.starts_with(&format!("{kind}_{mode}_")));
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if fits && plain {
            Ok(Bearer(format!("Bearer {key}")))
        } else {
            Err(format!("is not a {mode}-mode key"))
        }
    }

    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

impl Key {
    /// The key to send with, read if it never was.
    pub(super) async fn value(&self) -> Result<Arc<Bearer>, SecretError> {
        match self {
            Key::Given(given) => Ok(Arc::clone(given)),
            Key::Kept(secret) => secret.value().await,
        }
    }

    /// Another key than the one that Stripe does not know, if there is one.
    pub(super) async fn instead_of(&self, refused: &Arc<Bearer>) -> Option<Arc<Bearer>> {
        match self {
            Key::Given(_) => None,
            Key::Kept(secret) => secret.instead_of(refused).await,
        }
    }
}

/// The secrets that Stripe may sign with: one, or two while it rolls it; `none` is none yet, as Stripe tells a secret only
/// when the endpoint is there.
pub(crate) fn webhook_secrets(text: &str) -> Result<Vec<String>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let secrets: Vec<String> = text.split(',').map(|secret| secret.trim().to_owned()).collect();
    if (1..=2).contains(&secrets.len()) && secrets.iter().all(|secret| secret.starts_with("whsec_")) {
        Ok(secrets)
    } else {
        Err("is neither `none` nor one or two signing secrets with a comma between them".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_the_mode_and_never_told() {
        assert_eq!(Bearer::of("rk_test_1", false).map(|key| key.0), Ok("Bearer rk_test_1".to_owned()));
        assert!(Bearer::of("sk_live_1", true).is_ok());
        for (key, livemode, why) in [
            ("sk_live_secret", false, "is not a test-mode key"),
            ("rk_test_secret", true, "is not a live-mode key"),
            ("pk_test_secret", false, "is not a test-mode key"),
            ("rk_test_se\ncret", false, "is not a test-mode key"),
            ("", true, "is not a live-mode key"),
        ] {
            assert_eq!(Bearer::of(key, livemode).map(|_| ()), Err(why.to_owned()), "{key}");
        }
    }

    #[test]
    fn one_or_two_webhook_secrets() {
        assert_eq!(webhook_secrets("whsec_a, whsec_b").unwrap(), ["whsec_a", "whsec_b"]);
        assert_eq!(webhook_secrets("none").unwrap(), Vec::<String>::new());
        for text in ["", ",", "none,whsec_a", "whsec_a,none", "whsec_a,", "whsec_a,whsec_b,whsec_c", "secret"]
        {
            assert!(webhook_secrets(text).is_err(), "{text}");
        }
    }
}
