//! What this deployment is called, where it lies, and how it signs people in; handed to the page inside the shell.
use saldo_adapters::config::{ConfigError, Env};
use serde::Serialize;

/// What the host calls the product when it says nothing.
const PRODUCT_NAME: &str = "Saldo";

/// The ways to sign in are exactly those that are configured; with none nobody gets in.
#[derive(Default, Serialize)]
pub(crate) struct Settings {
    /// What the pages call the product.
    pub(crate) product_name: String,
    /// The path under which pages, assets and API lie: empty, or like `/saldo`.
    pub(crate) base_path: String,
    /// OIDC authorization code flow with PKCE.
    pub(crate) oidc: Option<Oidc>,
    /// The platform's own sign-in; gets `return_to` and comes back to exactly that address, with `#token=…`.
    pub(crate) sign_in_url: Option<String>,
    /// A URL that hands out tokens for a chosen organisation, permissions and currency.
    pub(crate) local_sign_in_url: Option<String>,
    /// The token's claim with the organisation, for display.
    pub(crate) org_claim: String,
    /// The token's claim with the permissions, for display.
    pub(crate) permissions_claim: String,
}

#[derive(Default, Serialize)]
pub(crate) struct Oidc {
    pub(crate) authorize_url: String,
    pub(crate) token_url: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
}

impl Settings {
    /// `SALDO_PRODUCT_NAME`, `SALDO_BASE_PATH`, `SALDO_OIDC_*`, `SALDO_SIGN_IN_URL` and `SALDO_LOCAL_SIGN_IN_URL`, each
    /// empty when it is not used.
    ///
    /// # Errors
    /// When an address or a path cannot be one, or only a part of the OIDC settings is there.
    pub(crate) fn of(env: &Env) -> Result<Self, ConfigError> {
        let names = env.claim_names();
        Ok(Self {
            product_name: env.get("SALDO_PRODUCT_NAME").unwrap_or(PRODUCT_NAME).to_owned(),
            base_path: base_path(env)?,
            oidc: Oidc::of(env)?,
            sign_in_url: address(env, "SALDO_SIGN_IN_URL")?,
            local_sign_in_url: address(env, "SALDO_LOCAL_SIGN_IN_URL")?,
            org_claim: names.org,
            permissions_claim: names.permissions,
        })
    }

    /// JSON, escaped for a double-quoted HTML attribute.
    pub(crate) fn to_attribute(&self) -> String {
        escaped(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// Text as it stands in HTML, also inside a double-quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Oidc {
    fn of(env: &Env) -> Result<Option<Self>, ConfigError> {
        let Some(authorize_url) = address(env, "SALDO_OIDC_AUTHORIZE_URL")? else { return Ok(None) };
        let token_url =
            env.require("SALDO_OIDC_TOKEN_URL").and_then(|_| address(env, "SALDO_OIDC_TOKEN_URL"))?;
        Ok(Some(Self {
            authorize_url,
            token_url: token_url.unwrap_or_default(),
            client_id: env.require("SALDO_OIDC_CLIENT_ID")?.to_owned(),
            scope: env.get("SALDO_OIDC_SCOPE").unwrap_or("openid").to_owned(),
        }))
    }
}

/// `SALDO_BASE_PATH` without a slash at its end. It becomes a part of every address, so only plain segments are let in.
fn base_path(env: &Env) -> Result<String, ConfigError> {
    let path = env.get("SALDO_BASE_PATH").unwrap_or_default().trim_end_matches('/');
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte));
    let segments =
        path.strip_prefix('/').map(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    if path.is_empty() || (plain && segments == Some(true)) {
        Ok(path.to_owned())
    } else {
        Err(ConfigError::new("SALDO_BASE_PATH", "is empty or a path like /saldo"))
    }
}

/// A web address or a path of ours. It becomes a part of a security policy, so only plain characters are let in.
fn address(env: &Env, variable: &str) -> Result<Option<String>, ConfigError> {
    let Some(value) = env.get(variable) else { return Ok(None) };
    let starts = value.starts_with("https://") || value.starts_with("http://") || value.starts_with('/');
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"';,<>\\".contains(&byte));
    if starts && plain {
        Ok(Some(value.to_owned()))
    } else {
        Err(ConfigError::new(variable, "is an address that starts with https:// or /"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::of(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn nothing_is_configured_by_default() {
        let settings = settings(&[("SALDO_SIGN_IN_URL", "")]).unwrap();
        assert!(
            settings.oidc.is_none() && settings.sign_in_url.is_none() && settings.local_sign_in_url.is_none()
        );
        assert_eq!(settings.org_claim, "org_id");
    }

    #[test]
    fn half_an_oidc_configuration_is_refused_by_name() {
        let authorize = ("SALDO_OIDC_AUTHORIZE_URL", "https://issuer.example/authorize");
        let token = ("SALDO_OIDC_TOKEN_URL", "https://issuer.example/token");
        let client = ("SALDO_OIDC_CLIENT_ID", "saldo");
        let variable = |pairs: &[_]| settings(pairs).err().map(|error| error.variable);
        assert_eq!(variable(&[authorize]).as_deref(), Some("SALDO_OIDC_TOKEN_URL"));
        assert_eq!(variable(&[authorize, token]).as_deref(), Some("SALDO_OIDC_CLIENT_ID"));
        assert_eq!(settings(&[authorize, token, client]).unwrap().oidc.unwrap().scope, "openid");
    }

    #[test]
    fn an_address_cant_widen_the_security_policy() {
        for value in ["https://a.example; script-src *", "javascript:alert(1)", "https://a\"b", "a.example"] {
            assert!(settings(&[("SALDO_SIGN_IN_URL", value)]).is_err(), "{value}");
        }
        assert!(settings(&[("SALDO_LOCAL_SIGN_IN_URL", "/local/token")]).is_ok());
    }

    #[test]
    fn the_host_names_the_product_and_the_path_it_lies_under() {
        let told = settings(&[("SALDO_PRODUCT_NAME", "Kredit Kirim"), ("SALDO_BASE_PATH", "/tools/saldo/")]);
        let told = told.unwrap();
        assert_eq!((told.product_name.as_str(), told.base_path.as_str()), ("Kredit Kirim", "/tools/saldo"));
        let silent = settings(&[]).unwrap();
        assert_eq!((silent.product_name.as_str(), silent.base_path.as_str()), ("Saldo", ""));
        for path in ["saldo", "//evil.example", "/a/../b", "/a b", "/a?b", "https://a.example"] {
            assert!(settings(&[("SALDO_BASE_PATH", path)]).is_err(), "{path}");
        }
    }

    #[test]
    fn settings_stay_inside_their_attribute() {
        let settings = Settings { org_claim: "\"><script>&".to_owned(), ..Settings::default() };
        let attribute = settings.to_attribute();
        assert!(!attribute.contains(['"', '<', '>']), "{attribute}");
        assert!(attribute.contains("\\&quot;&gt;&lt;script&gt;&amp;"), "{attribute}");
    }
}
