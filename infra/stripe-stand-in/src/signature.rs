//! The `Stripe-Signature` header.

use ring::hmac;

/// `t=…,v1=…[,v1=…]`: HMAC-SHA256 over the time, a dot and the raw body, once per secret.
///
/// `at` is in Unix seconds.
pub fn sign(secrets: &[String], at: i64, body: &[u8]) -> String {
    let mut header = format!("t={at}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{at}.").as_bytes());
        context.update(body);
        header.push_str(",v1=");
        header.extend(context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")));
    }
    header
}
