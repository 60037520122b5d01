//! What a browser may do with the pages.
use crate::settings::Settings;

pub(crate) const HEADERS: [(&str, &str); 6] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Nothing but our own files; the one other origin is the configured issuer's token endpoint, when there is one.
/// Trusted types forbid the page every way to turn text into markup or script.
pub(crate) fn content_security_policy(settings: &Settings) -> String {
    let issuer = settings.oidc.as_ref().and_then(|oidc| origin(&oidc.token_url)).unwrap_or_default();
    let connect = format!("connect-src 'self' {issuer}");
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        connect.trim_end(),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    .join("; ")
}

/// `https://issuer.example/token` -> `https://issuer.example`.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Oidc;

    #[test]
    fn only_the_issuers_origin_may_be_called_besides_our_own() {
        let policy = content_security_policy(&Settings::default());
        assert!(policy.contains("connect-src 'self';"), "{policy}");

        let oidc = Oidc { token_url: "https://issuer.example/oauth/token".into(), ..Oidc::default() };
        let policy = content_security_policy(&Settings { oidc: Some(oidc), ..Settings::default() });
        assert!(policy.contains("connect-src 'self' https://issuer.example;"), "{policy}");
    }
}
