//! An identity provider over HTTP that signs with RSA, as API Gateway's authoriser wants it.
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const KEY_ID: &str = "deployed";

pub(super) struct Issuer {
    /// The claim `iss`.
    pub(super) url: String,
    signing: EncodingKey,
}

impl Issuer {
    /// Serves the public half of `key` (`private`: PKCS#1 in Base64, `n` and `e` of a JWK).
    pub(super) async fn start(key: &Value) -> Issuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string();
        let keys = json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": key["n"], "e": key["e"],
        }] });
        let keys = keys.to_string();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery))
            .route("/keys", get(async move || keys));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let private = STANDARD.decode(key["private"].as_str().unwrap()).unwrap();
        Issuer { url, signing: EncodingKey::from_rsa_der(&private) }
    }

    /// A token with what `claims` say beside the usual; null takes a usual claim away.
    pub(super) fn token(&self, audience: &str, claims: &Value) -> String {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let mut all =
            json!({ "iss": self.url, "aud": audience, "sub": "someone", "iat": now, "exp": now + 3_600 });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, &all, &self.signing).unwrap()
    }
}
