//! How this deployment signs people in; handed to the page inside the shell.
use serde::Serialize;

/// Exactly the ways that are configured; with none the page takes a token from its URL's fragment only.
#[derive(Default, Serialize)]
pub struct Settings {
    /// OIDC authorization code flow with PKCE.
    pub oidc: Option<Oidc>,
    /// The platform's own sign-in; gets `return_to` and comes back with `#token=…`.
    pub sign_in_url: Option<String>,
    /// A URL that hands out tokens for a chosen organisation, permissions and currency.
    pub local_sign_in_url: Option<String>,
    /// The token's claim with the organisation, for display.
    pub org_claim: String,
    /// The token's claim with the permissions, for display.
    pub permissions_claim: String,
}

#[derive(Default, Serialize)]
pub struct Oidc {
    pub authorize_url: String,
    pub token_url: String,
    pub client_id: String,
    pub scope: String,
}

impl Settings {
    /// JSON, escaped for a double-quoted HTML attribute.
    pub(crate) fn to_attribute(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        json.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
    }
}
