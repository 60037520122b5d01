//! The local identity provider: one key pair, tokens signed with it, and its public keys.
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use saldo_adapters::http::ClaimNames;
use serde_json::{Value, json};

use crate::StartError;

/// The claim `iss` of local tokens.
pub const ISSUER: &str = "http://127.0.0.1/local";
/// The claim `aud` of local tokens.
pub const AUDIENCE: &str = "saldo-local";

/// Signs tokens and names the keys that check them.
pub struct Issuer {
    signing: EncodingKey,
    checking: DecodingKey,
    key_id: String,
    jwks: Value,
}

/// What a token says; the claim names are those of the template.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    pub organisation: String,
    pub permissions: Vec<String>,
    pub currency: Option<String>,
    /// Who it is for; someone of the organisation by default.
    pub subject: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// The address that a local organisation is billed at unless another one is given.
pub(crate) fn usual_email(organisation: &str) -> String {
    format!("{organisation}@example.test")
}

impl Issuer {
    /// The issuer whose key is kept in `file`, made when absent; without a file its key lives as long as it does.
    pub fn open(file: Option<&Path>) -> Result<Issuer, StartError> {
        match file {
            None => Issuer::from_pkcs8(&generate()?),
            Some(file) if file.exists() => Issuer::from_pkcs8(
                &std::fs::read(file).map_err(|error| StartError::file("read", file, &error))?,
            ),
            Some(file) => {
                let key = generate()?;
                crate::data_folder::write_secret(file, &key)?;
                Issuer::from_pkcs8(&key)
            }
        }
    }

    fn from_pkcs8(key: &[u8]) -> Result<Issuer, StartError> {
        let random = ring::rand::SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random).map_err(|_| {
                StartError::Key("the issuer's key in the data folder is not a P-256 key".to_owned())
            })?;
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let digest = ring::digest::digest(&ring::digest::SHA256, point);
        let key_id = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..12).unwrap_or_default());
        let checking = DecodingKey::from_ec_components(&x, &y)
            .map_err(|error| StartError::Key(format!("the issuer's public key is unusable: {error}")))?;
        let jwks = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id, "x": x, "y": y,
        }] });
        Ok(Issuer { signing: EncodingKey::from_ec_der(key), checking, key_id, jwks })
    }

    /// A token for `request`, valid from `now` (seconds since 1970) for `lifetime` seconds.
    pub fn token(
        &self,
        names: &ClaimNames,
        request: &TokenRequest,
        now: i64,
        lifetime: i64,
    ) -> Result<String, StartError> {
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now.saturating_add(lifetime),
        });
        let subject = request.subject.clone().unwrap_or_else(|| format!("user@{}", request.organisation));
        claims[&names.org] = json!(request.organisation);
        claims[&names.permissions] = json!(request.permissions);
        claims[&names.subject] = json!(subject);
        for (claim, value) in [
            (&names.currency, &request.currency),
            (&names.name, &request.name),
            (&names.email, &request.email),
        ] {
            if let Some(value) = value {
                claims[claim] = json!(value);
            }
        }
        self.sign(&claims)
    }

    /// `claims` as a signed token, whatever they say.
    pub fn sign(&self, claims: &Value) -> Result<String, StartError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
            .map_err(|error| StartError::Key(format!("a token cannot be signed: {error}")))
    }

    /// The public keys as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    pub(crate) fn checking_key(&self, key_id: Option<&str>) -> Option<&DecodingKey> {
        (key_id == Some(self.key_id.as_str())).then_some(&self.checking)
    }
}

fn generate() -> Result<Vec<u8>, StartError> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &ring::rand::SystemRandom::new())
        .map(|key| key.as_ref().to_vec())
        .map_err(|_| StartError::Key("no key could be made for the local issuer".to_owned()))
}
