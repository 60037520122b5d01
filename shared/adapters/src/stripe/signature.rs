//! The signature on Stripe's webhooks.
//!
//! Source: <https://docs.stripe.com/webhooks#verify-manually>.

use ring::hmac;
use saldo_domain::Timestamp;

/// Why a request is not taken for Stripe's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSignature {
    /// It is no signature, or not one of just now.
    Unfit,
    /// It may be one with a secret that is not among ours.
    OfAnotherSecret,
}

/// How far the time of the signature may be from ours, in seconds, either way.
const TOLERANCE_SECS: u64 = 300;
/// The longest header looked at; a real one with two secrets has about 160 bytes.
const LONGEST_HEADER: usize = 1024;

/// Checks the header `Stripe-Signature` against the raw bytes of the body.
///
/// Any `v1` under any of the secrets will do: while Stripe rolls a secret it signs with both. Other schemes are ignored.
pub fn verify(body: &[u8], header: &str, secrets: &[String], now: Timestamp) -> Result<(), InvalidSignature> {
    if header.len() > LONGEST_HEADER {
        return Err(InvalidSignature::Unfit);
    }
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let mut times = parts().filter(|(name, _)| *name == "t").map(|(_, value)| value);
    let (Some(time), None) = (times.next(), times.next()) else { return Err(InvalidSignature::Unfit) };
    let at: i64 = time.parse().map_err(|_| InvalidSignature::Unfit)?;
    if now.secs().abs_diff(at) > TOLERANCE_SECS {
        return Err(InvalidSignature::Unfit);
    }
    let signed = [time.as_bytes(), b".", body].concat();
    let keys: Vec<_> =
        secrets.iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect();
    let mut refused = Err(InvalidSignature::Unfit);
    for signature in parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes_of(value)) {
        if keys.iter().any(|key| hmac::verify(key, &signed, &signature).is_ok()) {
            return Ok(());
        }
        refused = Err(InvalidSignature::OfAnotherSecret);
    }
    refused
}

fn bytes_of(hexadecimal: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hexadecimal.len() != 2 * bytes.len() || !hexadecimal.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hexadecimal.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_795_441_928;

    fn sign(secret: &str, at: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn check(header: &str) -> bool {
        let secrets = ["whsec_new".to_owned(), "whsec_old".to_owned()];
        verify(BODY, header, &secrets, Timestamp::from_secs(AT)).is_ok()
    }

    #[test]
    fn any_v1_under_any_secret_is_genuine() {
        let (new, old) = (sign("whsec_new", &AT.to_string(), BODY), sign("whsec_old", &AT.to_string(), BODY));
        let other = sign("whsec_other", &AT.to_string(), BODY);
        assert!(check(&format!("t={AT},v1={new}")));
        assert!(check(&format!("t={AT},v1={old}")));
        assert!(check(&format!("t={AT},v1={other},v1={old},v0=abc")));
        assert!(check(&format!("t={AT},v1={old},v1={other}")));
        assert!(check(&format!("t={AT}, v1={new}")));
    }

    #[test]
    fn forged_altered_or_stale_is_refused() {
        let good = sign("whsec_new", &AT.to_string(), BODY);
        let (early, late) = ((AT - 301).to_string(), (AT + 301).to_string());
        for header in [
            String::new(),
            "t=,v1=".to_owned(),
            format!("t={AT}"),
            format!("v1={good}"),
            format!("t={AT},v0={good}"),
            format!("t={AT},v1={}", &good[1..]),
            format!("t={AT},v1={}é", &good[2..]),
            format!("t={AT},v1={}", "0".repeat(64)),
            format!("t={AT},v1={}", sign("whsec_other", &AT.to_string(), BODY)),
            format!("t={AT},v1={}", sign("whsec_new", &AT.to_string(), b"{}")),
            format!("t={early},v1={}", sign("whsec_new", &early, BODY)),
            format!("t={late},v1={}", sign("whsec_new", &late, BODY)),
            format!("t={AT},t={AT},v1={good}"),
            format!("t=now,v1={good}"),
            format!("t={AT},v1={good}{}", ",v1=0".repeat(400)),
            format!("t=99999999999999999999,v1={good}"),
            format!("t={},v1={good}", i64::MIN),
        ] {
            assert!(!check(&header), "{header}");
        }
        assert!(check(&format!("t={AT},v1={good}")));
        let edge = (AT - 300).to_string();
        assert!(check(&format!("t={edge},v1={}", sign("whsec_new", &edge, BODY))));
    }
}
