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
///
/// Whoever calls has not shown anything yet, so that little is done for them: nothing of the body is read before the time is right
/// and there is a `v1` that can be one, then it is read once for each secret, however many there are, and never copied.
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
    let signatures: Vec<_> =
        parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes_of(value)).collect();
    if signatures.is_empty() {
        return Err(InvalidSignature::Unfit);
    }
    let genuine = secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let ours = signed(&key, [time.as_bytes(), b".", body]);
        signatures.iter().any(|theirs| same(&key, &ours, theirs))
    });
    if genuine { Ok(()) } else { Err(InvalidSignature::OfAnotherSecret) }
}

fn signed(key: &hmac::Key, parts: [&[u8]; 3]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

/// Whether two signatures are the same, in a time that tells nothing of where they differ: what is compared is made of both
/// under a key that nobody else knows.
fn same(key: &hmac::Key, ours: &hmac::Tag, theirs: &[u8; 32]) -> bool {
    hmac::verify(key, ours.as_ref(), hmac::sign(key, theirs).as_ref()).is_ok()
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

    /// The least that checking took of twenty times, in nanoseconds, with a body of the largest size.
    fn cost(header: &str) -> u128 {
        let (body, secrets) = (vec![b'x'; 256 * 1024], ["whsec_new".to_owned(), "whsec_old".to_owned()]);
        let once = || {
            let began = std::time::Instant::now();
            assert!(verify(&body, header, &secrets, Timestamp::from_secs(AT)).is_err());
            began.elapsed().as_nanos()
        };
        (0..20).map(|_| once()).min().unwrap_or_default()
    }

    #[test]
    fn who_has_no_signature_costs_next_to_nothing_and_who_forges_many_no_more_than_one() {
        let forged = format!(",v1={}", "0".repeat(64));
        let one = cost(&format!("t={AT}{forged}"));
        let many = cost(&format!("t={AT}{}", forged.repeat(14)));
        assert!(many < 3 * one, "{many} ns against {one} ns");
        for cheap in [format!("t={AT}"), format!("t={AT},v1=short"), format!("t=1{forged}"), String::new()] {
            assert!(cost(&cheap) < one / 10, "{cheap}: {} ns against {one} ns", cost(&cheap));
        }
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
